"""Engines of SQLite and PostgreSQL, set up alike in every process, and cached sessions."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatcher.storage import postgresql
from dispatcher.storage.statement import OWN

#: the execution option that says how a transaction of SQLite begins, if it is not to write; with an
#: empty one each statement is a transaction of its own
BEGIN: Final = "dispatcher_begin"
_IMMEDIATE: Final = "BEGIN IMMEDIATE"
#: how long (ms) a writer of SQLite waits for another one
_SQLITE_PATIENCE = 30_000
#: how long (seconds) a process waits before it asks again for a write-ahead log
_PAUSE = 0.05
#: a connection for each thread of the largest worker
_POOL = {"pool_size": 32, "max_overflow": 64}
#: how many connections threads may cache: a thread that caches one may need a second one
KEPT = 32


def create(url: URL) -> Engine:
    """The engine of a database."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(
            url,
            hide_parameters=True,
            execution_options={OWN: True},
            **_POOL,
            connect_args={"timeout": _SQLITE_PATIENCE / 1000, "check_same_thread": False},
        )
        event.listen(engine, "do_connect", _make_private)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return postgresql.create(url, execution_options={OWN: True}, **_POOL)


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
    _keep_log(connection)
    for pragma in (
        # NORMAL may lose the last commits in a power cut, and a lost claim means a double text
        "synchronous=FULL",
        f"busy_timeout={_SQLITE_PATIENCE}",
        "foreign_keys=ON",
        # what is deleted or replaced is overwritten, and not only unlinked
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _keep_log(connection: Any) -> None:
    """Let the file have a write-ahead log, which it keeps.

    While another process writes to a file without one, SQLite refuses at once, and does not wait.
    """
    until = time.monotonic() + _SQLITE_PATIENCE / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
        else:
            return


def wait_for_no_disk(engine: Engine) -> None:
    """Let commits return at once: for a file of SQLite that ends with its process."""

    def relax(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    event.listen(engine, "connect", relax)


def checkpoint(engine: Engine) -> bool:
    """Empty the log of SQLite into its file; False if somebody reads, so that it cannot be now."""
    pooled = engine.raw_connection()
    try:
        row = pooled.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        pooled.close()
    return not row[0]


def _begin_sqlite(connection: Connection) -> None:
    if begin := connection.get_execution_options().get(BEGIN, _IMMEDIATE):
        connection.exec_driver_sql(begin)


@contextmanager
def immediate(session: Session) -> Iterator[None]:
    """A transaction of SQLite that writes, in a session that has none."""
    connection = session.connection()
    connection.exec_driver_sql(_IMMEDIATE)
    yield
    session.flush()
    connection.exec_driver_sql("COMMIT")  # closing the session after an error rolls back


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
        session = self._session = self._session or self._opens()
        try:
            yield session
        except BaseException:
            self._drop()
            raise
        session.expunge_all()

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(DBAPIError):  # a lost connection fails here; the pool replaces it
                session.close()
