"""The opt-out list as its readers see it: entries with their reasons and the caller's own keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, not_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.records import Page
from dispatcher.storage import keys, opt_out_history
from dispatcher.storage.opt_outs import LISTED
from dispatcher.storage.tables import OPT_OUT, OptOut


@dataclass(frozen=True, slots=True)
class OptOutEntry:
    """A number (E.164) that said STOP, where that came from, and since when (UTC).

    ``keys`` are those under which the caller knows it: ten at most, the newest first.
    """

    phone: str = field(repr=False)
    source: str
    since: datetime
    reason: str = field(default="", repr=False)
    keys: tuple[str, ...] = field(default=(), repr=False)


#: numbers whose keys are looked up by one query
_STRIDE = 500
_ENTRIES = select(
    OPT_OUT.c.phone,
    OPT_OUT.c.source,
    OPT_OUT.c.created_at,
    func.coalesce(opt_out_history.latest_reason(), ""),
).where(LISTED)


def entries(session: Session) -> Iterator[OptOutEntry]:
    """The whole list, the oldest first; erased numbers are left out."""
    query = _ENTRIES.order_by(OptOut.created_at, OptOut.id)
    rows = session.execute(query.execution_options(yield_per=_STRIDE))
    for some in rows.partitions(_STRIDE):
        yield from _with_keys(session, some)


def page(session: Session, offset: int, limit: int) -> Page[OptOutEntry]:
    """A page of the list, the latest first; erased numbers are left out."""
    query = _ENTRIES.order_by(OptOut.created_at.desc(), OptOut.id.desc())
    rows = session.execute(query.offset(offset).limit(limit)).all()
    total = session.scalar(select(func.count()).where(LISTED)) or 0
    return Page(tuple(_with_keys(session, rows)), total, offset, limit)


def count_erased(session: Session) -> int:
    """How many erased people are on the list, under pseudonyms."""
    return session.scalar(select(func.count(OptOut.id)).where(not_(LISTED))) or 0


def _with_keys(session: Session, rows: Sequence[Any]) -> Iterator[OptOutEntry]:
    known = keys.of_people(session, [row.phone for row in rows])
    for row in rows:
        phone, source, since, reason = row
        yield OptOutEntry(phone, source, since, reason, known.get(phone, ()))
