"""The clock of a process, which may be shifted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

#: returns the present instant, aware, in UTC
Clock = Callable[[], datetime]


def shifted(offset: float = 0) -> Clock:
    """The clock of the system, shifted by ``offset`` seconds."""
    shift = timedelta(seconds=offset)
    return lambda: datetime.now(UTC) + shift
