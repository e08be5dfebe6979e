"""Moves of a batch other than by an answer to its send, and what every move is built of.

Every move is one UPDATE that names the states it may leave (``states.BATCH_MOVES``). The result of
an attempt also names its attempt: a late result of attempt 1 cannot change attempt 2.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Update, and_, bindparam, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import message_states
from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.states import BATCH_MOVES, BatchState, sources
from dispatcher.campaigns.waits import Wait
from dispatcher.storage import events
from dispatcher.storage.batches import waits
from dispatcher.storage.locks import in_order
from dispatcher.storage.tables import BATCH, Batch, in_state
from dispatcher.window import Hold


def postpone(
    session: Session,
    batch: DueBatch,
    wait: Wait,
    hold: Hold,
    *,
    now: datetime,
    failed: bool = False,
) -> bool:
    """Make a due batch wait; False if another process has claimed or postponed it meanwhile."""
    return applied(
        session,
        update(Batch)
        .where(
            Batch.id == batch.id,
            Batch.state == BatchState.PENDING,
            Batch.attempt == batch.attempt,
            Batch.not_before <= now,
        )
        .values(waits.changed(wait, hold.until, hold.why) | {"checks": batch.checks + failed}),
    )


#: condition: its worker was lost before ``now`` (only a batch that is being sent has a lease)
IS_LOST = and_(in_state(BatchState.SENDING), BATCH.c.lease_until < bindparam("now"))
_RESCUE = (
    update(BATCH)
    .where(in_order(BATCH, IS_LOST), IS_LOST)
    .values(
        state=BatchState.IN_DOUBT,
        why="its worker was lost",
        sent_at=bindparam("now"),
        lease_until=None,
        check_at=bindparam("next_at"),
        checks=0,
    )
    .returning(BATCH.c.id)
)


def rescue(session: Session, now: datetime, check_at: datetime) -> list[int]:
    """Put batches of lost workers in doubt, and return their ids. A rescue never resends."""
    lost = list(session.scalars(_RESCUE, {"now": now, "next_at": check_at}))
    for batch_id in lost:
        announce_doubt(session, batch_id, now)
    return lost


def announce_doubt(session: Session, batch_id: int, now: datetime) -> None:
    """Add the event that a batch is in doubt."""
    campaign_id = session.scalar(select(Batch.campaign_id).where(Batch.id == batch_id))
    events.add(session, "doubt_raised", now=now, campaign_id=campaign_id, batch_id=batch_id)


def move(batch_id: int, target: BatchState) -> Update:
    """The UPDATE that moves a batch to ``target`` from any state that allows it."""
    return (
        update(BATCH)
        .where(BATCH.c.id == batch_id, BATCH.c.state.in_(sources(BATCH_MOVES, target)))
        .values(state=target)
    )


def again(now: datetime) -> dict[str, Any]:
    """The columns of a batch of which a part is asked for once more."""
    # after a failure (``checks``) each number is asked for by itself
    row = {"state": BatchState.PENDING, "check_at": None, "leaves_at": None, "checks": 1}
    return row | waits.changed(Wait.RETRY, now, "")


def applied(session: Session, statement: Update) -> bool:
    """Run a guarded UPDATE of a batch; True if it found its row."""
    return session.execute(statement.returning(Batch.id)).one_or_none() is not None


def counted(states: str) -> dict[str, Any]:
    """The columns of a batch for these message states: the states and their counters."""
    counts = message_states.tally(states)
    return {"states": states, **{state.value: count for state, count in counts.items()}}
