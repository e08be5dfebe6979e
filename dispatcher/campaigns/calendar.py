"""A month of Paris: closed days, and the messages that left or are to leave on each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dispatcher.campaigns.period import midnight, month_after
from dispatcher.campaigns.series import Series


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One day; ``closed`` is why no commercial message leaves, or empty.

    ``coming`` are the series that have an occurrence on that day, which is no campaign yet.
    """

    day: date
    closed: str
    sent: int
    planned: int
    coming: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of one month, in order."""

    first: date
    days: tuple[CalendarDay, ...]

    @property
    def before(self) -> date:
        """The first day of the month before."""
        return (self.first - timedelta(days=1)).replace(day=1)

    @property
    def after(self) -> date:
        """The first day of the next month."""
        return month_after(self.first)

    def weeks(self) -> Iterator[list[CalendarDay | None]]:
        """Its weeks from Monday on; None for days of another month."""
        days: list[CalendarDay | None] = [None] * self.first.weekday()
        days += self.days
        days += [None] * (-len(days) % 7)
        yield from (days[start : start + 7] for start in range(0, len(days), 7))


def ends_of(first: date) -> list[datetime]:
    """The midnights of Paris that bound the days of the month: one more than it has days."""
    count = (month_after(first) - first).days
    return [midnight(first + timedelta(days=n)) for n in range(count + 1)]


def calendar_of(
    first: date,
    closed: Mapping[date, str],
    sent: Mapping[int, int],
    planned: Mapping[int, int],
    series: Sequence[Series] = (),
) -> Calendar:
    """The month that begins on ``first``; the counts are by the number of the day, from 0."""
    ends = ends_of(first)
    coming: dict[date, list[Series]] = {}
    for one in series:
        for day in dict.fromkeys(at.date() for at in one.coming_in(ends[0], ends[-1])):
            coming.setdefault(day, []).append(one)
    count = (month_after(first) - first).days
    days = [first + timedelta(days=n) for n in range(count)]
    return Calendar(
        first,
        tuple(
            CalendarDay(
                day,
                closed.get(day, ""),
                sent.get(n, 0),
                planned.get(n, 0),
                tuple(coming.get(day, ())),
            )
            for n, day in enumerate(days)
        ),
    )
