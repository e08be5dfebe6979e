"""What an attempt came to, as the move that it makes.

A result names the attempt that it ends: a ghost of attempt 1 cannot touch attempt 2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Update, bindparam, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from dispatcher.campaigns import message_states as document
from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.outcome import MessageResults
from dispatcher.campaigns.states import BATCH_MOVES, BatchState, MessageState, sources
from dispatcher.storage import events
from dispatcher.storage.batches import attempts, moves
from dispatcher.storage.tables import ATTEMPT, BATCH, Batch
from dispatcher.window import Hold

_INSTANT = BATCH.c.sent_at.type
# what every batch goes through is built once
_SENT = (
    update(BATCH)
    .where(
        BATCH.c.id == bindparam("its_id"),
        BATCH.c.state.in_(sources(BATCH_MOVES, BatchState.SENT)),
        BATCH.c.attempt == bindparam("ends"),
        BATCH.c.states == bindparam("seen"),
    )
    .values(
        state=bindparam("its_state"),
        states=bindparam("its_states"),
        **{state.value: bindparam(f"its_{state}") for state in MessageState},
        codes=bindparam("its_codes"),
        cost=BATCH.c.cost + bindparam("spent"),
        message_id=bindparam("its_message_id"),
        sent_at=bindparam("now"),
        lease_until=None,
        check_at=bindparam("poll_at"),
        checks=0,
        why="",
    )
    .returning(BATCH.c.id)
)
_SENT_WHOLE = _SENT.values(segments=bindparam("parts"))


def _with_its_attempt(sent: ReturningUpdate[Any]) -> ReturningUpdate[Any]:
    """The same, and the end of the attempt, in one statement: PostgreSQL's."""
    recorded = sent.cte("recorded")
    return (
        update(ATTEMPT)
        .where(ATTEMPT.c.tag == bindparam("its_tag"), ATTEMPT.c.batch_id == recorded.c.id)
        .values(
            outcome="sent",
            detail="",
            ended_at=bindparam("now", type_=_INSTANT),
            check_at=None,
            messages=bindparam("taken"),
            cost=bindparam("its_cost"),
        )
        .returning(recorded.c.id)
    )


_AT_ONCE = {statement: _with_its_attempt(statement) for statement in (_SENT, _SENT_WHOLE)}


def record_sent(
    session: Session,
    batch: DueBatch,
    lines: MessageResults,
    *,
    tag: str,
    message_id: str,
    now: datetime,
    poll_at: datetime,
) -> bool:
    """The attempt's receipt: the gateway took the batch. Accepted from a doubt, too.

    When it is, the attempt under ``tag`` is ended as well.
    """
    states = document.marked(batch.states, lines.states)
    ended = MessageState.SENT.letter not in states
    told = {
        "its_id": batch.id,
        "ends": batch.attempt + 1,
        "seen": batch.states,
        # with every line rejected there is no report to wait for
        "its_state": BatchState.DONE if ended else BatchState.SENT,
        "its_states": states,
        **{f"its_{state}": count for state, count in document.tally(states).items()},
        "its_codes": codes_of(batch, lines.codes),
        "spent": lines.cost,
        "its_message_id": message_id,
        "now": now,
        "poll_at": None if ended else poll_at,
    }
    statement = _SENT
    if len(lines.states) == len(states):  # of a part, our own count for the whole is kept
        statement, told["parts"] = _SENT_WHOLE, lines.segments
    at_once = session.get_bind().dialect.name == "postgresql"
    taken = list(lines.states.values()).count(MessageState.SENT)
    if at_once:
        statement = _AT_ONCE[statement]
        told |= {"its_tag": tag, "taken": taken, "its_cost": lines.cost}
    if session.execute(statement, told).one_or_none() is None:
        return False
    if not at_once:
        answered = (taken, lines.cost)
        attempts.end(session, tag, outcome="sent", detail="", now=now, taken=answered)
    return True


def record_doubt(
    session: Session,
    batch: DueBatch,
    lines: MessageResults,
    *,
    why: str,
    message_id: str | None,
    check_at: datetime,
    now: datetime,
) -> bool:
    """The attempt's answer was lost, or speaks of a part of the batch only."""
    states = document.marked(batch.states, lines.states)
    raised = moves.applied(
        session,
        ends(batch, BatchState.IN_DOUBT)
        # a lost answer says nothing against a person who has had the batch sent again
        .where(Batch.state == BatchState.SENDING)
        .values(
            {
                **moves.counted(states),
                "codes": codes_of(batch, lines.codes),
                "cost": Batch.cost + lines.cost,
                "message_id": message_id,
                "sent_at": now,
                "lease_until": None,
                "check_at": check_at,
                "checks": 0,
                "why": why,
            }
        ),
    )
    if raised:
        events.add(
            session,
            "doubt_raised",
            now=now,
            campaign_id=batch.campaign_id,
            batch_id=batch.id,
        )
    return raised


def record_unsent(
    session: Session, batch: DueBatch, hold: Hold, *, checks: int, here: bool = False
) -> bool:
    """The attempt's word that nothing left: the batch goes back and waits.

    ``here`` for one that the gateway does not hold for us, and is not asked to any more.
    """
    return moves.applied(
        session,
        ends(batch, BatchState.PENDING)
        .values(not_before=hold.until, why=hold.why, leaves_at=None if here else batch.leaves_at)
        .values(lease_until=None, check_at=None, checks=checks),
    )


def record_refused(session: Session, batch: DueBatch, *, code: int, why: str) -> bool:
    """The gateway refused the batch for good; a part sent earlier keeps its reports."""
    positions = document.positions(batch.states, MessageState.PENDING)
    states = document.marked(batch.states, dict.fromkeys(positions, MessageState.REJECTED))
    reports = MessageState.SENT.letter in states
    return moves.applied(
        session,
        ends(batch, BatchState.SENT if reports else BatchState.FAILED).values(
            {
                **moves.counted(states),
                "codes": codes_of(batch, dict.fromkeys(positions, code)),
                "why": why,
                "lease_until": None,
                "check_at": Batch.sent_at if reports else None,
            }
        ),
    )


def leave_out(
    session: Session,
    batch: DueBatch,
    states: Mapping[int, MessageState],
    *,
    codes: Mapping[int, int] = MappingProxyType({}),
) -> bool:
    """Give messages of a due batch their end unsent: opt-outs, and who has had enough.

    The batch leaves ``pending`` if nobody is left to text. A part that an earlier attempt sent
    keeps its reports: the batch is polled then, else done.
    """
    after = document.marked(batch.states, states)
    values = {
        **moves.counted(after),
        "codes": codes_of(batch, codes),
        "capped": Batch.capped + len(codes),
    }
    statement = update(Batch).where(Batch.id == batch.id, Batch.state == BatchState.PENDING)
    if MessageState.PENDING.letter not in after:
        reports = MessageState.SENT.letter in after
        statement = moves.move(batch.id, BatchState.SENT if reports else BatchState.DONE)
        values["check_at"] = Batch.sent_at if reports else None  # at once
    return moves.applied(
        session,
        statement.where(Batch.attempt == batch.attempt, Batch.states == batch.states).values(
            values
        ),
    )


def refreshed(session: Session, batch: DueBatch) -> DueBatch | None:
    """The batch with its present document, if it still stands at the attempt made on it."""
    row = session.execute(
        select(Batch.states, Batch.codes).where(
            Batch.id == batch.id, Batch.attempt == batch.attempt + 1
        )
    ).one_or_none()
    return None if row is None else replace(batch, states=row.states, codes=row.codes)


def ends(batch: DueBatch, target: BatchState) -> Update:
    """The move that ends the attempt made on ``batch``, from ``sending`` or a doubt of it."""
    return moves.move(batch.id, target).where(
        Batch.attempt == batch.attempt + 1, Batch.states == batch.states
    )


def codes_of(batch: DueBatch, codes: Mapping[int, int]) -> str:
    """The codes of rejected positions, with those that were known before."""
    new = {str(position): code for position, code in codes.items()}
    return json.dumps({**json.loads(batch.codes), **new})
