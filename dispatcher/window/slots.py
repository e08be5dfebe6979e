"""The instants at which the gateway can send: every five minutes on the clock of Paris. Pure.

The hour that this clock shows twice in autumn is left out, because it is not documented which of
the two the gateway takes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dispatcher.errors import InvalidRequest

PARIS = ZoneInfo("Europe/Paris")
#: the time between two of these instants
STEP = timedelta(minutes=5)
#: a scheduled message cannot be cancelled later than this before it leaves
NOTICE = timedelta(minutes=5)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def next_slot(at: datetime) -> datetime:
    """The first of these instants from ``at`` on, in UTC.

    Raises InvalidRequest if ``at`` has no time zone.
    """
    if at.tzinfo is None:
        raise InvalidRequest("a scheduled instant needs a time zone")
    # since 1911 Paris differs from UTC by whole multiples of five minutes
    found = _EPOCH + -(-(at.astimezone(UTC) - _EPOCH) // STEP) * STEP
    while shown_twice(found.astimezone(PARIS)):
        found += STEP
    return found


def may_cancel(leaves_at: datetime, now: datetime) -> bool:
    """True if a message scheduled for ``leaves_at`` can still be cancelled."""
    return leaves_at - now >= NOTICE


def shown_twice(wall: datetime) -> bool:
    """True if the clock of Paris shows this time twice on its day."""
    return wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
