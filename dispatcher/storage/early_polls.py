"""Polls that come early, because a report that came in says that there is news."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dispatcher.states import BatchState
from dispatcher.storage.tables import Batch


def hasten(session: Session, message_id: str, *, now: datetime, every: timedelta) -> int | None:
    """Have the batch with the gateway's ``message_id`` polled now; returns its id if it will be.

    A batch is hastened once in ``every``: what comes meanwhile has it polled at the end of that.
    None for an id that is not known, and for a batch that waits for nothing or is polled before.
    """
    batch = session.execute(
        select(Batch.id, Batch.hastened_at, Batch.check_at)
        .where(Batch.message_id == message_id, Batch.state == BatchState.SENT)
        .limit(1)
    ).one_or_none()
    if batch is None:
        return None
    at = now if batch.hastened_at is None else max(now, batch.hastened_at + every)
    if batch.check_at is None or batch.check_at <= at:
        return None
    return session.scalar(
        update(Batch)
        .where(
            Batch.id == batch.id,
            Batch.state == BatchState.SENT,
            Batch.hastened_at.is_not_distinct_from(batch.hastened_at),
            Batch.check_at > at,
        )
        .values(check_at=at, hastened_at=at)
        .returning(Batch.id)
    )
