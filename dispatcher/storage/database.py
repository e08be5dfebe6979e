"""The database: SQLite or PostgreSQL, opened lazily and never shared across a fork."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from dispatcher.errors import ConfigurationError, StorageError

#: a writer of SQLite waits this long (ms) for the one before it
_SQLITE_PATIENCE = 30_000
#: how a transaction begins that only reads; one that is not said to do so, writes
_READS = {"dispatcher_reads": True}
_READS_ALONE = {**_READS, "isolation_level": "AUTOCOMMIT"}
#: a connection for each thread of the largest worker
_POOL = {"pool_size": 32, "max_overflow": 64}
#: a connection unused for longer (seconds) is asked whether it still stands
_IDLE = 5.0


class Conflict(StorageError):
    """Raised when a change breaks a rule of the schema; somebody may have been quicker."""


class Database:
    """Opens transactions; every one is either read-only or takes its writes seriously.

    On SQLite a writing transaction begins IMMEDIATE: a deferred one that upgrades itself fails
    at once when another process has written in between, whatever the patience.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError:
            raise ConfigurationError("DISPATCHER_DATABASE_URL is not a database URL") from None
        if self._url.drivername in {"postgresql", "postgres"}:
            self._url = self._url.set(drivername="postgresql+psycopg")
        self._backend = self._url.get_backend_name()
        if self._backend not in {"sqlite", "postgresql"}:
            raise ConfigurationError("DISPATCHER_DATABASE_URL must be SQLite or PostgreSQL")
        self._engine: Engine | None = None
        #: engines of parent processes: kept, for what is collected is closed
        self._inherited: list[Engine] = []
        os.register_at_fork(after_in_child=self._forget)

    def __repr__(self) -> str:
        return f"Database({self._url.render_as_string(hide_password=True)!r})"

    @property
    def engine(self) -> Engine:
        """The engine of this process. Raises ConfigurationError when a driver is missing."""
        if self._engine is None:
            try:
                self._engine = self._create()
            except (ImportError, NoSuchModuleError):
                raise ConfigurationError(
                    "DISPATCHER_DATABASE_URL needs a driver: "
                    "pip install 'sms-campaign-dispatcher[postgres]'"
                ) from None
        return self._engine

    @property
    def is_sqlite(self) -> bool:
        """Whether there is one writer and no row lock."""
        return self._backend == "sqlite"

    @property
    def is_missing(self) -> bool:
        """Whether there is no SQLite file yet, which connecting would make."""
        file = self._url.database
        return self.is_sqlite and bool(file) and not Path(file or "").exists()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads. Raises StorageError when the database is unreachable.

        On PostgreSQL each query is a transaction of its own, as READ COMMITTED would have it
        anyway: that saves two round trips.
        """
        with self._session(_READS if self.is_sqlite else _READS_ALONE) as session:
            yield session

    @contextmanager
    def stream(self) -> Iterator[Session]:
        """One transaction that only reads, for rows that are fetched while it is open."""
        with self._session(_READS) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction, committed at the end of the block and rolled back by any exception.

        Raises StorageError when the database is unreachable or the commit fails.
        """
        with self._session({}) as session:
            yield session
            session.commit()

    def clock(self) -> datetime | None:
        """The server's own clock (UTC); None on SQLite, which has none."""
        if self.is_sqlite:
            return None
        with self.read() as session:
            told: datetime = session.execute(func.clock_timestamp()).scalar_one()
            return told.astimezone(UTC)

    def close(self) -> None:
        """Close every connection."""
        if self._engine is not None:
            self._engine.dispose()

    @contextmanager
    def _session(self, options: Mapping[str, Any]) -> Iterator[Session]:
        bind = self.engine.execution_options(**options) if options else self.engine
        with self.engine_errors(), Session(bind, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def engine_errors(self) -> Iterator[None]:
        """Turn what the driver raises into StorageError.

        Its own words may repeat a row, and so a number; only those about the server or the
        schema are passed on.
        """
        try:
            yield
        except PoolTimeout:
            raise StorageError("every connection to the database is busy") from None
        except IntegrityError as error:
            raise Conflict(f"a rule of the schema is broken ({_constraint(error)})") from None
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StorageError("the connection to the database was lost") from None
            raise StorageError(_cause(error)) from None

    def _create(self) -> Engine:
        if self.is_sqlite:
            engine = create_engine(
                self._url,
                hide_parameters=True,
                **_POOL,
                connect_args={"timeout": _SQLITE_PATIENCE / 1000, "check_same_thread": False},
            )
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        engine = create_engine(
            self._url,
            hide_parameters=True,
            **_POOL,
            connect_args={
                "connect_timeout": 5,
                # what the URL asks for (a search_path, say) has the last word
                "options": "-c lock_timeout=10s -c statement_timeout=60s"
                " -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
                f" {self._url.query.get('options', '')}",
            },
        )
        event.listen(engine, "checkin", _note_return)
        event.listen(engine, "checkout", _check_idle)
        return engine

    def _forget(self) -> None:
        # the parent's connections are the parent's: do not close them, do not use them
        if self._engine is not None:
            self._inherited.append(self._engine)
            self._engine = None


def _note_return(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["returned_at"] = time.monotonic()


def _check_idle(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """Replace a connection that did not outlive its rest.

    One used just now is only looked at: where nothing was asked, something to read is its end.
    """
    idle = time.monotonic() - record.info.get("returned_at", time.monotonic())
    if idle < _IDLE and not _has_news(connection):
        return
    try:
        connection.autocommit = True
        connection.execute("")
        connection.autocommit = False
    except connection.Error:
        raise DisconnectionError from None


def _has_news(connection: Any) -> bool:
    sockets = select.poll()
    sockets.register(connection, select.POLLIN)
    return bool(sockets.poll(0))


def _configure_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the begin event below says BEGIN
    for pragma in (
        "journal_mode=WAL",
        # NORMAL may forget the last commits after a power cut: an armed attempt among them
        "synchronous=FULL",
        f"busy_timeout={_SQLITE_PATIENCE}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().keys() & _READS
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _constraint(error: IntegrityError) -> str:
    """The name of the constraint; SQLite names columns instead, neither names a value."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name or diagnosis.column_name or "a constraint"
    return str(error.orig).splitlines()[0]


def _cause(error: DBAPIError) -> str:
    """Why the database cannot be used, without a row and without a password."""
    told = type(error.orig).__name__
    about_the_server = isinstance(error, OperationalError | ProgrammingError)
    if about_the_server or type(error) is DatabaseError:  # the last: a file that is no database
        told = (str(error.orig).strip().splitlines() or [told])[0]
    return f"the database cannot be used: {told}"
