"""The database: SQLite or PostgreSQL, opened lazily and never shared across a fork."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, __version__, func
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.orm import Session

from dispatcher.errors import ConfigurationError, StorageError
from dispatcher.settings.libraries import unfit
from dispatcher.storage import database_url, driver_errors, engines, postgresql, seals
from dispatcher.storage.admitted import Admitted
from dispatcher.storage.engines import KeptSessions
from dispatcher.storage.own_key import OwnKey
from dispatcher.storage.pseudonym_key import PseudonymKey

log = logging.getLogger(__name__)

_DRIVER = "DISPATCHER_DATABASE_URL needs a driver: pip install 'sms-campaign-dispatcher[postgres]'"
#: options of a transaction that only reads; without them it writes
_READS = {engines.BEGIN: "BEGIN"}
_ALONE = {"isolation_level": "AUTOCOMMIT"}
_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Database:
    """Opens transactions: ``read`` and ``stream`` only read, ``write`` and ``once`` may write.

    On SQLite a transaction that writes begins IMMEDIATE: a deferred one fails at once, whatever the
    busy timeout, if another process has written between its first read and its first write.

    Raises ConfigurationError for a URL of no supported database, and for too old a SQLAlchemy.
    """

    #: the setting that names it
    setting: str = database_url.NAME

    def __init__(self, url: str) -> None:
        if too_old := unfit(__version__):
            raise ConfigurationError(too_old)
        self._url = database_url.parsed(url)
        self._backend = self._url.get_backend_name()
        self._engine: Engine | None = None
        #: the engine with the options of a transaction: SQLAlchemy takes long to make one
        self._bound: dict[frozenset[tuple[str, Any]], Engine] = {}
        self._creating = threading.Lock()
        self._kept = self._keep()
        self.pseudonym_key = PseudonymKey(lambda: self.file)
        self.admitted = Admitted()
        self.signing_key = OwnKey(lambda: self.file, "signing key", "evidence cannot be signed")
        #: engines and sessions of the parent process, referenced here because the garbage
        #: collector would close the parent's connections
        self._inherited: list[Engine | KeptSessions | None] = []
        os.register_at_fork(after_in_child=self._forget)

    def __repr__(self) -> str:
        return f"Database({self._url.render_as_string(hide_password=True)!r})"

    @property
    def engine(self) -> Engine:
        """The engine of this process.

        Raises ConfigurationError when a driver is missing, and for a database in memory.
        """
        with self._creating:  # a second engine would be lost with its connections open
            if self._engine is None:
                try:
                    self._engine = self._create()
                except (ImportError, NoSuchModuleError):
                    raise ConfigurationError(_DRIVER) from None
            return self._engine

    @property
    def is_sqlite(self) -> bool:
        """True on SQLite, which has one writer and no row locks."""
        return self._backend == "sqlite"

    @property
    def place(self) -> str:
        """Which database it is, for people: kind, host and name, or path; no user, no password."""
        name = self._url.database or ""
        if self.is_sqlite:
            return f"SQLite {Path(name).absolute()}" if name.strip(":") != "memory" else "SQLite"
        return f"PostgreSQL {name!r} at {database_url.place(self._url)}"

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None for a server."""
        return database_url.file_of(self._url)

    @property
    def is_relative(self) -> bool:
        """True if a process in another folder would use another database."""
        return database_url.is_relative(self._url)

    @property
    def in_transaction(self) -> bool:
        """True if writes join a transaction of the caller's, which may be rolled back."""
        return False

    @property
    def is_missing(self) -> bool:
        """True if the SQLite file does not exist; connecting would create it."""
        return self.is_sqlite and bool(file := self._url.database) and not Path(file or "").exists()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads. Raises StorageError when the database is unreachable.

        On PostgreSQL each query is a transaction of its own, which saves two round trips. Under
        READ COMMITTED each query has its own snapshot anyway.
        """
        if self._kept.keeps:
            opened = self._kept.session()
        else:
            opened = self._session(_READS if self.is_sqlite else _ALONE)
        with self.engine_errors(), opened as session:
            yield session

    @contextmanager
    def once(self) -> Iterator[Session]:
        """A session for one statement, committed with it; a transaction on SQLite. As ``read``."""
        if self.is_sqlite and not self._kept.keeps:
            with self.write() as session:
                yield session
            return
        with (
            self.read() as session,
            engines.immediate(session) if self.is_sqlite else nullcontext(),
        ):
            yield session

    def keeping(self) -> AbstractContextManager[None]:
        """Within it ``read`` and ``once`` of this thread share a connection.

        For threads that run many statements: a checkout takes longer than most statements.
        """
        return self._kept.keeping()

    @contextmanager
    def stream(self) -> Iterator[Session]:
        """One transaction that only reads: all its queries see the database as the first does."""
        with self._session(_READS if self.is_sqlite else _SNAPSHOT) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction, committed at the end of the block and rolled back by any exception.

        Raises StorageError when the database is unreachable or the commit fails.
        """
        joined = self.in_transaction
        with self._session({}) as session:
            yield session
            session.commit()
        if session.info.pop(seals.NOTED, False) and not joined:
            self._seal()

    def clock(self) -> datetime | None:
        """The clock of the PostgreSQL server (UTC); None on SQLite, which has no server."""
        if self.is_sqlite:
            return None
        with self.read() as session:
            now: datetime = session.execute(func.clock_timestamp()).scalar_one()
            return now.astimezone(UTC)

    def checkpoint(self) -> bool:
        """Empty the log of SQLite into its file: it holds old pages. False if it must wait."""
        if not self.is_sqlite or self.in_transaction:
            return not self.is_sqlite
        with self.engine_errors():
            return engines.checkpoint(self.engine)

    def after_commit(self, do: Callable[[], None]) -> None:
        """Call ``do`` once a transaction of the caller's is committed, at once without one."""
        do()

    def close(self) -> None:
        """Close every connection."""
        if self._engine is not None:
            self._engine.dispose()

    def _seal(self) -> None:
        """Seal what was put on record; if that fails, the next tick does it."""
        try:
            with self._session({}) as session:
                seals.add(session)
                session.commit()
        except StorageError as error:
            log.warning("the record of actions is sealed later: %s", error)

    @contextmanager
    def _session(self, options: Mapping[str, Any]) -> Iterator[Session]:
        bind = self._with(options)
        with self.engine_errors(), self._new(bind) as session:
            yield session

    def _keep(self) -> KeptSessions:
        return KeptSessions(self._open_alone, _stands, threading.Semaphore(engines.KEPT))

    def _open_alone(self) -> Session:
        options: Mapping[str, Any] = {engines.BEGIN: ""} if self.is_sqlite else _ALONE
        return self._new(self._with(options))

    def _with(self, options: Mapping[str, Any]) -> Engine:
        """The engine with these options."""
        key = frozenset(options.items())
        if (bound := self._bound.get(key)) is None:
            bound = self._bound[key] = self.engine.execution_options(**options)
        return bound

    def _new(self, bind: Engine) -> Session:
        info = {"pseudonym_key": self.pseudonym_key, "admitted": self.admitted}
        return Session(bind, expire_on_commit=False, info=info)

    @contextmanager
    def engine_errors(self) -> Iterator[None]:
        """Turn the errors of the driver into StorageError, a broken constraint into Conflict."""
        with driver_errors.translated():
            yield

    def _create(self) -> Engine:
        database_url.check_shared(self._url)
        return engines.create(self._url)

    def _forget(self) -> None:
        # the parent still uses its connections: never use or close them here
        self._inherited += [self._engine, self._kept]
        self._engine, self._bound = None, {}
        self._kept, self._creating = self._keep(), threading.Lock()


def _stands(session: Session) -> bool:
    """True if the connection of a cached session can still be used."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":  # nobody closes a file
        return True
    return not postgresql.has_news(connection.connection.driver_connection)
