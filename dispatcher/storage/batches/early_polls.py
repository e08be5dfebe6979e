"""Polls that come early, because a report that came in says that there is news."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState
from dispatcher.storage.tables import Batch


@dataclass(frozen=True, slots=True)
class EarlyPoll:
    """A batch that ought to be polled at ``at``; at ``last`` a report had that done before."""

    batch_id: int
    at: datetime
    last: datetime | None


def find(session: Session, message_id: str, *, now: datetime, every: timedelta) -> EarlyPoll | None:
    """The poll that a report of the gateway's ``message_id`` calls for.

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
    return EarlyPoll(batch.id, at, batch.hastened_at)


def expedite(session: Session, early: EarlyPoll) -> bool:
    """Have the batch polled then, unless somebody else has called for that meanwhile."""
    hastened = session.execute(
        update(Batch)
        .where(
            Batch.id == early.batch_id,
            Batch.state == BatchState.SENT,
            Batch.hastened_at.is_not_distinct_from(early.last),
            Batch.check_at > early.at,
        )
        .values(check_at=early.at, hastened_at=early.at)
        .returning(Batch.id)
    )
    return hastened.one_or_none() is not None
