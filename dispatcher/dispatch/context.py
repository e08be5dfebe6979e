"""What every step works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.clock import Clock
from dispatcher.outcomes import interval
from dispatcher.provider import Gateway
from dispatcher.settings import Settings
from dispatcher.storage.database import Database
from dispatcher.throttle import Throttle
from dispatcher.window import Hold, NeverOpen, Windows

#: a poll or lookup that never comes back is due again after this
CHECK_LEASE = timedelta(minutes=2)


@dataclass(frozen=True)
class Context:
    """The outside world of a process, handed to its steps; safe for any number of threads."""

    settings: Settings
    database: Database
    gateway: Gateway
    windows: Windows
    clock: Clock
    throttle: Throttle

    def hold(self, territory: str) -> Hold | None:
        """What a commercial message for ``territory`` must wait for now."""
        now = self.clock()
        try:
            return self.windows.hold(now, territory)
        except NeverOpen as error:  # refused when planned; the policy has changed since
            return Hold(error.next_open or now + timedelta(days=1), str(error))

    def after(self, intervals: Sequence[int], done: int) -> datetime:
        """When the next check is due after ``done`` checks."""
        return self.clock() + timedelta(seconds=interval(intervals, done))
