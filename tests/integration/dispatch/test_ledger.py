"""The ledger: one transaction for the turns of all threads that wait, and what if it fails."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.caps import Usage
from dispatcher.campaigns.turn import Arming, Ending, Turned
from dispatcher.dispatch.sending.caps import SendCaps
from dispatcher.dispatch.sending.ledger import Ledger, Turn
from dispatcher.errors import StorageError
from dispatcher.storage.batches.turns import turn as turns
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened
from tests.integration.storage.test_turns import arming, ending, gathered, turned, two

#: what a test makes of the batches that one transaction arms, and whose outcomes it stores
Meddle = Callable[[list[int], list[int]], None]


class Interrupted(BaseException):
    """The thread that writes ends."""


def ledger_of(bench: Bench, may_arm: Callable[..., bool] = lambda *_: True) -> Ledger:
    context = bench.dispatcher.steps._context
    return Ledger(context, SendCaps(context), may_arm)


def asks(batch: DueBatch, end: Ending | None = None) -> Turn:
    return Turn(arming(batch), Usage(len(batch.recipients)), end)


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


class Queue(deque[Turn]):
    """The queue of a ledger, which tells when a turn has come."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Semaphore(0)

    def append(self, turn: Turn) -> None:
        super().append(turn)
        self.came.release()


def together(ledger: Ledger, *asked: Turn) -> list[Future[Turn]]:
    """Ask for turns in as many threads, all of which wait before the first is written."""
    with ThreadPoolExecutor(len(asked)) as pool:
        ledger._queue = queue = Queue()
        with ledger._lock:
            running = []
            for one in asked:
                running.append(pool.submit(ledger.turn, one))
                assert queue.came.acquire(timeout=60)
        return running


def test_turns_that_wait_are_written_by_one_transaction(
    bench: Bench, groups: list[tuple[list[int], list[int]]]
) -> None:
    first, second = two(bench)
    ledger = ledger_of(bench)
    assert ledger.turn(asks(first)).armed
    done = [one.result() for one in together(ledger, asks(second), Turn(end=ending(first)))]
    assert [(one.armed, one.ended) for one in done] == [(True, False), (False, True)]
    assert groups == [([first.id], []), ([second.id], [first.id])]
    assert done[0].at_wall == bench.clock()


def test_one_thread_writes_its_outcome_and_arms_its_next_batch_at_once(
    bench: Bench, groups: list[tuple[list[int], list[int]]]
) -> None:
    first, second = two(bench)
    ledger = ledger_of(bench)
    ledger.turn(asks(first))
    done = ledger.turn(asks(second, ending(first)))
    assert (done.armed, done.ended, len(groups)) == (True, True, 2)


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
    done = ledger_of(bench, lambda *_: False).turn(asks(second, ending(first)))
    assert (done.armed, done.ended) == (False, True)


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
        for one in together(ledger, asks(second), Turn(end=ending(first))):
            done = one.result()
            assert not done.armed
            assert not done.ended
            assert isinstance(done.error, StorageError)
    assert [batch.state for batch in bench.batches()] == ["sending", "pending"]
    groups.clear()
    for one in together(ledger, asks(second), Turn(end=ending(first))):
        assert one.result().error is None
    assert groups == [([second.id], []), ([], [first.id])]


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
        with ledger._lock:
            asked = asks(first)
            ledger._queue = queue = Queue()
            running = pool.submit(ledger.turn, asked)
            assert queue.came.acquire(timeout=60)
            queue.clear()
        assert isinstance(running.result().error, StorageError)


def test_cap_counts_what_is_armed_at_the_same_moment(tables: Database) -> None:
    with opened(tables, daily_recipients=4) as bench:
        first, second = two(bench)
        done = [one.result() for one in together(ledger_of(bench), asks(first), asks(second))]
        assert [one.armed for one in done] == [True, False]
        assert done[0].reached is None
        assert str(done[1].reached) == "daily cap of 4 messages reached"
        bench.check()


def test_outcome_is_stored_although_a_cap_stops_the_next_batch(tables: Database) -> None:
    with opened(tables, daily_recipients=4) as bench:
        first, second = two(bench)
        ledger = ledger_of(bench)
        ledger.turn(asks(first))
        done = ledger.turn(asks(second, ending(first)))
        assert done.ended
        assert not done.armed
        assert done.reached is not None


def test_outcomes_of_many_threads_are_all_stored(bench: Bench) -> None:
    ids = [bench.submit(1, f"campaign {n}", start=n) for n in range(8)]
    batches = gathered(bench, *ids)
    ledger = ledger_of(bench)
    for one in together(ledger, *map(asks, batches)):
        assert one.result().armed
    for one in together(ledger, *(Turn(end=ending(batch)) for batch in batches)):
        assert one.result().ended
    assert {batch.state for batch in bench.batches()} == {"sent"}
