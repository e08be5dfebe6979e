"""What tests of every kind share."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from dispatcher.storage import schema
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Base
from tests.databases import connected, emptying
from tests.servers import create_database, drop_database, postgres_url

# how long an example takes tells how busy the machine is: no claim of a test
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Have processes of tests end by Ctrl-C, even if a shell runs the tests in its background.

    They speak English, whatever the language of this machine.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["LC_ALL"] = "C.UTF-8"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two processes for each core: acceptance tests wait for more than half of their time."""
    return min(2 * (os.cpu_count() or 1), 8)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Have the garbage collector leave the collected tests alone: they last as long as it does.

    They are millions of objects, which it would look at again and again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The URL of a PostgreSQL that lasts as long as the tests; skips where there is none."""
    return postgres_url()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture(scope="session")
def empty_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that has the tables and no row: a copy is made sooner than it is migrated."""
    path = tmp_path_factory.mktemp("tables") / "tables.db"
    database = Database(f"sqlite:///{path}")
    schema.prepare(database)
    database.close()
    return path


@pytest.fixture
def prepared_sqlite_url(empty_tables: Path, tmp_path: Path) -> str:
    """The URL of a SQLite database of this test's own, with empty tables."""
    return f"sqlite:///{shutil.copy(empty_tables, tmp_path / 'test.db')}"


@pytest.fixture
def fresh_postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    url = create_database(postgres_server)
    yield url
    drop_database(url)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of this test's own; the test runs on both."""
    name = {"sqlite": "sqlite_url", "postgres": "fresh_postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(scope="session")
def _shared_postgres_url(postgres_server: str) -> Iterator[str]:
    url = create_database(postgres_server)
    database = Database(url)
    schema.prepare(database)
    database.close()
    yield url
    drop_database(url)


@pytest.fixture
def _emptied_postgres_url(_shared_postgres_url: str) -> str:
    with connected(_shared_postgres_url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute(emptying(Base.metadata.tables).encode())
    return _shared_postgres_url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with empty tables; the test runs on both.

    The PostgreSQL one is emptied for each test and made once: a test that changes the tables
    themselves takes ``database_url`` and makes its own.
    """
    name = {"sqlite": "sqlite_url", "postgres": "_emptied_postgres_url"}[request.param]
    opened = Database(request.getfixturevalue(name))
    schema.prepare(opened)
    yield opened
    opened.close()
