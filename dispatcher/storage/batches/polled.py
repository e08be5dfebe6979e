"""What polls brought, written down: many batches in one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.storage import message_states as document
from dispatcher.storage.batches.polls import Checked
from dispatcher.storage.tables import BATCH


@dataclass(frozen=True, slots=True)
class Brought:
    """What a poll brought of one batch, and when the next one is due."""

    batch: Checked
    changes: Mapping[int, MessageState]
    check_at: datetime


def record(session: Session, polled: Iterable[Brought]) -> None:
    """Write what polls brought; a batch is done when nothing of it waits any more.

    A batch that somebody else has written meanwhile is left as it is: it is polled again.
    """
    if told := [_told(one) for one in polled]:
        session.execute(_RECORD, told)


def _told(brought: Brought) -> dict[str, Any]:
    batch = brought.batch
    states = document.marked(batch.states, brought.changes)
    ended = MessageState.SENT.letter not in states
    return {
        "its_id": batch.id,
        "its_attempt": batch.attempt,
        "its_checks": batch.checks,
        "seen": batch.states,
        "its_states": states,
        "its_state": BatchState.DONE if ended else BatchState.SENT,
        "next_at": None if ended else brought.check_at,
        **{f"its_{state}": count for state, count in document.tally(states).items()},
    }


# as many as a poll took, in one go: PostgreSQL is not waited for between two of them
_RECORD = (
    update(BATCH)
    .where(
        BATCH.c.id == bindparam("its_id"),
        BATCH.c.state == BatchState.SENT,
        BATCH.c.attempt == bindparam("its_attempt"),
        BATCH.c.checks == bindparam("its_checks"),
        BATCH.c.states == bindparam("seen"),
    )
    .values(
        state=bindparam("its_state"),
        states=bindparam("its_states"),
        check_at=bindparam("next_at"),
        checks=BATCH.c.checks + 1,
        **{state.value: bindparam(f"its_{state}") for state in MessageState},
    )
)
