"""What happened to each opt-out, when and why. Append-only, but for erased numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, insert, select, update
from sqlalchemy.orm import Session

from dispatcher.storage import pseudonymous
from dispatcher.storage.planner import is_one_of
from dispatcher.storage.tables import OptOut, OptOutEvent


@dataclass(frozen=True, slots=True)
class OptOutChange:
    """What happened to an opt-out ("add", "confirm", "remove"): when (UTC), from where, and why.

    A further source of a number that is on the list confirms it.
    """

    at: datetime
    verb: str
    source: str
    reason: str = field(repr=False)
    actor: str


def record(
    session: Session,
    phones: Collection[str | None],
    verb: str,
    *,
    now: datetime,
    actor: str,
    reason: str = "",
    source: str = "by hand",
) -> None:
    """Record what happened to numbers (E.164) or pseudonyms."""
    if not phones:
        return
    facts = {"at": now, "verb": verb, "source": source, "reason": reason, "actor": actor}
    session.execute(insert(OptOutEvent), [{"phone": phone, **facts} for phone in phones])


def erase(session: Session, phone: str, pseudonym: str) -> None:
    """Replace a number (E.164) in its history; its reasons go, which may tell of the person."""
    mine = update(OptOutEvent).where(OptOutEvent.phone == phone)
    session.execute(mine.values(phone=pseudonym, reason=""))


def unconfirmed(session: Session, phones: Collection[str], source: str) -> list[str | None]:
    """Which of these opt-outs (E.164) have not come from ``source``, too."""
    new = select(OptOut.phone).where(is_one_of(OptOut.phone, phones), OptOut.source != source)
    return [*session.scalars(new.where(~confirmed(OptOutEvent.source == source)))]


def confirmed(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a further source (``which``) has named an opt-out since it is on the list."""
    return exists().where(
        OptOutEvent.phone == OptOut.phone,
        OptOutEvent.at >= OptOut.created_at,
        OptOutEvent.verb == "confirm",
        *which,
    )


def last_removed(session: Session, phone: str) -> datetime | None:
    """When a number (E.164) was last removed from the list; None if it never was."""
    removed = select(func.max(OptOutEvent.at)).where(
        OptOutEvent.phone.in_(pseudonymous.names(session, [phone])), OptOutEvent.verb == "remove"
    )
    return session.scalar(removed)


def of(session: Session, phone: str) -> list[OptOutChange]:
    """What happened to a number (E.164), the oldest first, also before it was erased."""
    event = OptOutEvent
    columns = select(event.at, event.verb, event.source, event.reason, event.actor)
    mine = event.phone.in_(pseudonymous.names(session, [phone]))
    rows = session.execute(columns.where(mine).order_by(event.id))
    return [OptOutChange(*row) for row in rows]


def latest_reason() -> ScalarSelect[str]:
    """A subquery for the reason with which a row of ``opt_out`` was last added."""
    return (
        select(OptOutEvent.reason)
        .where(OptOutEvent.phone == OptOut.phone, OptOutEvent.verb == "add")
        .order_by(OptOutEvent.id.desc())
        .limit(1)
        .scalar_subquery()
    )
