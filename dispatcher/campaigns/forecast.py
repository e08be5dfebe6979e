"""When the batches of a plan would leave, at a given rate: a walk through the openings. Pure.

Batches leave in the order of the queue (``storage.batches.queue``): those that could leave first,
then by number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, repeat
from types import MappingProxyType

from dispatcher.campaigns.caps import Day, Usage, day_after
from dispatcher.window import Hold, NeverOpen, Windows

#: delivery reports come at most this long after a message has left
_REPORTS = timedelta(hours=48)
_HOUR = timedelta(hours=1)


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
    instant (UTC) at which each of its batches leaves, in the order of their numbers; None for a
    late one. ``whys`` says what each of those waited for that begin a departure.
    """

    departures: tuple[Departure, ...]
    late: int
    rate: float
    leaves: Mapping[str, Sequence[datetime | None]] = field(repr=False)
    whys: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)

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


class _Line:
    """The batches of one territory that wait: since when they may leave, and why not before."""

    def __init__(self, since: datetime, batches: list[tuple[int, int, Usage]]) -> None:
        """``batches`` are (number, place in the territory, usage), in order."""
        self.since, self.why = since, ""
        self._batches = batches
        #: no batch uses less: without room for this none need be looked at
        self._least = Usage(
            min(usage.messages for _, _, usage in batches),
            min(usage.euros for _, _, usage in batches),
        )
        #: how many of them have left, in order
        self._first = 0

    def __bool__(self) -> bool:
        return self._first < len(self._batches)

    def turn(self, at: datetime | None) -> tuple[datetime, int]:
        """What puts the next batch before those of other territories.

        All that may leave ``at`` an instant, if one is given, do so in the order of the numbers.
        """
        since = self.since if at is None else max(self.since, at)
        return since, self._batches[self._first][0]

    @property
    def usages(self) -> Sequence[Usage]:
        """Of those that wait."""
        return [usage for _, _, usage in self._batches[self._first :]]

    def wait(self, hold: Hold) -> None:
        """Let all of them wait."""
        self.since, self.why = hold.until, hold.why

    def take(self, day: Day | None, at: datetime) -> tuple[int, Usage] | str:
        """Place and usage of the first batch for which the day has room, or why none leaves."""
        why = "" if day is None else day.full(at, self._least)
        if why:
            return why
        for position in range(self._first, len(self._batches)):
            _, place, usage = self._batches[position]
            if day is None or not (full := day.full(at, usage)):
                if position > self._first:
                    del self._batches[position]
                else:
                    self._first += 1
                return place, usage
            why = why or full
        return why


def forecast(
    groups: Mapping[str, Sequence[int]],
    *,
    start: datetime,
    rate: float,
    windows: Windows | None,
    not_after: datetime | None = None,
    day: Day | None = None,
    euros: Mapping[str, Sequence[Decimal]] = MappingProxyType({}),
    numbers: Mapping[str, Sequence[int]] = MappingProxyType({}),
    pace: float | None = None,
) -> Forecast:
    """Compute the departures of ``groups``: territory -> sizes of its batches.

    ``rate`` is in batches a second over all territories; ``windows`` is None for messages that may
    leave at any hour. A batch above the caps of ``day`` waits for the next day; ``euros`` are the
    costs of the batches. ``numbers`` are those of the batches, by which territories that open at
    once share the rate; without them they take turns. ``pace`` is in messages an hour over all
    territories; with one, a territory that does not open for long waits, and one that never opens
    is late. Raises NeverOpen otherwise.
    """
    step = timedelta(seconds=1 / rate)
    at = start.astimezone(UTC)
    lines: dict[str, _Line] = {}
    leaves: dict[str, list[datetime | None]] = {}
    whys: dict[str, list[str]] = {}
    for territory, sizes in groups.items():
        usages = map(Usage, sizes, euros.get(territory) or repeat(Decimal(0)))
        own = numbers.get(territory) or count()
        leaves[territory] = [None] * len(sizes)
        whys[territory] = [""] * len(sizes)
        if sizes:
            batches = [
                (number, place, usage)
                for place, (number, usage) in enumerate(zip(own, usages, strict=False))
            ]
            lines[territory] = _Line(at, batches)
    done: list[Departure] = []
    shut: list[_Line] = []
    running: dict[str, Departure] = {}

    def hold(territory: str, line: _Line, hold: Hold) -> None:
        line.wait(hold)
        if territory in running:
            done.append(running.pop(territory))

    while lines:
        since = None if pace is None else at
        territory, line = min(lines.items(), key=lambda item: item[1].turn(since))
        at = max(at, line.since)
        if not_after is not None and at >= not_after:
            break
        try:
            closed = None if windows is None else windows.hold(at, territory)
        except NeverOpen as error:
            if pace is None:
                raise
            if error.next_open is None:
                shut.append(lines.pop(territory))
                continue
            closed = Hold(error.next_open, str(error))
        if closed is not None:
            hold(territory, line, closed)
            continue
        taken = line.take(day, at)
        if isinstance(taken, str):
            begins = day_after(at)
            opens = None if windows is None else windows.hold(begins, territory)
            hold(territory, line, Hold(begins if opens is None else opens.until, taken))
            continue
        place, usage = taken
        if day is not None:
            day.add(at, usage)
        leaves[territory][place] = at
        before = running.get(territory)
        whys[territory][place] = "" if before else line.why
        running[territory] = Departure(
            territory,
            starts=before.starts if before else at,
            ends=at + step,
            messages=usage.messages + (before.messages if before else 0),
            why=before.why if before else line.why,
        )
        at += step if pace is None else max(step, usage.messages / pace * _HOUR)
        if not line:
            done.append(running.pop(territory))
            del lines[territory]
    departures = sorted([*done, *running.values()], key=lambda one: (one.starts, one.territory))
    waiting = [*shut, *lines.values()]
    late = sum(usage.messages for line in waiting for usage in line.usages)
    return Forecast(tuple(departures), late=late, rate=rate, leaves=leaves, whys=whys)
