"""The course of a campaign: how many were sent, delivered and failed by when. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

#: the most points of a course
_MOST: Final = 48
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
#: from one point to the next
_STEPS: Final = (
    *(_MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY),
)
SERIES: Final = ("sent", "delivered", "failed")


@dataclass(frozen=True, slots=True)
class Course:
    """Sums up to each of ``until`` (UTC, in order), by series.

    ``sent`` are the messages that have left, ``delivered`` those whose report we had by then, and
    ``failed`` those that were refused, or reported as undelivered.
    """

    until: tuple[datetime, ...]
    sums: Mapping[str, tuple[int, ...]]

    @property
    def most(self) -> int:
        """The largest sum."""
        return max((max(sums, default=0) for sums in self.sums.values()), default=0)


def points(first: datetime, last: datetime) -> list[datetime]:
    """The ends of equal spans from before ``first`` to after ``last``, at most 48 of them."""
    step = next((one for one in _STEPS if last - first < one * (_MOST - 2)), None)
    if step is None:
        step = _STEPS[-1] * ((last - first) // (_STEPS[-1] * (_MOST - 2)) + 1)
    begin = first - (first - datetime.min.replace(tzinfo=first.tzinfo)) % step
    count = (last - begin) // step + 1
    # the first one is before anything: a line begins at nothing
    return [begin + step * n for n in range(count + 1)]


def course_of(until: Sequence[datetime], counts: Mapping[str, Mapping[int, int]]) -> Course:
    """The course of what happened before each point and after the one before it, by its number."""
    return Course(
        tuple(until),
        {
            name: tuple(accumulate(counts[name].get(n, 0) for n in range(len(until))))
            for name in SERIES
        },
    )
