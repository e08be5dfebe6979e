"""Scheduled sends: the gateway takes a wall time of Paris, in steps of five minutes.

The vendor never names the zone; its captured answers are in Paris time (a message scheduled for
20:00:00 was delivered at 18:00:06 UTC in summer). Twice a year the wall clock is no instant: in
autumn an hour happens twice, in spring one does not happen. What the gateway makes of those is
undocumented, so neither is ever asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dispatcher.errors import InvalidRequest

PARIS = ZoneInfo("Europe/Paris")
#: minutes between two instants that can be asked for
STEP = timedelta(minutes=5)
#: a scheduled message cannot be cancelled when less than this is left
NOTICE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Slot:
    """An instant as the gateway is asked for it: a day and a time on Paris's clock."""

    day: date
    hour: int
    minute: int

    def fields(self) -> dict[str, object]:
        """The three fields of a request, which go together."""
        return {
            "scheduledDeliveryDate": f"{self.day:%d/%m/%Y}",
            "time": self.hour,
            "minute": self.minute,
        }


def slot(at: datetime) -> Slot:
    """The slot of an aware instant.

    Raises InvalidRequest for one without a zone, one off the five-minute grid, and one in the
    hour that Paris's clock shows twice (the last Sunday of October, 02:00 to 02:59).
    """
    if at.tzinfo is None:
        raise InvalidRequest("a scheduled instant needs a time zone")
    wall = at.astimezone(PARIS)
    if wall.minute % 5 or wall.second or wall.microsecond:
        raise InvalidRequest("the gateway schedules in steps of 5 minutes")
    if _shown_twice(wall):
        raise InvalidRequest("Paris's clock shows this time twice: the gateway could take either")
    return Slot(wall.date(), wall.hour, wall.minute)


def next_slot(at: datetime) -> datetime:
    """The first instant from ``at`` on that ``slot`` takes, in UTC. Raises InvalidRequest."""
    if at.tzinfo is None:
        raise InvalidRequest("a scheduled instant needs a time zone")
    # Paris is a whole number of five minutes from UTC, and was since 1911
    past = at.astimezone(UTC) - datetime(2000, 1, 1, tzinfo=UTC)
    found = datetime(2000, 1, 1, tzinfo=UTC) + -(-past // STEP) * STEP
    while _shown_twice(found.astimezone(PARIS)):
        found += STEP
    return found


def instant(wall: datetime) -> datetime:
    """The instant (UTC) of a time on Paris's clock, given without a zone.

    Raises InvalidRequest for one that the clock shows twice, or never (the last Sunday of
    March, 02:00 to 02:59).
    """
    if wall.tzinfo is not None:
        raise InvalidRequest("a time on Paris's clock is given without a zone")
    local = wall.replace(tzinfo=PARIS)
    at = local.astimezone(UTC)
    if at.astimezone(PARIS).replace(tzinfo=None) != wall:
        raise InvalidRequest("Paris's clock never shows this time: it is set forward over it")
    if _shown_twice(local):
        raise InvalidRequest("Paris's clock shows this time twice")
    return at


def may_cancel(leaves_at: datetime, now: datetime) -> bool:
    """Whether a message scheduled for ``leaves_at`` can still be cancelled, by the rule."""
    return leaves_at - now >= NOTICE


def _shown_twice(wall: datetime) -> bool:
    """Whether a wall time that exists comes again, or was there before."""
    return wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
