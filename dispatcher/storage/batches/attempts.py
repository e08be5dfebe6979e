"""Attempts: the append-only record of each claim, and the tags that are still looked up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, case, or_, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import evidence
from dispatcher.campaigns.evidence import AttemptEvidence
from dispatcher.campaigns.halving import Carried
from dispatcher.storage.batches.recipients import phones_of
from dispatcher.storage.tables import ATTEMPT, Attempt, Batch, Campaign

#: by then the gateway should show a tag
_LAG = timedelta(minutes=5)


def end(
    session: Session,
    tag: str,
    *,
    outcome: str,
    detail: str,
    now: datetime,
    check_at: datetime | None = None,
    again: bool = True,
    taken: Mapping[str, Any] = MappingProxyType({}),
    shown: str | None = None,
) -> None:
    """Record the outcome of an attempt; its tag is looked up again at ``check_at``.

    ``again=False`` changes nothing if the attempt has an outcome. ``taken`` has the columns that
    say what the gateway took, as far as it said so: how many messages, and their cost; ``shown`` is
    the document of which they are, if only a part.
    """
    values: dict[str, Any] = {
        "outcome": outcome,
        "detail": detail,
        "ended_at": now,
        "check_at": check_at,
    }
    values |= taken
    if shown is not None:
        values["shown"] = shown
    statement = update(ATTEMPT).where(ATTEMPT.c.tag == tag).values(values)
    session.execute(statement if again else statement.where(ATTEMPT.c.outcome.is_(None)))


def end_open(
    session: Session,
    batch_id: int,
    *,
    outcome: str,
    detail: str,
    now: datetime,
    check_at: datetime,
) -> None:
    """Record what a person decided, for the attempts of which nobody knows the outcome."""
    session.execute(
        update(Attempt)
        .where(
            Attempt.batch_id == batch_id,
            or_(Attempt.outcome.is_(None), Attempt.outcome == "in_doubt"),
        )
        .values(outcome=outcome, detail=detail, ended_at=now, check_at=check_at)
    )


def evidence_of(session: Session, batch_id: int, size: int) -> list[AttemptEvidence]:
    """What is known of a batch's attempts, the first one first; ``size`` counts its messages."""
    return evidence_of_each(session, Attempt.batch_id == batch_id, {batch_id: size})[batch_id]


def evidence_of_each(
    session: Session, which: ColumnElement[bool], sizes: Mapping[int, int]
) -> dict[int, list[AttemptEvidence]]:
    """The same of many batches in one statement, by the id of the batch, as are ``sizes``.

    ``which`` is the condition on attempts; those of batches without a size are left out.
    """
    found: dict[int, list[AttemptEvidence]] = {batch_id: [] for batch_id in sizes}
    query = select(Attempt).where(which).order_by(Attempt.number)
    for attempt in session.scalars(query.execution_options(populate_existing=True)):
        if attempt.batch_id in found:
            size = sizes[attempt.batch_id]
            found[attempt.batch_id].append(_evidence(attempt, size))
    return found


def _evidence(attempt: Attempt, size: int) -> AttemptEvidence:
    # the answer to an attempt that was sent may say that it texted nobody
    carried = attempt.messages if attempt.outcome == "sent" else attempt.messages or size
    shown, on_record = evidence.read(attempt.shown or "")
    if attempt.outcome == evidence.RECALLED:
        shown = on_record = frozenset()
    elif attempt.shown is None and attempt.outcome == "sent" and carried == size:
        shown = frozenset(range(size))
    return AttemptEvidence(
        number=attempt.number,
        tag=attempt.tag,
        outcome=attempt.outcome,
        armed_at=attempt.armed_at,
        leaves_at=attempt.leaves_at,
        check_at=attempt.check_at,
        checks=attempt.checks,
        carried=carried,
        covers=_covered(attempt.covers),
        shown=shown,
        on_record=on_record,
    )


def tags_of_batch(session: Session, batch_id: int) -> list[str]:
    """Tags of the attempts by which somebody may have been texted, that of the first one first.

    A batch that the gateway gave back may show under its tag for ever, and proves nothing.
    """
    texts = or_(Attempt.outcome.is_(None), Attempt.outcome.not_in(evidence.UNSENT))
    return list(
        session.scalars(
            select(Attempt.tag).where(Attempt.batch_id == batch_id, texts).order_by(Attempt.number)
        )
    )


def asked(session: Session, tag: str) -> tuple[frozenset[str], datetime]:
    """The numbers (E.164) of the batch of the attempt with this tag, and when it was armed."""
    row = session.execute(select(Attempt.batch_id, Attempt.armed_at).where(Attempt.tag == tag))
    batch_id, armed_at = row.one()
    return frozenset(phones_of(session, [batch_id])[batch_id].values()), armed_at


def carried(session: Session, batch_id: int) -> list[Carried]:
    """Whom the attempts of a batch carried, and what they came to."""
    columns = (Attempt.number, Attempt.outcome, Attempt.tag, Attempt.covers, Attempt.detail)
    rows = session.execute(select(*columns).where(Attempt.batch_id == batch_id))
    return [Carried(*row[:3], _covered(row.covers), row.detail or "") for row in rows]


def _covered(document: str | None) -> frozenset[int] | None:
    return None if document is None else evidence.read(document)[0]


def due(session: Session, now: datetime, *, account: str, batch_id: int | None = None) -> list[int]:
    """Ids of an account's batches of which an attempt's tag is to be looked up now."""
    query = (
        select(Attempt.batch_id)
        .join(Batch, Batch.id == Attempt.batch_id)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(Attempt.check_at <= now, Campaign.account == account)
        .order_by(Attempt.check_at)
        .limit(50)
    )
    if batch_id is not None:
        query = query.where(Attempt.batch_id == batch_id)
    return list(dict.fromkeys(session.scalars(query)))


def control_tag(session: Session, now: datetime, account: str) -> str | None:
    """The tag of an account's attempt of the last 48 hours that was certainly taken.

    It is looked up as a control: if the gateway does not show it, an empty lookup means nothing.
    Tags older than five minutes come first: the gateway may be slow to show the latest.
    """
    settled = case((Attempt.armed_at < now - _LAG, 0), else_=1)
    return session.scalar(
        select(Attempt.tag)
        .join(Batch, Batch.id == Attempt.batch_id)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(
            Campaign.account == account,
            Attempt.outcome == "sent",
            Attempt.messages > 0,  # nothing shows of an answer that rejects everybody
            Attempt.armed_at > now - evidence.MEMORY,
            Attempt.number == Batch.attempt,
            Batch.sent + Batch.delivered + Batch.undelivered > 0,
        )
        .order_by(settled, Attempt.armed_at.desc())
        .limit(1)
    )
