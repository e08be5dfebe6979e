"""The project's own database: our tables are in it, and we use its transactions."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from django.db import Error as DjangoError
from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from dispatcher.contrib.django.under_test import check_database
from dispatcher.errors import ConfigurationError, StorageError
from dispatcher.storage.database import Database

log = logging.getLogger(__name__)

registry.register(
    "postgresql.django", "dispatcher.contrib.django.shared_connection", "SharedPostgres"
)
registry.register("sqlite.django", "dispatcher.contrib.django.shared_connection", "SharedSqlite")


class DjangoDatabase(Database):
    """Opens transactions as ``transaction.atomic`` does, on this thread's connection.

    Inside a transaction of the project a write is a savepoint: both commit or neither does.
    """

    def __init__(self, alias: str) -> None:
        self.alias, self.setting = alias, f"DATABASES[{alias!r}]"
        super().__init__(f"{connections[alias].vendor}+django://")

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """Django's connection of this thread."""
        return connections[self.alias]

    @property
    def place(self) -> str:
        """Which of the project's databases it is, and where that is."""
        values = self.connection.settings_dict
        where = " at ".join(filter(None, [str(values["NAME"]), values.get("HOST", "")]))
        kind = "SQLite" if self.is_sqlite else "PostgreSQL"
        return f"{kind} {where} (DATABASES[{self.alias!r}])"

    @property
    def file(self) -> Path | None:
        """The file of SQLite; of a database in memory, as of tests, its name."""
        return Path(str(self.connection.settings_dict["NAME"])) if self.is_sqlite else None

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside ``transaction.atomic``, or commits by hand."""
        return self.connection.in_atomic_block or not self.connection.get_autocommit()

    def after_commit(self, do: Callable[[], None]) -> None:
        """As ``transaction.on_commit``; at once if the project commits by hand."""
        if not self.connection.in_atomic_block:
            do()
            return

        def later() -> None:
            try:
                do()
            except StorageError as error:  # the caller's commit has been done, and must not fail
                log.warning("last contacts are not stored, submit the campaign again: %s", error)

        transaction.on_commit(later, using=self.alias)

    def close(self) -> None:
        """Do nothing: the connection is Django's."""

    def take_turn(self) -> None:
        """Inside a transaction on SQLite, wait for other writers before anything is read.

        SQLite refuses at once a transaction that read before another wrote, whatever its timeout.
        """
        if self.is_sqlite and self.connection.in_atomic_block:
            _take_turn(self._lend())

    @contextmanager
    def engine_errors(self) -> Iterator[None]:
        """Turn what Django or a driver raises into StorageError."""
        try:
            with super().engine_errors():
                yield
        except DjangoError as error:
            about_the_server = isinstance(error, OperationalError | InterfaceError)
            sentence = (str(error).strip().splitlines() or [""])[0] if about_the_server else ""
            raise StorageError(
                f"the database cannot be used: {sentence or type(error).__name__}"
            ) from None
        except StorageError:
            # as Django's own wrapper does: it looks after the connection when the request ends
            self.connection.errors_occurred = True
            raise

    @contextmanager
    def _session(self, options: Mapping[str, Any]) -> Iterator[Session]:
        writes = not options
        outermost = not self.connection.in_atomic_block
        # a read needs none, and must not doom the caller's when it finds nothing
        block = transaction.atomic(using=self.alias) if writes else nullcontext()
        with self.engine_errors(), block:
            if writes and outermost and self.is_sqlite:
                _take_turn(self._lend())
            with self._new(self.engine) as session:
                yield session

    def keeping(self) -> AbstractContextManager[None]:
        """Do nothing: the connection is Django's."""
        return nullcontext()

    @contextmanager
    def stream(self) -> Iterator[Session]:
        """One transaction that only reads; inside one of the project, a part of that."""
        alone = not self.connection.in_atomic_block and not self.is_sqlite
        with self.engine_errors(), transaction.atomic(using=self.alias):
            if alone:
                with self.connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            with self._new(self.engine) as session:
                yield session

    @contextmanager
    def once(self) -> Iterator[Session]:
        """As ``write``: Django decides what is committed."""
        with self.write() as session:
            yield session

    def _create(self) -> Engine:
        return create_engine(
            self._url,
            creator=self._lend,
            poolclass=NullPool,
            pool_reset_on_return=None,
            hide_parameters=True,
        )

    def _lend(self) -> Any:
        check_database(self.connection)
        # a cursor, and not just the connection: tests forbid those, threads and async code too
        with self.connection.cursor():
            shared: Any = self.connection.connection
        if not self.is_sqlite and not hasattr(shared, "pgconn"):
            raise ConfigurationError(
                "the dispatcher needs psycopg 3: pip install 'psycopg[binary]'"
            )
        return shared


def _take_turn(connection: sqlite3.Connection) -> None:
    """Begin to write, with a statement that changes nothing. Raises StorageError."""
    try:
        connection.execute("UPDATE dispatcher_campaign SET id = id WHERE 0")
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise StorageError(f"the database cannot be used: {error}") from None
