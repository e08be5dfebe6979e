"""Where the rows live, and what can be done to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Protocol

from tests.databases import connected
from tests.postgres_server import PostgresServer

#: how long what was done lasts (seconds), and how it ends
Effect = tuple[float, Callable[[], object]]
#: None when it could not be done
Deed = Callable[[Random], Effect | None]


class Database(Protocol):
    """A database of the campaign's own."""

    url: str

    def deeds(self) -> dict[str, tuple[int, Deed]]:
        """What a nemesis can do to it, and how often each is drawn."""

    def close(self) -> None:
        """End it."""


class SqliteDatabase:
    """A file. Its only weak point is its one writer."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "dispatcher.db"
        self.url = f"sqlite:///{self._path}"

    def deeds(self) -> dict[str, tuple[int, Deed]]:
        return {
            "database held by another writer": (3, lambda luck: self._hold(luck.uniform(0.5, 4))),
            # an answer that cannot be recorded before its lease is over
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
    """A server: it can be killed, and its connections cut."""

    def __init__(self) -> None:
        self._server = PostgresServer()
        self._server.start()
        self.url = self._server.create_database()

    def deeds(self) -> dict[str, tuple[int, Deed]]:
        return {
            "PostgreSQL killed": (2, self._kill),
            "PostgreSQL's connections cut": (3, self._terminate),
        }

    def close(self) -> None:
        self._server.stop()

    def _kill(self, luck: Random) -> Effect:
        self._server.kill()
        return luck.uniform(0.1, 3), self._server.restart

    def _terminate(self, luck: Random) -> Effect:
        with connected(self._server.url()) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                " AND random() < %s",
                [luck.choice((0.3, 1.0))],
            )
        return 0, lambda: None
