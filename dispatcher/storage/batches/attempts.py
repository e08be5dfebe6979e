"""Attempts: the append-only record of each claim, and the tags that are still looked up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, case, or_, select, update
from sqlalchemy.orm import Session

from dispatcher.storage.batches.recipients import phones_of
from dispatcher.storage.tables import ATTEMPT, Attempt, Batch, Campaign

#: outcomes that say that nothing left, without a proof: the gateway asked to wait, or a person
#: had the batch sent again
UNPROVEN = ("throttled", "resent")
#: the outcome of an attempt that the gateway took, held and gave back: it texted nobody
RECALLED = "recalled"

#: the gateway is asked for tags no older than this
_MEMORY = timedelta(hours=48)
#: by then the gateway should show a tag
_LAG = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class DueLookup:
    """An attempt thought unsent whose tag is to be looked up."""

    tag: str
    batch_id: int
    #: the attempt's, counted from 1
    number: int
    #: how many lookups were made before
    checks: int
    armed_at: datetime


_END = (
    update(ATTEMPT)
    .where(ATTEMPT.c.tag == bindparam("its_tag"))
    .values({name: bindparam(name) for name in ("outcome", "detail", "ended_at", "check_at")})
)
_TAKEN: dict[str, Any] = {name: bindparam(name) for name in ("messages", "cost")}
_ENDS = {
    (again, taken): (_END if again else _END.where(ATTEMPT.c.outcome.is_(None))).values(
        _TAKEN if taken else {}
    )
    for again in (True, False)
    for taken in (True, False)
}


def end(
    session: Session,
    tag: str,
    *,
    outcome: str,
    detail: str,
    now: datetime,
    check_at: datetime | None = None,
    again: bool = True,
    taken: tuple[int, Decimal] | None = None,
) -> None:
    """Record the outcome of an attempt; its tag is looked up again at ``check_at``.

    ``again=False`` changes nothing if the attempt has an outcome. ``taken`` is how many messages
    the gateway took, and for how many euros, if it said so.
    """
    values = {"outcome": outcome, "detail": detail, "ended_at": now, "check_at": check_at}
    if taken is not None:
        values |= dict(zip(_TAKEN, taken, strict=True))
    session.execute(_ENDS[again, taken is not None], {"its_tag": tag, **values})


def prove(session: Session, tag: str, *, detail: str, now: datetime) -> bool:
    """Record that an attempt thought unsent was taken; False if that is on record."""
    proven = session.execute(
        update(Attempt)
        .where(Attempt.tag == tag, Attempt.outcome.in_(UNPROVEN))
        .values(outcome="sent", detail=detail, ended_at=now, check_at=None)
        .returning(Attempt.tag)
    )
    return proven.one_or_none() is not None


def tags_of_batch(session: Session, batch_id: int) -> list[str]:
    """Tags of the attempts by which somebody may have been texted, that of the first one first.

    A batch that the gateway gave back may show under its tag for ever, and proves nothing.
    """
    texts = or_(Attempt.outcome.is_(None), Attempt.outcome != RECALLED)
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


def unproven(session: Session, batch_id: int) -> list[str]:
    """Tags of a batch's attempts that are thought unsent but not proven so."""
    return list(
        session.scalars(
            select(Attempt.tag).where(Attempt.batch_id == batch_id, Attempt.outcome.in_(UNPROVEN))
        )
    )


def due(
    session: Session, now: datetime, *, account: str, batch_id: int | None = None
) -> list[DueLookup]:
    """An account's attempts whose tag is to be looked up now."""
    query = (
        select(Attempt.tag, Attempt.batch_id, Attempt.number, Attempt.checks, Attempt.armed_at)
        .join(Batch, Batch.id == Attempt.batch_id)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(Attempt.check_at <= now, Campaign.account == account)
        .order_by(Attempt.check_at)
        .limit(50)
    )
    if batch_id is not None:
        query = query.where(Attempt.batch_id == batch_id)
    return [DueLookup(*row) for row in session.execute(query)]


def looked_up(session: Session, tag: str, check_at: datetime | None) -> None:
    """Record that a lookup of a tag proved nothing, and when the next one is."""
    session.execute(
        update(Attempt)
        .where(Attempt.tag == tag)
        .values(checks=Attempt.checks + 1, check_at=check_at)
    )


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
            Attempt.armed_at > now - _MEMORY,
            Attempt.number == Batch.attempt,
            Batch.sent + Batch.delivered + Batch.undelivered > 0,
        )
        .order_by(settled, Attempt.armed_at.desc())
        .limit(1)
    )
