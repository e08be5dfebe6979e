from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, make_url, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from dispatcher.errors import ConfigurationError, StorageError
from dispatcher.storage import engines, schema
from dispatcher.storage.database import Database
from dispatcher.storage.driver_errors import Conflict
from dispatcher.storage.tables import Attempt, Batch, Campaign, OptOut
from tests.databases import connected
from tests.waiting import PATIENCE

NOW = datetime(2027, 1, 12, 10, 0, tzinfo=UTC)
PHONE = "+33639980001"


@pytest.fixture
def bare(database_url: str) -> Iterator[Database]:
    """A database without tables of ours."""
    opened = Database(database_url)
    yield opened
    opened.close()


def campaign(reference: str = "soldes-2027", **changes: object) -> Campaign:
    values = {
        "reference": reference,
        "fingerprint": "f",
        "text": "Bonjour",
        "commercial": True,
        "state": "running",
        "created_at": NOW,
    } | changes
    return Campaign(**values)


def count(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(OptOut)) or 0


def opt_out(session: Session, phone: str = PHONE) -> None:
    session.add(OptOut(phone=phone, source="test", created_at=NOW))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("uri", ["", "file:"])
def test_new_sqlite_database_is_readable_by_its_owner_only(
    tmp_path: Path, umask: int, uri: str
) -> None:
    file = tmp_path / "own database.db"
    before = os.umask(umask)
    try:
        database = Database(f"sqlite:///{uri}{file}{'?uri=true' if uri else ''}")
        schema.migrate(database)
        with database.write() as session:
            opt_out(session)
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys([file.name, f"{file.name}-wal", f"{file.name}-shm"], 0o600)


def test_old_sqlite_database_is_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    file.touch()
    file.chmod(0o664)
    database = Database(f"sqlite:///{file}")
    with database.read() as session:
        session.execute(text("SELECT 1"))
    database.close()
    assert file.stat().st_mode & 0o777 == 0o660


# -- SQLite's manners -------------------------------------------------------------------------


def test_new_file_waits_for_the_log_while_another_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    with closing(sqlite3.connect(tmp_path / "new.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE its_own (id)")
        other.execute("BEGIN IMMEDIATE")
        asked = []

        def commit(_: float) -> None:
            asked.append(other.execute("PRAGMA journal_mode").fetchone())
            other.execute("COMMIT")

        monkeypatch.setattr("dispatcher.storage.engines.time.sleep", commit)
        with closing(database), database.read() as session:
            assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    assert asked == [("delete",)]


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        pytest.param("journal_mode", "wal", id="readers do not wait for a writer"),
        pytest.param("synchronous", 2, id="a commit survives a power cut: FULL"),
        pytest.param("foreign_keys", 1, id="foreign keys hold"),
        pytest.param("busy_timeout", 30_000, id="a writer waits for the one before it"),
    ],
)
def test_sqlite_connection_sets_its_pragmas(pragma: str, value: object, sqlite_url: str) -> None:
    database = Database(sqlite_url)
    for transaction in (database.read, database.write):
        with transaction() as session:
            assert session.scalar(text(f"PRAGMA {pragma}")) == value
    database.close()


def test_sqlite_writers_that_read_first_wait_for_each_other(sqlite_url: str) -> None:
    threads, rounds = 4, 10
    databases = [Database(sqlite_url) for _ in range(threads)]
    with databases[0].write() as session:
        session.execute(text("CREATE TABLE tally (n INTEGER)"))
        session.execute(text("INSERT INTO tally VALUES (0)"))
    failures: list[Exception] = []
    together = threading.Barrier(threads)

    def add(database: Database) -> None:
        together.wait(PATIENCE)
        try:
            for _ in range(rounds):
                with database.write() as session:
                    found = session.scalar(text("SELECT n FROM tally")) or 0
                    session.execute(text("UPDATE tally SET n = :n"), {"n": found + 1})
        except StorageError as error:
            failures.append(error)

    writers = [threading.Thread(target=add, args=(database,)) for database in databases]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    with databases[0].read() as session:
        assert session.scalar(text("SELECT n FROM tally")) == threads * rounds
    for database in databases:
        database.close()


def test_sqlite_reader_does_not_wait_for_a_writer(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.write() as session:
        session.execute(text("CREATE TABLE tally (n INTEGER)"))
    with database.write() as writing:
        writing.execute(text("INSERT INTO tally VALUES (1)"))
        with database.read() as reading:
            assert reading.scalar(text("SELECT count(*) FROM tally")) == 0
    database.close()


def test_foreign_key_without_its_row_is_refused(database: Database) -> None:
    with pytest.raises(Conflict), database.write() as session:
        session.add(Attempt(batch_id=99, number=1, tag="a", worker="w", armed_at=NOW))


# -- transactions, on both --------------------------------------------------------------------


def test_committed_row_is_read_back(database: Database) -> None:
    with database.write() as session:
        opt_out(session)
    assert count(database) == 1


def test_exception_rolls_the_transaction_back(database: Database) -> None:
    def fail() -> None:
        with database.write() as session:
            opt_out(session)
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert count(database) == 0


def test_failed_statement_rolls_the_transaction_back(database: Database) -> None:
    def fail() -> None:
        with database.write() as session:
            opt_out(session)
            session.flush()
            session.execute(text("INSERT INTO dispatcher_opt_out (phone) VALUES (NULL)"))

    with pytest.raises(Conflict):
        fail()
    assert count(database) == 0
    with database.write() as session:  # and the connection is good for the next
        opt_out(session)
    assert count(database) == 1


def test_missing_table_raises_storage_error(bare: Database) -> None:
    with pytest.raises(StorageError), bare.read() as session:
        session.execute(select(OptOut)).all()


def test_threads_that_need_the_first_connection_at_once_share_one_engine(sqlite_url: str) -> None:
    both = threading.Barrier(2)

    class Slow(Database):
        made = 0

        def _create(self) -> Engine:
            Slow.made += 1
            with suppress(threading.BrokenBarrierError):
                both.wait(0.5)  # a second thread that comes this far would make another one
            return super()._create()

    database = Slow(sqlite_url)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: database.engine, range(2))
    database.close()

    assert first is second
    assert Slow.made == 1


def test_concurrent_writers_of_one_counter_lose_no_count(database: Database) -> None:
    with database.write() as session:
        session.add(campaign())
    together = threading.Barrier(2)

    def add() -> None:
        together.wait(PATIENCE)
        for _ in range(10):
            with database.write() as session:
                row = session.scalars(select(Campaign).with_for_update()).one()
                row.rows += 1

    writers = [threading.Thread(target=add) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with database.read() as session:
        assert session.scalars(select(Campaign.rows)).one() == 20


# -- a database out of reach ------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgresql+psycopg://me:hunter2@127.0.0.1:1/none", id="no server"),
        pytest.param("postgresql+psycopg://me:hunter2@db.invalid/none", id="no such host"),
        pytest.param("postgresql://me:hunter2@127.0.0.1:1/none", id="without a driver"),
    ],
)
def test_unreachable_server_raises_storage_error_without_the_password(url: str) -> None:
    database = Database(url)
    for transaction in (database.read, database.write):
        with pytest.raises(StorageError) as caught, transaction() as session:
            session.execute(text("SELECT 1"))
        result = "".join(traceback.format_exception(caught.value)) + repr(database)
        assert "hunter2" not in result
        assert "cannot be used" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_wrong_password_raises_storage_error_without_the_password(fresh_postgres_url: str) -> None:
    password = fresh_postgres_url.partition("@")[0].rpartition(":")[2]
    database = Database(fresh_postgres_url.replace(f":{password}@", ":hunter2@"))
    with pytest.raises(StorageError) as caught, database.read() as session:
        session.execute(text("SELECT 1"))
    assert "hunter2" not in str(caught.value)
    assert password not in str(caught.value)
    database.close()


def test_missing_directory_raises_storage_error(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'none' / 'test.db'}")
    with pytest.raises(StorageError), database.read() as session:
        session.execute(text("SELECT 1"))


def test_file_that_is_no_database_raises_storage_error(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    path.write_bytes(b"telephone;prenom\n" * 500)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(StorageError), database.read() as session:
        session.execute(text("SELECT 1"))


def test_killed_connection_raises_storage_error_and_the_next_one_works(
    fresh_postgres_url: str,
) -> None:
    database = Database(fresh_postgres_url)

    def lose() -> None:
        with database.write() as session:
            pid = session.scalar(text("SELECT pg_backend_pid()"))
            with connected(fresh_postgres_url) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
            time.sleep(0.01)
            session.execute(text("SELECT 1"))

    with pytest.raises(StorageError):
        lose()
    with database.read() as session:
        assert session.scalar(text("SELECT 1")) == 1
    database.close()


def test_killed_idle_connection_is_replaced_without_an_error(fresh_postgres_url: str) -> None:
    database = Database(fresh_postgres_url)
    with database.read() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
    with connected(fresh_postgres_url) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
            time.sleep(0.01)
    with database.read() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != pid
    database.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the names of these limits are Linux's")
@pytest.mark.parametrize(("said", "seconds"), [("", 25), ("?tcp_user_timeout=7000", 7)])
def test_connection_to_a_server_that_is_cut_off_ends(
    fresh_postgres_url: str, said: str, seconds: int
) -> None:
    with closing(Database(fresh_postgres_url + said)) as database, database.read() as session:
        connection: Any = session.connection().connection.dbapi_connection
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == seconds * 1000
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10


def test_closed_cached_connection_is_replaced(fresh_postgres_url: str) -> None:
    database = Database(fresh_postgres_url)
    with database.keeping():
        with database.read() as session:
            pid = session.scalar(text("SELECT pg_backend_pid()"))
            kept: Any = session.connection().connection.driver_connection
        kept.close()
        with database.read() as session:
            assert session.scalar(text("SELECT pg_backend_pid()")) != pid
    database.close()


def test_threads_with_cached_connections_leave_connections_for_writes(
    fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_POOL", {"pool_size": 4, "max_overflow": 0, "pool_timeout": 5})
    monkeypatch.setattr(engines, "KEPT", 2, raising=False)
    database = Database(fresh_postgres_url)
    all_have_read = threading.Barrier(4, timeout=PATIENCE)

    def turn(_: int) -> None:
        with database.keeping():
            with database.read() as session:
                session.execute(text("SELECT 1"))
            all_have_read.wait()
            with database.write() as session:
                session.execute(text("SELECT 1"))
            all_have_read.wait()

    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(turn, range(4)):
            pass
    database.close()


@pytest.mark.parametrize("url", ["nonsense", "", "mysql://me:hunter2@localhost/x", "sqlite"])
def test_url_of_another_database_is_refused_with_its_variable(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DISPATCHER_DATABASE_URL") as caught:
        Database(url)
    assert "hunter2" not in str(caught.value)


def test_short_name_of_postgresql_is_accepted() -> None:
    assert not Database("postgres://me@localhost/x").is_sqlite


def test_repr_of_a_database_hides_the_password() -> None:
    result = repr(Database("postgresql+psycopg://me:hunter2@localhost/x"))
    assert "hunter2" not in result
    assert "localhost" in result


# Each statement violates a constraint with a row that has a phone number.
PERSONAL = {
    "twice": "INSERT INTO dispatcher_opt_out (phone, source, created_at) VALUES"
    " (:phone, 'x', :now), (:phone, 'x', :now)",
    "null": "INSERT INTO dispatcher_opt_out (phone, source, created_at)"
    " VALUES (:phone, NULL, :now)",
}


@pytest.mark.parametrize("statement", PERSONAL.values(), ids=PERSONAL.keys())
def test_violated_constraint_is_named_without_the_number(
    database: Database, statement: str
) -> None:
    with pytest.raises(Exception) as caught, database.write() as session:  # noqa: PT011
        session.execute(text(statement), {"phone": PHONE, "now": NOW.isoformat()})
    assert PHONE not in "".join(traceback.format_exception(caught.value))


# -- forks ------------------------------------------------------------------------------------

FORKING = """
import os, sys, warnings
from sqlalchemy import text
from dispatcher.storage import schema
from dispatcher.storage.database import Database
from dispatcher.storage.driver_errors import Conflict

warnings.simplefilter("ignore")
database = Database(sys.argv[1])
backend = "SELECT pg_backend_pid()" if "postgres" in sys.argv[1] else "SELECT 1"

def ask():
    with database.write() as session:
        return session.scalar(text(backend))

mine = ask()
pid = os.fork()
if pid == 0:
    print("child", ask(), flush=True)
    database.close()
    sys.exit(0)
print("status", os.waitpid(pid, 0)[1])
print("parent", mine, ask(), flush=True)
database.close()
"""


def test_forked_child_opens_its_own_connection(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING, database_url],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.stderr == ""
    result = {name: rest for name, *rest in map(str.split, done.stdout.splitlines())}
    assert result["status"] == ["0"]
    assert result["parent"][0] == result["parent"][1]  # the child's end did not end the parent's
    if "postgres" in database_url:
        assert result["child"][0] != result["parent"][0]


def test_closed_database_can_be_used_again(bare: Database) -> None:
    bare.close()
    for _ in range(2):
        with bare.read() as session:
            assert session.scalar(text("SELECT 1")) == 1
        bare.close()


# -- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(NOW, id="UTC"),
        pytest.param(NOW.astimezone(timezone(timedelta(hours=11))), id="Nouméa"),
        pytest.param(datetime(2027, 1, 12, 10, 0, 0, 123456, tzinfo=UTC), id="microseconds"),
    ],
)
def test_stored_instant_is_read_back_aware_and_equal(database: Database, at: datetime) -> None:
    with database.write() as session:
        session.add(campaign(not_before=at))
    with database.read() as session:
        found = session.scalars(select(Campaign.not_before)).one()
    assert found == at
    assert found is not None
    assert found.utcoffset() == timedelta(0)


def test_instants_of_different_zones_are_compared_in_utc(database: Database) -> None:
    noumea = timezone(timedelta(hours=11))
    with database.write() as session:
        session.add(campaign(not_before=NOW.astimezone(noumea)))
    with database.read() as session:
        for due, found in ((NOW, 1), (NOW - timedelta(microseconds=1), 0)):
            query = select(func.count()).where(Campaign.not_before <= due)
            assert session.scalar(query) == found


def test_naive_instant_raises_value_error(database: Database) -> None:
    with pytest.raises(StatementError, match="naive"), database.write() as session:
        session.add(campaign(not_before=datetime(2027, 1, 12)))  # noqa: DTZ001


@pytest.mark.parametrize("cost", ["0", "0.038", "0.0001", "999999999.9999"])
def test_stored_euros_are_read_back_and_summed_exactly(database: Database, cost: str) -> None:
    with database.write() as session:
        owner = campaign()
        session.add(owner)
        session.flush()
        for number in (1, 2):
            session.add(
                Batch(
                    campaign_id=owner.id, number=number, territory="metropole", size=1,
                    state="pending", not_before=NOW, states="p", pending=1, cost=Decimal(cost),
                )
            )  # fmt: skip
    with database.read() as session:
        assert session.scalars(select(Batch.cost)).all() == [Decimal(cost)] * 2
        assert session.scalar(select(func.sum(Batch.cost))) == 2 * Decimal(cost)


def test_options_of_a_url_are_set_beside_our_limits(fresh_postgres_url: str) -> None:
    with connected(fresh_postgres_url) as connection:
        connection.execute("CREATE SCHEMA sms")
    url = make_url(fresh_postgres_url).update_query_dict({"options": "-c search_path=sms"})
    database = Database(url.render_as_string(hide_password=False))

    schema.prepare(database)

    with database.read() as session:
        assert session.scalar(text("SELECT to_regclass('sms.dispatcher_campaign') IS NOT NULL"))
        assert session.scalar(text("SHOW lock_timeout")) == "10s"
    database.close()
