"""The instants that the gateway can be asked for: every five minutes, on Paris's clock. Pure.

The hour that Paris's clock shows twice, in autumn, is left out: which of the two the gateway
would take is not documented.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dispatcher.errors import InvalidRequest

PARIS = ZoneInfo("Europe/Paris")
#: between two instants that can be asked for
STEP = timedelta(minutes=5)
#: a scheduled message cannot be cancelled when less than this is left
NOTICE = timedelta(minutes=5)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def next_slot(at: datetime) -> datetime:
    """The first instant from ``at`` on that can be asked for, in UTC.

    Raises InvalidRequest for one without a zone.
    """
    if at.tzinfo is None:
        raise InvalidRequest("a scheduled instant needs a time zone")
    # Paris is a whole number of five minutes from UTC, and was since 1911
    found = _EPOCH + -(-(at.astimezone(UTC) - _EPOCH) // STEP) * STEP
    while shown_twice(found.astimezone(PARIS)):
        found += STEP
    return found


def may_cancel(leaves_at: datetime, now: datetime) -> bool:
    """Whether a message scheduled for ``leaves_at`` can still be cancelled, by the rule."""
    return leaves_at - now >= NOTICE


def shown_twice(wall: datetime) -> bool:
    """Whether a time on Paris's clock, which exists, comes again or was there before."""
    return wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
