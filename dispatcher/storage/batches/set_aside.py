"""Pending batches that failed by an unforeseen error, and those that are set aside for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.set_aside import NEVER, errors_before, hold_after
from dispatcher.campaigns.states import BatchState
from dispatcher.campaigns.waits import Wait
from dispatcher.storage.batches import moves, waits
from dispatcher.storage.locks import in_order
from dispatcher.storage.tables import BATCH, Batch


def note_error(session: Session, batch_id: int, error: str, now: datetime) -> None:
    """Let a due batch wait after an unforeseen error, or set it aside after too many."""
    found = session.execute(
        select(Batch.why, Batch.checks, Batch.attempt).where(Batch.id == batch_id)
    ).one_or_none()
    if found is None:
        return
    errors = errors_before(found.why, found.checks) + 1
    hold = hold_after(error, errors, now)
    moves.applied(
        session,
        update(Batch)
        .where(
            Batch.id == batch_id,
            Batch.state == BatchState.PENDING,
            Batch.attempt == found.attempt,
            Batch.not_before <= now,
        )
        .values(waits.changed(Wait.RETRY, hold.until, hold.why) | {"checks": errors}),
    )


def release(session: Session, campaign_id: int, now: datetime) -> int:
    """Let the batches of a campaign that are set aside be tried again; returns how many."""
    aside = and_(
        Batch.campaign_id == campaign_id,
        Batch.state == BatchState.PENDING,
        Batch.not_before >= NEVER,
    )
    released = session.execute(
        update(Batch)
        .where(in_order(BATCH, aside), aside)
        .values(waits.changed(Wait.RETRY, now, "") | {"checks": 0})
        .returning(Batch.id)
    )
    return len(released.all())
