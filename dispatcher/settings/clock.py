"""The one clock of a process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

#: tells the present instant, aware, in UTC
Clock = Callable[[], datetime]


def shifted(offset: float = 0) -> Clock:
    """The system's clock shifted by ``offset`` seconds."""
    shift = timedelta(seconds=offset)
    return lambda: datetime.now(UTC) + shift
