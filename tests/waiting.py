"""Waiting for what other threads and processes do: until it is so, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

#: seconds after which a test gives up waiting. It ends a test that hangs and is no claim: many
#: tests share a machine, which may be busy with more than tests.
PATIENCE: Final = 200.0


def eventually(
    condition: Callable[[], T], what: str | Callable[[], str], *, every: float = 0.02
) -> T:
    """Wait until ``condition`` is true, and return what it returned.

    It is asked ``every`` so many seconds. After ``PATIENCE`` an ``AssertionError`` says ``what``
    was waited for.
    """
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > deadline:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"waited {PATIENCE:.0f} s for {said}")
        time.sleep(every)
    return found
