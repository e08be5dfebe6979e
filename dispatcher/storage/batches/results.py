"""The outcome of an attempt, written: a change that was decided elsewhere, by one guarded UPDATE.

A change names the attempt that it ends, so that a late attempt 1 cannot touch attempt 2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Update, bindparam, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.caps import WEEKLY_CODE
from dispatcher.campaigns.change import Change
from dispatcher.campaigns.hand_over import OPTED_OUT
from dispatcher.campaigns.message_states import marked, tally
from dispatcher.campaigns.outcome import AttemptEnd
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.campaigns.unreachable import UNREACHABLE_CODE
from dispatcher.campaigns.waits import Wait
from dispatcher.storage import events
from dispatcher.storage.batches import attempts, costs, hand_over, moves, recalls, waits
from dispatcher.storage.statement import Statement
from dispatcher.storage.tables import ATTEMPT, BATCH, Batch

#: an earlier attempt on the batch of which nobody knows whether it was taken
_OTHER_IN_DOUBT = (
    select(ATTEMPT.c.number)
    .where(
        ATTEMPT.c.batch_id == BATCH.c.id,
        ATTEMPT.c.number != BATCH.c.attempt,
        or_(ATTEMPT.c.outcome.is_(None), ATTEMPT.c.outcome == "in_doubt"),
    )
    .correlate(BATCH)
    .exists()
)


def apply(session: Session, batch: DueBatch, change: Change, *, tag: str, now: datetime) -> bool:
    """Apply the change that ends the attempt under ``tag``; False if the row has moved on.

    The caller pauses the campaign before, as its row is locked before the batch's.
    """
    if not _update(session, batch, change, tag, now):
        return False
    if change.event:
        events.add(session, change.event, now=now, campaign_id=batch.campaign_id, batch_id=batch.id)
    its = Batch.id == batch.id
    if change.recall:
        recalls.request(session, its, change.recall, now)
    elif change.state is BatchState.HANDED_OVER:
        # whoever wanted it back while its request was under way did not wait for the answer
        recalls.request_unwanted(session, now, its)
        if hand_over.opted_out_meanwhile(session, replace(batch, states=change.states)):
            recalls.request(session, its, OPTED_OUT, now)
    return True


def _update(session: Session, batch: DueBatch, change: Change, tag: str, now: datetime) -> bool:
    """Write the batch and the end of its attempt; on PostgreSQL in one statement."""
    row, end = _row(change), _attempt_row(change.attempt, now)
    leaves = tuple(sorted(change.leaves))
    params = {
        "its_id": batch.id,
        "ends": batch.attempt + 1,
        "decided_on": batch.states,
        **{f"its_{name}": value for name, value in row.items()},
        "its_tag": tag,
        **{f"end_{name}": value for name, value in end.items()},
    }
    if session.get_bind().dialect.name == "postgresql":
        whole = _whole(tuple(row), leaves, change.unsent, tuple(end))
        return whole.one(session, params) is not None
    if _alone(tuple(row), leaves, change.unsent).one(session, params) is None:
        return False
    _end(tuple(end)).one(session, params)
    return True


def end_attempt(
    session: Session, tag: str, end: AttemptEnd, *, now: datetime, again: bool = True
) -> None:
    """Write the end of an attempt; ``again=False`` leaves an attempt alone that has ended."""
    taken = {"messages": end.messages, "cost": end.cost}
    attempts.end(
        session,
        tag,
        outcome=end.outcome,
        detail=end.detail,
        now=now,
        check_at=end.check_at,
        again=again,
        taken={name: value for name, value in taken.items() if value is not None},
        shown=end.shown,
    )


def _row(change: Change) -> dict[str, Any]:
    """The columns of the batch that a change writes."""
    row: dict[str, Any] = {
        "state": change.state,
        "states": change.states,
        **{state.value: count for state, count in tally(change.states).items()},
        "codes": change.codes,
        "why": change.why,
        "check_at": change.check_at,
        "checks": change.checks,
        "leaves_at": change.leaves_at,
    }
    if change.state is BatchState.PENDING:
        row |= {"retry_until": change.not_before, "retry_why": row.pop("why")}
    elif change.not_before is not None:
        row["not_before"] = change.not_before
    if change.receipt is not None:
        row["message_id"] = change.receipt.message_id
        row["sent_at"] = change.receipt.sent_at
        row["cost"], row["told"] = change.receipt.cost, change.receipt.told
        if change.receipt.segments is not None:
            row["segments"] = change.receipt.segments
    return row


def _attempt_row(end: AttemptEnd, now: datetime) -> dict[str, Any]:
    """The columns of the attempt that its end writes."""
    row: dict[str, Any] = {
        "outcome": end.outcome,
        "detail": end.detail,
        "ended_at": now,
        "check_at": end.check_at,
    }
    if end.shown is not None:
        row["shown"] = end.shown
    taken = {"messages": end.messages, "cost": end.cost}
    return row | {name: value for name, value in taken.items() if value is not None}


# to build a statement takes longer than to run it: there is one for each set of columns
@cache
def _alone(columns: tuple[str, ...], leaves: tuple[str, ...], unsent: bool) -> Statement:
    return Statement(_batch_statement(columns, leaves, unsent))


@cache
def _end(columns: tuple[str, ...]) -> Statement:
    return Statement(_attempt_statement(columns).returning(ATTEMPT.c.tag))


@cache
def _whole(
    columns: tuple[str, ...],
    leaves: tuple[str, ...],
    unsent: bool,
    end: tuple[str, ...],
) -> Statement:
    recorded = _batch_statement(columns, leaves, unsent).cte("recorded")
    return Statement(
        _attempt_statement(end).where(ATTEMPT.c.batch_id == recorded.c.id).returning(recorded.c.id)
    )


def _attempt_statement(columns: tuple[str, ...]) -> Update:
    values = {name: bindparam(f"end_{name}", type_=ATTEMPT.c[name].type) for name in columns}
    return update(ATTEMPT).where(ATTEMPT.c.tag == bindparam("its_tag")).values(values)


def _batch_statement(
    columns: tuple[str, ...], leaves: tuple[str, ...], unsent: bool
) -> ReturningUpdate[Any]:
    values: dict[str, Any] = {
        name: bindparam(f"its_{name}", type_=BATCH.c[name].type) for name in columns
    }
    values["lease_until"] = None
    if "retry_until" in values:
        values |= waits.changed(Wait.RETRY, values["retry_until"], values["retry_why"])
    if "cost" in values:
        values["cost"] = BATCH.c.cost + values["cost"]
        values["told"] = costs.told() + values["told"]
    statement = update(BATCH).where(
        BATCH.c.id == bindparam("its_id"),
        BATCH.c.state.in_(leaves),
        BATCH.c.attempt == bindparam("ends"),
        BATCH.c.states == bindparam("decided_on"),
    )
    if unsent:
        statement = statement.where(or_(BATCH.c.state == BatchState.SENDING, ~_OTHER_IN_DOUBT))
    return statement.values(values).returning(BATCH.c.id)


def leave_out(
    session: Session,
    batch: DueBatch,
    states: Mapping[int, MessageState],
    *,
    codes: Mapping[int, int] = MappingProxyType({}),
) -> bool:
    """End messages of a due batch that must not be sent; ``codes`` are ours of the rejected.

    The batch leaves ``pending`` if nobody is left to text: it is polled if an earlier attempt
    sent a part of it, otherwise it is done.
    """
    after, ours = marked(batch.states, states), Counter(codes.values())
    values = {
        **moves.counted(after),
        "codes": batch.codes_with(codes),
        "capped": Batch.capped + ours[WEEKLY_CODE],
        "unreachable": Batch.unreachable + ours[UNREACHABLE_CODE],
    }
    statement = update(Batch).where(Batch.id == batch.id)
    if MessageState.PENDING.letter not in after:
        reports = MessageState.SENT.letter in after
        statement = moves.move(batch.id, BatchState.SENT if reports else BatchState.DONE)
        values["check_at"] = Batch.sent_at if reports else None  # at once
    return moves.applied(
        session,
        statement.where(
            Batch.state == BatchState.PENDING,
            Batch.attempt == batch.attempt,
            Batch.states == batch.states,
        ).values(values),
    )


def refreshed(session: Session, batch: DueBatch) -> DueBatch | None:
    """The batch with its present message states, if the attempt made on it is still its last."""
    row = session.execute(
        select(Batch.states, Batch.codes).where(
            Batch.id == batch.id, Batch.attempt == batch.attempt + 1
        )
    ).one_or_none()
    return None if row is None else replace(batch, states=row.states, codes=row.codes)
