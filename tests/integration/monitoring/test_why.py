"""Each outage, made with the real thing, is named as the cause by ``why``, progress and metrics.

A new outage is a row of ``OUTAGES``.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from redis import Redis
from sqlalchemy import text

from dispatcher import Dispatcher, Settings
from dispatcher.campaigns.set_aside import MOST_ERRORS
from dispatcher.dispatch.hints import QUEUES, TICK
from dispatcher.gateway import Declined, SendOptions, Throttled
from dispatcher.local.redis import EmbeddedRedis
from dispatcher.monitoring import why
from dispatcher.storage import identity, schema
from dispatcher.storage.database import Database
from tests.databases import connected, create_database
from tests.integration.bench import OPEN, Bench, opened
from tests.ports import free_port
from tests.postgres_server import PostgresServer
from tests.servers import NoPostgresError, redis_url, unavailable

ROOT = Path(__file__).parents[3]
MOBILE = "+33639980001"
EASTER_EVE = datetime(2027, 3, 27, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Outage:
    """What breaks, the name of the cause, and words that ``why`` has."""

    name: str
    cause: str
    words: str
    breaks: Callable[[Bench], object]
    settings: dict[str, Any] = field(default_factory=dict)
    at: datetime = OPEN
    #: whether a Redis of its own is needed, which may be broken
    redis: bool = False
    #: whether the hands of the clock move on, so that nobody has ticked for long
    silent: bool = False


def redis_of(bench: Bench) -> Redis:
    address = bench.settings.broker_url
    assert address is not None
    return Redis.from_url(address.get_secret_value())


def fill_redis(bench: Bench) -> None:
    with redis_of(bench) as redis:
        redis.config_set("maxmemory", "1")


def demote_redis(bench: Bench) -> None:
    with redis_of(bench) as redis:
        redis.replicaof("127.0.0.1", str(free_port()))


def lock_redis(bench: Bench) -> None:
    with redis_of(bench) as redis:
        redis.config_set("requirepass", "another")


def take_the_tick(bench: Bench) -> None:
    """A worker took the tick that submitting has queued, and no other came."""
    with redis_of(bench) as redis:
        redis.delete(QUEUES[TICK])


def queue_a_tick(bench: Bench) -> None:
    bench.dispatcher._hints.tick()


def run_foreign_worker(bench: Bench) -> None:
    """A worker that ran while another version migrated its database."""
    put_version(bench, "9999")
    bench.tick()
    put_version(bench, schema.revisions()[-1])


def put_version(bench: Bench, name: str) -> None:
    with bench.dispatcher.database.write() as session:
        session.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = :n"), {"n": name})


def refuse_the_key(bench: Bench) -> None:
    bench.gateway.behave = lambda tag, phones: Declined(10)
    bench.work()


def ask_to_wait(bench: Bench) -> None:
    bench.gateway.behave = lambda tag, phones: Throttled(90.0)
    bench.work()


def vanish(bench: Bench) -> None:
    bench.gateway.unreachable = "the name cannot be resolved"
    bench.work()


def lose_the_stop_list(bench: Bench) -> None:
    bench.dispatcher.steps.sync_opt_outs(at_once=True)
    bench.clock.forward(hours=25)
    bench.tick()


def hide_the_balance(bench: Bench) -> None:
    bench.gateway.balance = None
    bench.work()


def spend_the_balance(bench: Bench) -> None:
    bench.gateway.balance = bench.gateway.balance and 0 * bench.gateway.balance
    bench.work()


def doubt(bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.swallow
    bench.submit(3, "first", start=5000, priority="high")
    bench.work()


def reach_the_cap(bench: Bench) -> None:
    bench.submit(300, "first", start=5000, priority="high")
    bench.work()


def lead(bench: Bench) -> None:
    """Others leave at this moment, and one of a higher priority has batches to go."""
    bench.dispatcher.pause("soldes")
    bench.clock.forward(minutes=2)
    bench.submit(3, "another", start=5000)
    bench.work()
    bench.submit(3, "urgent", start=6000, priority="high")
    bench.dispatcher.resume("soldes")
    bench.tick()


def fail_by_a_bug(bench: Bench) -> None:
    def fail(phones: Sequence[str], texts: Sequence[str], options: SendOptions) -> bytes:
        raise ZeroDivisionError

    bench.gateway.request = fail  # type: ignore[method-assign]
    for _ in range(MOST_ERRORS):
        bench.pass_by(minutes=1)


def restore(bench: Bench) -> None:
    with bench.dispatcher.database.write() as session:
        name = {"n": identity.NAME}
        value = session.execute(
            text("SELECT value FROM dispatcher_meta WHERE name = :n"), name
        ).scalar_one()
        other = {key: f"{it}9" for key, it in json.loads(value or "{}").items()}
        session.execute(
            text("UPDATE dispatcher_meta SET value = :v WHERE name = :n"),
            name | {"v": json.dumps(other)},
        )


def lose_the_account(bench: Bench) -> None:
    """The settings that the worker has now name no account any more."""
    with bench.dispatcher.database.write() as session:
        session.execute(text("UPDATE dispatcher_campaign SET account = 'shop'"))


def lower_the_cap(bench: Bench) -> None:
    """Workers have a lower cap of a campaign than whoever submitted."""
    database, at = bench.dispatcher.database, bench.clock.at
    Bench(database, at=at, gateway=bench.gateway, campaign_recipients=600).work()


def nothing(_: Bench) -> None:
    """Nothing is broken: it is the hour, the settings, or that nobody works."""


OUTAGES = [
    Outage("no run", "beat", "dispatcher run does not run", nothing, silent=True),
    Outage("no beat", "beat", "no tick comes to the queue", take_the_tick, redis=True, silent=True),
    Outage("no worker", "workers", "no worker answers", queue_a_tick, redis=True, silent=True),
    Outage(
        "Redis gone", "broker", "nothing listens at", lambda _: None, silent=True,
        settings={"broker_url": f"redis://:secret@127.0.0.1:{free_port()}/0"},
    ),
    Outage("Redis full", "broker", "maxmemory", fill_redis, redis=True, silent=True),
    Outage("Redis demoted", "broker", "read-only", demote_redis, redis=True, silent=True),
    Outage("Redis locked", "broker", "password", lock_redis, redis=True, silent=True),
    Outage("a foreign schema", "refused", "restart it", run_foreign_worker, silent=True),
    Outage("gateway gone", "gateway", "cannot be resolved", vanish),
    Outage("gateway throttles", "gateway", "asks to wait", ask_to_wait),
    Outage("key refused", "paused", "the API key is wrong", refuse_the_key),
    Outage("STOP list old", "stop_list", "the STOP list was last read", lose_the_stop_list),
    Outage(
        "balance unknown", "balance", "the balance is read first", hide_the_balance,
        {"credit_check": "pause"},
    ),
    Outage(
        "no credit", "paused", "no credit", spend_the_balance,
        {"credit_check": "pause", "prices": "metropole=0.045"},
    ),
    Outage("cap", "cap", "daily cap", reach_the_cap, {"daily_recipients": 700}),
    Outage("campaign cap", "paused", "cap of 600 messages per campaign", lower_the_cap),
    Outage("doubts", "doubts", "too many batches in doubt", doubt, {"doubt_limit": 1}),
    Outage("holiday", "window", "Easter Monday", nothing, at=EASTER_EVE),
    Outage("rate", "rate", "rate limit", lambda bench: bench.work(), {"rate": 0.001}),
    Outage(
        "paused", "paused", "wrong price (by Anne at 2026-11-24 09:00 UTC)",
        lambda bench: bench.dispatcher.pause("soldes", reason="wrong price", by="Anne"),
    ),
    Outage(
        "all paused", "paused_all", "everything is paused by Anne",
        lambda bench: bench.dispatcher.pause_all(reason="wrong price", by="Anne"),
    ),
    Outage("restored", "restored", "restored or copied", restore),
    Outage("no such account", "account", "'shop' is not set up here", lose_the_account),
    Outage("a higher priority", "turn", "urgent", lead),
    Outage("a bug", "set_aside", "ZeroDivisionError", fail_by_a_bug),
]  # fmt: skip


@pytest.fixture
def own_redis() -> Iterator[EmbeddedRedis]:
    redis_url()  # skips where there is none
    with EmbeddedRedis() as redis:
        yield redis


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda one: one.name)
def test_outage_is_the_first_cause_and_shows_in_progress(
    outage: Outage, request: pytest.FixtureRequest, tables: Database
) -> None:
    settings = dict(outage.settings)
    if outage.redis:
        settings["broker_url"] = str(request.getfixturevalue("own_redis").url)
    with opened(tables, at=outage.at, **settings) as bench:
        bench.submit(700)
        outage.breaks(bench)
        if outage.silent:
            bench.clock.forward(seconds=59)
        first, *_ = bench.dispatcher.causes("soldes")
        assert first.name == outage.cause
        assert outage.words in first.says
        assert first.cure or first.until
        assert "secret" not in first.says + first.cure
        progress = bench.progress()
        assert outage.words.partition(" (by")[0] in progress.why
        assert progress.waits_until == first.until


@pytest.mark.parametrize("held", [False, True], ids=["before it is taken", "at the gateway"])
def test_campaign_to_be_handed_over_says_until_when_the_gateway_holds_it(
    bench: Bench, held: bool
) -> None:
    hour = bench.clock() + timedelta(days=1)
    bench.submit(3, not_before=hour, hand_over=True)
    if held:
        bench.work()
        bench.clock.forward(minutes=2)
        bench.tick()
    first, *_ = bench.dispatcher.causes("soldes")
    assert "handed over to the gateway" in first.says
    assert first.name == "handed_over"
    assert bench.progress().why == first.says
    assert (first.until == hour) is held
    assert first.cure
    assert bench.dispatcher.waiting() == {"handed_over": 1}


def test_campaign_whose_people_all_reached_the_weekly_cap_waits_for_nothing(
    tables: Database,
) -> None:
    with opened(tables, weekly_messages=1) as bench:
        bench.submit(3, "first")
        bench.work()
        bench.submit(3)
        bench.work()
        bench.tick()
        assert bench.dispatcher.causes("soldes") == []
        progress = bench.progress()
        assert (progress.capped, progress.state, progress.why) == (3, "finished", "")
        assert why.nothing_found(progress) == ("nothing is to leave any more: it is finished")


def test_campaign_that_leaves_has_no_cause(bench: Bench) -> None:
    bench.tick()
    bench.submit(3)
    assert bench.dispatcher.causes("soldes") == []
    assert why.nothing_found(bench.progress()) == "nothing keeps it back: it leaves within seconds"
    bench.work()
    assert why.nothing_found(bench.progress()).startswith("all of it has left")


def test_wrong_clock_of_this_host_is_the_first_cause(fresh_postgres_url: str) -> None:
    database = Database(fresh_postgres_url)
    bench = Bench(database, at=datetime.now(UTC))
    bench.submit(3, commercial=False, reason="notice")
    bench.clock.forward(minutes=5)
    first, *_ = bench.dispatcher.causes("soldes")
    assert first.name == "clock"
    assert "this host's clock" in bench.progress().why
    database.close()


# -- the database


def command(database: str, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = {name: it for name, it in os.environ.items() if not name.startswith("DISPATCH")}
    return subprocess.run(
        [sys.executable, "-m", "dispatcher.cli", *arguments],
        env={**environment, "DISPATCHER_DATABASE_URL": database, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, **more,
    )  # fmt: skip


def test_why_creates_no_database(tmp_path: Path) -> None:
    file = tmp_path / "none.db"
    for arguments in (["why"], ["why", "soldes"]):
        found = command(f"sqlite:///{file}", *arguments)
        assert (found.returncode, found.stderr) == (3, "")
        assert f"SQLite {file} does not exist" in found.stdout
    assert list(tmp_path.iterdir()) == []


def test_why_names_an_empty_database_and_leaves_it_empty(fresh_postgres_url: str) -> None:
    assert "has no tables" in command(fresh_postgres_url, "why", "soldes").stdout
    assert "has no tables" in command(fresh_postgres_url, "why").stdout


def test_why_names_the_schema_of_another_version(bench: Bench) -> None:
    bench.submit(3)
    put_version(bench, "9999")
    try:
        (cause,) = why.of_database(bench.dispatcher)
    finally:
        put_version(bench, schema.revisions()[-1])
    assert (cause.name, "9999" in cause.says) == ("schema", True)


def test_why_names_a_postgresql_that_is_down_or_refuses() -> None:
    try:
        server = PostgresServer()
        server.start()
    except NoPostgresError as error:
        unavailable(str(error))
    with server, ExitStack() as closing:
        url = create_database(server.url())
        dispatcher = Dispatcher(Settings.of(database_url=url))
        closing.callback(dispatcher.database.close)
        dispatcher.submit("soldes", "Soldes", [MOBILE], sender="MaBoutique")
        assert why.of_database(dispatcher) == []
        password = url.partition("@")[0].rpartition(":")[2]
        wrong = command(url.replace(password, "geheim"), "why", "soldes")
        assert (wrong.returncode, "geheim" in wrong.stdout) == (3, False)
        assert "password authentication failed" in wrong.stdout
        server.kill()
        down = command(url, "why", "soldes", "--json")
        assert (down.returncode, down.stderr, password in down.stdout) == (3, "", False)
        (cause,) = json.loads(down.stdout)["causes"]
        host, _, name = url.partition("@")[2].partition("/")
        assert cause["cause"] == "database"
        assert cause["says"].startswith(f"PostgreSQL {name!r} at {host} cannot be used: ")


def stored(file: Path) -> str:
    """The URL of a SQLite file with a campaign, which no process has open."""
    url = f"sqlite:///{file}"
    dispatcher = Dispatcher(Settings.of(database_url=url))
    dispatcher.submit(
        "soldes", "Soldes", [MOBILE], sender="MaBoutique", commercial=False, reason="notice"
    )
    dispatcher.database.close()
    return url


def test_why_names_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    url = stored(tmp_path / "full.db")

    def fill() -> None:
        # no file of the process may grow, not even the one that readers share
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    found = command(url, "why", "soldes", preexec_fn=fill)
    assert (found.returncode, found.stderr) == (3, "")
    assert f"1. SQLite {tmp_path / 'full.db'} cannot be used: " in found.stdout
    assert "to do: look at its disk" in found.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    yield from mounted(disk)


def mounted(disk: Path) -> Iterator[Path]:
    """With a disk of 2 MB mounted there; skips where that is forbidden."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_why_names_a_full_disk(small_disk: Path) -> None:
    url = stored(small_disk / "full.db")
    database = Database(url)
    with database.read() as session:
        assert session.scalar(text("SELECT 1")) == 1  # the files of a worker that runs
        fill(small_disk / "other")
        found = command(url, "why", "soldes")
    database.close()
    assert found.returncode == 0, found.stdout + found.stderr
    assert "looked: the database cannot be used: database or disk is full" in found.stdout
    assert f"to do: look at its disk and its log: SQLite {small_disk / 'full.db'}" in found.stdout


def test_why_names_a_full_disk_of_postgresql() -> None:
    with ExitStack() as closing:
        # the server's user may look into its folder, but not into those of pytest
        disk = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        closing.enter_context(contextlib.contextmanager(mounted)(disk))
        disk.chmod(0o755)
        try:
            server = closing.enter_context(PostgresServer())
        except NoPostgresError as error:
            unavailable(str(error))
        url = create_database(server.url())
        dispatcher = Dispatcher(Settings.of(database_url=url))
        closing.callback(dispatcher.database.close)
        dispatcher.submit("soldes", "Soldes", [MOBILE], sender="MaBoutique")
        (place := disk / "tables").mkdir()
        shutil.chown(place, server.uid)
        with connected(url) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{place}'".encode())
            connection.execute("ALTER TABLE dispatcher_meta SET TABLESPACE small")
            connection.execute("VACUUM dispatcher_meta")
            fill(disk / "other")
            for turn in range(3):  # what older rows leave free has to be filled, too
                with contextlib.suppress(psycopg.errors.DiskFull):
                    connection.execute("VACUUM dispatcher_meta")
                with contextlib.suppress(psycopg.errors.DiskFull):
                    for number in range(2000):
                        insert = "INSERT INTO dispatcher_meta (name, value) VALUES (%s, '')"
                        connection.execute(insert, [f"{turn} {number}"])
        found = command(url, "why", "soldes")
        assert found.returncode == 0, found.stdout + found.stderr
        assert "the database cannot be used: could not extend file" in found.stdout
        assert "No space left on device" in found.stdout
        assert "to do: look at its disk and its log: PostgreSQL" in found.stdout


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as other, contextlib.suppress(OSError):
        while other.write(bytes(4096)):
            pass
