"""The thread limit: how many threads of a process one step may take.

A gateway that does not answer holds a thread for the length of a call. Thousands of polls and
lookups may be due at once; they must not take the threads that send and tick.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def limit_threads(most: int, step: Callable[P, R], *, busy: R) -> Callable[P, R]:
    """``step`` for ``most`` threads at a time; one more gets ``busy`` at once.

    The work that it came for stays due, and the next tick publishes it again.
    """
    places = threading.BoundedSemaphore(most)

    def limited(*args: P.args, **options: P.kwargs) -> R:
        if not places.acquire(blocking=False):
            return busy
        try:
            return step(*args, **options)
        finally:
            places.release()

    return limited
