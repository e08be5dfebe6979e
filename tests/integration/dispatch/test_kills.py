"""Erasure, retention and replay end the same if SIGKILL comes at a statement or a commit."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, select

from dispatcher.storage import schema, seals
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Base, OptOutEvent, Reply, UtcDateTime
from tests.databases import connected, create_database, drop_database
from tests.integration.bench import Bench, opened
from tests.integration.dispatch.killed import ANNE, BRUNO, CHLOE, KEY, run

ROOT = Path(__file__).parents[3]
GREETING = "Bonjour {{ prenom }}, soldes demain"
#: columns that differ from run to run: random ones, and ids, because a sequence of PostgreSQL skips
#: those that were rolled back
_VARYING = {
    "dispatcher_action": {"id"},
    "dispatcher_erasure": {"id"},
    "dispatcher_event": {"key"},
    "dispatcher_opt_out": {"id"},
    "dispatcher_opt_out_event": {"id"},
    "dispatcher_seal": {"action_id", "hash"},
}
_VARYING_VALUES = {"erasures_begun", "opt_outs_version", "pruned_at", "record_head"}


def fill(bench: Bench) -> None:
    """Three people are in campaigns of every state, on the list, and in people's words."""
    submit = bench.dispatcher.submit
    everybody = [
        {"phone": phone, "prenom": f"{name}, voisine du 06 39 98 71 01"}
        for phone, name in ((ANNE, "Anne"), (BRUNO, "Bruno"), (CHLOE, "Chloé"))
    ]
    submit("relance 06 39 98 71 01", GREETING, everybody)
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    submit("partie", GREETING, everybody[:2])
    bench.work()
    bench.gateway.behave = bench.gateway.swallow
    submit("en doute", GREETING, everybody[:2])
    bench.work()
    later = bench.clock() + timedelta(days=1)
    submit("soldes", GREETING, everybody, not_before=later)
    submit("pause", GREETING, everybody, not_before=later)
    bench.dispatcher.pause("pause", reason="0639987101 s'est plainte")
    with bench.dispatcher.database.write() as session:
        facts: dict[str, Any] = {"stop": False, "sent_to": None, "message_id": None}
        for phone in (ANNE, BRUNO):
            session.add(
                Reply(digest=phone, phone=phone, text="Oui", received_at=bench.clock(), **facts)
            )
        facts = {"at": bench.clock(), "verb": "remove", "source": "by hand", "actor": "Bruno"}
        session.add(OptOutEvent(phone=BRUNO, reason="pour le 06.39.98.71.01", **facts))
    bench.opt_out(ANNE)
    bench.dispatcher.inbox.take("reply", b"numero=+33639987101")


def dump(database: Database) -> list[str]:
    """All rows of all tables, once a tick has sealed the record; an instant is there or not."""
    rows = []
    with database.write() as session:
        seals.add_rest(session)
        assert list(seals.broken(session)) == []
        for table in Base.metadata.sorted_tables:
            columns = [it for it in table.columns if it.name not in _VARYING.get(table.name, ())]
            for row in session.execute(select(table)).mappings():
                if row.get("name") in _VARYING_VALUES:
                    continue
                values = {
                    it.name: row[it] is None if isinstance(it.type, UtcDateTime) else row[it]
                    for it in columns
                }
                rows.append(f"{table.name} {values}")
    return sorted(rows)


class Copies:
    """A database that is put back to what it was, for one kill after another."""

    def __init__(self, url: str, template: str) -> None:
        self.url, self._template = url, template
        self.database = Database(url)

    def put_back(self) -> None:
        self.database.engine.dispose()
        url, template = make_url(self.url), make_url(self._template)
        if self.database.is_sqlite:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{url.database}{suffix}").unlink(missing_ok=True)
            shutil.copy(str(template.database), str(url.database))
            return
        with connected(
            url.set(database="postgres").render_as_string(hide_password=False)
        ) as server:
            server.execute(f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)'.encode())
            server.execute(
                f'CREATE DATABASE "{url.database}" TEMPLATE "{template.database}"'.encode()
            )


@contextmanager
def copies_of(url: str, work: str) -> Iterator[tuple[Copies, datetime]]:
    """Copies of a database that ``fill`` filled, and the instant at which the work begins."""
    original = Database(url)
    schema.prepare(original)
    with opened(original, pseudonym_key=KEY) as bench:
        fill(bench)
        if work == "prune":
            bench.gateway.deliver()
            bench.pass_by(days=1)
            bench.dispatcher.cancel("pause", reason="over")
            bench.dispatcher.give_up(bench.dispatcher.doubts()[0].batch_id, reason="nothing shows")
            bench.gateway.deliver()
            bench.pass_by(days=4)
            bench.clock.forward(days=400)
        at = bench.clock()
    original.checkpoint()
    original.close()
    if original.is_sqlite:
        copies = Copies(url.replace("test.db", "copy.db"), url)
        yield copies, at
        copies.database.close()
        return
    name = create_database(url)
    copies = Copies(name, url)
    try:
        yield copies, at
    finally:
        copies.database.close()
        drop_database(name)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("work", ["erase", "replay", "prune"])
def test_work_killed_at_a_statement_ends_the_same_when_run_again(
    database_url: str, work: str
) -> None:
    with copies_of(database_url, work) as (copies, at):
        again = at + timedelta(hours=2) if work == "prune" else at
        copies.put_back()
        last = run(copies.database, work, at.isoformat(), 0)
        whole = dump(copies.database)
        assert last > 20, "a short work proves little"
        most = 60 if copies.database.is_sqlite else 25  # so that it takes seconds
        command = [sys.executable, "-m", "tests.integration.dispatch.killed", copies.url]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for step in [0, *range(1, last + 2, -(-last // most))]:
                copies.put_back()
                print(json.dumps([work, at.isoformat(), step]), file=process.stdin, flush=True)
                ended_by = int(process.stdout.readline())
                assert ended_by == (signal.SIGKILL if 0 < step <= last else 0), step
                run(copies.database, work, again.isoformat(), 0)
                assert dump(copies.database) == whole, f"killed at step {step} of {last}"
            process.stdin.close()
