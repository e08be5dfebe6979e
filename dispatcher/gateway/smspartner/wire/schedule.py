"""Scheduled sends: the gateway takes a wall time of Paris, in steps of five minutes.

The gateway never names the zone; its captured answers are in Paris time (a message scheduled for
20:00:00 was delivered at 18:00:06 UTC in summer). Twice a year the wall clock is no instant: in
autumn an hour happens twice, in spring one does not happen. What the gateway makes of those is
undocumented, so neither is ever asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from dispatcher.errors import InvalidRequest
from dispatcher.window.slots import NOTICE, PARIS, STEP, may_cancel, next_slot, shown_twice

__all__ = ["NOTICE", "PARIS", "STEP", "Slot", "instant", "may_cancel", "next_slot", "slot"]


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
    if shown_twice(wall):
        raise InvalidRequest("Paris's clock shows this time twice: the gateway could take either")
    return Slot(wall.date(), wall.hour, wall.minute)


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
    if shown_twice(local):
        raise InvalidRequest("Paris's clock shows this time twice")
    return at
