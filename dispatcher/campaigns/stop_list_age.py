"""How old our copy of an account's STOP list is, and whether commercial campaigns wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class StopListAge:
    """When an account's STOP list was last read (UTC), and when reading it was first tried.

    Both are None before the first try.
    """

    read_at: datetime | None = None
    first_tried_at: datetime | None = None

    def wait(self, now: datetime, most: timedelta) -> str:
        """Why commercial messages wait at ``now``; empty if they need not.

        They wait once the last success is more than ``most`` ago, which without any success is
        counted from the first try. With ``most`` zero they never wait.
        """
        since = self.read_at or self.first_tried_at
        if not most or since is None or now - since <= most:
            return ""
        return f"the STOP list {self.says}"

    @property
    def says(self) -> str:
        """When it was last read, in words."""
        if self.read_at is None:
            return "was never read"
        return f"was last read at {self.read_at:%Y-%m-%d %H:%M} UTC"
