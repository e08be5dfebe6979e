"""The waits of a batch are independent, and the latest of them counts."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from dispatcher.campaigns.turn import Turned
from dispatcher.dispatch.sending import attempt
from dispatcher.errors import IllegalMove, StorageError
from dispatcher.gateway import SendReply, Throttled
from dispatcher.storage.batches.turns import turn as turns
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Batch
from tests.databases import wait_for_locks
from tests.integration.bench import OPEN, Bench, opened, people
from tests.integration.conftest import empty
from tests.waiting import PATIENCE

HOUR = timedelta(hours=1)


def asks_to_wait(tag: str, phones: list[str]) -> SendReply:
    return Throttled(3600.0)


def unwanted(tag: str, phones: list[str]) -> SendReply:
    raise AssertionError("a request left that must not leave")


def second(bench: Bench, **settings: Any) -> Bench:
    """Another process on the same database, whose clock shows the same."""
    return Bench(bench.dispatcher.database, at=bench.clock.at, gateway=bench.gateway, **settings)


# -- kept apart


def test_tick_with_other_hours_does_not_shorten_a_retry_after(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = asks_to_wait
    bench.send(batch)
    bench.gateway.behave = unwanted
    for _ in range(3):
        for hours in ("09:00", "08:30"):
            second(bench, window_opens=hours).work()
            bench.work()
    row = bench.batch(batch)
    assert (row.not_before, row.why) == (OPEN + HOUR, "the gateway asks to wait")


def test_new_hours_that_open_later_than_a_retry_count(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = asks_to_wait
    bench.send(batch)
    later = second(bench, window_opens="12:00")
    later.tick()
    row = later.batch(batch)
    assert row.not_before == OPEN + timedelta(hours=2)  # noon in Paris
    assert row.why != "the gateway asks to wait"
    bench.tick()  # its hours are open: only the retry is left
    row = bench.batch(batch)
    assert (row.not_before, row.why) == (OPEN + HOUR, "the gateway asks to wait")


def test_tick_with_other_hours_does_not_end_the_wait_for_a_cap(tables: Database) -> None:
    with opened(tables, daily_recipients=4) as bench:
        for number in range(2):
            bench.send(bench.submit(3, f"s{number}", start=10 * number))
        waiting = bench.batches()[1]
        assert waiting.why.startswith("daily cap of ")
        second(bench, daily_recipients=4, window_opens="09:00").tick()
        again = bench.batch(waiting.id)
        assert (again.not_before, again.why) == (waiting.not_before, waiting.why)


def test_higher_cap_ends_its_own_wait_only(tables: Database) -> None:
    with opened(tables, daily_recipients=4) as bench:
        for number in range(2):
            bench.send(bench.submit(3, f"s{number}", start=10 * number))
        waiting = bench.batches()[1]
        with tables.write() as session:
            row = session.get_one(Batch, waiting.id)
            row.retry_until, row.retry_why = OPEN + HOUR, "the gateway asks to wait"
        second(bench, daily_recipients=400).tick()
        row = bench.batch(waiting.id)
        assert (row.not_before, row.why) == (OPEN + HOUR, "the gateway asks to wait")


# -- the account's


def test_retry_after_holds_back_every_batch_of_the_account(bench: Bench) -> None:
    first = bench.submit(3)
    others = [
        bench.submit(3, f"s{n}", start=10 * n, commercial=n > 1, reason="notice")
        for n in range(1, 4)
    ]
    bench.gateway.behave = asks_to_wait
    bench.send(first)
    bench.gateway.behave = unwanted
    for batch in others:
        assert bench.send(batch) == 0
    assert bench.tick().send == []
    progress = bench.progress("s1")
    assert (progress.waits_until, progress.why) == (OPEN + HOUR, "the gateway asks to wait")
    bench.clock.forward(minutes=59)
    bench.work()
    assert len(bench.gateway.requests) == 1
    bench.gateway.behave = bench.gateway.take
    bench.clock.forward(minutes=1)
    bench.work()
    assert bench.gateway.texted == dict.fromkeys(
        [phone for n in range(4) for phone in people(3, 10 * n)], 1
    )


@pytest.mark.parametrize("after", [None, 0.0, -5.0])
def test_429_without_a_time_holds_back_every_batch_of_the_account(
    bench: Bench, after: float | None
) -> None:
    first, other = bench.submit(3), bench.submit(3, "other", start=10)
    bench.gateway.behave = lambda *_: Throttled(after)
    bench.send(first)
    bench.gateway.behave = unwanted
    assert bench.send(other) == 0
    assert bench.tick().send == []
    assert bench.progress("other").why == "the gateway asks to wait"
    bench.gateway.behave = bench.gateway.take
    bench.pass_by(minutes=5)
    assert bench.messages("other") == bench.messages() == {"sent": 3}


def test_claim_sees_the_wait_of_the_account(bench: Bench) -> None:
    """Another worker was asked to wait after this one had gathered its batch."""
    first, batch = bench.submit(3), bench.submit(3, "other", start=10)
    worker = second(bench)

    def told_to_wait() -> None:
        bench.gateway.on_connect = lambda: None
        bench.gateway.behave = asks_to_wait
        worker.send(first)
        bench.gateway.behave = unwanted

    bench.gateway.on_connect = told_to_wait
    assert bench.send(batch) == 0
    assert bench.attempts(batch) == []


def test_shorter_retry_after_does_not_shorten_the_wait_of_the_account(bench: Bench) -> None:
    first, batch = bench.submit(3), bench.submit(3, "other", start=10)
    worker = second(bench)

    def both(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.behave = asks_to_wait
        worker.send(batch)
        return Throttled(60.0)

    bench.gateway.behave = both
    bench.send(first)
    bench.gateway.behave = unwanted
    bench.clock.forward(minutes=30)
    bench.work()
    assert bench.progress().waits_until == OPEN + HOUR


# -- the end of the campaign


def test_not_after_that_passes_before_the_first_byte_sends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = bench.submit(3, not_after=OPEN + timedelta(seconds=2))
    armed = turns.turn

    def slow(*args: Any) -> Turned:
        done = armed(*args)
        bench.clock.forward(seconds=attempt.STALE - 2)
        return done

    monkeypatch.setattr(turns, "turn", slow)
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0
    assert bench.outcomes(batch) == ["not_sent"]
    bench.tick()
    assert bench.messages() == {"expired": 3}


def test_tick_that_expires_and_a_cancellation_do_not_lock_each_other(
    postgres_tables: Database,
) -> None:
    empty(postgres_tables)
    with opened(postgres_tables) as bench, ExitStack() as holding:
        batch = bench.submit(3, not_after=OPEN + HOUR)
        bench.clock.forward(hours=2)
        holder = holding.enter_context(postgres_tables.write())
        holder.execute(select(Batch).where(Batch.id == batch).with_for_update()).all()
        failed: list[StorageError] = []

        def run(act: Any) -> None:
            try:
                act()
            except IllegalMove:
                pass  # the tick was first, and has finished the campaign
            except StorageError as error:
                failed.append(error)

        cancel = threading.Thread(target=run, args=(lambda: bench.dispatcher.cancel("soldes"),))
        tick = threading.Thread(target=run, args=(bench.tick,))
        for number, thread in enumerate((tick, cancel), start=1):
            thread.start()
            wait_for_locks(postgres_tables, number)
        holding.close()
        for thread in (tick, cancel):
            thread.join(PATIENCE)
        assert not failed
        assert sum(bench.messages().values()) == 3
        bench.check()
