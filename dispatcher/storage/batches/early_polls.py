"""Polls that are expedited because a delivery report came in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState
from dispatcher.storage.tables import Batch


@dataclass(frozen=True, slots=True)
class EarlyPoll:
    """A batch to be polled at ``at``; ``last`` is when a report last expedited a poll of it."""

    batch_id: int
    at: datetime
    last: datetime | None


def find(session: Session, message_id: str, *, now: datetime, every: timedelta) -> EarlyPoll | None:
    """The poll that a report with the gateway's ``message_id`` calls for, or None.

    Polls of a batch are expedited once in ``every``; later reports wait for the end of it. None
    if the id is unknown, if the batch waits for no report or if it is polled before that.
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


def expedite(session: Session, poll: EarlyPoll) -> bool:
    """Expedite the poll; False if somebody else has done so meanwhile."""
    expedited = session.execute(
        update(Batch)
        .where(
            Batch.id == poll.batch_id,
            Batch.state == BatchState.SENT,
            Batch.hastened_at.is_not_distinct_from(poll.last),
            Batch.check_at > poll.at,
        )
        .values(check_at=poll.at, hastened_at=poll.at)
        .returning(Batch.id)
    )
    return expedited.one_or_none() is not None
