"""What came of asking the gateway to cancel what it holds."""

from __future__ import annotations

from enum import StrEnum


class Cancellation(StrEnum):
    """What came of asking for a scheduled message to be cancelled, with all its numbers."""

    #: it will not leave
    DONE = "done"
    #: it had been cancelled before
    ALREADY = "already"
    #: fewer than five minutes are left: it leaves
    TOO_LATE = "too_late"
    #: it has left
    LEFT = "left"
    #: the gateway knows no such message
    UNKNOWN = "unknown"

    @property
    def stopped(self) -> bool:
        """Whether nobody is texted by this message."""
        return self in (Cancellation.DONE, Cancellation.ALREADY)
