"""The commercial window of one territory: when a commercial SMS may leave, and why it waits.

Open on the half-open ``[08:00, 20:00)`` of the local wall clock, Monday to Saturday, public
holidays excepted: 08:00:00 may leave, 20:00:00 waits for 08:00 of the next *jour ouvrable*
(Saturday is one). The default hours are those of the gateway; the charter of the operators, 08:00
to 21:30, limits what can be set. An opening is 08:00 of a local date converted to UTC, so that no
clock change moves it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from dispatcher.window.hours import profile_of
from dispatcher.window.territories import closed_days, find

_DAY, _NOTHING = timedelta(days=1), timedelta(0)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class CommercialWindow:
    """The window of one territory, by its own clock and calendar.

    Instants are taken aware and returned in UTC; a naive one raises ValueError. A ``profile``
    other than "default" replaces ``opens`` and ``closes``. Raises InvalidCampaign for an
    unknown territory or a year without a calendar, ``ConfigurationError`` for hours that cannot
    be set.
    """

    def __init__(
        self,
        territory: str = "metropole",
        *,
        opens: time = time(8),
        closes: time = time(20),
        profile: str = "default",
    ) -> None:
        self.territory: Final = find(territory)
        self.profile: Final = profile_of(profile, opens, closes)
        self._opening = lru_cache(maxsize=1024)(self._build_opening)

    def is_open(self, at: datetime) -> bool:
        """True if a commercial SMS may leave at that instant."""
        return self._opening_from(at)[0] <= at

    def next_open(self, at: datetime, *, guard: timedelta = _NOTHING) -> datetime:
        """The first open instant (UTC) from ``at`` on: ``at`` itself if open.

        If less than ``guard`` is left before closing, it is the next opening.
        """
        opens, closes = self._opening_from(at)
        start = max(at.astimezone(UTC), opens)
        return start if closes - start >= guard else self._opening_from(closes)[0]

    def closes_at(self, at: datetime) -> datetime:
        """The end (UTC) of the opening that contains ``at``. Raises ValueError if closed."""
        opens, closes = self._opening_from(at)
        if at < opens:
            raise ValueError(f"the window of {self.territory.name} is closed at {at.isoformat()}")
        return closes

    def why(self, at: datetime) -> str:
        """Why a message waits: the closed days before the next opening, else the hour.

        Empty if open. A Sunday that is also a holiday is "Sunday".
        """
        opens, _ = self._opening_from(at)
        if opens <= at:
            return ""
        if days := [name for _, name in self.closed_between(at, opens)]:
            return ", ".join(days)
        local, opening = self.territory.local(at), self.territory.local(opens)
        hours = self.profile.days[local.weekday()]
        if hours and local.date() < opening.date():
            return f"after {hours.closes:%H:%M}"
        return f"before {opening:%H:%M}"

    def closed_between(self, at: datetime, until: datetime) -> Iterator[tuple[date, str]]:
        """The closed days from the local date of ``at`` to the day before ``until``, with names."""
        day, end = self.territory.local(at).date(), self.territory.local(until).date()
        while day < end:
            if name := self.closed_on(day):
                yield day, name
            day += _DAY

    def closed_on(self, day: date) -> str:
        """Why a whole local date is closed: "Sunday" or the name of a holiday; else empty."""
        # looks up Sundays too, so that a year without a calendar always raises
        holiday = closed_days(self.territory.name, day.year).get(day, "")
        return holiday if self.profile.days[day.weekday()] else _WEEKDAYS[day.weekday()]

    def _opening_from(self, at: datetime) -> tuple[datetime, datetime]:
        """The opening (UTC) that contains ``at``, or the next one."""
        day = self.territory.local(at).date()
        while (opening := self._opening(day)) is None or opening[1] <= at:
            day += _DAY
        return opening

    def _build_opening(self, day: date) -> tuple[datetime, datetime] | None:
        hours = self.profile.days[day.weekday()]
        if self.closed_on(day) or hours is None:
            return None
        return self.territory.instant(day, hours.opens), self.territory.instant(day, hours.closes)
