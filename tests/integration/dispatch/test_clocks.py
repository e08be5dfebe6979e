"""A host whose clock differs from PostgreSQL's ends nothing for its age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatcher.storage import events
from dispatcher.storage.database import Database
from tests.integration.bench import Bench
from tests.integration.conftest import empty


@pytest.fixture
def bench(postgres_tables: Database) -> Bench:
    """A bench on PostgreSQL whose clock is right at first, and compared with the database's."""
    empty(postgres_tables)
    return Bench(postgres_tables, at=datetime.now(UTC))


def alert(bench: Bench, **options: Any) -> int:
    return bench.submit(commercial=False, **options)


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


def test_host_with_a_right_clock_works(bench: Bench) -> None:
    alert(bench)
    bench.work()
    assert bench.messages() == {"sent": 3}
    assert bench.dispatcher.last_tick() == bench.clock()
