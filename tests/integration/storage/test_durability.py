"""What the promises need of the database, on real servers and through a real PgBouncer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from dispatcher import Dispatcher, Settings, StorageError
from dispatcher.monitoring.doctor import examine
from dispatcher.storage import durability
from dispatcher.storage.database import Database
from tests.databases import connected
from tests.pgbouncer import PgBouncer


@pytest.fixture
def pooled(fresh_postgres_url: str, tmp_path: Path) -> Iterator[Database]:
    """A database behind a PgBouncer that has two server connections for everybody."""
    with PgBouncer(fresh_postgres_url, tmp_path) as bouncer:
        database = Database(bouncer.url)
        yield database
        database.close()


def role_setting(url: str, assignment: str) -> None:
    with connected(url) as connection:
        connection.execute(f'ALTER DATABASE "{make_url(url).database}" SET {assignment}'.encode())


def setting(database: Database, name: str) -> object:
    with database.write() as session:
        return session.execute(text(f"SHOW {name}")).scalar_one()


def objections(database: Database) -> list[str]:
    with database.read() as session:
        return durability.objections(session)


def test_usual_database_has_no_objection(database: Database) -> None:
    assert objections(database) == []


def test_sqlite_that_may_forget_a_commit_is_named(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.read() as session:
        session.connection().exec_driver_sql("COMMIT")
        session.connection().exec_driver_sql("PRAGMA synchronous = NORMAL")
        session.connection().exec_driver_sql("BEGIN")
        (objection,) = durability.objections(session)
    assert "synchronous" in objection
    database.close()


@pytest.mark.parametrize(
    ("assignment", "name", "value"),
    [
        ("synchronous_commit = off", "synchronous_commit", "on"),
        ("default_transaction_isolation = 'repeatable read'", "transaction_isolation", None),
    ],
)
def test_direct_connection_overrides_settings_of_the_server(
    fresh_postgres_url: str, assignment: str, name: str, value: str | None
) -> None:
    role_setting(fresh_postgres_url, assignment)
    database = Database(fresh_postgres_url)
    assert setting(database, name) == (value or "read committed")
    assert objections(database) == []
    database.close()


def test_transaction_behind_a_pooler_is_read_committed(
    fresh_postgres_url: str, pooled: Database
) -> None:
    role_setting(fresh_postgres_url, "default_transaction_isolation = 'repeatable read'")
    assert setting(pooled, "transaction_isolation") == "read committed"


@pytest.mark.parametrize(
    "assignment",
    [
        "synchronous_commit = off",
        "default_transaction_isolation = 'repeatable read'",
        "default_transaction_read_only = on",
    ],
)
def test_pooled_server_without_durable_commits_is_named(
    fresh_postgres_url: str, pooled: Database, assignment: str
) -> None:
    role_setting(fresh_postgres_url, assignment)
    (objection,) = objections(pooled)
    assert assignment.split()[0].removeprefix("default_").split("_")[-1] in objection


def test_worker_refuses_a_database_that_is_read_only(fresh_postgres_url: str) -> None:
    settings = Settings.of(database_url=fresh_postgres_url, api_key="k")
    Dispatcher(settings).migrate()
    role_setting(fresh_postgres_url, "default_transaction_read_only = on")
    dispatcher = Dispatcher(settings)
    with pytest.raises(StorageError, match="nothing can be written"):
        dispatcher.check()
    (finding,) = examine(dispatcher, ["database"])
    assert not finding.ok
    assert "nothing can be written" in finding.says


def test_statement_behind_a_pooler_never_gets_the_answer_of_another_client(
    pooled: Database,
) -> None:
    wrong: list[str] = []
    failed: list[Exception] = []

    def ask(name: str) -> None:
        statement = text(f"SELECT '{name}' || CAST(:x AS text)")
        try:
            for number in range(200):
                with pooled.read() as session:
                    answer = session.execute(statement, {"x": number}).scalar_one()
                if answer != f"{name}{number}":
                    wrong.append(answer)
        except Exception as error:  # noqa: BLE001 - reported by the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(name,)) for name in "ABCD"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, failed) == ([], [])


#: what a database does whose disk is full
FULL = {
    True: (
        """CREATE TRIGGER full BEFORE INSERT ON dispatcher_meta
        BEGIN SELECT RAISE(ABORT, 'disk is full'); END""",
    ),
    False: (
        """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE 'No space left on device' USING ERRCODE = '53100'; END $$""",
        "CREATE TRIGGER full_disk BEFORE INSERT ON dispatcher_meta EXECUTE FUNCTION full_disk()",
    ),
}


def test_database_that_takes_no_row_fails_the_check(database_url: str) -> None:
    dispatcher = Dispatcher(Settings.of(database_url=database_url, api_key="k"))
    dispatcher.prepare()
    (well,) = examine(dispatcher, ["database"])
    assert well.ok
    database = dispatcher.database
    with database.write() as session:
        for statement in FULL[database.is_sqlite]:
            session.execute(text(statement))
    (finding,) = examine(dispatcher, ["database"])
    assert not finding.ok
    assert finding.remedy
    with pytest.raises(StorageError):
        dispatcher.check()
    database.close()
