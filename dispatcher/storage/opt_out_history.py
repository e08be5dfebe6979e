"""What happened to each opt-out, when and why. Append-only, but for erased numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ScalarSelect, insert, select, update
from sqlalchemy.orm import Session

from dispatcher.storage.tables import OptOut, OptOutEvent


@dataclass(frozen=True, slots=True)
class OptOutChange:
    """What happened to an opt-out ("add", "remove"): when (UTC), from where, why and by whom."""

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
    """Record what happened to numbers (E.164); None stands for an erased one."""
    facts = {"at": now, "verb": verb, "source": source, "reason": reason, "actor": actor}
    session.execute(insert(OptOutEvent), [{"phone": phone, **facts} for phone in phones])


def erase(session: Session, phone: str) -> None:
    """Remove a number (E.164) from its history, and the reasons, which may tell of the person."""
    mine = update(OptOutEvent).where(OptOutEvent.phone == phone)
    session.execute(mine.values(phone=None, reason=""))


def of(session: Session, phone: str) -> list[OptOutChange]:
    """What happened to a number (E.164), the oldest first; after an erasure only later events."""
    event = OptOutEvent
    columns = select(event.at, event.verb, event.source, event.reason, event.actor)
    rows = session.execute(columns.where(event.phone == phone).order_by(event.id))
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
