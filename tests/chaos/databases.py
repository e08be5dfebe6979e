"""The database of a run, SQLite or PostgreSQL, and the faults that can be injected into it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Protocol

from sqlalchemy import make_url

from tests.databases import connected
from tests.postgres_server import PostgresServer

#: how long a fault lasts (seconds), and how it is undone
Effect = tuple[float, Callable[[], object]]
#: injects a fault; None when that was not possible
Injection = Callable[[Random], Effect | None]


class Database(Protocol):
    """A database for one run."""

    url: str
    #: whether it can tell that a host's clock is wrong
    has_a_clock: bool

    def faults(self) -> dict[str, tuple[int, Injection]]:
        """Faults by name, each with its share of the draws."""

    def close(self) -> None:
        """End it."""


class SqliteDatabase:
    """A file, whose one writer can be blocked."""

    has_a_clock = False

    def __init__(self, directory: Path) -> None:
        self._path = directory / "dispatcher.db"
        self.url = f"sqlite:///{self._path}"

    def faults(self) -> dict[str, tuple[int, Injection]]:
        return {
            "database held by another writer": (3, lambda luck: self._hold(luck.uniform(0.5, 4))),
            # so long that an answer cannot be recorded before its lease ends
            "database held past a lease": (1, lambda luck: self._hold(luck.uniform(9, 12))),
        }

    def close(self) -> None:
        pass

    def _hold(self, seconds: float) -> Effect | None:
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            connection.close()
            return None
        return seconds, connection.close


class PostgresDatabase:
    """A server that can be killed, and whose connections can be cut.

    Its defaults break the promises: the product sets its own for each connection.
    """

    has_a_clock = True

    def __init__(self) -> None:
        self._server = PostgresServer()
        self._server.start()
        self.url = self._server.create_database()
        name = make_url(self.url).database
        with connected(self._server.url()) as connection:
            for default in (
                "default_transaction_isolation = 'repeatable read'",
                "synchronous_commit = off",
            ):
                connection.execute(f'ALTER DATABASE "{name}" SET {default}'.encode())

    def faults(self) -> dict[str, tuple[int, Injection]]:
        return {
            "PostgreSQL killed": (2, self._kill),
            "PostgreSQL restarted": (1, self._restart),
            "PostgreSQL's connections cut": (3, self._terminate),
        }

    def close(self) -> None:
        self._server.stop()

    def _kill(self, luck: Random) -> Effect:
        self._server.kill()
        return luck.uniform(0.1, 3), self._server.restart

    def _restart(self, _: Random) -> Effect:
        self._server.restart()
        return 0, lambda: None

    def _terminate(self, luck: Random) -> Effect:
        with connected(self._server.url()) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                " AND random() < %s",
                [luck.choice((0.3, 1.0))],
            )
        return 0, lambda: None
