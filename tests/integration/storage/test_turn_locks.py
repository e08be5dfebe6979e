"""Turns wait for one lock of PostgreSQL, hear what is committed meanwhile, and block nobody.

SQLite has one writer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.turn import Arming, Ending, Turned
from dispatcher.errors import StorageError
from dispatcher.storage import account_waits, opt_outs, pauses, postgresql, replacement, schema
from dispatcher.storage.batches import moves
from dispatcher.storage.batches.turns.turn import turn
from dispatcher.storage.campaigns import moves as campaign_moves
from dispatcher.storage.database import Database
from dispatcher.storage.driver_errors import Busy
from tests.databases import wait_for_locks
from tests.integration.bench import OPEN, Bench, opened, people
from tests.integration.conftest import empty
from tests.integration.dispatch.test_lock_order import locked
from tests.integration.storage.test_turns import (
    TERMS,
    arming,
    ending,
    gathered,
    turned,
    two,
)
from tests.pgbouncer import PgBouncer

LATER = OPEN + timedelta(hours=1)


@pytest.fixture
def bench(postgres_tables: Database) -> Iterator[Bench]:
    """A bench on PostgreSQL."""
    empty(postgres_tables)
    with opened(postgres_tables) as bench:
        yield bench
        bench.check()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


Running = Callable[[list[Arming], list[Ending]], "Future[Turned]"]


@pytest.fixture
def begin(bench: Bench, pool: ThreadPoolExecutor) -> Running:
    """Begin a turn in another thread, and return once it waits for a lock."""

    def begin(arms: list[Arming], ends: list[Ending]) -> Future[Turned]:
        running = pool.submit(turned, bench, arms, ends)
        wait_for_locks(bench.dispatcher.database)
        return running

    return begin


def _pause_all(session: Session) -> None:
    pauses.pause(session, None, by="Anne", reason="wrong text", now=OPEN)


#: the row for which a turn waits
VERSION = f"dispatcher_meta WHERE name = '{opt_outs.VERSION}'"
#: what is committed while the turn waits
MEANWHILE: dict[str, Callable[[Session], object]] = {
    "a pause": lambda session: campaign_moves.pause(session, 1, "stop", OPEN),
    "an opt-out": lambda session: opt_outs.add(session, people(1), source="by hand", now=OPEN),
    "the pause of everything": _pause_all,
    "a wait of the account": lambda session: account_waits.put(session, "", LATER),
    "a campaign without credit": lambda session: session.execute(
        text("UPDATE dispatcher_campaign SET funded_to = 0")
    ),
    "a later instant": lambda session: session.execute(
        text(f"UPDATE dispatcher_batch SET not_before = '{LATER}'")
    ),
    "other states": lambda session: session.execute(
        text("UPDATE dispatcher_batch SET states = 'opp', opted_out = 1, pending = 2")
    ),
    "a cancelled batch": lambda session: campaign_moves.cancel_batches(session, 1),
}


@pytest.mark.parametrize("name", MEANWHILE)
def test_turn_that_waits_hears_what_is_committed_meanwhile(
    bench: Bench, begin: Running, name: str
) -> None:
    [batch] = gathered(bench, bench.submit(3))
    with locked(bench.dispatcher.database, VERSION) as session:
        running = begin([arming(batch)], [])
        MEANWHILE[name](session)
    assert running.result(60) == Turned()
    assert bench.attempts() == []


def test_turn_that_waits_for_the_version_hears_the_opt_out(bench: Bench, begin: Running) -> None:
    first, second = two(bench)
    turned(bench, [arming(first)])
    with bench.dispatcher.database.write() as session:
        opt_outs.add(session, people(1, 10), source="by hand", now=OPEN)
        running = begin([arming(second)], [ending(first)])
    assert running.result(60) == Turned(ended=frozenset({arming(first).tag}))


def test_opt_out_waits_for_a_turn_and_is_committed_after_it(
    bench: Bench, pool: ThreadPoolExecutor
) -> None:
    [batch] = gathered(bench, bench.submit(3))
    with bench.dispatcher.database.write() as session:
        assert turn(session, [arming(batch)], [], TERMS).armed
        adding = pool.submit(bench.opt_out, people(1)[0])
        wait_for_locks(bench.dispatcher.database)
        assert not adding.done()
    adding.result(60)
    assert bench.batch(batch.id).state == "sending"


def test_pause_waits_for_a_turn(bench: Bench, pool: ThreadPoolExecutor) -> None:
    [batch] = gathered(bench, bench.submit(3))
    with bench.dispatcher.database.write() as session:
        assert turn(session, [arming(batch)], [], TERMS).armed
        pausing = pool.submit(bench.dispatcher.pause, "soldes")
        wait_for_locks(bench.dispatcher.database)
        assert not pausing.done()
    pausing.result(60)
    assert bench.batch(batch.id).state == "sending"


def test_row_that_changed_in_what_is_not_judged_is_armed_as_it_is_now(
    bench: Bench, begin: Running
) -> None:
    [batch] = gathered(bench, bench.submit(3))
    with locked(bench.dispatcher.database, VERSION) as session:
        running = begin([arming(batch)], [])
        session.execute(text("UPDATE dispatcher_batch SET rule = 'new', planned = 7"))
    assert running.result(60).armed == {arming(batch).tag}
    found = bench.batch(batch.id)
    assert (found.state, found.attempt, found.rule) == ("sending", 1, "new")
    assert len(bench.attempts()) == 1


def test_batch_that_somebody_has_locked_is_not_armed_and_not_waited_for(bench: Bench) -> None:
    first, second = two(bench)
    with locked(bench.dispatcher.database, f"dispatcher_batch WHERE id = {first.id}"):
        assert turned(bench, [arming(first), arming(second)]).armed == {arming(second).tag}


def test_batch_whose_campaign_somebody_has_locked_is_not_armed_and_not_waited_for(
    bench: Bench,
) -> None:
    first, second = two(bench)
    with locked(bench.dispatcher.database, "dispatcher_campaign WHERE id = 1"):
        assert turned(bench, [arming(first), arming(second)]).armed == {arming(second).tag}


def test_outcome_whose_row_somebody_has_locked_is_not_stored_and_not_waited_for(
    bench: Bench,
) -> None:
    first, second = two(bench)
    turned(bench, [arming(first)])
    with locked(bench.dispatcher.database, f"dispatcher_batch WHERE id = {first.id}"):
        found = turned(bench, [arming(second)], [ending(first)])
    assert found == Turned(frozenset({arming(second).tag}))
    assert bench.batch(first.id).state == "sending"


def test_outcome_whose_attempt_somebody_has_locked_is_not_stored_and_not_waited_for(
    bench: Bench,
) -> None:
    first, second = two(bench)
    turned(bench, [arming(first)])
    turned(bench, [arming(second)])
    with locked(bench.dispatcher.database, f"dispatcher_attempt WHERE batch_id = {first.id}"):
        assert turned(bench, [], [ending(first), ending(second)]).ended == {arming(second).tag}
    assert bench.batch(first.id).state == "sending"


def test_outcome_sees_what_became_of_its_row_while_the_turn_waited(
    bench: Bench, begin: Running
) -> None:
    first, second = two(bench)
    turned(bench, [arming(first)])
    with locked(bench.dispatcher.database, VERSION) as session:
        running = begin([arming(second)], [ending(first)])
        session.execute(text(f"UPDATE dispatcher_batch SET attempt = 2 WHERE id = {first.id}"))
    assert running.result(60) == Turned(frozenset({arming(second).tag}))


def test_outcome_of_a_batch_that_was_rescued_meanwhile_is_stored(
    bench: Bench, begin: Running
) -> None:
    first, second = two(bench)
    turned(bench, [arming(first)])
    with locked(bench.dispatcher.database, VERSION) as session:
        running = begin([arming(second)], [ending(first)])
        assert moves.rescue(session, LATER, LATER) == [first.id]
    assert running.result(60) == Turned(
        frozenset({arming(second).tag}), frozenset({arming(first).tag})
    )
    assert bench.batch(first.id).state == "sent"


def test_turn_that_waits_holds_no_row(bench: Bench, begin: Running) -> None:
    first, second = two(bench)
    turned(bench, [arming(first)])
    with locked(bench.dispatcher.database, VERSION) as session:
        running = begin([arming(second)], [ending(first)])
        for table in ("campaign", "batch", "attempt"):
            session.execute(text(f"SELECT 1 FROM dispatcher_{table} FOR UPDATE NOWAIT"))
    assert running.result(60) == Turned(
        frozenset({arming(second).tag}), frozenset({arming(first).tag})
    )


def test_outcomes_alone_wait_for_no_version(bench: Bench) -> None:
    first, _ = two(bench)
    turned(bench, [arming(first)])
    with locked(bench.dispatcher.database, VERSION):
        assert turned(bench, [], [ending(first)]).ended == {arming(first).tag}


def test_turn_that_waits_for_the_version_lets_everybody_read(bench: Bench, begin: Running) -> None:
    first, _ = two(bench)
    with locked(bench.dispatcher.database, "dispatcher_meta"):
        running = begin([arming(first)], [])
        assert bench.progress("first").messages["pending"] == 3
    assert running.result(60).armed == {arming(first).tag}


# -- together with all that changes the same rows


def _disturbances() -> dict[str, Callable[[Session], object]]:
    again = (
        "UPDATE dispatcher_batch SET state = 'pending', lease_until = NULL, pending = size,"
        " sent = 0, cancelled = 0, states = repeat('p', size) WHERE state <> 'pending' AND id IN"
        " (SELECT id FROM dispatcher_batch ORDER BY id FOR NO KEY UPDATE)"
    )
    return {
        "cancel": lambda session: campaign_moves.cancel_batches(session, 3),
        "pause": lambda session: campaign_moves.pause(session, 2, "stop", OPEN),
        "resume": lambda session: session.execute(
            text("UPDATE dispatcher_campaign SET state = 'running', reason = NULL WHERE id = 2")
        ),
        "rescue": lambda session: moves.rescue(session, LATER, LATER),
        "expire": lambda session: campaign_moves.expire_batches(session, OPEN),
        "settle": lambda session: session.execute(text(again)),
        "opt out": lambda session: opt_outs.change_version(session),
        "wait": lambda session: account_waits.put(session, "", OPEN - timedelta(hours=1)),
        "erase": lambda session: replacement.replace_erased(session, 1),
    }


def postgres_rows(database: Database) -> list[tuple[int, int, str]]:
    """(id, attempt, version of the opt-out list) of each pending batch, in no order."""
    query = text(
        "SELECT id, attempt, (SELECT value FROM dispatcher_meta WHERE name = :name)"
        " FROM dispatcher_batch WHERE state = 'pending'"
    )
    with database.read() as session:
        rows = session.execute(query, {"name": opt_outs.VERSION}).all()
    return [(row[0], row[1], row[2]) for row in rows]


def test_turns_of_two_workers_never_lock_each_other_out(
    bench: Bench, postgres_tables: Database
) -> None:
    for number in range(3):
        bench.submit(1500, f"campaign {number}", start=number * 1500)
    batches = {batch.id: batch for batch in gathered(bench, *range(1, 10))}
    over, errors = threading.Event(), list[str]()
    counts: dict[str, int] = dict.fromkeys(("armed", "ended"), 0)
    until, enough = time.monotonic() + 5, 20

    @contextmanager
    def noted() -> Iterator[None]:
        try:
            yield
        except StorageError as error:
            errors.append(str(error))

    def disturb(step: Callable[[Session], object]) -> None:
        while not over.wait(0.03):
            with noted(), postgres_tables.write() as session:
                step(session)

    def work(name: str) -> None:
        carried: list[Arming] = []
        round_ = 0
        # on a busy machine few are armed within the seconds
        while time.monotonic() < until or counts["armed"] <= enough:
            round_ += 1
            rows = postgres_rows(postgres_tables)
            arms = [
                Arming(
                    replace(batches[one], attempt=attempt, opt_outs=version),
                    f"{name} {round_} {one}",
                )
                for one, attempt, version in (rows if name == "one" else rows[::-1])[:4]
            ]
            ends = [Ending(arm.batch, arm.tag, ending(arm.batch).change) for arm in carried[:2]]
            with noted():
                found = turned(bench, arms, ends, replace(TERMS, doubt_limit=1000))
                carried = [arm for arm in arms if arm.tag in found.armed]
                counts["armed"] += len(found.armed)
                counts["ended"] += len(found.ended)

    with ThreadPoolExecutor(20) as pool:
        disturbing = [pool.submit(disturb, step) for step in _disturbances().values()]
        working = [pool.submit(work, name) for name in ("one", "two")]
        for one in working:
            one.result(120)
        over.set()
        for one in disturbing:
            one.result(120)
    assert errors == []
    assert counts["armed"] > enough


# -- behind a pooler


def test_turns_behind_a_pooler_arm_and_end(fresh_postgres_url: str, tmp_path: Path) -> None:
    with PgBouncer(fresh_postgres_url, tmp_path) as bouncer:
        database = Database(bouncer.url)
        schema.prepare(database)
        with opened(database) as bench:
            first, second = two(bench)
            for _ in range(8):  # more often than a driver needs to prepare a statement
                with database.once() as session:
                    turn(session, [], [ending(first)], TERMS)
            with database.once() as session:
                assert turn(session, [arming(first)], [], TERMS).armed == {arming(first).tag}
            with database.once() as session:
                found = turn(session, [arming(second)], [ending(first)], TERMS)
            assert found == Turned(frozenset({arming(second).tag}), frozenset({arming(first).tag}))
            bench.check()
        database.close()


def test_turn_behind_a_pooler_without_limits_does_not_wait_for_ever(
    fresh_postgres_url: str,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgresql, "LOCK_TIMEOUT", "300ms")
    with PgBouncer(fresh_postgres_url, tmp_path) as bouncer:
        database = Database(bouncer.url)
        schema.prepare(database)

        def arm(batch: DueBatch) -> Turned:
            with database.once() as session:
                return turn(session, [arming(batch)], [], TERMS)

        with opened(database) as bench:
            first, second = two(bench)
            with database.write() as session:
                session.execute(text(f"SELECT value FROM {VERSION} FOR UPDATE"))
                running = pool.submit(arm, first)
                with pytest.raises(Busy):
                    running.result(30)
            assert arm(second).armed == {arming(second).tag}
            with database.once() as session:  # and the limit has ended with its turn
                assert session.execute(text("SHOW lock_timeout")).scalar_one() == "0"
        database.close()
