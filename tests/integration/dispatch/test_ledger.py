"""The ledger: one transaction for the turns of all threads that wait, and what if it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.caps import Usage
from dispatcher.campaigns.turn import Arming, Ending, Turned
from dispatcher.dispatch.rate_limit import Permit
from dispatcher.dispatch.sending.caps import SendCaps
from dispatcher.dispatch.sending.ledger import Ledger, Turn
from dispatcher.errors import StorageError
from dispatcher.storage.batches.turns import turn as turns
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened
from tests.integration.storage.test_turns import arming, ending, gathered, turned, two
from tests.waiting import eventually

#: what a test makes of the batches that one transaction arms, and whose outcomes it stores
Meddle = Callable[[list[int], list[int]], None]


class Interrupted(BaseException):
    """The thread that writes ends."""


def ledger_of(bench: Bench, may_arm: Callable[..., bool] = lambda *_: True) -> Ledger:
    context = bench.dispatcher.steps._context
    return Ledger(context, SendCaps(context), may_arm)


def asks(batch: DueBatch) -> Turn:
    return Turn(arming(batch), Usage(len(batch.recipients)))


def ends(batch: DueBatch) -> Turn:
    return Turn(end=ending(batch))


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], list[int]]]:
    """The ids that each transaction arms, and whose outcomes it stores."""
    found: list[tuple[list[int], list[int]]] = []
    meddling(monkeypatch, lambda arms, ends: found.append((arms, ends)))
    return found


def meddling(monkeypatch: pytest.MonkeyPatch, meddle: Meddle) -> None:
    """Do something before a turn is stored."""
    stored = turns.turn

    def turn(
        session: Session, arms: Sequence[Arming], ends: Sequence[Ending], terms: Any
    ) -> Turned:
        meddle([arm.batch.id for arm in arms], [end.batch.id for end in ends])
        return stored(session, arms, ends, terms)

    monkeypatch.setattr(turns, "turn", turn)


def wait_for(ledger: Ledger, waiting: int) -> None:
    """Return once so many turns wait."""
    eventually(lambda: len(ledger._queue) >= waiting, f"{waiting} turns to wait", every=0.001)


@contextmanager
def busy(ledger: Ledger, waiting: int) -> Iterator[None]:
    """Nobody writes before the block has ended and so many turns wait."""
    ledger._writer = threading.current_thread()
    yield
    wait_for(ledger, waiting)
    with ledger._lock:
        ledger._writer = None
        ledger._call_writer()


def together(ledger: Ledger, *asked: Turn) -> list[Future[Turn]]:
    """Ask for turns in as many threads, all of which wait before the first is written."""
    running = []
    with ThreadPoolExecutor(len(asked)) as pool, busy(ledger, len(asked)):
        for number, one in enumerate(asked, 1):
            running.append(pool.submit(ledger.turn, one))
            wait_for(ledger, number)
    return running


def test_turns_that_wait_are_written_by_one_transaction(
    bench: Bench, groups: list[tuple[list[int], list[int]]]
) -> None:
    first, second = two(bench)
    ledger = ledger_of(bench)
    assert ledger.turn(asks(first)).armed
    done = [one.result() for one in together(ledger, asks(second), ends(first))]
    assert [(one.armed, one.ended) for one in done] == [(True, False), (False, True)]
    assert groups == [([first.id], []), ([second.id], [first.id])]
    assert done[0].at_wall == bench.clock()


def test_attempt_that_is_interrupted_gives_its_connection_back(
    tables: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tables, connections=1) as bench:
        first, second = bench.submit(3, "first"), bench.submit(2, "second", start=10)

        def interrupt(_: Permit) -> None:
            monkeypatch.undo()
            raise Interrupted

        monkeypatch.setattr(Permit, "use", interrupt)
        with pytest.raises(Interrupted):
            bench.send(first)
        bench.send(second)
        assert [batch.state for batch in bench.batches()] == ["sending", "sent"]


def test_batch_waits_for_a_connection_and_is_armed_with_the_outcome_that_leaves_it(
    tables: Database, groups: list[tuple[list[int], list[int]]]
) -> None:
    with opened(tables, connections=1) as bench, ThreadPoolExecutor() as pool:
        first, second = two(bench)
        ledger = ledger_of(bench)
        ledger.turn(asks(first))
        waiting = pool.submit(ledger.turn, asks(second))
        wait_for(ledger, 1)
        assert groups == [([first.id], [])]
        assert ledger.turn(ends(first)).ended
        assert waiting.result(60).armed
        assert groups == [([first.id], []), ([second.id], [first.id])]


def test_outcome_that_is_not_stored_keeps_its_connection_until_it_is_recorded(
    tables: Database,
) -> None:
    with opened(tables, connections=1) as bench, ThreadPoolExecutor() as pool:
        first, second = two(bench)
        ledger = ledger_of(bench)
        ledger.turn(asks(first))
        late = replace(ending(first), batch=replace(first, attempt=1))
        assert not ledger.turn(Turn(end=late)).ended
        waiting = pool.submit(ledger.turn, asks(second))
        wait_for(ledger, 1)
        ledger.release(arming(first).tag)
        assert waiting.result(60).armed


def test_batch_that_waits_for_a_connection_is_let_go_when_the_process_stops(
    tables: Database,
) -> None:
    with opened(tables, connections=1) as bench, ThreadPoolExecutor() as pool:
        first, second = two(bench)
        ledger = ledger_of(bench)
        ledger.turn(asks(first))
        waiting = pool.submit(ledger.turn, asks(second))
        wait_for(ledger, 1)
        bench.dispatcher.steps.stop()
        assert ledger.turn(ends(first)).ended
        let_go = waiting.result(60)
        assert (let_go.done, let_go.armed) == (False, False)
        assert bench.batch(second.id).state == "pending"


def test_batch_that_lost_its_race_stops_no_other(bench: Bench) -> None:
    first, second = two(bench)
    turned(bench, [arming(first)])
    lost, won = together(ledger_of(bench), asks(first), asks(second))
    assert (lost.result().armed, won.result().armed) == (False, True)


def test_batch_that_two_threads_ask_for_at_once_is_armed_for_one_of_them(bench: Bench) -> None:
    first, second = two(bench)
    other = Turn(replace(arming(first), tag="another tag"), Usage(3))
    done = [one.result() for one in together(ledger_of(bench), asks(first), other, asks(second))]
    assert [one.armed for one in done] == [True, False, True]
    tags = {one.arm.tag for one in done if one.arm and one.armed}
    assert {attempt.tag for attempt in bench.attempts()} == tags


def test_batch_that_may_not_be_armed_at_that_instant_stops_no_outcome(bench: Bench) -> None:
    first, second = two(bench)
    ledger_of(bench).turn(asks(first))
    held, ended = together(ledger_of(bench, lambda *_: False), asks(second), ends(first))
    assert (held.result().armed, ended.result().ended) == (False, True)


@pytest.mark.parametrize("error", [StorageError("away"), KeyError("unforeseen")])
def test_transaction_that_fails_arms_nobody_and_the_next_ones_are_written_singly(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    groups: list[tuple[list[int], list[int]]],
    error: Exception,
) -> None:
    first, second = two(bench)
    ledger = ledger_of(bench)
    ledger.turn(asks(first))

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        meddling(patched, fail)
        for one in together(ledger, asks(second), ends(first)):
            done = one.result()
            assert not done.armed
            assert not done.ended
            assert isinstance(done.error, StorageError)
    assert [batch.state for batch in bench.batches()] == ["sending", "pending"]
    groups.clear()
    for one in together(ledger, asks(second), ends(first)):
        assert one.result().error is None
    assert groups == [([], [first.id]), ([second.id], [])]


def test_batch_that_poisons_its_turn_is_blamed_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two(bench)
    ledger = ledger_of(bench)

    def poison(arms: list[int], _: list[int]) -> None:
        if first.id in arms:
            raise KeyError(first.id)

    meddling(monkeypatch, poison)
    for one in together(ledger, asks(first), asks(second)):
        assert isinstance(one.result().error, StorageError)
    poisoned, sound = together(ledger, asks(first), asks(second))
    assert isinstance(poisoned.result().error, KeyError)
    assert sound.result().armed
    assert [batch.state for batch in bench.batches()] == ["pending", "sending"]


def test_thread_that_ends_while_it_writes_wakes_all_who_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two(bench)
    ledger = ledger_of(bench)

    def end(*_: object) -> None:
        raise Interrupted

    with monkeypatch.context() as patched:
        meddling(patched, end)
        found = [one.exception() for one in together(ledger, asks(first), asks(second))]
    assert {type(one) for one in found} == {Interrupted, type(None)}
    assert [batch.state for batch in bench.batches()] == ["pending", "pending"]
    assert ledger.turn(asks(first)).armed


def test_turn_whose_writer_died_at_once_is_told(bench: Bench) -> None:
    first, _ = two(bench)
    ledger = ledger_of(bench)
    with ThreadPoolExecutor() as pool:
        ledger._writer = threading.current_thread()
        running = pool.submit(ledger.turn, asks(first))
        wait_for(ledger, 1)
        ledger._queue.clear()
        ledger._writer = threading.Thread()  # which is not alive
        assert isinstance(running.result(60).error, StorageError)


def test_turns_of_a_thread_that_ended_before_it_wrote_are_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two(bench)
    ledger = ledger_of(bench)

    def interrupt(*_: object) -> None:
        monkeypatch.undo()
        raise Interrupted

    monkeypatch.setattr(ledger, "_write", interrupt)
    found = together(ledger, asks(first), asks(second))
    assert {type(one.exception()) for one in found} == {Interrupted, type(None)}
    [told] = (one.result() for one in found if one.exception() is None)
    assert isinstance(told.error, StorageError)
    assert ledger.turn(asks(first)).armed


def test_connection_of_a_thread_that_ended_while_it_waited_is_free_again(
    tables: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tables, connections=1) as bench:
        first, second = two(bench)
        ledger = ledger_of(bench)

        def interrupt(*_: object) -> None:
            raise Interrupted

        with monkeypatch.context() as patched:
            patched.setattr(ledger, "_group_for", interrupt)
            with pytest.raises(Interrupted):
                ledger.turn(asks(first))
        assert ledger._queue == []
        assert ledger.turn(asks(second)).armed


def test_cap_counts_what_is_armed_at_the_same_moment(tables: Database) -> None:
    with opened(tables, daily_recipients=4) as bench:
        first, second = two(bench)
        done = [one.result() for one in together(ledger_of(bench), asks(first), asks(second))]
        assert [one.armed for one in done] == [True, False]
        assert done[0].reached is None
        assert str(done[1].reached) == "daily cap of 4 messages reached"
        bench.check()


def test_cap_counts_the_outcome_that_comes_at_the_same_moment(tables: Database) -> None:
    with opened(tables, daily_recipients=4) as bench:
        first, second = two(bench)
        ledger = ledger_of(bench)
        ledger.turn(asks(first))
        one_of_three = Turn(end=ending(first, rejected=2))
        armed, ended = (it.result() for it in together(ledger, asks(second), one_of_three))
        assert ended.ended
        assert armed.reached is None
        assert armed.armed


def test_outcome_is_stored_although_a_cap_stops_the_next_batch(tables: Database) -> None:
    with opened(tables, daily_recipients=4) as bench:
        first, second = two(bench)
        ledger = ledger_of(bench)
        ledger.turn(asks(first))
        stopped, ended = (it.result() for it in together(ledger, asks(second), ends(first)))
        assert ended.ended
        assert not stopped.armed
        assert stopped.reached is not None


def test_outcomes_of_many_threads_are_all_stored(bench: Bench) -> None:
    ids = [bench.submit(1, f"campaign {n}", start=n) for n in range(8)]
    batches = gathered(bench, *ids)
    ledger = ledger_of(bench)
    for one in together(ledger, *map(asks, batches)):
        assert one.result().armed
    for one in together(ledger, *(ends(batch) for batch in batches)):
        assert one.result().ended
    assert {batch.state for batch in bench.batches()} == {"sent"}
