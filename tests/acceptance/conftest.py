"""Sites by hand: one gateway process for a module, a database for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dispatcher.sandbox.process import Sandbox
from dispatcher.storage import schema
from dispatcher.storage.database import Database
from tests.acceptance.workerless import OpenWorkerless, Workerless


@pytest.fixture(scope="module")
def gateway_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A gateway that serves the tests of a module one after the other."""
    with Sandbox(tmp_path_factory.mktemp("gateway") / "ledger.jsonl") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def empty_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables and nothing in them: copied, not migrated, it is quick."""
    path = tmp_path_factory.mktemp("tables") / "tables.db"
    database = Database(f"sqlite:///{path}")
    schema.prepare(database)
    database.close()
    return path


@pytest.fixture
def workerless(
    gateway_process: Sandbox, empty_tables: Path, tmp_path: Path
) -> Iterator[OpenWorkerless]:
    """Opens a site that is worked by hand, on SQLite unless a database's URL is given."""
    with ExitStack() as opened:

        def make(database_url: str | None = None, **options: Any) -> Workerless:
            if database_url is None:
                file = tmp_path / "by-hand.db"
                shutil.copy(empty_tables, file)
                database_url = f"sqlite:///{file}"
            options.setdefault("gateway", gateway_process)
            return opened.enter_context(Workerless(tmp_path, database_url, **options))

        yield make
