"""The database: SQLite or PostgreSQL, opened lazily and never shared across a fork."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from dispatcher.errors import ConfigurationError, StorageError

#: a writer of SQLite waits this long (ms) for the one before it
_SQLITE_PATIENCE = 30_000
_WRITES = "dispatcher_writes"
#: a connection for each thread of the largest worker
_POOL = {"pool_size": 32, "max_overflow": 64}


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
        if self._url.get_backend_name() not in {"sqlite", "postgresql"}:
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
        return self._url.get_backend_name() == "sqlite"

    @property
    def is_missing(self) -> bool:
        """Whether there is no SQLite file yet, which connecting would make."""
        file = self._url.database
        return self.is_sqlite and bool(file) and not Path(file or "").exists()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads. Raises StorageError when the database is unreachable."""
        with self._session(writes=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction, committed at the end of the block and rolled back by any exception.

        Raises StorageError when the database is unreachable or the commit fails.
        """
        with self._session(writes=True) as session:
            yield session

    def clock(self) -> datetime | None:
        """The server's own clock (UTC); None on SQLite, which has none."""
        if self.is_sqlite:
            return None
        with self.read() as session:
            told: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
            return told.astimezone(UTC)

    def close(self) -> None:
        """Close every connection."""
        if self._engine is not None:
            self._engine.dispose()

    @contextmanager
    def _session(self, *, writes: bool) -> Iterator[Session]:
        bind = self.engine.execution_options(**{_WRITES: writes})
        with self.engine_errors(), Session(bind, expire_on_commit=False) as session:
            yield session
            if writes:
                session.commit()

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
        return create_engine(
            self._url,
            hide_parameters=True,
            pool_pre_ping=True,
            **_POOL,
            connect_args={
                "connect_timeout": 5,
                "options": "-c lock_timeout=10s -c statement_timeout=60s"
                " -c idle_in_transaction_session_timeout=60s -c timezone=UTC",
            },
        )

    def _forget(self) -> None:
        # the parent's connections are the parent's: do not close them, do not use them
        if self._engine is not None:
            self._inherited.append(self._engine)
            self._engine = None


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
    writes = connection.get_execution_options().get(_WRITES, True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


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
