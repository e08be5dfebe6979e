"""Memory of a worker: small, and the same whatever it sends."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

#: glibc's number for the most heaps that the threads of a process may have
_M_ARENA_MAX = -8


def calm_collector() -> None:
    """Have the garbage collector ignore what was imported, and run less often.

    A batch makes thousands of short-lived tuples. With its defaults the collector traverses them
    and everything that was imported again and again: a sixth of the time of a sending worker.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def share_heap() -> None:
    """Have all threads allocate from one heap, where the system's allocator is glibc's.

    Otherwise each thread has a heap of its own and keeps what was freed in it, thirteen megabytes
    in all. No thread waits for another: Python lets one at a time allocate anyway.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
