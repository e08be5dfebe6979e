"""The session that a thread keeps, so that each single statement need not fetch a connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session


class KeptSessions(threading.local):
    """At most one session for each thread, and only within ``keeping``.

    ``opens`` makes one in which each statement is a transaction of its own; ``stands`` tells
    whether its connection can still be used. ``room`` is for as many threads as may keep one at
    once: a thread that keeps a connection and waits for another must find one in the pool.
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
        """Keep a session until the end of the block, if there is room for one more."""
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
        """The thread's session, which remembers no row; after any exception another one."""
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
            with suppress(DBAPIError):  # it may be broken: the pool will find out
                session.close()
