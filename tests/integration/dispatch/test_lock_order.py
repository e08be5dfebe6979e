"""Statements that change many rows lock them by id, so that no two wait for each other.

On PostgreSQL: SQLite has one writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatcher.campaigns.set_aside import NEVER
from dispatcher.storage import account_waits, caps, erasures, opt_outs, pauses
from dispatcher.storage.batches import hand_over, moves, recalls, reevaluation, set_aside
from dispatcher.storage.campaigns import moves as campaign_moves
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Batch
from dispatcher.window import Hold
from tests.databases import wait_for_locks
from tests.integration.bench import OPEN, Bench, opened, people
from tests.integration.conftest import empty

LATER = OPEN + timedelta(hours=1)
STALE = reevaluation.StaleBatches(1, "metropole", "old", None)
#: name -> what the three batches are like, and the statement
STATEMENTS: dict[str, tuple[str, Callable[[Session], object]]] = {
    "cancel": ("why = ''", lambda session: campaign_moves.cancel_batches(session, 1)),
    "expire": ("why = ''", lambda session: campaign_moves.expire_batches(session, LATER)),
    "rescue": (
        f"state = 'sending', lease_until = '{OPEN}'",
        lambda session: moves.rescue(session, LATER, LATER),
    ),
    "reevaluate": (
        "rule = 'old'",
        lambda session: reevaluation.reevaluate(session, STALE, Hold(LATER, "Sunday"), "new"),
    ),
    "release": (
        f"cap_until = '{LATER}', not_before = '{LATER}', cap_why = 'the day'",
        lambda session: caps.release(session, OPEN, [], messages=0, segments=0),
    ),
    "leave": (
        f"state = 'handed_over', leaves_at = '{OPEN}'",
        lambda session: hand_over.leave(session, LATER, LATER),
    ),
    "recall": (
        f"state = 'handed_over', leaves_at = '{LATER}'",
        lambda session: recalls.request(
            session, Batch.campaign_id == 1, "taken back: paused", OPEN
        ),
    ),
    "try again": (
        f"not_before = '{NEVER}'",
        lambda session: set_aside.release(session, 1, OPEN),
    ),
}


@pytest.fixture
def bench(postgres_tables: Database) -> Iterator[Bench]:
    """A bench on PostgreSQL."""
    empty(postgres_tables)
    with opened(postgres_tables) as bench:
        yield bench


@contextmanager
def locked(database: Database, row: str) -> Iterator[Session]:
    """A transaction that holds a row."""
    with database.write() as session:
        session.execute(text(f"SELECT 1 FROM {row} FOR NO KEY UPDATE"))
        yield session


@pytest.mark.parametrize("name", STATEMENTS)
def test_statement_over_many_batches_locks_the_first_one_first(bench: Bench, name: str) -> None:
    bench.submit(1001, not_after=LATER)
    database = bench.dispatcher.database
    values, statement = STATEMENTS[name]
    with database.write() as session:
        session.execute(text(f"UPDATE dispatcher_batch SET {values}"))
    with database.write() as session:  # so that the first is the last on the disk
        session.execute(text("UPDATE dispatcher_batch SET why = why WHERE number = 1"))

    def run() -> None:
        with database.write() as session:
            statement(session)

    with ThreadPoolExecutor() as pool:
        with locked(database, "dispatcher_batch WHERE number = 1") as session:
            running = pool.submit(run)
            wait_for_locks(database)
            rest = session.execute(
                text("SELECT id FROM dispatcher_batch WHERE number > 1 FOR UPDATE NOWAIT")
            )
            assert len(rest.all()) == 2
        running.result(60)


def test_claim_that_waits_for_a_row_respects_the_wait_of_its_account(bench: Bench) -> None:
    batch = bench.submit()
    with ThreadPoolExecutor() as pool:
        with bench.dispatcher.database.write() as session:
            opt_outs.change_version(session)
            running = pool.submit(bench.send, batch)
            wait_for_locks(bench.dispatcher.database)
            account_waits.put(session, "", LATER)
        assert running.result(60) == 0
    assert bench.gateway.ledger == []


def test_pause_of_everything_waits_for_no_claim_that_comes_later(bench: Bench) -> None:
    batch = bench.submit()
    with ThreadPoolExecutor() as pool:
        with bench.dispatcher.database.write() as session:
            opt_outs.change_version(session)
            running = pool.submit(bench.send, batch)
            wait_for_locks(bench.dispatcher.database)
            pauses.pause(session, None, by="Anne", reason="wrong text", now=OPEN)
        assert running.result(60) == 0
    assert bench.gateway.ledger == []


def test_campaign_that_somebody_has_locked_holds_up_no_other(bench: Bench) -> None:
    first, second = bench.submit(3, "first"), bench.submit(3, "second", start=10)
    with locked(bench.dispatcher.database, "dispatcher_campaign WHERE reference = 'first'"):
        assert bench.send(first) == 1
        assert [bench.batch(one).state for one in (first, second)] == ["pending", "sent"]
    bench.send(first)
    assert bench.batch(first).state == "sent"


def test_two_first_erasures_at_once_share_one_key(bench: Bench) -> None:
    database = bench.dispatcher.database
    for phone in people(2):
        bench.opt_out(phone)

    def erase(phone: str) -> str:
        with database.write() as session:
            return erasures.begin(session, phone, reason="asked", actor="Anne", now=OPEN)

    first, second = people(2)
    with ThreadPoolExecutor() as pool:
        with database.write() as session:
            erasures.begin(session, first, reason="asked", actor="Anne", now=OPEN)
            running = pool.submit(erase, second)
            wait_for_locks(database)
        assert running.result(60)
    with database.read() as session:
        assert opt_outs.opted_out(session, people(3)) == {first, second}
