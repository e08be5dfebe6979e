"""When the batches of a plan would leave, at a given rate: a walk through the openings. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dispatcher.window import Windows

#: delivery reports of the slowest messages come within this after they left
_REPORTS = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Departure:
    """Messages of one territory that leave without a break, from ``starts`` to ``ends`` (UTC).

    ``why`` is what they waited for; empty when nothing held them.
    """

    territory: str
    starts: datetime
    ends: datetime
    messages: int
    why: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a plan would leave. ``late`` messages would leave at or after ``not_after``.

    ``rate`` is the one reckoned with, in batches a second. ``leaves`` has the instants (UTC) of
    the batches of each territory, in their order, without those that are late.
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
) -> Forecast:
    """Walk through the departures of ``groups``: territory -> sizes of its batches.

    ``rate`` is in batches a second over all territories, which take turns; ``windows`` is None
    for what may leave at any hour. Raises NeverOpen for a territory that has no opening.
    """
    step = timedelta(seconds=1 / rate)
    left = {territory: deque(sizes) for territory, sizes in groups.items() if sizes}
    done: list[Departure] = []
    running: dict[str, Departure] = {}
    reasons: dict[str, str] = {}
    leaves: dict[str, list[datetime]] = {territory: [] for territory in left}
    at = start.astimezone(UTC)
    while left:
        free: list[str] = []
        waits: list[datetime] = []
        for territory in left:
            hold = None if windows is None else windows.hold(at, territory)
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
            # the batches before it in this turn took their time
            if not_after is not None and at >= not_after:
                break
            if windows is not None and windows.hold(at, territory):
                continue
            size = left[territory].popleft()
            leaves[territory].append(at)
            before = running.get(territory)
            running[territory] = Departure(
                territory,
                starts=before.starts if before else at,
                ends=at + step,
                messages=size + (before.messages if before else 0),
                why=before.why if before else reasons.get(territory, ""),
            )
            at += step
            if not left[territory]:
                done.append(running.pop(territory))
                del left[territory]
    departures = sorted([*done, *running.values()], key=lambda one: (one.starts, one.territory))
    late = sum(map(sum, left.values()))
    return Forecast(tuple(departures), late=late, rate=rate, leaves=leaves)
