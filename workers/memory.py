"""What a worker keeps in memory, kept small and the same whatever it sends."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

#: glibc's number for the most heaps that the threads of a process may have
_M_ARENA_MAX = -8


def calm_collector() -> None:
    """Have the garbage collector leave alone what was imported, and look less often.

    A batch makes thousands of tuples that are gone in a moment. At its defaults the collector
    looks at them and at all that was imported again and again, which took a sixth of the time
    of a worker that sends.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def share_heap() -> None:
    """Have all threads allocate from one heap, where the system's allocator is glibc's.

    Each would get one of its own and keep what was freed in it, thirteen megabytes in all.
    Nothing waits for it: Python lets one thread at a time allocate anyway.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
