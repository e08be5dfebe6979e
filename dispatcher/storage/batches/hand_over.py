"""Batches that the gateway holds until their hour: handed over, and left."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.campaigns.waits import Wait
from dispatcher.storage import opt_outs
from dispatcher.storage.batches import due, moves, waits
from dispatcher.storage.locks import in_order
from dispatcher.storage.tables import BATCH, META, Batch, in_state
from dispatcher.window import Hold

_TO_GO = MessageState.PENDING.letter
#: the gateway holds it
IS_HELD = in_state(BatchState.HANDED_OVER)


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


def leave(session: Session, now: datetime, poll_at: datetime) -> int:
    """The hour has come for what nobody wanted back: its reports are polled from now on."""
    leaves = and_(IS_HELD, Batch.check_at.is_(None), Batch.leaves_at <= now)
    left = session.execute(
        update(Batch)
        .where(in_order(BATCH, leaves), leaves)
        .values(sent(Batch.leaves_at, poll_at))
        .returning(Batch.id)
    )
    return len(left.all())


def sent(at: Any, poll_at: datetime) -> dict[str, Any]:
    """What a batch is that leaves, or has left, ``at``; its reports are polled at ``poll_at``."""
    return {
        "state": BatchState.SENT,
        "states": func.replace(Batch.states, _TO_GO, MessageState.SENT.letter),
        "sent": Batch.sent + Batch.pending,
        "pending": 0,
        "why": "",
        "sent_at": at,
        "check_at": poll_at,
        "checks": 0,
    }
