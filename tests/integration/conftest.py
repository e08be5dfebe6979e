"""A dispatcher worked by hand, on databases that are emptied rather than made: it is quick."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event, text

from dispatcher.storage import schema
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Base
from tests.databases import create_database, drop_database, emptying
from tests.integration.bench import Bench, opened

_NO_SYNC = "PRAGMA synchronous=OFF"


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A SQLite file with its tables, shared by all tests; ``tables`` empties it."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('tables') / 'tables.db'}")
    # tests do not outlive a power cut, and waiting for the disk is most of their time
    event.listen(database.engine, "connect", lambda one, _: one.execute(_NO_SYNC))
    schema.prepare(database)
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: str) -> Iterator[Database]:
    """A PostgreSQL database with its tables, shared by all tests; ``tables`` empties it."""
    url = create_database(postgres_server)
    database = Database(url)
    schema.prepare(database)
    yield database
    database.close()
    drop_database(url)


@pytest.fixture(params=["sqlite", "postgres"])
def tables(request: pytest.FixtureRequest) -> Database:
    """A database with empty tables: a test that takes it runs on both."""
    database: Database = request.getfixturevalue(f"{request.param}_tables")
    empty(database)
    return database


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    """A dispatcher with a gateway in memory, on a Tuesday morning; sums are checked at the end."""
    with opened(tables) as bench:
        yield bench
        bench.check()


def empty(database: Database) -> None:
    """Delete every row; the next ids are 1 again."""
    names = [table.name for table in reversed(Base.metadata.sorted_tables)]
    with database.write() as session:
        if database.is_sqlite:
            for name in names:
                session.execute(text(f"DELETE FROM {name}"))
        else:
            session.execute(text(emptying(names)))
