"""Looks names up within a time: a resolver that hangs must not hold a call.

``getaddrinfo`` has no timeout, so a thread waits for it. While a name's lookup hangs, further calls
wait for the same one.
"""

from __future__ import annotations

import os
import socket
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate


class Lookups:
    """Addresses of names, asked for in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, int], Future[list[str]]] = {}

    def addresses(self, host: str, port: int, seconds: float) -> list[str]:
        """The IP addresses of a host, the preferred one first.

        Raises socket.gaierror for an unknown name, and TimeoutError after ``seconds``.
        """
        key = host, port
        with self._lock:
            lookup = self._pending.get(key)
            if lookup is None:
                lookup = self._pending[key] = Future()
                threading.Thread(
                    target=self._look_up, args=(key, lookup), name="lookup", daemon=True
                ).start()
        try:
            return lookup.result(seconds)
        except TooLate:
            raise TimeoutError from None

    def _look_up(self, key: tuple[str, int], lookup: Future[list[str]]) -> None:
        try:
            found = socket.getaddrinfo(*key, type=socket.SOCK_STREAM)
            lookup.set_result([str(address[0]) for *_, address in found])
        except Exception as error:  # noqa: BLE001 - raised again where it was asked for
            lookup.set_exception(error)
        finally:
            with self._lock:
                self._pending.pop(key, None)


def _renew() -> None:
    # threads do not survive a fork: a lookup that one has begun would never end
    global lookups
    lookups = Lookups()


lookups = Lookups()
os.register_at_fork(after_in_child=_renew)
