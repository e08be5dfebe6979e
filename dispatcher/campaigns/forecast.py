"""When the batches of a plan would leave, at a given rate: a walk through the openings. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import repeat
from types import MappingProxyType

from dispatcher.campaigns.caps import Day, Usage, day_after
from dispatcher.window import Hold, Windows

#: delivery reports come at most this long after a message has left
_REPORTS = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Departure:
    """Messages of one territory that leave without a break, from ``starts`` to ``ends`` (UTC).

    ``why`` says what they waited for; empty if nothing held them.
    """

    territory: str
    starts: datetime
    ends: datetime
    messages: int
    why: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a plan would leave. ``late`` messages would leave at or after ``not_after``.

    ``rate`` is the assumed rate in batches a second. ``leaves`` has, for each territory, the
    instants (UTC) at which its batches leave, in order, without the late ones.
    """

    departures: tuple[Departure, ...]
    late: int
    rate: float
    leaves: Mapping[str, Sequence[datetime]] = field(repr=False)

    @property
    def starts(self) -> datetime | None:
        """When the first message leaves (UTC)."""
        return min((departure.starts for departure in self.departures), default=None)

    @property
    def ends(self) -> datetime | None:
        """When the last message has left (UTC)."""
        return max((departure.ends for departure in self.departures), default=None)

    @property
    def reported(self) -> datetime | None:
        """By when the last delivery report can be expected (UTC)."""
        return None if self.ends is None else self.ends + _REPORTS


def forecast(
    groups: Mapping[str, Sequence[int]],
    *,
    start: datetime,
    rate: float,
    windows: Windows | None,
    not_after: datetime | None = None,
    day: Day | None = None,
    euros: Mapping[str, Sequence[Decimal]] = MappingProxyType({}),
) -> Forecast:
    """Compute the departures of ``groups``: territory -> sizes of its batches.

    ``rate`` is in batches a second over all territories, which take turns; ``windows`` is None
    for messages that may leave at any hour. A batch above the caps of ``day`` waits for the next
    day; ``euros`` are the costs of the batches. Raises NeverOpen for a territory that never opens.
    """
    step = timedelta(seconds=1 / rate)
    left = {
        territory: deque(map(Usage, sizes, euros.get(territory) or repeat(Decimal(0))))
        for territory, sizes in groups.items()
        if sizes
    }
    done: list[Departure] = []
    running: dict[str, Departure] = {}
    reasons: dict[str, str] = {}
    leaves: dict[str, list[datetime]] = {territory: [] for territory in left}
    at = start.astimezone(UTC)

    def held(at: datetime, territory: str) -> Hold | None:
        hold = None if windows is None else windows.hold(at, territory)
        if hold is None and day is not None and (why := day.full(at, left[territory][0])):
            begins = day_after(at)
            opens = None if windows is None else windows.hold(begins, territory)
            return Hold(begins if opens is None else opens.until, why)
        return hold

    while left:
        free: list[str] = []
        waits: list[datetime] = []
        for territory in left:
            hold = held(at, territory)
            if hold is None:
                free.append(territory)
                continue
            waits.append(hold.until)
            reasons[territory] = hold.why
            if territory in running:
                done.append(running.pop(territory))
        if not free:
            at = min(waits)
        if not_after is not None and at >= not_after:
            break
        for territory in free:
            # the batches before it in this round have moved the clock
            if not_after is not None and at >= not_after:
                break
            if held(at, territory):
                continue
            usage = left[territory].popleft()
            if day is not None:
                day.add(at, usage)
            leaves[territory].append(at)
            before = running.get(territory)
            running[territory] = Departure(
                territory,
                starts=before.starts if before else at,
                ends=at + step,
                messages=usage.messages + (before.messages if before else 0),
                why=before.why if before else reasons.get(territory, ""),
            )
            at += step
            if not left[territory]:
                done.append(running.pop(territory))
                del left[territory]
    departures = sorted([*done, *running.values()], key=lambda one: (one.starts, one.territory))
    late = sum(usage.messages for usages in left.values() for usage in usages)
    return Forecast(tuple(departures), late=late, rate=rate, leaves=leaves)
