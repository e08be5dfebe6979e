"""From where an action comes, as the record of actions names it: the shell, a page, a worker."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_asked: list[Callable[[], str | None]] = []
_place: ContextVar[str] = ContextVar("dispatcher.origin", default="Python")


def ask(origin: Callable[[], str | None]) -> None:
    """Ask this function, too: the origin, or None if it cannot tell."""
    if origin not in _asked:
        _asked.append(origin)


def origin() -> str:
    """From where this process acts now; without a better answer, Python on this host."""
    answers = (asked() for asked in _asked)
    return next(filter(None, answers), f"{_place.get()} on {platform.node()}")


@contextmanager
def acting(place: str) -> Iterator[None]:
    """Within it this thread acts from ``place``, such as a shell."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)
