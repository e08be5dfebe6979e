"""The gateway's STOP lists, one per account: when each was read, and which numbers it lacks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import not_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.stop_list_age import StopListAge
from dispatcher.storage import meta, opt_outs
from dispatcher.storage.tables import OPT_OUT

_FIRST_TRIED = "stop_list_first_tried_at"
_TRIED = "stop_list_tried_at"
_READ = "stop_list_read_at"
#: the names of the values that make its age
AGE = (_READ, _FIRST_TRIED)
_SOURCE = "gateway's STOP list"


def source(account: str) -> str:
    """The source of opt-outs that came from an account's STOP list."""
    return f"{_SOURCE} of {account}" if account else _SOURCE


def due(session: Session, now: datetime, every: timedelta, account: str) -> bool:
    """True if an account's STOP list is to be read again."""
    return meta.is_time(session, _TRIED, now, every, account)


def note_tried(session: Session, at: datetime, account: str) -> None:
    """Record a try to read an account's STOP list: the next one counts from ``at``."""
    meta.put(session, _TRIED, at.isoformat(), account)
    if meta.get(session, _FIRST_TRIED, account) is None:
        meta.put(session, _FIRST_TRIED, at.isoformat(), account)


def note_read(session: Session, at: datetime, account: str) -> None:
    """Record that an account's STOP list was read whole ``at`` this instant."""
    note_tried(session, at, account)
    meta.put(session, _READ, at.isoformat(), account)


def age(session: Session, account: str) -> StopListAge:
    """When an account's STOP list was last read, and first tried."""
    return age_of([meta.get(session, name, account) for name in AGE])


def age_of(values: Sequence[str | None]) -> StopListAge:
    """The same from the stored values, in the order of ``AGE``."""
    return StopListAge(*(datetime.fromisoformat(value) if value else None for value in values))


def missing(session: Session, theirs: Collection[str], account: str) -> tuple[list[str], int]:
    """Our numbers (E.164) that an account's STOP list lacks, and how many had come from it.

    ``theirs`` are the numbers on that list. The oldest come first; erased numbers are left out,
    because only their pseudonyms are stored, and so are probable refusals.
    """
    listed, from_there = set(theirs), source(account)
    ours: list[str] = []
    removed = 0
    rows = session.execute(
        select(OPT_OUT.c.phone, OPT_OUT.c.source)
        .where(opt_outs.LISTED, not_(OPT_OUT.c.probable))
        .order_by(OPT_OUT.c.id)
    )
    for phone, whence in rows:
        if phone not in listed:
            ours.append(phone)
            removed += whence == from_there
    return ours, removed
