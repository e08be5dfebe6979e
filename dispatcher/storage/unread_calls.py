"""Calls to a webhook that could not be read, for a person to look at."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dispatcher.campaigns import records
from dispatcher.storage import upsert
from dispatcher.storage.tables import LARGEST_ID, UnreadCall
from dispatcher.storage.values import value_of

#: how many are stored; one more takes the place of the oldest
MOST: Final = 1000


def add(
    session: Session, path: str, body: bytes, query: str, *, problem: str, now: datetime
) -> bool:
    """Store a call; False if the same call is stored already."""
    digest = hashlib.sha256(b"\0".join((path.encode(), query.encode(), body))).hexdigest()
    new = session.scalar(
        upsert.insert(session, UnreadCall)
        .values(digest=digest, path=path, body=body, query=query, problem=problem, received_at=now)
        .on_conflict_do_nothing(index_elements=[UnreadCall.digest])
        .returning(UnreadCall.id)
    )
    if new is not None:
        newest = select(UnreadCall.id).order_by(UnreadCall.id.desc()).limit(MOST)
        session.execute(delete(UnreadCall).where(UnreadCall.id.not_in(newest)))
    return new is not None


def latest(session: Session) -> list[records.UnreadCall]:
    """All of them, newest first."""
    rows = session.scalars(select(UnreadCall).order_by(UnreadCall.id.desc()))
    return [value_of(records.UnreadCall, row) for row in rows]


def count(session: Session) -> int:
    """How many there are."""
    return session.scalar(select(func.count()).select_from(UnreadCall)) or 0


def remove(session: Session, ids: Collection[int]) -> int:
    """Delete calls; returns how many there were."""
    those = [one for one in ids if 0 < one <= LARGEST_ID]
    gone = delete(UnreadCall).where(UnreadCall.id.in_(those)).returning(UnreadCall.id)
    return len(session.scalars(gone).all())


def forget(session: Session, holds: Callable[[str], bool]) -> None:
    """Delete all calls whose text ``holds`` somebody's number."""
    remove(session, [call.id for call in latest(session) if holds(call.text)])
