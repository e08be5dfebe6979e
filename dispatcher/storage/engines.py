"""Engines of SQLite and PostgreSQL, set up alike in every process, and cached sessions."""

from __future__ import annotations

import os
import select
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

#: the execution option of a transaction that only reads; one without it writes
READS = "dispatcher_reads"
#: how long (ms) a writer of SQLite waits for another one
_SQLITE_PATIENCE = 30_000
#: a connection for each thread of the largest worker
_POOL = {"pool_size": 32, "max_overflow": 64}
#: how many connections threads may cache: a thread that caches one may need a second one
KEPT = 32
#: a connection that was idle for longer (seconds) is tested with an empty query
_IDLE = 5.0


def create(url: URL) -> Engine:
    """The engine of a database."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(
            url,
            hide_parameters=True,
            **_POOL,
            connect_args={"timeout": _SQLITE_PATIENCE / 1000, "check_same_thread": False},
        )
        event.listen(engine, "do_connect", _make_private)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(
        url,
        hide_parameters=True,
        # caps and claims must read what was committed before their locks; SQLAlchemy sets the level
        # in each BEGIN, so that it holds behind a pooler, too
        isolation_level="READ COMMITTED",
        **_POOL,
        connect_args={
            "connect_timeout": 5,
            # options of the URL (a search_path, for instance) come last and win
            "options": "-c lock_timeout=10s -c statement_timeout=60s"
            " -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
            r" -c default_transaction_isolation=read\ committed"
            f" {url.query.get('options', '')}",
        },
    )
    event.listen(engine, "connect", _configure_postgresql)
    event.listen(engine, "checkin", _note_return)
    event.listen(engine, "checkout", _check_idle)
    return engine


def _configure_postgresql(connection: Any, _: Any) -> None:
    """Make commits durable, or behind a pooler switch prepared statements off.

    A pooler hands out another server connection for each transaction. There a name of a prepared
    statement may be another client's, and a SET would change another client's session: a server
    behind a pooler must be durable by its own settings, which ``durability.objections`` checks.
    """
    connection.autocommit = True
    pid, commits = connection.execute(
        "SELECT pg_backend_pid(), current_setting('synchronous_commit')"
    ).fetchone()
    if pid != connection.info.backend_pid:
        connection.prepare_threshold = None
    elif commits == "off":
        connection.execute("SET synchronous_commit = on")
    connection.autocommit = False


def _note_return(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["returned_at"] = time.monotonic()


def _check_idle(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """Replace a connection that was lost while it was idle.

    A connection that was used a moment ago is not tested by a query, only by ``has_news``.
    """
    idle = time.monotonic() - record.info.get("returned_at", time.monotonic())
    if idle < _IDLE and not has_news(connection):
        return
    try:
        connection.autocommit = True
        connection.execute("")
        connection.autocommit = False
    except connection.Error:
        raise DisconnectionError from None


def has_news(connection: Any) -> bool:
    """True if an idle PostgreSQL connection has something to read: the server has closed it."""
    if connection.closed:
        return True
    sockets = select.poll()
    sockets.register(connection, select.POLLIN)
    return bool(sockets.poll(0))


def _make_private(_: Any, __: Any, arguments: Any, options: Any) -> None:
    """Make the file of SQLite so that only its owner reads it; SQLite gives its mode to the others.

    A file of an older version loses what everybody may do, but not what its group may.
    """
    name = str(arguments[0] if arguments else options.get("database", ""))
    if name.startswith("file:"):
        name = unquote(urlsplit(name).path)
    if not name or name == ":memory:":
        return
    with suppress(OSError):  # SQLite says what is wrong with it, or it exists
        os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    for path in map(Path, (name, f"{name}-wal", f"{name}-shm")):
        with suppress(OSError):  # there is none, or it is another's
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & stat.S_IRWXO:
                path.chmod(mode & ~stat.S_IRWXO)


def _configure_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # _begin_sqlite emits BEGIN
    for pragma in (
        "journal_mode=WAL",
        # NORMAL may lose the last commits in a power cut, and a lost claim means a double text
        "synchronous=FULL",
        f"busy_timeout={_SQLITE_PATIENCE}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(READS)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


class KeptSessions(threading.local):
    """Caches one session a thread, and only within ``keeping``.

    ``opens`` makes a session in which each statement is a transaction of its own; ``stands`` is
    true if its connection can still be used. ``room`` limits how many threads cache a session at
    once: a thread that caches one and needs another must find one in the pool.
    """

    def __init__(
        self,
        opens: Callable[[], Session],
        stands: Callable[[Session], bool],
        room: threading.Semaphore,
    ) -> None:
        self._opens, self._stands, self._room = opens, stands, room
        self._session: Session | None = None
        self.keeps = False

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Cache a session until the end of the block, if there is room for one more."""
        if self.keeps or not self._room.acquire(blocking=False):
            yield
            return
        self.keeps = True
        try:
            yield
        finally:
            self.keeps = False
            try:
                self._drop()
            finally:
                self._room.release()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """The thread's session, with no row in its identity map; a new one after any exception."""
        if self._session is not None and not self._stands(self._session):
            self._drop()
        if self._session is None:
            self._session = self._opens()
        try:
            yield self._session
        except BaseException:
            self._drop()
            raise
        self._session.expunge_all()

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(DBAPIError):  # a lost connection fails here; the pool replaces it
                session.close()
