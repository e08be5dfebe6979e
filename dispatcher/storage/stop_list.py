"""The gateway's STOP lists, one per account: when each was read, and what it lacks."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatcher.storage import meta
from dispatcher.storage.tables import OPT_OUT

_SYNCED = "stop_list_synced_at"
_SOURCE = "gateway's STOP list"


def source(account: str) -> str:
    """The source of opt-outs that came from an account's STOP list."""
    return f"{_SOURCE} of {account}" if account else _SOURCE


def due(session: Session, now: datetime, every: timedelta, account: str) -> bool:
    """True if an account's STOP list is to be read again."""
    return meta.is_time(session, _SYNCED, now, every, account)


def note_synced(session: Session, now: datetime, account: str) -> None:
    """Record when an account's STOP list was read: the next reading counts from it."""
    meta.put(session, _SYNCED, now.isoformat(), account)


def missing(session: Session, theirs: Collection[str], account: str) -> tuple[list[str], int]:
    """Our numbers (E.164) that an account's STOP list lacks, and how many had come from it.

    ``theirs`` are the numbers on that list. The oldest come first; erased numbers are left out,
    because only their hashes are stored.
    """
    listed, from_there = set(theirs), source(account)
    ours: list[str] = []
    removed = 0
    rows = session.execute(
        select(OPT_OUT.c.phone, OPT_OUT.c.source)
        .where(OPT_OUT.c.phone.is_not(None))
        .order_by(OPT_OUT.c.id)
    )
    for phone, whence in rows:
        if phone not in listed:
            ours.append(phone)
            removed += whence == from_there
    return ours, removed
