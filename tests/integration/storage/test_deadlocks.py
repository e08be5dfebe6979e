"""Two worker processes send while everything else changes the same rows: PostgreSQL sees no
deadlock.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatcher.errors import DispatcherError
from dispatcher.storage import account_waits, schema
from dispatcher.storage.batches import moves
from dispatcher.storage.campaigns import moves as campaign_moves
from dispatcher.storage.database import Database
from tests.integration.bench import OPEN, Bench, opened, people
from tests.integration.storage.test_turn_locks import LATER
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
CAMPAIGNS = 24
#: after these, every batch that was gathered must be gathered again: they come less often
RARE = frozenset({"wait", "pause all", "opt out"})
#: whatever became of a batch, it goes again
_AGAIN = (
    "UPDATE dispatcher_batch SET state = 'pending', lease_until = NULL, check_at = NULL, why = '',"
    f" not_before = '{OPEN}', states = repeat('p', size), pending = size, sent = 0, cancelled = 0,"
    " expired = 0, delivered = 0, opted_out = 0, rejected = 0, unreported = 0, withdrawn = 0,"
    " undelivered = 0, codes = '{}' WHERE state <> 'pending' AND id IN"
    " (SELECT id FROM dispatcher_batch WHERE campaign_id < 24 ORDER BY id FOR NO KEY UPDATE)"
)


@pytest.fixture
def bench(fresh_postgres_url: str) -> Iterator[Bench]:
    """A bench on a PostgreSQL database of its own, whose deadlocks are counted."""
    database = Database(fresh_postgres_url)
    schema.prepare(database)
    with opened(database, doubt_limit=1000, text_days=31, recipient_days=31) as bench:
        yield bench
    database.close()


def steps(bench: Bench) -> dict[str, Callable[[], object]]:
    """All that changes campaigns and batches beside the send path."""
    one, database = bench.dispatcher, bench.dispatcher.database
    turn = count()

    def stored(step: Callable[[Session], object]) -> Callable[[], None]:
        def run() -> None:
            with database.write() as session:
                step(session)

        return run

    def settle() -> None:
        query = text("SELECT id FROM dispatcher_batch WHERE state = 'in_doubt' ORDER BY id")
        with database.read() as session:
            ids = session.scalars(query).all()
        for batch_id in ids[:5]:
            bench.settle(batch_id)

    def prune() -> None:
        """The last campaign ended long ago: its recipients and its text are replaced again."""
        old = (
            (
                "UPDATE dispatcher_campaign SET numbers_from = 1, text = 'x', state = 'finished',"
                f" ended_at = '2026-01-01 00:00+00' WHERE id = {CAMPAIGNS}"
            ),
            "DELETE FROM dispatcher_meta WHERE name = 'pruned_at'",
        )
        with database.write() as session:
            for statement in old:
                session.execute(text(statement))
        bench.prune_alone()

    def pause() -> None:
        reference = f"campaign {next(turn) % 5}"
        one.pause(reference)
        one.resume(reference)

    def pause_all() -> None:
        one.pause_all()
        one.resume_all()

    def opt_out() -> None:
        phone = people(1, 9000 + next(turn) % 900)[0]
        one.opt_outs.add([phone])
        one.persons.erase(phone, reason="asked", by="Anne")

    return {
        "again": stored(lambda session: session.execute(text(_AGAIN))),
        "cancel": stored(lambda session: campaign_moves.cancel_batches(session, 7)),
        "rescue": stored(lambda session: moves.rescue(session, LATER, LATER)),
        "expire": stored(lambda session: campaign_moves.expire_batches(session, OPEN)),
        "wait": stored(lambda session: account_waits.put(session, "", OPEN)),
        "finish": stored(
            lambda session: campaign_moves.finish(session, list(range(CAMPAIGNS, 0, -1)), OPEN)
        ),
        "run on": stored(
            lambda session: session.execute(
                text(
                    "UPDATE dispatcher_campaign SET state = 'running', ended_at = NULL"
                    f" WHERE state = 'finished' AND id < {CAMPAIGNS}"
                )
            )
        ),
        "settle": settle,
        "poll": bench.poll,
        "tick": bench.tick,
        "prune": prune,
        "pause": pause,
        "pause all": pause_all,
        "opt out": opt_out,
    }


def test_two_worker_processes_and_all_other_steps_never_deadlock(
    bench: Bench, fresh_postgres_url: str
) -> None:
    for number in range(CAMPAIGNS):
        bench.submit(
            4, f"campaign {number}", start=4 * number, not_after=LATER if number % 2 else None
        )
    over, errors, done = threading.Event(), list[str](), dict.fromkeys(steps(bench), 0)

    def disturb(name: str, step: Callable[[], object]) -> None:
        late = 0  # tries after the workers have ended, which were quicker than this thread
        while not over.wait(1.0 if name in RARE else 0.1) or (not done[name] and late < 100):
            late += over.is_set()
            try:
                step()
                done[name] += 1
            except DispatcherError as error:  # for instance a campaign that is finished meanwhile
                errors.append(f"{name}: {error}")

    command = [sys.executable, "-m", "tests.integration.storage.sending", fresh_postgres_url]
    workers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    with ThreadPoolExecutor(20) as pool:
        running = [pool.submit(disturb, *step) for step in steps(bench).items()]
        try:
            told = [json.loads(worker.communicate(timeout=PATIENCE)[0]) for worker in workers]
        finally:
            over.set()
            for worker in workers:
                worker.kill()
                worker.communicate()
        for one in running:
            one.result(60)
    assert [one for one in errors if "lock" in one] == []
    assert told == [[], []]
    assert [name for name, times in done.items() if not times] == [], errors
    bench.dispatcher.database.close()
    with bench.dispatcher.database.read() as session:
        deadlocks = session.scalar(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
    assert deadlocks == 0
