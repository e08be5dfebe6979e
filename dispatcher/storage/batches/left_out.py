"""Who of a batch is left out because of which other campaign."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.evidence import read, written
from dispatcher.storage.tables import BATCH, CAMPAIGN, LeftOut


def note(session: Session, batch_id: int, size: int, causes: Mapping[int, int]) -> None:
    """Add who is left out, position -> campaign, in the transaction that marks them so.

    The batch's row is locked by then.
    """
    by_cause: dict[int, set[int]] = defaultdict(set)
    for position, campaign in {
        **of_batches(session, [batch_id]).get(batch_id, {}),
        **causes,
    }.items():
        by_cause[campaign].add(position)
    session.execute(delete(LeftOut).where(LeftOut.batch_id == batch_id))
    session.execute(
        insert(LeftOut),
        [
            {
                "batch_id": batch_id,
                "because_of": campaign,
                "people": len(positions),
                "positions": written(size, positions),
            }
            for campaign, positions in sorted(by_cause.items())
        ],
    )


def of_batches(session: Session, ids: Collection[int]) -> dict[int, dict[int, int]]:
    """Batch -> position -> the campaign because of which the person is left out."""
    found: dict[int, dict[int, int]] = {}
    if ids:
        columns = (LeftOut.batch_id, LeftOut.because_of, LeftOut.positions)
        for batch_id, campaign, document in session.execute(
            select(*columns).where(LeftOut.batch_id.in_(ids))
        ):
            found.setdefault(batch_id, {}).update(dict.fromkeys(read(document)[0], campaign))
    return found


def named(session: Session, batches: Iterable[Any]) -> dict[int, dict[int, str]]:
    """Batch -> position -> the reference of that campaign, for these rows of batches."""
    found = of_batches(session, [batch.id for batch in batches if batch.left_out])
    causes = {campaign for those in found.values() for campaign in those.values()}
    names = references(session, causes) if causes else {}
    return {
        batch_id: {position: names[campaign] for position, campaign in those.items()}
        for batch_id, those in found.items()
    }


def of_campaigns(session: Session, ids: Collection[int]) -> dict[int, dict[str, int]]:
    """Campaign -> reference of another -> how many are left out because of that one."""
    rows = session.execute(
        select(BATCH.c.campaign_id, LeftOut.because_of, func.sum(LeftOut.people))
        .join_from(LeftOut, BATCH, BATCH.c.id == LeftOut.batch_id)
        .where(BATCH.c.campaign_id.in_(ids), BATCH.c.left_out > 0)
        .group_by(BATCH.c.campaign_id, LeftOut.because_of)
        .order_by(BATCH.c.campaign_id, LeftOut.because_of)
    ).all()
    names = references(session, {row[1] for row in rows}) if rows else {}
    found: dict[int, dict[str, int]] = {}
    for campaign, because_of, people in rows:
        found.setdefault(campaign, {})[names[because_of]] = int(people)
    return found


def references(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """The references of these campaigns, by id."""
    rows = session.execute(
        select(CAMPAIGN.c.id, CAMPAIGN.c.reference).where(CAMPAIGN.c.id.in_(list(ids)))
    )
    return dict(map(tuple, rows))
