"""An hour on call: each outage makes one ✗, and doctor is content once its cure was done."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic.command import upgrade
from redis import Redis
from sqlalchemy import make_url, text

from dispatcher.cli.commands.doctor import _MARKS
from dispatcher.dispatch.hints import QUEUES, TICK, Hints
from dispatcher.local.redis import EmbeddedRedis
from dispatcher.sandbox.process import Sandbox
from dispatcher.settings.broker_address import BrokerAddress
from dispatcher.storage import schema
from dispatcher.storage.database import Database
from dispatcher.storage.meta import put
from tests.integration.cli.test_commands import Shell
from tests.ports import free_port
from tests.postgres_server import NoPostgresError, PostgresServer
from tests.servers import unavailable


@dataclass
class Site:
    """An installation that doctor is content with."""

    shell: Shell
    redis: EmbeddedRedis
    gateway: Sandbox

    @property
    def client(self) -> Redis:
        return Redis.from_url(str(self.redis.url))

    @property
    def file(self) -> Path:
        return self.shell.directory / "dispatcher.db"

    def doctor(self) -> list[str]:
        """Its lines, without those that are ✓ or depend on a failure."""
        result = self.shell("doctor")
        lines = [str(line) for line in result.stdout.splitlines()]
        found = [line for line in lines if line[0] not in (_MARKS["ok"], _MARKS["skipped"])]
        broken = any(line.startswith("✗") for line in found)
        assert result.exit_code == (3 if broken else 0), result.output
        assert "hunter" not in result.output
        assert str(self.gateway.key) not in result.output
        return found

    def sql(self, statement: str) -> None:
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute(statement)
            connection.commit()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    shell = Shell(tmp_path, monkeypatch)
    with EmbeddedRedis(tmp_path / "redis") as redis, Sandbox() as gateway:
        shell.set(api_url=gateway.url, api_key=gateway.key, broker_url=redis.url)
        shell.unset("clock_offset")
        shell.unset("credit_check")
        shell("migrate")
        made = Site(shell, redis, gateway)
        tick(made)
        assert made.doctor() == []
        yield made


def tick(site: Site) -> None:
    """What a beat and a worker do; the hints that nobody takes here are dropped."""
    assert site.shell("tick", "--inline").exit_code == 0
    with site.client as client:
        client.flushdb()


def one(site: Site, name: str, says: str, cure: str) -> None:
    """Doctor names one failure, at the place that ``name`` begins with, and its cure."""
    failures = [line for line in site.doctor() if line.startswith("✗")]
    assert len(failures) == 1, failures
    assert failures[0].startswith(f"✗ {name}: ")
    assert says in failures[0]
    assert failures[0].endswith(f"; {cure}"), failures[0]


def content(site: Site, *warnings: str) -> None:
    lines = site.doctor()
    assert len(lines) == len(warnings), lines
    assert all(line.startswith(f"! {start}") for line, start in zip(lines, warnings, strict=True))


# -- the database


def test_missing_database_is_made_by_migrate_and_not_by_looking(site: Site) -> None:
    for path in site.shell.directory.glob("dispatcher.db*"):
        path.unlink()
    cure = "dispatcher migrate; if another is meant, correct DISPATCHER_DATABASE_URL"
    one(site, "database", f"SQLite {site.file} does not exist", cure)
    for command in (["doctor", "--only", "beat"], ["doctor", "--only", "refusals"]):
        result = site.shell(*command)
        assert result.exit_code == 3
        assert result.stdout.startswith("✗ database: ")
    assert not site.file.exists()
    site.shell("migrate")
    tick(site)
    content(site)


def test_missing_folder_of_the_database(site: Site) -> None:
    folder = site.shell.directory / "data"
    site.shell.set(database_url=f"sqlite:///{folder}/dispatcher.db")
    cure = f"make the folder {folder}; or correct DISPATCHER_DATABASE_URL"
    one(site, "database", f"its folder {folder} does not exist", cure)
    folder.mkdir()
    site.shell("migrate")
    tick(site)
    content(site)


def test_empty_postgresql_stays_empty_until_migrate(site: Site, fresh_postgres_url: str) -> None:
    site.shell.set(database_url=fresh_postgres_url)
    cure = "dispatcher migrate; if another is meant, correct DISPATCHER_DATABASE_URL"
    one(site, "database", "has no tables", cure)
    with psycopg.connect(_libpq(fresh_postgres_url)) as connection:
        count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(count).fetchone() == (0,)
    site.shell("migrate")
    tick(site)
    content(site)


def test_older_schema_is_migrated_and_a_later_one_asks_for_its_version(site: Site) -> None:
    for path in site.shell.directory.glob("dispatcher.db*"):
        path.unlink()
    older = Database(os.environ["DISPATCHER_DATABASE_URL"])
    with older.write() as session:
        config = schema._config()
        config.attributes["connection"] = session.connection()
        upgrade(config, schema.revisions()[-2])
    older.close()
    one(site, "database", f"this version works with {schema.revisions()[-1]}", "dispatcher migrate")
    site.shell("migrate")
    tick(site)
    content(site)
    site.sql("UPDATE dispatcher_version SET version_num = '9999'")
    cure = "upgrade the dispatcher here to the version that migrated it"
    one(site, "database", "schema 9999 is of a later version", cure)


def test_restored_database_is_accepted_by_migrate_restored(site: Site) -> None:
    backup = site.shell.directory / "backup.db"
    with closing(sqlite3.connect(site.file)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    site.shell.submit()
    tick(site)
    for path in site.shell.directory.glob("dispatcher.db*"):
        if not path.name.endswith("-progress"):
            path.unlink()
    shutil.copy(backup, site.file)
    cure = "dispatcher migrate --restored, which pauses all and says what next"
    one(site, "database", "restored or copied", cure)
    site.shell("migrate", "--restored")
    tick(site)
    content(site, "pause: ")
    site.shell("resume", "--all")
    content(site)


def test_file_that_is_no_database_is_restored_from_the_backup(site: Site) -> None:
    site.shell.submit()
    tick(site)
    backup = site.shell.directory / "backup.db"
    with closing(sqlite3.connect(site.file)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    for path in site.shell.directory.glob("dispatcher.db-*"):
        path.unlink()
    site.file.write_bytes(os.urandom(8192))
    cure = "restore its backup, then dispatcher migrate --restored"
    one(site, "database", "not a database", cure)
    shutil.copy(backup, site.file)
    site.shell("migrate", "--restored")
    site.shell("resume", "--all")
    tick(site)
    content(site)


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def postgres(site: Site) -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
        server.start()
    except NoPostgresError as error:
        unavailable(f"{error}; install postgresql")
    site.shell.set(database_url=server.create_database())
    site.shell("migrate")
    tick(site)
    content(site)
    yield server
    server.stop()


def test_postgresql_outages_have_their_own_cures(site: Site, postgres: PostgresServer) -> None:
    url = os.environ["DISPATCHER_DATABASE_URL"]
    place = f"at {make_url(url).host}:{make_url(url).port}"
    postgres.kill()
    one(site, "database", place, "start it, or correct DISPATCHER_DATABASE_URL")
    postgres.start()
    tick(site)
    content(site)

    site.shell.set(database_url=make_url(url).set(database="nobody").render_as_string(False))
    cure = "create it, then dispatcher migrate; or correct DISPATCHER_DATABASE_URL"
    one(site, "database", 'database "nobody" does not exist', cure)
    site.shell.set(database_url=make_url(url).set(username="hunter").render_as_string(False))
    cure = "correct user and password in DISPATCHER_DATABASE_URL"
    failures = [line for line in site.shell("doctor").stdout.splitlines() if line[0] == "✗"]
    assert len(failures) == 1
    assert failures[0].endswith(f"; {cure}")
    site.shell.set(database_url=url)
    content(site)

    with psycopg.connect(_libpq(url), autocommit=True) as owner:
        name = make_url(url).database
        owner.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
        cure = "connect to the primary, or reset default_transaction_read_only"
        one(site, "database", "nothing can be written", cure)
        owner.execute("SET default_transaction_read_only = off")
        owner.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'.encode())
    content(site)


# -- Redis


def test_dead_redis_is_started(site: Site) -> None:
    site.redis.stop()
    port = urlsplit(str(site.redis.url)).port
    one(site, "broker", f"127.0.0.1:{port}", "start it, or correct DISPATCHER_BROKER_URL")
    site.redis.start()
    content(site)


def test_wrong_password_of_redis_is_corrected(site: Site) -> None:
    port = urlsplit(str(site.redis.url)).port
    site.shell.set(broker_url=f"redis://:hunter2@127.0.0.1:{port}/0")
    one(site, "broker", "wrong or missing", "correct the password in DISPATCHER_BROKER_URL")
    site.shell.set(broker_url=site.redis.url)
    content(site)


_REPAIRS: list[tuple[str, Callable[[Redis], Any], str, str, Callable[[Redis], Any]]] = [
    (
        "evicts",
        lambda redis: redis.config_set("maxmemory-policy", "allkeys-lru"),
        "evicts keys",
        "redis-cli config set maxmemory-policy noeviction, and in redis.conf",
        lambda redis: redis.config_set("maxmemory-policy", "noeviction"),
    ),
    (
        "full",
        lambda redis: redis.config_set("maxmemory", "1"),
        "takes no value",
        "raise maxmemory, or delete what fills it",
        lambda redis: redis.config_set("maxmemory", "0"),
    ),
    (
        "replica",
        lambda redis: redis.replicaof("127.0.0.1", "1"),
        "read-only replica",
        "name the primary in DISPATCHER_BROKER_URL",
        lambda redis: redis.replicaof("NO", "ONE"),
    ),
    (
        "another key",
        lambda redis: redis.set(QUEUES[TICK], "1"),
        f"the key {QUEUES[TICK]} in Redis is a string",
        "delete that key, or name another database in DISPATCHER_BROKER_URL",
        lambda redis: redis.delete(QUEUES[TICK]),
    ),
]


@pytest.mark.parametrize(
    ("breaks", "says", "cure", "repair"),
    [pytest.param(*rest, id=name) for name, *rest in _REPAIRS],
)
def test_redis_that_cannot_carry_hints_is_repaired(
    site: Site,
    breaks: Callable[[Redis], Any],
    says: str,
    cure: str,
    repair: Callable[[Redis], Any],
) -> None:
    with site.client as redis:
        breaks(redis)
        one(site, "broker", says, cure)
        repair(redis)
    content(site)


# -- the gateway


def test_missing_and_wrong_keys_are_set_and_corrected(site: Site) -> None:
    site.shell.unset("api_key")
    one(site, "gateway", "DISPATCHER_API_KEY is not set", "set DISPATCHER_API_KEY")
    site.shell.set(api_key="0" * 40)
    one(site, "gateway", "code 10", "correct DISPATCHER_API_KEY")
    site.shell.set(api_key=site.gateway.key)
    content(site)


def test_gateway_that_is_not_reached_and_one_that_is_out_of_order(site: Site) -> None:
    site.shell.set(api_url=f"http://127.0.0.1:{free_port()}/v1")
    cure = "repair this host's network or DNS; if it is well, correct DISPATCHER_API_URL"
    one(site, "gateway", "cannot be reached", cure)
    site.shell.set(api_url=site.gateway.url)
    site.gateway.fault("status", "/v1/me", status=503, processed=False)
    site.gateway.fault("status", "/v1/me", status=503, processed=False)
    cure = "wait: the gateway is out of order, and all is asked again by itself"
    one(site, "gateway", "HTTP 503", cure)
    site.gateway.clear_faults()
    content(site)


# -- beat and workers


def _last_tick_was_long_ago(site: Site) -> None:
    at = datetime.now(UTC) - timedelta(minutes=5)
    site.sql(f"UPDATE dispatcher_heartbeat SET at = '{at:%Y-%m-%d %H:%M:%S.%f}'")


def test_missing_beat_is_started(site: Site) -> None:
    _last_tick_was_long_ago(site)
    cure = "start a beat: dispatcher run, or dispatcher celery beat"
    one(site, "beat", "the last tick was 0:05:", cure)
    tick(site)
    content(site)


def test_tick_of_a_hint_is_none_of_a_beat(site: Site) -> None:
    _last_tick_was_long_ago(site)
    assert Hints(BrokerAddress(str(site.redis.url))).tick()
    cure = "start a beat: dispatcher run, or dispatcher celery beat"
    one(site, "beat", "the last tick was 0:05:", cure)


def test_missing_worker_is_started(site: Site) -> None:
    _last_tick_was_long_ago(site)
    site.shell("tick")  # a beat's tick that nobody takes
    with site.client as redis:
        redis.lpush(QUEUES[TICK], "{}")
    _last_tick_was_long_ago(site)
    cure = "start a worker: dispatcher run, or dispatcher celery worker"
    one(site, "workers", "none takes the tick that waits", cure)
    tick(site)
    content(site)


# -- campaigns


def test_pause_of_everything_is_a_warning_and_resumed(site: Site) -> None:
    site.shell("pause", "--all", "--reason", "night")
    content(site, "pause: ")
    assert site.shell("doctor", "--strict").exit_code == 4
    site.shell("resume", "--all")
    content(site)
    assert site.shell("doctor", "--strict").exit_code == 0


def test_missing_money_is_topped_up(site: Site) -> None:
    site.shell.set(prices="metropole=0.05")
    site.shell.submit("--sender", "Mairie", "--transactional", "--reason", "notice")
    site.gateway.configure(credit="0.01")
    cure = "top the account up; then dispatcher resume what paused"
    one(site, "credit", "0.09 € are missing: 0.10 € to go", cure)
    site.gateway.configure(credit="100")
    content(site)


def test_old_stop_list_is_read_by_sync(site: Site) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=2)
    with site.shell.dispatcher().database.write() as session:
        for row in session.execute(text("SELECT name FROM dispatcher_meta")).scalars().all():
            if "stop" in row:
                put(session, row, long_ago.isoformat())
    cure = "dispatcher opt-outs sync reads it, or says why it cannot"
    one(site, "stops", "commercial campaigns wait", cure)
    site.shell("opt-outs", "sync")
    content(site)


def test_campaign_of_an_unknown_account_is_named(site: Site) -> None:
    site.shell.set(accounts="shop", api_key_shop="s" * 40)
    site.shell.submit("--sender", "Mairie", "--account", "shop")
    site.shell.unset("api_key_shop")
    site.shell.set(accounts="")
    cure = "name them in DISPATCHER_ACCOUNTS, each with its key; or cancel the campaigns"
    one(site, "accounts", "1 of 'shop'", cure)
    assert site.shell("cancel", "soldes", "--yes").exit_code == 0
    tick(site)
    content(site)
