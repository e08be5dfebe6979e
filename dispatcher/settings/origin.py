"""From where an action comes, as the record of actions names it: the shell, a page, a worker."""

from __future__ import annotations

import platform
from collections.abc import Callable

_asked: list[Callable[[], str | None]] = []


def ask(origin: Callable[[], str | None]) -> None:
    """Ask this function, too: the origin, or None if it cannot tell."""
    if origin not in _asked:
        _asked.append(origin)


def origin() -> str:
    """From where this process acts now; without a better answer, Python on this host."""
    answers = (asked() for asked in _asked)
    return next(filter(None, answers), f"Python on {host()}")


def host() -> str:
    """The name of this host."""
    return platform.node()
