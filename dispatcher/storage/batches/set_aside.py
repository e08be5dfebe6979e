"""Batches whose send, poll or lookup failed by an unforeseen error, and those set aside for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.set_aside import NEVER, check_after, errors_before, hold_after
from dispatcher.campaigns.states import BatchState
from dispatcher.campaigns.waits import Wait
from dispatcher.storage.batches import moves, waits
from dispatcher.storage.locks import in_order
from dispatcher.storage.tables import BATCH, Attempt, Batch

#: the states of batches that are polled or looked up
_ASKED_ABOUT = (BatchState.SENT, BatchState.IN_DOUBT)


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


def note_check_error(session: Session, batch_id: int, error: str, now: datetime) -> None:
    """Let a poll or lookup wait after an unforeseen error, or set it aside after too many."""
    found = session.execute(select(Batch.why).where(Batch.id == batch_id)).one_or_none()
    if found is None:
        return
    hold = check_after(error, found.why, now)
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.state.in_(_ASKED_ABOUT))
        .values(check_at=hold.until, why=hold.why)
    )
    # the same for attempts thought unsent, which are looked up with their batch
    mine = and_(Attempt.batch_id == batch_id, Attempt.check_at <= now)
    session.execute(update(Attempt).where(mine).values(check_at=hold.until))


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
    unasked = and_(
        Batch.campaign_id == campaign_id, Batch.state.in_(_ASKED_ABOUT), Batch.check_at >= NEVER
    )
    asked = session.execute(
        update(Batch)
        .where(in_order(BATCH, unasked), unasked)
        .values(check_at=now, why="")
        .returning(Batch.id)
    )
    of_campaign = select(Batch.id).where(Batch.campaign_id == campaign_id)
    mine = and_(Attempt.batch_id.in_(of_campaign), Attempt.check_at >= NEVER)
    session.execute(update(Attempt).where(mine).values(check_at=now))
    return len(released.all()) + len(asked.all())
