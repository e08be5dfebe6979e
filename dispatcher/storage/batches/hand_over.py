"""Batches that the gateway holds until their hour: handed over, and left."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, exists, func, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import message_states as document
from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.hand_over import HELD
from dispatcher.campaigns.outcome import MessageResults
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.storage import opt_outs
from dispatcher.storage.batches import attempts, due, moves, results
from dispatcher.storage.tables import META, Batch, in_state
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
        .values(leaves_at=batch.leaves_at if keeps else None, not_before=hold.until, why=hold.why),
    )


def record(
    session: Session,
    batch: DueBatch,
    lines: MessageResults,
    *,
    tag: str,
    message_id: str,
    leaves_at: datetime,
    now: datetime,
) -> bool:
    """The attempt's receipt: the gateway holds the batch until ``leaves_at``.

    Accepted from a doubt, too; the attempt under ``tag`` is ended as well. Who was refused is
    rejected now.
    """
    refused = {p: state for p, state in lines.states.items() if state is MessageState.REJECTED}
    states = document.marked(batch.states, refused)
    on_its_way = Batch.state == BatchState.SENDING
    values: dict[str, Any] = {
        **moves.counted(states),
        "codes": results.codes_of(batch, lines.codes),
        "cost": Batch.cost + lines.cost,
        "message_id": message_id,
        "leaves_at": leaves_at,
        "not_before": batch.leaves_at,  # what it was asked for, should it come back
        "sent_at": now,
        "lease_until": None,
        # a person who wanted it back did not wait for the answer
        "check_at": case((on_its_way, Batch.check_at)),
        "why": case((and_(on_its_way, Batch.check_at.is_not(None)), Batch.why), else_=HELD),
        "checks": 0,
    }
    if len(lines.states) == len(states):
        values["segments"] = lines.segments
    if not moves.applied(session, results.ends(batch, BatchState.HANDED_OVER).values(values)):
        return False
    taken = sum(state is MessageState.SENT for state in lines.states.values())
    told = f"until {leaves_at.isoformat()}"
    attempts.end(session, tag, outcome="sent", detail=told, now=now, taken=(taken, lines.cost))
    return True


def opted_out_meanwhile(session: Session, batch: DueBatch) -> bool:
    """Whether somebody has opted out of what was just recorded since it was gathered.

    The list's version is locked: whoever opts out now makes a new one after this is committed,
    and what is held then is held against it.
    """
    version = select(META.c.value).where(META.c.name == opt_outs.VERSION)
    if session.scalar(version.with_for_update(read=True)) == batch.opt_outs:
        return False
    return bool(due.opted_out(session, batch.id, batch.states))


def leave(session: Session, now: datetime, poll_at: datetime) -> int:
    """The hour has come for what nobody wanted back: its reports are polled from now on."""
    left = session.execute(
        update(Batch)
        .where(IS_HELD, Batch.check_at.is_(None), Batch.leaves_at <= now)
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


def any_held(session: Session) -> bool:
    """Whether the gateway holds anything."""
    return bool(session.scalar(select(exists(select(Batch.id).where(IS_HELD)))))
