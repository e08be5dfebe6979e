"""Which consent each message rested on: one document a batch."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatcher.campaigns.consent import Consent, parsed, written
from dispatcher.storage.tables import BatchConsent, Recipient


def write(session: Session, batch_id: int, size: int, consents: Mapping[int, Consent]) -> None:
    """Write the consents of positions; those of others in the batch of ``size`` stay."""
    row = session.get(BatchConsent, batch_id)
    if row is None:
        session.add(BatchConsent(batch_id=batch_id, consents=written(size, consents)))
    else:
        row.consents = written(size, consents, row.consents)
    session.flush()


def of_batch(session: Session, batch_id: int) -> dict[int, Consent]:
    """Position -> the consent that the message rested on, when it was last armed."""
    found = session.scalar(select(BatchConsent.consents).where(BatchConsent.batch_id == batch_id))
    return {} if found is None else parsed(found)


def keys(session: Session, batch_id: int) -> dict[int, str]:
    """Position -> the caller's own key, of those in a batch who have one."""
    query = select(Recipient.position, Recipient.key).where(
        Recipient.batch_id == batch_id, Recipient.key.is_not(None)
    )
    return {position: key for position, key in session.execute(query) if key is not None}
