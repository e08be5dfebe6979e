"""A host whose clock differs from PostgreSQL's does nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatcher import StorageError
from dispatcher.dispatch.stop_list import SyncResult
from dispatcher.storage import events
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, people
from tests.integration.conftest import empty


@pytest.fixture
def bench(postgres_tables: Database) -> Bench:
    """A bench on PostgreSQL whose clock is right at first, and compared with the database's."""
    empty(postgres_tables)
    return Bench(postgres_tables, at=datetime.now(UTC))


def alert(bench: Bench, **options: Any) -> int:
    return bench.submit(commercial=False, reason="notice", **options)


@pytest.mark.parametrize("days", [-4, 4])
def test_host_with_a_wrong_clock_expires_nothing(bench: Bench, days: int) -> None:
    alert(
        bench,
        not_before=bench.clock() + timedelta(hours=1),
        not_after=bench.clock() + timedelta(hours=2),
    )
    bench.clock.forward(days=days)
    due = bench.tick()
    assert (list(due.send), list(due.settle), dict(due.by_account)) == ([], [], {})
    assert bench.dispatcher.last_tick() is None
    assert bench.messages() == {"pending": 3}


def test_host_with_a_wrong_clock_gives_up_no_report(bench: Bench) -> None:
    bench.send(alert(bench))
    bench.clock.forward(days=4)
    bench.poll()
    assert bench.messages() == {"sent": 3}


def test_host_with_a_wrong_clock_makes_no_batch_wait(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    batch = bench.submit(commercial=True)
    before = bench.batch(batch).not_before
    bench.clock.forward(days=400)
    assert bench.send(batch) == 0
    assert bench.batch(batch).not_before == before
    assert "this clock and the database's differ by 399 days, 23:59" in caplog.text


def test_host_with_a_wrong_clock_deletes_no_history(bench: Bench) -> None:
    with bench.dispatcher.database.write() as session:
        events.add(session, "opt_out_added", now=bench.clock(), counts={"opt_outs": 1})
    bench.dispatcher.steps.deliver_events()
    bench.clock.forward(days=4000)
    assert bench.dispatcher.steps.prune() == 0


def test_host_with_a_wrong_clock_looks_no_doubt_up(bench: Bench) -> None:
    batch = alert(bench)
    bench.gateway.behave = bench.gateway.lose
    bench.send(batch)
    bench.clock.forward(days=4)
    assert not bench.settle(batch)
    assert bench.gateway.lookups == []


def test_host_with_a_wrong_clock_asks_nothing_back(bench: Bench) -> None:
    hour = bench.clock().replace(minute=0, second=0, microsecond=0) + timedelta(hours=3)
    batch = alert(bench, not_before=hour, hand_over=True)
    bench.send(batch)
    assert bench.batch(batch).state == "handed_over"
    bench.dispatcher.pause("soldes")
    bench.clock.forward(days=4)
    assert bench.recall() == 0
    assert bench.gateway.cancel_calls == []
    bench.clock.forward(days=-4)
    assert bench.recall() == 1
    assert bench.batch(batch).not_before <= bench.clock()


def test_host_with_a_wrong_clock_reads_no_balance_and_no_stop_list(bench: Bench) -> None:
    bench.gateway.stopped.add(people(1)[0])
    bench.clock.forward(days=4)
    steps = bench.dispatcher.steps
    assert not steps.check_credit()
    assert steps.sync_opt_outs() == SyncResult()
    bench.clock.forward(days=-4)
    assert steps.sync_opt_outs() != SyncResult()


def test_host_with_a_wrong_clock_delivers_no_events(bench: Bench) -> None:
    with bench.dispatcher.database.write() as session:
        events.add(session, "opt_out_added", now=bench.clock(), counts={"opt_outs": 1})
    bench.clock.forward(days=4)
    assert bench.dispatcher.steps.deliver_events() == 0
    bench.clock.forward(days=-4)
    assert bench.dispatcher.steps.deliver_events() == 1


@pytest.mark.parametrize("verb", ["resend", "give_up"])
def test_person_at_a_host_with_a_wrong_clock_ends_no_doubt(bench: Bench, verb: str) -> None:
    batch = alert(bench)
    bench.gateway.behave = bench.gateway.swallow
    bench.send(batch)
    bench.clock.forward(days=4)
    with pytest.raises(StorageError, match="this clock and the database's differ"):
        getattr(bench.dispatcher, verb)(batch, reason="nothing shows")
    assert bench.batch(batch).state == "in_doubt"


def test_host_with_a_right_clock_works(bench: Bench) -> None:
    alert(bench)
    bench.work()
    assert bench.messages() == {"sent": 3}
    assert bench.dispatcher.last_tick() == bench.clock()
