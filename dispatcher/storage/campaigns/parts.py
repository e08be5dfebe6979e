"""The batches of a campaign in order, a few at a time, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatcher.storage.tables import BATCH

#: how many batches, and about how many recipients, are in memory at once
_BATCHES, _PEOPLE = 500, 10_000


def batches_of(session: Session, campaign_id: int) -> Iterator[Any]:
    """The rows of all its batches, by number."""
    last = 0
    while True:
        rows = session.execute(
            select(BATCH)
            .where(BATCH.c.campaign_id == campaign_id, BATCH.c.number > last)
            .order_by(BATCH.c.number)
            .limit(_BATCHES)
        ).all()
        if not rows:
            return
        yield from rows
        last = rows[-1].number


def parts_of(session: Session, campaign_id: int) -> Iterator[list[Any]]:
    """The same in lists that have few recipients."""
    part: list[Any] = []
    people = 0
    for batch in batches_of(session, campaign_id):
        if part and (people + batch.size > _PEOPLE or len(part) == _BATCHES):
            yield part
            part, people = [], 0
        part.append(batch)
        people += batch.size
    if part:
        yield part
