"""A campaign's next days on one axis, closed periods shaded: its values and its form for terminals.

The axis is Paris's clock, so that one glance compares territories. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from dispatcher.campaigns.forecast import Departure, Forecast
from dispatcher.language import ENGLISH, Language
from dispatcher.window import NeverOpen, Windows
from dispatcher.window.territories import TERRITORIES, Territory, find

PARIS: Final = TERRITORIES["metropole"]
_DAY = timedelta(days=1)
#: terminal columns that a day can have, so that 08:00 and 20:00 are edges of one, and its hours
_COLUMNS_A_DAY = {24: (0, 4, 8, 12, 16, 20), 12: (8, 12, 20), 6: (8, 20)}
_LEAST = min(_COLUMNS_A_DAY)
_GAP = 2


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, ``[starts, ends)`` in UTC, that is open, or closed and ``why``."""

    starts: datetime
    ends: datetime
    why: str

    @property
    def is_open(self) -> bool:
        """Whether a message may leave then."""
        return not self.why


@dataclass(frozen=True, slots=True)
class Row:
    """One territory: its spans, in order and without a gap, and what leaves in them."""

    territory: Territory
    spans: tuple[Span, ...]
    departures: tuple[Departure, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows from ``start`` to ``end``, two midnights of Paris; ``now`` lies between or before."""

    start: datetime
    end: datetime
    now: datetime
    rows: tuple[Row, ...]

    @property
    def days(self) -> list[datetime]:
        """The midnights of Paris at which its days begin."""
        return list(_midnights(self.start, self.end))


@dataclass(frozen=True, slots=True)
class Ink:
    """The characters that a timeline is drawn with, one column each."""

    closed: str
    open: str
    leaves: str
    now: str


SHADES: Final = Ink("░", " ", "█", "▼")
ASCII: Final = Ink(":", " ", "#", "v")


def timeline(
    territories: Iterable[str],
    *,
    windows: Windows | None,
    now: datetime,
    days: int,
    start: datetime | None = None,
    forecast: Forecast | None = None,
) -> Timeline:
    """The ``days`` from the day in Paris of ``start`` (``now``) on.

    ``windows`` is None for what may leave at any hour; ``forecast`` is what leaves.
    """
    first = PARIS.local(start or now).replace(hour=0, minute=0, second=0, microsecond=0)
    end = first + days * _DAY  # on the wall clock: a day may have 23 or 25 hours
    return Timeline(
        start=first,
        end=end,
        now=now,
        rows=tuple(
            Row(
                territory=find(name),
                spans=tuple(_spans(windows, name, first.astimezone(UTC), end.astimezone(UTC))),
                departures=tuple(
                    departure
                    for departure in (forecast.departures if forecast else ())
                    if departure.territory == name
                    and departure.starts < end
                    and departure.ends > first
                ),
            )
            for name in territories
        ),
    )


def in_text(
    line: Timeline, width: int, ink: Ink = SHADES, language: Language = ENGLISH
) -> list[str]:
    """Two lines of days and hours, then one for each territory, within ``width`` columns.

    Days that do not fit beside each other go below, after an empty line. What leaves is followed
    by how many messages that are, where there is room to say so.
    """
    margin = max((len(label_of(row, line.start, language)) for row in line.rows), default=0) + _GAP
    room = max(width - margin, _LEAST)
    days = line.days
    fit = room // _LEAST
    abreast = len(days) if len(days) <= fit else 7 if fit >= 7 else fit
    columns = next(each for each in _COLUMNS_A_DAY if each * abreast <= room)
    drawn: list[str] = []
    for first in range(0, len(days), abreast):
        shown = days[first : first + abreast]
        drawn += ["", *_block(line, shown, columns, margin, ink, language)]
    return [each.rstrip() for each in drawn[1:]]


def _block(
    line: Timeline,
    days: list[datetime],
    columns: int,
    margin: int,
    ink: Ink,
    language: Language,
) -> Iterator[str]:
    # a day with a clock change looks like all others: cells follow the wall clock
    cell = _DAY / columns
    edges = [day + cell * column for day in days for column in range(columns)]
    edges.append(days[-1] + _DAY)
    yield " " * margin + "".join(_day_name(day, columns, language).ljust(columns) for day in days)
    yield " " * margin + _hours(line.now, edges, columns, ink)
    for row in line.rows:
        yield label_of(row, line.start, language).ljust(margin) + "".join(_cells(row, edges, ink))


def label_of(row: Row, at: datetime, language: Language = ENGLISH) -> str:
    """A territory's name, and how far its clock is from Paris's where it is."""
    there, here = row.territory.local(at).utcoffset(), PARIS.local(at).utcoffset()
    hours = ((there or timedelta()) - (here or timedelta())) / timedelta(hours=1)
    name = language.word("territory", row.territory.label)
    return name + (f" ({hours:+g} h)" if hours else "")


def short(count: int) -> str:
    """A number of messages in at most five characters: 950, 4,812, 12k, 1.2M."""
    if count < 10_000:
        return f"{count:,}"
    return f"{count // 1000}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"


def _spans(
    windows: Windows | None, territory: str, start: datetime, end: datetime
) -> Iterator[Span]:
    at = start
    while at < end:
        if windows is None:
            until, why = end, ""
        else:
            until, why = _next_change(windows, territory, at, end)
        until = min(until, end)
        yield Span(at, until, why)
        at = until


def _next_change(
    windows: Windows, territory: str, at: datetime, end: datetime
) -> tuple[datetime, str]:
    try:
        hold = windows.hold(at, territory, guarded=False)
    except NeverOpen as error:
        return error.next_open or end, str(error)
    return (hold.until, hold.why) if hold else (windows.closes_at(at, territory), "")


def _midnights(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += _DAY


def _cells(row: Row, edges: list[datetime], ink: Ink) -> list[str]:
    """One character for each cell between two edges."""
    drawn = [ink.open if _mostly_open(row, *edge) else ink.closed for edge in pairwise(edges)]
    marks = []
    for departure in row.departures:
        left = [
            column
            for column, (starts, ends) in enumerate(pairwise(edges))
            if departure.starts < ends and departure.ends > starts
        ]
        if left:
            marks.append((left[-1] + 1, short(departure.messages)))
        for column in left:
            drawn[column] = ink.leaves
    for column, count in marks:
        if column + len(count) <= len(drawn) and ink.leaves not in drawn[column:][: len(count) + 1]:
            drawn[column : column + len(count)] = count
    return drawn


def _mostly_open(row: Row, starts: datetime, ends: datetime) -> bool:
    opened = sum(
        (
            max(min(span.ends, ends) - max(span.starts, starts), timedelta())
            for span in row.spans
            if span.is_open
        ),
        timedelta(),
    )
    return 2 * opened >= ends - starts


def _day_name(day: datetime, columns: int, language: Language) -> str:
    """As much of "Tue 24 Nov" as a day has columns for."""
    name, month = language.forms.days[day.weekday()], language.forms.short_months[day.month - 1]
    return f"{name[:2]} {day.day}" if columns == _LEAST else f"{name[:3]} {day.day} {month}"


def _hours(now: datetime, edges: list[datetime], columns: int, ink: Ink) -> str:
    drawn = [" "] * len(edges)
    for column, edge in enumerate(edges[:-1]):
        if edge.hour in _COLUMNS_A_DAY[columns]:
            drawn[column : column + 2] = f"{edge.hour:<2}"
    for column, (starts, ends) in enumerate(pairwise(edges)):
        if starts <= now < ends:
            drawn[column] = ink.now
    return "".join(drawn)
