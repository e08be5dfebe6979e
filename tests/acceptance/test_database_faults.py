"""Rows 40 to 43, 51 and 52 of the fault matrix: the database is busy, lost, full, old or new.

Row 40 is about the one writer of SQLite, row 41 about the server and the connections of
PostgreSQL. A claim that is not committed sends nothing: the gateway gets no request.
"""

from __future__ import annotations

import resource
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest
from sqlalchemy import make_url, text

from dispatcher.storage.identity import RESTORED
from dispatcher.storage.opt_outs import VERSION
from tests.acceptance.installation import CAPPED, Child, Installation, on_sqlite, people
from tests.databases import connected, lock_waiters
from tests.postgres_server import NoPostgresError, PostgresServer


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be killed."""
    try:
        server = PostgresServer()
        server.start()
    except NoPostgresError as error:
        pytest.skip(str(error))
    yield server
    server.stop()


@contextmanager
def _another_writer(url: str) -> Iterator[None]:
    with closing(sqlite3.connect(_file(url), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def _full_disk(worker: Child, url: str) -> Iterator[None]:
    """No file of the worker may grow beyond the size that SQLite's log already has."""
    limit = 64 * 1024
    assert Path(f"{_file(url)}-wal").stat().st_size > limit
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    yield
    endless = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, endless)


@pytest.fixture(scope="module")
def crew(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A site that ticks, with a worker that halts at breakpoints and waits 0.3 s for a lock."""
    with Installation(tmp_path_factory.mktemp("crew"), module_database_url) as site:
        site.halting_worker("halting", "-c", "1", SITE_PATIENCE="300")
        site.ticks()
        yield site


@dataclass(frozen=True)
class Halted:
    """A site whose only worker halts at a breakpoint, with a campaign."""

    site: Installation
    worker: Child
    url: str

    def at(self, point: str, count: int = 3) -> None:
        _halt(self.site, point, count)


@pytest.fixture
def halted(crew: Installation, module_database_url: str) -> Iterator[Halted]:
    with crew.lent() as site:
        [worker] = site.children
        yield Halted(site, worker, module_database_url)


@on_sqlite
def test_claim_without_the_writers_lock_sends_nothing(halted: Halted) -> None:  # row 40, at arm
    halted.at("before_arm")
    with _another_writer(halted.url):
        halted.site.go_on("before_arm")
        halted.site.wait(lambda: halted.worker.says("database is locked"), "the claim to fail")
        _nothing_sent(halted.site)
    _sent_once(halted.site)


@on_sqlite
def test_answer_without_the_writers_lock_is_recorded_later(
    halted: Halted,
) -> None:  # row 40, at the record
    halted.at("answered")
    with _another_writer(halted.url):
        halted.site.go_on("answered")
        halted.site.wait(lambda: halted.worker.says("database is locked"), "the record to fail")
    _sent_once(halted.site)


@on_sqlite
def test_claim_without_room_on_the_disk_sends_nothing(
    halted: Halted,
) -> None:  # row 42, at arm; PostgreSQL raises an error of the same class
    halted.at("before_arm", count=2000)
    with _full_disk(halted.worker, halted.url):
        halted.site.go_on("before_arm")
        halted.site.wait(
            lambda: halted.worker.says("the database cannot be used"), "the claim to fail"
        )
        # before there is room: another send loop may be quick then
        _nothing_sent(halted.site)
    _sent_once(halted.site)


@on_sqlite
def test_answer_without_room_on_the_disk_is_recorded_when_there_is_room(
    halted: Halted,
) -> None:  # row 42, at the record
    halted.at("answered", count=2000)
    with _full_disk(halted.worker, halted.url):
        halted.site.go_on("answered")
        halted.site.wait(
            lambda: halted.worker.says("the database cannot be used"), "the record to fail"
        )
    _sent_once(halted.site)


def _terminated(server: PostgresServer, url: str) -> None:
    with connected(url) as connection:
        # it waits for their end: a connection that is used meanwhile would be lost under a query
        connection.execute(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _killed(server: PostgresServer, url: str) -> None:
    server.kill()


@pytest.mark.parametrize("fault", [_terminated, _killed])
def test_claim_whose_commit_fails_sends_nothing(
    tmp_path: Path, own_postgres: PostgresServer, fault: Callable[[PostgresServer, str], None]
) -> None:  # row 41, before the commit
    url = own_postgres.create_database()
    with Installation(tmp_path, url) as site:
        worker = _halted(site, "before_commit", CAPPED)
        fault(own_postgres, url)
        site.go_on("before_commit")
        site.wait(lambda: worker.says("database"), "the claim to fail")
        own_postgres.start()
        _nothing_sent(site)
        site.ticks()
        _sent_once(site)


@pytest.mark.parametrize(
    ("point", "fault"), [("armed", _terminated), ("armed", _killed), ("answered", _killed)]
)
def test_answer_is_recorded_when_the_database_is_back(
    tmp_path: Path,
    own_postgres: PostgresServer,
    point: str,
    fault: Callable[[PostgresServer, str], None],
) -> None:  # row 41, after the commit and at the record
    url = own_postgres.create_database()
    with Installation(tmp_path, url) as site:
        worker = _halted(site, point)
        fault(own_postgres, url)
        site.go_on(point)
        if not own_postgres.running:
            site.wait(lambda: worker.says("database"), "the record to fail")
        own_postgres.start()
        site.ticks()
        _sent_once(site)


class _Wire:
    """A proxy between a worker and PostgreSQL that can drop the answers."""

    def __init__(self, url: str) -> None:
        self._real = make_url(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.drops_answers = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        through = self._real.set(port=self._listener.getsockname()[1])
        return through.render_as_string(hide_password=False)

    def cut(self) -> None:
        for end in [self._listener, *self._sockets]:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection((self._real.host, self._real.port))
                self._sockets += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(*ends, far), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not (self.drops_answers and source is far):
                    target.sendall(data)


@pytest.mark.parametrize(
    ("point", "caps"),
    [
        pytest.param("before_commit", CAPPED, id="a transaction"),
        pytest.param("before_arm", {}, id="one statement"),
    ],
)
def test_claim_whose_commit_is_not_confirmed_sends_nothing_and_is_in_doubt(
    tmp_path: Path, fresh_postgres_url: str, point: str, caps: dict[str, str]
) -> None:  # row 41, in the commit
    wire = _Wire(fresh_postgres_url)
    with closing(wire._listener), Installation(tmp_path, fresh_postgres_url) as site:
        worker = _halted(site, point, {"DISPATCHER_DATABASE_URL": wire.url, **caps})
        wire.drops_answers = True
        site.go_on(point)
        site.wait_for("sending")  # committed, and its worker does not know
        wire.cut()
        site.wait(lambda: worker.says("the database"), "the claim to fail")
        worker.kill()
        site.ticks()
        site.worker("another")
        site.let_leases_end()
        site.wait_in_doubt()
        assert not site.gateway.requests("/v1/bulk-send")
        site.dispatcher.resend(site.batch().id, reason="the gateway's own list has nothing")
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert site.outcomes() == ["resent", "sent"]
        site.check()


#: locks the cap that somebody else has locked
_LOCK_CAP = """
SELECT pg_advisory_xact_lock((classid::bigint << 32) | objid::bigint) FROM pg_locks
 WHERE locktype = 'advisory' AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def test_claim_that_loses_a_deadlock_sends_nothing_and_is_made_again(
    tmp_path: Path, fresh_postgres_url: str
) -> None:
    """Row 43. A lock timeout raises an error of the same class; READ COMMITTED has no failure of
    serialisation; SQLite has one lock and so no deadlock. A turn waits for the version of the
    opt-out list, and holds something then only if a cap is set."""
    with connected(fresh_postgres_url) as other, Installation(tmp_path, fresh_postgres_url) as site:
        database = make_url(fresh_postgres_url).database
        other.execute(f"ALTER DATABASE \"{database}\" SET deadlock_timeout = '6s'".encode())
        other.execute("SET deadlock_timeout = '5min'")  # the worker is to notice first
        worker = _halted(site, "before_arm", CAPPED)
        with other.transaction(force_rollback=True):
            other.execute("SELECT FROM dispatcher_meta WHERE name = %s FOR UPDATE", [VERSION])
            site.go_on("before_arm")  # locks the cap of the day, then waits for the version
            site.wait(lambda: lock_waiters(site.dispatcher.database), "the claim to wait")
            other.execute(_LOCK_CAP)
            site.wait(lambda: worker.says("deadlock detected"), "the claim to fail")
        _nothing_sent(site)
        site.ticks()
        _sent_once(site)


def test_backup_made_during_a_call_is_settled_by_its_tag(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 51
    with Installation(tmp_path, sqlite_url) as site:
        site.gateway.hold(processed=True)
        worker = site.worker()
        site.submit("soldes", people(3))
        site.wait_held()
        _copy(_file(sqlite_url), tmp_path / "backup.db")
        site.gateway.release()
        site.wait_for("sent")
        worker.kill()
        _copy(tmp_path / "backup.db", _file(sqlite_url))
        assert site.batch().state == "sending"
        site.dispatcher.accept_restored()
        site.let_leases_end()
        site.ticks()
        site.worker("another")
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert site.outcomes() == ["sent"]
        site.check()


def test_campaign_in_a_backup_from_before_it_sends_nothing_until_resumed(
    tmp_path: Path, sqlite_url: str
) -> None:
    """Row 51. Such a backup says that sent messages are still to go: workers refuse it, and start
    with everything paused once a person has accepted it."""
    with Installation(tmp_path, sqlite_url) as site:
        site.submit("soldes", people(3))
        _copy(_file(sqlite_url), tmp_path / "backup.db")
        assert site.command("tick", "--inline").returncode == 0
        _copy(tmp_path / "backup.db", _file(sqlite_url))
        assert site.batch().state == "pending"
        assert RESTORED in site.command("tick", "--inline").stderr
        site.worker()
        site.ticks()
        accepted = site.command("migrate", "--restored")
        assert "soldes: 3 messages to go in the backup" in accepted.stdout
        site.wait(site.dispatcher.last_tick, "a tick")
        first = site.dispatcher.last_tick()
        site.wait(lambda: site.dispatcher.last_tick() != first, "a second tick")
        assert "the database was restored" in site.progress("soldes").why
        site.dispatcher.cancel("soldes")
        assert site.command("resume", "--all").returncode == 0
        site.check()


def test_worker_refuses_a_schema_of_another_version(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 52; the check of the version is the same on both databases
    with Installation(tmp_path, sqlite_url) as site:
        with site.dispatcher.database.write() as session:
            session.execute(text("UPDATE dispatcher_version SET version_num = '9999'"))
        worker = site.start("worker", "celery", "-A", "workers", "worker")
        site.wait(lambda: not worker.alive, "the worker to refuse")
        assert worker.process.returncode != 0
        assert worker.says("error: the database's schema 9999 is of a later version")


def _halted(
    site: Installation, point: str, environment: Mapping[str, str] = MappingProxyType({})
) -> Child:
    """A new worker that halts at ``point``, with a campaign of one batch."""
    worker = site.halting_worker("halting", "-c", "1", SITE_PATIENCE="300", **environment)
    _halt(site, point)
    return worker


def _halt(site: Installation, point: str, count: int = 3) -> None:
    """Submit a campaign, and wait until the worker halts at ``point``."""
    site.halt_at(point)
    site.submit("soldes", people(count))
    site.wait_halted(point)


def _nothing_sent(site: Installation) -> None:
    """Nothing has left, and no attempt is on record."""
    assert not site.requests("/v1/bulk-send")
    assert not site.outcomes()


def _sent_once(site: Installation) -> None:
    """The campaign finishes with one attempt for each batch."""
    progress = site.wait_finished("soldes")
    assert progress.messages["delivered"] == progress.recipients
    assert site.outcomes() == ["sent"] * len(site.batches())
    site.check()


def _copy(source: Path, target: Path) -> None:
    """Make or restore a backup by SQLite's own means."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _file(url: str) -> Path:
    return Path(str(make_url(url).database))
