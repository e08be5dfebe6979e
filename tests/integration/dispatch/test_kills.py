"""Erasure, retention, replay and approval end the same if SIGKILL comes at a statement."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import make_url, select

from dispatcher.api import actor
from dispatcher.storage import schema, seals
from dispatcher.storage.database import Database
from dispatcher.storage.tables import (
    Action,
    Base,
    Campaign,
    Draft,
    DraftRow,
    Occurrence,
    OptOutEvent,
    Recipient,
    Reply,
    UtcDateTime,
)
from tests.databases import connected, create_database, drop_database
from tests.integration.bench import OPEN, Bench, opened
from tests.integration.dispatch.killed import ANNE, BRUNO, CHLOE, KEY, run

ROOT = Path(__file__).parents[3]
INES, YANN = "+33639987201", "+33639987202"
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
def copies(original: Database, url: str) -> Iterator[Copies]:
    """Copies of a database, which is closed."""
    original.checkpoint()
    original.close()
    name = url.replace("test.db", "copy.db") if original.is_sqlite else create_database(url)
    copy = Copies(name, url)
    try:
        yield copy
    finally:
        copy.database.close()
        if not original.is_sqlite:
            drop_database(name)


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
    with copies(original, url) as copy:
        yield copy, at


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
        for step in killed(copies, work, at, last):
            run(copies.database, work, again.isoformat(), 0)
            assert dump(copies.database) == whole, f"killed at step {step} of {last}"


def killed(copies: Copies, work: str, at: datetime, last: int) -> Iterator[int]:
    """Kill a process that does the work at some of its steps; yields after each kill.

    The copy is put back before each. 0 is not killed.
    """
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
            yield step
        process.stdin.close()


# -- drafts


@contextmanager
def drafted(url: str) -> Iterator[Copies]:
    """Copies of a database with a draft that somebody else has handed in, and two testers."""
    original = Database(url)
    schema.prepare(original)
    with (
        opened(original, pseudonym_key=KEY) as bench,
        mock.patch.object(actor, "_signed_in", [lambda: "zoe"]),
    ):
        drafts, testers = bench.dispatcher.drafts, bench.dispatcher.testers
        draft = drafts.create("soldes", GREETING)
        people = [{"phone": ANNE, "prenom": "Anne"}, {"phone": BRUNO, "prenom": "Bruno"}]
        draft = drafts.set_list("soldes", people, version=draft.version)
        draft, _ = drafts.plan("soldes", version=draft.version)
        drafts.hand_in("soldes", version=draft.version)
        for name, phone in (("Inès", INES), ("Yann", YANN)):
            testers.add(name, phone)
    with copies(original, url) as copy:
        yield copy


def stored(database: Database) -> tuple[str, list[str], int, int]:
    """The draft's state, who is in campaigns, the draft's rows, and entries of the record."""
    with database.read() as session:
        return (
            session.scalars(select(Draft.state)).one(),
            list(session.scalars(select(Recipient.phone).order_by(Recipient.phone))),
            len(session.scalars(select(DraftRow.position)).all()),
            len(
                session.scalars(select(Action.id).where(Action.verb.in_(["approve", "test"]))).all()
            ),
        )


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("work", "before", "after"),
    [
        ("approve", ("handed_in", [], 2, 0), ("submitted", [ANNE, BRUNO], 0, 1)),
        ("test", ("handed_in", [], 2, 0), ("handed_in", [INES, YANN], 2, 1)),
    ],
)
def test_draft_is_approved_or_tested_once_and_whole_wherever_the_kill_comes(
    database_url: str, work: str, before: tuple[Any, ...], after: tuple[Any, ...]
) -> None:
    with drafted(database_url) as copies:
        copies.put_back()
        last = run(copies.database, work, OPEN.isoformat(), 0)
        assert stored(copies.database) == after
        assert last > 20, "a short work proves little"
        seen = set()
        for step in killed(copies, work, OPEN, last):
            found = stored(copies.database)
            assert found in (before, after), f"killed at step {step} of {last}"
            seen.add(found[:1] + tuple(found[1]))
            run(copies.database, work, OPEN.isoformat(), 0)
            assert stored(copies.database) == after, f"killed at step {step} of {last}"
        assert len(seen) == 2


# -- series


@contextmanager
def weekly(url: str, folder: Path) -> Iterator[Copies]:
    """Copies of a database with a series whose next occurrence is due in an hour."""
    original = Database(url)
    schema.prepare(original)
    (folder / "list.csv").write_text(f"{ANNE}\n{BRUNO}\n", encoding="utf-8")
    with opened(original, pseudonym_key=KEY) as bench:
        series = bench.dispatcher.series
        rule = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10"
        series.add("offre", rule=rule, text="Soldes", source=folder / "list.csv")
    with copies(original, url) as copy:
        yield copy


def made(database: Database) -> tuple[list[str], list[str], list[str]]:
    """References of campaigns, who is in them, and the states of occurrences."""
    with database.read() as session:
        return (
            list(session.scalars(select(Campaign.reference))),
            list(session.scalars(select(Recipient.phone).order_by(Recipient.phone))),
            list(session.scalars(select(Occurrence.state))),
        )


@pytest.mark.timeout(400)
def test_occurrence_is_one_campaign_wherever_the_kill_of_a_beat_comes(
    database_url: str, tmp_path: Path
) -> None:
    nothing: tuple[list[str], ...] = ([], [], [])
    after = (["offre-2026-11-27-10h00"], [ANNE, BRUNO], ["made"])
    due = datetime(2026, 11, 27, 8, tzinfo=UTC)
    with weekly(database_url, tmp_path) as copies:
        copies.put_back()
        last = run(copies.database, "series", due.isoformat(), 0)
        assert made(copies.database) == after
        assert last > 20, "a short work proves little"
        seen = set()
        for step in killed(copies, "series", due, last):
            found = made(copies.database)
            assert found in (nothing, after), f"killed at step {step} of {last}"
            seen.add(len(found[0]))
            # once the lease of the lost beat is over; and again
            for minutes in (6, 7):
                again = due + timedelta(minutes=minutes)
                run(copies.database, "series", again.isoformat(), 0)
                assert made(copies.database) == after, f"killed at step {step} of {last}"
        assert seen == {0, 1}
