"""The half of a turn that stores outcomes (PostgreSQL)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import CTE, BigInteger, Integer, Text, any_, func, select, true, update

from dispatcher.campaigns.message_states import tally
from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.turn import Ending
from dispatcher.storage.batches import costs
from dispatcher.storage.batches.turns.parts import INSTANT, NOW, after, any_of, rows_of, whole
from dispatcher.storage.tables import ATTEMPT, BATCH

_COUNTS = [state.value for state in MessageState]


def ended(version: CTE | None) -> CTE:
    """The attempts whose outcome is stored, as their batches still are as it was decided on."""
    columns = (BATCH.c.id, BATCH.c.state, BATCH.c.attempt, BATCH.c.states)
    # one after the other by its key: of a short table PostgreSQL reads every row
    theirs = (
        select(ATTEMPT.c.tag)
        .where(ATTEMPT.c.tag == BATCH.c.tag, ATTEMPT.c.batch_id == BATCH.c.id)
        .with_for_update(skip_locked=True, key_share=True)
        .lateral("theirs")
    )
    held = (
        select(*columns, theirs.c.tag)
        .join_from(BATCH, theirs, true())
        .where(BATCH.c.id == any_of("end_ids"), *after(version))
        .with_for_update(skip_locked=True, key_share=True, of=BATCH)
        .cte("held")
    )
    told = rows_of(
        "told",
        id=BigInteger(),
        ends=Integer(),
        leaves=Text(),
        decided_on=Text(),
        tag=Text(),
        state=Text(),
        states=Text(),
        codes=Text(),
        why=Text(),
        check_at=INSTANT,
        checks=Integer(),
        leaves_at=INSTANT,
        message_id=Text(),
        sent_at=INSTANT,
        cost=BigInteger(),
        told=Integer(),
        segments=Integer(),
        outcome=Text(),
        detail=Text(),
        look_up_at=INSTANT,
        messages=Integer(),
        charged=BigInteger(),
        shown=Text(),
        **dict.fromkeys(_COUNTS, Integer()),
    )
    names = ("state", "states", "codes", "why", "check_at", "checks", "leaves_at", "message_id")
    kept = ("id", "tag", "outcome", "detail", "look_up_at", "messages", "charged", "shown")
    recorded = (
        update(BATCH)
        .where(
            BATCH.c.id == told.c.id,
            BATCH.c.id == any_of("end_ids"),
            held.c.id == told.c.id,
            held.c.tag == told.c.tag,
            held.c.state == any_(func.string_to_array(told.c.leaves, ",")),
            held.c.attempt == told.c.ends,
            held.c.states == told.c.decided_on,
        )
        .values(
            **{name: told.c[name] for name in (*names, "sent_at", *_COUNTS)},
            cost=BATCH.c.cost + told.c.cost,
            told=costs.told() + told.c.told,
            segments=func.coalesce(told.c.segments, BATCH.c.segments),
            lease_until=None,
        )
        .returning(*(told.c[name] for name in kept))
        .cte("recorded")
    )
    return (
        update(ATTEMPT)
        .where(ATTEMPT.c.tag == recorded.c.tag, ATTEMPT.c.batch_id == recorded.c.id)
        .values(
            outcome=recorded.c.outcome,
            detail=recorded.c.detail,
            ended_at=NOW,
            check_at=recorded.c.look_up_at,
            messages=func.coalesce(recorded.c.messages, ATTEMPT.c.messages),
            cost=func.coalesce(recorded.c.charged, ATTEMPT.c.cost),
            shown=func.coalesce(recorded.c.shown, ATTEMPT.c.shown),
        )
        .returning(ATTEMPT.c.tag)
        .cte("ended")
    )


def told_by(ends: Sequence[Ending]) -> dict[str, Any]:
    """The parameters of ``ended``."""
    rows = []
    for end in ends:
        change, receipt, attempt = end.change, end.change.receipt, end.change.attempt
        assert receipt is not None  # noqa: S101 - ``turn.goes_along`` has asked
        rows.append(
            {
                "id": end.batch.id,
                "ends": end.batch.attempt + 1,
                "leaves": ",".join(change.leaves),
                "decided_on": end.batch.states,
                "tag": end.tag,
                "state": change.state,
                "states": change.states,
                "codes": change.codes,
                "why": change.why,
                "check_at": change.check_at,
                "checks": change.checks,
                "leaves_at": change.leaves_at,
                "message_id": receipt.message_id,
                "sent_at": receipt.sent_at,
                "cost": whole(receipt.cost),
                "told": receipt.told,
                "segments": receipt.segments,
                "outcome": attempt.outcome,
                "detail": attempt.detail,
                "look_up_at": attempt.check_at,
                "messages": attempt.messages,
                "charged": whole(attempt.cost),
                "shown": attempt.shown,
                **{state.value: count for state, count in tally(change.states).items()},
            }
        )
    return {
        "told": orjson.dumps(rows).decode(),
        "end_ids": [end.batch.id for end in ends],
    }
