"""Ends a call that takes too long, whatever trickles in.

A read timeout bounds each read, not a call: a gateway that sends a byte a second holds a worker
for ever. One daemon thread per process shuts the socket of a call whose deadline has passed.
"""

from __future__ import annotations

import heapq
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class TimedCall:
    """What is known of one call while it runs."""

    def __init__(self) -> None:
        #: a byte of the request may have left
        self.touched = False
        #: the deadline passed; whatever was read since proves nothing
        self.expired = False
        self._socket: socket.socket | None = None
        self._over = False
        self._lock = threading.Lock()

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""
        return self._over

    def uses(self, sock: socket.socket | None) -> None:
        """Tell which socket the call runs on."""
        with self._lock:
            self._socket = sock
            if self.expired:
                self._shut()

    def expire(self) -> None:
        """End the call, unless it is over."""
        with self._lock:
            if not self._over:
                self.expired = True
                self._shut()

    def end(self) -> None:
        """The call is over: its socket is no longer ours to shut."""
        with self._lock:
            self._over = True
            self._socket = None

    def _shut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # the other side was quicker
                # not TLS's own shutdown: it first lets the thread that sends go on in plain text
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Watchdog:
    """Expires calls at their deadlines."""

    def __init__(self) -> None:
        self._calls: list[tuple[float, int, TimedCall]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._pid = 0

    @contextmanager
    def limit(self, seconds: float) -> Iterator[TimedCall]:
        """A call that is ended after ``seconds`` in all."""
        call = TimedCall()
        deadline = time.monotonic() + seconds
        with self._changed:
            self._start()
            heapq.heappush(self._calls, (deadline, next(self._order), call))
            if self._calls[0][2] is call:
                self._changed.notify()
        try:
            yield call
        finally:
            call.end()

    def _start(self) -> None:
        if self._pid != os.getpid():  # threads do not survive a fork
            self._pid = os.getpid()
            self._calls = []
            threading.Thread(target=self._watch, name="call-deadlines", daemon=True).start()

    def _watch(self) -> None:
        while True:
            with self._changed:
                while (wait := self._until_next()) != 0:
                    self._changed.wait(wait)
                _, _, call = heapq.heappop(self._calls)
            call.expire()

    def _until_next(self) -> float | None:
        """Seconds to the next deadline of a call that still runs; None when none runs.

        Calls that are over are dropped without waking up for each of them.
        """
        while self._calls and self._calls[0][2].is_over:
            heapq.heappop(self._calls)
        return max(0.0, self._calls[0][0] - time.monotonic()) if self._calls else None


def _renew() -> None:
    # a lock held by another thread at the instant of a fork would stay held in the child
    global watchdog
    watchdog = Watchdog()


watchdog = Watchdog()
os.register_at_fork(after_in_child=_renew)
