"""The clock of a rehearsal, and the rate that moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class DrivenClock:
    """Stands still until it is moved, and never goes back."""

    def __init__(self, at: datetime) -> None:
        self._start = self._at = at.astimezone(UTC)

    def __call__(self) -> datetime:
        """The present instant, in UTC."""
        return self._at

    def steady(self) -> float:
        """Seconds since the beginning."""
        return (self._at - self._start).total_seconds()

    def epoch(self) -> float:
        """The present instant, in epoch seconds."""
        return self._at.timestamp()

    def forward(self, seconds: float) -> None:
        """Let so many seconds pass: in the place of a sleep."""
        self._at += timedelta(seconds=max(seconds, 0))

    def to(self, at: datetime) -> None:
        """Let time pass until ``at``."""
        self._at = max(self._at, at)


class Pace:
    """A rate limit that waits by a driven clock; ``rate`` is in sends a second."""

    def __init__(self, clock: DrivenClock, rate: float) -> None:
        self._clock = clock
        self._step = timedelta(seconds=1 / rate)
        self._free_at = clock()

    def wait(self) -> float:
        """Let time pass until the next send is allowed; it always is then."""
        self._clock.to(self._free_at)
        self._free_at = self._clock() + self._step
        return 0.0
