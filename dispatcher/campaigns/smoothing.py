"""Smoothing: the messages of a campaign leave evenly over opening hours. Pure.

``paced_batches`` says which people leave when.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from dispatcher.errors import InvalidCampaign

#: a batch may leave by so much too late, and the next one is in time all the same
TOLERANCE: Final = timedelta(seconds=36)
#: what lies further ahead than a batch takes, and this, was set by a clock that was wrong: the
#: clocks of two workers differ by less
AHEAD: Final = timedelta(minutes=5)
_HOUR: Final = timedelta(hours=1)
#: the pace is below the limit by so much that no hour has more, though a batch was late
_MARGIN: Final = 1 + TOLERANCE / _HOUR
#: batches in an hour: one has the messages of five minutes
_BATCHES: Final = 12
MOST_AN_HOUR: Final = 1_000_000
_LEAST_OVER, _MOST_OVER = timedelta(minutes=1), timedelta(days=31)
MOST_SECONDS: Final = _MOST_OVER // timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How a campaign is smoothed: so many messages an hour, or all ``over`` so many seconds."""

    per_hour: int | None = None
    over: int | None = None

    def pace(self, kept: int) -> float:
        """How many messages an hour leave by the plan, of ``kept`` in all."""
        if self.per_hour is not None:
            return self.per_hour / _MARGIN
        return kept * 3600 / (self.over or 1)

    def size(self, kept: int, call_size: int) -> int:
        """How many messages a batch has; a call takes ``call_size``."""
        return min(call_size, _size(self.pace(kept)))

    def check(self, kept: int) -> None:
        """Raise InvalidCampaign if ``kept`` messages take longer than any campaign may."""
        if self.per_hour is not None and kept / self.pace(kept) > _MOST_OVER / _HOUR:
            hours = math.ceil(kept / self.pace(kept))
            raise InvalidCampaign(
                f"at {self.per_hour:,} an hour, {kept:,} messages take {hours:,} opening hours:"
                f" a campaign is smoothed over at most {_MOST_OVER // _HOUR}"
            )


def _size(pace: float) -> int:
    return max(1, math.ceil(pace / _BATCHES))


def free_at(next_at: datetime, now: datetime, pace: float) -> datetime:
    """When the next batch may be armed, by what is stored and in messages an hour.

    It is stored by the clock of whoever armed the last one. If that clock was ahead and is right
    again, one batch is the most that the others wait for.
    """
    step = _size(pace) / pace * _HOUR
    return now + step if next_at > now + step + AHEAD else next_at


def smoothing_of(per_hour: object, over: object) -> Smoothing | None:
    """How a campaign is smoothed; None if it is not. Raises InvalidCampaign.

    ``over`` is a timedelta or whole seconds.
    """
    if per_hour is None and over is None:
        return None
    if per_hour is not None and over is not None:
        raise InvalidCampaign("a campaign is smoothed by per_hour or by over, not by both")
    if over is not None:
        return Smoothing(over=_seconds(over))
    if isinstance(per_hour, bool) or not isinstance(per_hour, int):
        raise InvalidCampaign("per_hour is a whole number of messages: 2000")
    if not 1 <= per_hour <= MOST_AN_HOUR:
        raise InvalidCampaign(f"per_hour is 1 to {MOST_AN_HOUR:,} messages")
    return Smoothing(per_hour=per_hour)


def _seconds(over: object) -> int:
    if isinstance(over, int) and not isinstance(over, bool):
        over = timedelta(seconds=min(max(over, 0), 10**8))
    if not isinstance(over, timedelta) or not _LEAST_OVER <= over <= _MOST_OVER:
        raise InvalidCampaign(
            f"over is a duration of 1 minute to {_MOST_OVER.days} days: timedelta(hours=6)"
        )
    return round(over.total_seconds())


def merged(options: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options with those that are given: one kind of smoothing takes the place of the other."""
    found = {**options, **given}
    for one, other in (("per_hour", "over"), ("over", "per_hour")):
        if given.get(one) is not None and other not in given:
            found.pop(other, None)
    return found


def an_hour(per_hour: int | None, pace: float | None) -> int | None:
    """About how many messages leave in an hour, for people; None if nobody smooths them."""
    return per_hour if per_hour is not None or pace is None else math.ceil(pace)


def shown(duration: timedelta) -> str:
    """A duration for people: "6 h", "4 h 30 min"."""
    hours, minutes = divmod(int(duration.total_seconds()) // 60, 60)
    parts = [f"{hours} h"] if hours else []
    parts += [f"{minutes} min"] if minutes or not hours else []
    return " ".join(parts)


def too_fast(smoothing: Smoothing | None, kept: int, late: int) -> list[str]:
    """A sentence if ``late`` of ``kept`` messages do not fit at this rate before ``not_after``.

    Both without those of territories that do not open before it: no rate is high enough for them.
    """
    if smoothing is None or smoothing.per_hour is None or not 0 < late < kept:
        return []
    needed = math.ceil(smoothing.per_hour * kept / (kept - late))
    says = f"the time before not_after is too short for {smoothing.per_hour:,} messages an hour:"
    return [f"{says} about {needed:,} an hour would fit"]
