"""Installations for tests: without workers for one test, or running ones that a module shares.

The databases have their tables already: copied from a template, which is quicker than migrated.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dispatcher.sandbox.process import Sandbox
from dispatcher.storage import schema
from dispatcher.storage.database import Database
from tests.acceptance.installation import Installation
from tests.acceptance.workerless import OpenWorkerless, Workerless
from tests.databases import create_database, drop_database


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder more time than others: they wait for processes."""
    for item in items:
        if item.path.parent == Path(__file__).parent and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(autouse=True)
def resend_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a batch whose worker was lost be resent at once: it was killed, as the tests know."""
    monkeypatch.setattr("dispatcher.campaigns.evidence.RESEND_AFTER", timedelta(0))


@pytest.fixture(scope="session")
def gateway_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A gateway that serves tests without workers, one after the other."""
    with Sandbox(tmp_path_factory.mktemp("gateway") / "ledger.jsonl") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The URL of a PostgreSQL database that has the tables and no row."""
    url = create_database(postgres_server)
    database = Database(url)
    schema.prepare(database)
    database.close()
    yield url
    drop_database(url)


@pytest.fixture
def sqlite_url(prepared_sqlite_url: str) -> str:
    """The URL of a SQLite database of this test's own, with empty tables."""
    return prepared_sqlite_url


@pytest.fixture
def fresh_postgres_url(postgres_template: str) -> Iterator[str]:
    """The URL of a PostgreSQL database of this test's own, with empty tables."""
    url = create_database(postgres_template, template=postgres_template)
    yield url
    drop_database(url)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def module_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a database that the tests of a module share; they run on both.

    A test runs on SQLite only with ``@on_sqlite`` of ``installation.py``.
    """
    if request.param == "sqlite":
        tables: Path = request.getfixturevalue("empty_tables")
        yield f"sqlite:///{shutil.copy(tables, tmp_path_factory.mktemp('module') / 'test.db')}"
    else:
        template: str = request.getfixturevalue("postgres_template")
        url = create_database(template, template=template)
        yield url
        drop_database(url)


@pytest.fixture(scope="module")
def site_that_ticks(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    directory = tmp_path_factory.mktemp("standby")
    with Installation(directory, module_database_url) as site:
        site.ticks()
        site.worker("standby")
        yield site


@pytest.fixture
def standby_site(site_that_ticks: Installation) -> Iterator[Installation]:
    """A running site for tests that lose a worker: another one stands by, suspended.

    ``wake_standby`` has it work.
    """
    with site_that_ticks.lent() as site:
        [standby] = site.children
        site.suspend(standby)
        yield site


@pytest.fixture
def workerless(
    gateway_process: Sandbox, sqlite_url: str, tmp_path: Path
) -> Iterator[OpenWorkerless]:
    """Opens an installation without workers, on SQLite unless the URL of a database is given."""
    with ExitStack() as opened:

        def make(database_url: str = sqlite_url, **options: Any) -> Workerless:
            options.setdefault("gateway", gateway_process)
            return opened.enter_context(Workerless(tmp_path, database_url, **options))

        yield make
