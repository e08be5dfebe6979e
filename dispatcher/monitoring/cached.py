"""A value that is read at most once in some seconds, however many threads need it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def cached(seconds: float, read: Callable[[], T]) -> Callable[[], T]:
    """``read`` with its value cached for ``seconds``; errors are not cached."""
    lock = threading.Lock()
    last: list[tuple[float, T]] = []

    def reading() -> T:
        with lock:
            if not last or time.monotonic() - last[0][0] > seconds:
                last[:] = [(time.monotonic(), read())]
            return last[0][1]

    return reading
