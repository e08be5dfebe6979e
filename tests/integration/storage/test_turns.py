"""Turns: outcomes of some batches and the arming of others, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.change import Change, change_of
from dispatcher.campaigns.outcome import MessageResults, Sent
from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.turn import Arming, Ending, Terms, Turned, goes_along
from dispatcher.campaigns.waits import Waits
from dispatcher.storage import account_waits, identity, opt_outs
from dispatcher.storage.batches import due
from dispatcher.storage.batches.turns.turn import turn
from dispatcher.storage.campaigns import moves
from tests.integration.bench import OPEN, Bench, people

TERMS = Terms(
    account="",
    apart=False,
    worker="a worker",
    now=OPEN,
    lease=timedelta(minutes=2),
    doubt_limit=3,
    clock=OPEN,
    most_skew=timedelta.max,
)
_WAITS = Waits([60], [5], lambda *_: None)


def gathered(bench: Bench, *batch_ids: int) -> list[DueBatch]:
    assert not identity.objection(bench.dispatcher.database)  # as each step asks first
    with bench.dispatcher.database.write() as session:
        opt_outs.make_version(session)
        found = [due.find_due(session, one, OPEN, "") for one in batch_ids]
    return [one[0] for one in found if one is not None]


def arming(batch: DueBatch) -> Arming:
    return Arming(batch, f"tag of {batch.id}, {batch.attempt + 1}")


def taken(batch: DueBatch, *, rejected: int = 0) -> Change:
    """The change of an answer that takes everybody but the first so many."""
    states = dict.fromkeys(range(len(batch.recipients)), MessageState.SENT)
    states |= dict.fromkeys(range(rejected), MessageState.REJECTED)
    codes = dict.fromkeys(range(rejected), 4)
    told = len(states) - rejected
    results = MessageResults(states, codes, len(states), Decimal(2), told)
    return change_of(batch, Sent("m-1", results), OPEN, _WAITS)


def ending(batch: DueBatch, **options: Any) -> Ending:
    return Ending(batch, arming(batch).tag, taken(batch, **options))


def turned(
    bench: Bench,
    arms: Sequence[Arming] = (),
    ends: Sequence[Ending] = (),
    terms: Terms = TERMS,
) -> Turned:
    with bench.dispatcher.database.write() as session:
        return turn(session, arms, ends, terms)


def two(bench: Bench) -> tuple[DueBatch, DueBatch]:
    """Two due batches of two campaigns."""
    ids = bench.submit(3, "first"), bench.submit(2, "second", start=10)
    first, second = gathered(bench, *ids)
    return first, second


def test_turn_stores_an_outcome_and_arms_the_next_batch(bench: Bench) -> None:
    first, second = two(bench)
    assert turned(bench, [arming(first)]) == Turned(frozenset({arming(first).tag}))
    assert turned(bench, [arming(second)], [ending(first)]) == Turned(
        frozenset({arming(second).tag}), frozenset({arming(first).tag})
    )
    sent, sending = bench.batches()
    assert (sent.state, sent.states, sent.sent, sent.pending) == ("sent", "sss", 3, 0)
    assert (sent.message_id, sent.sent_at, sent.segments) == ("m-1", OPEN, 3)
    assert (sent.cost, sent.told) == (Decimal(2), 3)
    assert (sent.lease_until, sent.check_at) == (None, OPEN + timedelta(seconds=60))
    assert (sending.state, sending.attempt, sending.tag) == ("sending", 1, arming(second).tag)
    assert sending.lease_until == OPEN + TERMS.lease
    ended, begun = bench.attempts()
    assert (ended.outcome, ended.ended_at, ended.messages) == ("sent", OPEN, 3)
    assert ended.cost == Decimal(2)
    assert (begun.outcome, begun.armed_at, begun.worker) == (None, OPEN, "a worker")
    assert (begun.messages, begun.number, begun.covers) == (2, 1, None)


def test_late_outcome_in_one_turn_with_that_of_the_attempt_after_it_changes_nothing(
    bench: Bench,
) -> None:
    first, _ = two(bench)
    turned(bench, [arming(first)])
    with bench.dispatcher.database.write() as session:
        session.execute(text("UPDATE dispatcher_batch SET state = 'pending', lease_until = NULL"))
    [again] = gathered(bench, first.id)
    turned(bench, [arming(again)])
    found = turned(bench, ends=[ending(first), ending(again, rejected=1)])
    assert found.ended == {arming(again).tag}
    assert bench.batch(first.id).states == "rss"
    assert [(one.number, one.outcome) for one in bench.attempts(first.id)] == [
        (1, None),
        (2, "sent"),
    ]


def test_turn_stores_who_was_rejected(bench: Bench) -> None:
    first, _ = two(bench)
    turned(bench, [arming(first)])
    turned(bench, ends=[ending(first, rejected=1)])
    batch = bench.batch(first.id)
    assert (batch.states, batch.codes, batch.rejected, batch.sent) == ("rss", '{"0": 4}', 1, 2)
    [attempt] = bench.attempts(first.id)
    assert attempt.shown is not None


def test_turn_arms_many_and_leaves_out_who_lost_its_race(bench: Bench) -> None:
    first, second = two(bench)
    turned(bench, [arming(first)])
    other = replace(arming(first), tag="another tag")
    assert turned(bench, [other, arming(second)]).armed == {arming(second).tag}
    assert [attempt.tag for attempt in bench.attempts()] == [arming(first).tag, arming(second).tag]


def test_batch_that_is_named_twice_in_a_turn_is_armed_once(bench: Bench) -> None:
    first, _ = two(bench)
    other = replace(arming(first), tag="another tag")
    assert turned(bench, [arming(first), other]).armed == {arming(first).tag}
    assert len(bench.attempts()) == 1


def test_late_outcome_of_a_batch_that_goes_again_keeps_it_from_being_armed(bench: Bench) -> None:
    first, _ = two(bench)
    turned(bench, [arming(first)])
    with bench.dispatcher.database.write() as session:
        session.execute(
            text("UPDATE dispatcher_batch SET state = 'pending', lease_until = NULL WHERE id = 1")
        )
    [again] = gathered(bench, first.id)
    assert turned(bench, [arming(again)], [ending(first)]) == Turned(
        ended=frozenset({arming(first).tag})
    )
    assert bench.batch(first.id).state == "sent"


def test_outcome_of_an_earlier_attempt_is_not_stored(bench: Bench) -> None:
    first, _ = two(bench)
    turned(bench, [arming(first)])
    late = ending(replace(first, attempt=1))
    assert turned(bench, ends=[late]) == Turned()
    assert bench.batch(first.id).state == "sending"


def test_outcome_decided_on_other_states_is_not_stored(bench: Bench) -> None:
    first, second = two(bench)
    turned(bench, [arming(first), arming(second)])
    other = ending(replace(first, states="psp"))
    assert turned(bench, ends=[other, ending(second)]).ended == {arming(second).tag}
    assert bench.outcomes(first.id) == [None]


def _stop(bench: Bench) -> None:
    bench.opt_out(people(1)[0])


def _wait(bench: Bench) -> None:
    with bench.dispatcher.database.write() as session:
        account_waits.put(session, "", OPEN + timedelta(hours=1))


def _set(assignment: str) -> Callable[[Bench], None]:
    def change(bench: Bench) -> None:
        with bench.dispatcher.database.write() as session:
            session.execute(text(f"UPDATE {assignment}"))

    return change


OBJECTIONS: dict[str, Callable[[Bench], object]] = {
    "a pause": lambda bench: bench.dispatcher.pause("first"),
    "a cancellation": lambda bench: bench.dispatcher.cancel("first"),
    "the pause of everything": lambda bench: bench.dispatcher.pause_all(),
    "an opt-out": _stop,
    "a list without a version": _set(
        f"dispatcher_meta SET name = 'none' WHERE name = '{opt_outs.VERSION}'"
    ),
    "a wait of the account": _wait,
    "another account": _set("dispatcher_campaign SET account = 'other'"),
    "an end of the campaign": _set(f"dispatcher_campaign SET not_after = '{OPEN:%F %T.%f}'"),
    "missing credit": _set("dispatcher_campaign SET funded_to = 0"),
    "a later instant": _set(f"dispatcher_batch SET not_before = '{OPEN:%F} 23:00:00.000000'"),
    "another attempt": _set("dispatcher_batch SET attempt = 1"),
    "other states": _set("dispatcher_batch SET states = 'opp', opted_out = 1, pending = 2"),
    "another schema": _set("dispatcher_version SET version_num = '0001'"),
}


@pytest.mark.parametrize("name", OBJECTIONS)
def test_turn_arms_nothing_after_an_objection(bench: Bench, name: str) -> None:
    batch_id = bench.submit(3, "first")
    [batch] = gathered(bench, batch_id)
    with bench.dispatcher.database.read() as session:
        version = session.execute(text("SELECT version_num FROM dispatcher_version")).scalar_one()
    OBJECTIONS[name](bench)
    assert turned(bench, [arming(batch)]) == Turned()
    assert bench.attempts() == []
    _set(f"dispatcher_version SET version_num = '{version}'")(bench)


@pytest.mark.parametrize("apart", [False, True])
def test_turn_arms_nothing_while_too_many_are_in_doubt(bench: Bench, apart: bool) -> None:
    first, second = two(bench)
    _set("dispatcher_batch SET state = 'in_doubt' WHERE id = 1")(bench)
    terms = replace(TERMS, doubt_limit=1, apart=apart)
    assert turned(bench, [arming(second)], terms=terms) == Turned()
    assert turned(bench, [arming(second)], terms=replace(terms, doubt_limit=2)).armed == {
        arming(second).tag
    }
    assert turned(bench, [arming(first)]) == Turned()


def test_turn_arms_nothing_on_a_host_with_another_clock(bench: Bench) -> None:
    if bench.dispatcher.database.is_sqlite:
        pytest.skip("SQLite has no clock of its own")
    first, _ = two(bench)
    terms = replace(TERMS, most_skew=timedelta(seconds=30))
    assert turned(bench, [arming(first)], terms=terms) == Turned()


def test_paused_campaign_keeps_no_other_from_being_armed(bench: Bench) -> None:
    first, second = two(bench)
    bench.dispatcher.pause("first")
    assert turned(bench, [arming(first), arming(second)]).armed == {arming(second).tag}


def test_outcome_of_a_paused_campaign_is_stored(bench: Bench) -> None:
    first, second = two(bench)
    turned(bench, [arming(first)])
    bench.dispatcher.pause("first")
    assert turned(bench, [arming(second)], [ending(first)]).ended == {arming(first).tag}


def test_turn_that_is_rolled_back_stores_and_arms_nothing(bench: Bench) -> None:
    first, second = two(bench)
    turned(bench, [arming(first)])
    with bench.dispatcher.database.write() as session:
        assert turn(session, [arming(second)], [ending(first)], TERMS).armed == {arming(second).tag}
        session.rollback()
    assert [batch.state for batch in bench.batches()] == ["sending", "pending"]
    assert bench.outcomes(first.id) == [None]


def test_outcome_that_pauses_does_not_go_along(bench: Bench) -> None:
    first, _ = two(bench)
    change = taken(first)
    assert goes_along(change)
    assert not goes_along(replace(change, pause="no credit"))
    assert not goes_along(replace(change, receipt=None))
    assert not goes_along(replace(change, unsent=True))
    assert not goes_along(replace(change, refusal="refused"))
    assert not goes_along(replace(change, account_until=OPEN))


def test_cancelled_batches_of_a_campaign_are_not_armed_with_an_old_view(bench: Bench) -> None:
    first, second = two(bench)
    with bench.dispatcher.database.write() as session:
        moves.cancel_batches(session, first.campaign_id)
    assert turned(bench, [arming(first), arming(second)]).armed == {arming(second).tag}


def test_postgresql_reuses_the_plan_of_a_turn(bench: Bench) -> None:
    database = bench.dispatcher.database
    if database.is_sqlite:
        pytest.skip("SQLite has no plans for prepared statements")
    first, second = two(bench)
    used = "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
    with database.keeping(), database.once() as session:
        for _ in range(16):
            turn(session, [arming(first)], [], TERMS)
            turn(session, [], [ending(second)], TERMS)
            turn(session, [arming(first)], [ending(second)], TERMS)
        plans = session.execute(text(f"{used} WHERE statement LIKE '%AS begun%'")).all()
    # PostgreSQL makes five plans for the parameters at hand, and compares then
    assert [(plan.generic_plans > 0, plan.custom_plans) for plan in plans] == [(True, 5)] * 3
