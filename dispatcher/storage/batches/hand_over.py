"""Batches that the gateway holds until their hour: handed over, and left."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.hand_over import UNCLEAR
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.campaigns.waits import Wait
from dispatcher.storage import opt_outs
from dispatcher.storage.batches import due, moves, waits
from dispatcher.storage.locks import in_order
from dispatcher.storage.tables import ATTEMPT, BATCH, META, Batch, in_state
from dispatcher.window import Hold

_TO_GO = MessageState.PENDING.letter
#: the gateway holds it
IS_HELD = in_state(BatchState.HANDED_OVER)
#: the answer to its hand-over left somebody out
_IS_UNCLEAR = (
    select(ATTEMPT.c.number)
    .where(
        ATTEMPT.c.batch_id == BATCH.c.id,
        ATTEMPT.c.number == BATCH.c.attempt,
        ATTEMPT.c.outcome == "in_doubt",
    )
    .correlate(BATCH)
    .exists()
)


def wait_here(session: Session, batch: DueBatch, hold: Hold, now: datetime) -> bool:
    """Let a due batch that was to be handed over wait here.

    What the gateway may hold by an earlier attempt keeps its hour until that is over.
    """
    keeps = bool(batch.unproven) and hold.until > now
    return moves.applied(
        session,
        update(Batch)
        .where(
            Batch.id == batch.id,
            Batch.state == BatchState.PENDING,
            Batch.attempt == batch.attempt,
            Batch.leaves_at == batch.leaves_at,
        )
        .values(
            waits.changed(Wait.WINDOW, hold.until, hold.why)
            | {"leaves_at": batch.leaves_at if keeps else None}
        ),
    )


def opted_out_meanwhile(session: Session, batch: DueBatch) -> bool:
    """True if a recipient opted out between gathering and recording.

    Locks the list version, so that later opt-outs commit after us and ``request_opted_out`` finds
    them.
    """
    version = select(META.c.value).where(META.c.name == opt_outs.VERSION)
    if session.scalar(version.with_for_update(read=True)) == batch.opt_outs:
        return False
    return bool(due.opted_out(session, batch.id, batch.states))


def leave(session: Session, now: datetime, poll_at: datetime) -> list[int]:
    """The hour has come for what nobody wanted back: its reports are polled from now on.

    Returns the ids of those that are in doubt, as after ``left``.
    """
    leaves = and_(Batch.check_at.is_(None), Batch.leaves_at <= now)
    return left(session, leaves, Batch.leaves_at, poll_at, now=now)[1]


def left(
    session: Session, which: ColumnElement[bool], at: Any, poll_at: datetime, *, now: datetime
) -> tuple[int, list[int]]:
    """What the gateway held leaves, or has left, ``at``: it is asked about at ``poll_at``.

    Returns how many batches, and the ids of those that are in doubt, because the answer to their
    hand-over left somebody out: whom it confirmed is to be recorded (``evidence.record``).
    """
    which = and_(IS_HELD, which)
    found = session.execute(
        update(Batch)
        .where(in_order(BATCH, which), which)
        .values(_left(at, poll_at))
        .returning(Batch.id, Batch.state)
    ).all()
    in_doubt = [row.id for row in found if row.state == BatchState.IN_DOUBT]
    for batch_id in in_doubt:
        moves.announce_doubt(session, batch_id, now)
    return len(found), in_doubt


def _left(at: Any, poll_at: datetime) -> dict[str, Any]:
    letters = func.replace(Batch.states, _TO_GO, MessageState.SENT.letter)
    return {
        "state": case((_IS_UNCLEAR, BatchState.IN_DOUBT.value), else_=BatchState.SENT.value),
        "states": case((_IS_UNCLEAR, Batch.states), else_=letters),
        "sent": Batch.sent + case((_IS_UNCLEAR, 0), else_=Batch.pending),
        "pending": case((_IS_UNCLEAR, Batch.pending), else_=0),
        "why": case((_IS_UNCLEAR, UNCLEAR), else_=""),
        "sent_at": at,
        "check_at": poll_at,
        "checks": 0,
    }
