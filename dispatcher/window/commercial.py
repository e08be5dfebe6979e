"""The commercial window: when a commercial SMS may leave, and why and until when it waits.

Open on the half-open ``[08:00, 20:00)`` of the local wall clock, Monday to Saturday, public
holidays excepted: 08:00:00 may leave, 20:00:00 waits for 08:00 of the next *jour ouvrable*
(Saturday is one). The hours are the gateway's; the operators' charter, 08:00 to 22:00, bounds
what can be set. Every decision is a function of the instant asked about. An opening is built
as 08:00 on a local date and then converted, so that no clock change moves it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal, get_args

from dispatcher.errors import ConfigurationError, InvalidCampaign
from dispatcher.window.hours import profile_of
from dispatcher.window.territories import CALENDAR_VERSION, TERRITORIES, closed_days, find

#: whose clock must be open: Paris's and the recipient's, or one of them
Clock = Literal["both", "recipient", "paris"]

_DAY, _NOTHING = timedelta(days=1), timedelta(0)
#: beyond the longest run of holidays on two clocks; a longer wait is an empty intersection
_LONGEST_WAIT = timedelta(days=15)
#: how far a common opening is looked for, to be named in the refusal
_HORIZON = timedelta(days=370)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class NeverOpen(InvalidCampaign):
    """Raised when the clocks asked share no opening for more than 15 days.

    ``next_open`` is the next common opening (UTC), ``None`` when a year has none.
    """

    def __init__(self, message: str, next_open: datetime | None = None) -> None:
        super().__init__(message)
        self.next_open = next_open


class CommercialWindow:
    """The window of one territory, on its own clock and calendar.

    Instants go in aware and come out in UTC; a naive one raises ``ValueError``. A ``profile``
    other than "default" stands for ``opens`` and ``closes``. Raises ``InvalidCampaign`` for an
    unknown territory or a year without a calendar, ``ConfigurationError`` for refused hours.
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
        """Whether a commercial SMS may leave at that instant."""
        return self._opening_from(at)[0] <= at

    def next_open(self, at: datetime, *, guard: timedelta = _NOTHING) -> datetime:
        """The first open instant from ``at`` on: ``at`` itself when open, else an opening.

        With less than ``guard`` left before closing, it is the opening after that.
        """
        opens, closes = self._opening_from(at)
        start = max(at.astimezone(UTC), opens)
        return start if closes - start >= guard else self._opening_from(closes)[0]

    def closes_at(self, at: datetime) -> datetime:
        """When the opening that contains ``at`` ends; raises ``ValueError`` when closed then."""
        opens, closes = self._opening_from(at)
        if at < opens:
            raise ValueError(f"the window of {self.territory.name} is closed at {at.isoformat()}")
        return closes

    def why(self, at: datetime) -> str:
        """What it waits for: the closed days before the next opening, else the hour.

        Empty when open. A Sunday that is also a holiday is "Sunday".
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
        """The closed days from the local date of ``at`` to the eve of ``until``, with names."""
        day, end = self.territory.local(at).date(), self.territory.local(until).date()
        while day < end:
            if name := self.closed_on(day):
                yield day, name
            day += _DAY

    def closed_on(self, day: date) -> str:
        """Why a whole local date is closed: "Sunday" or a holiday's name; empty when it is not."""
        # the calendar is asked on every day, so that a year beyond it is refused on Sundays too
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


@dataclass(frozen=True)
class Hold:
    """A wait: ``until`` is the instant (UTC) at which it ends, ``why`` what it is for."""

    until: datetime
    why: str


class Windows:
    """The windows of all territories under one clock policy.

    ``both`` asks Paris's clock and the recipient's, because the gateway may hold a message until
    08:00 in Paris, which is night overseas. With less than ``guard`` left before closing, a
    window counts as closed: what the gateway takes at the last second arrives after it. Raises
    ``ConfigurationError`` for an unknown clock, a negative guard or refused hours.
    """

    def __init__(
        self,
        *,
        clock: Clock = "both",
        opens: time = time(8),
        closes: time = time(20),
        profile: str = "default",
        guard: timedelta = timedelta(seconds=60),
    ) -> None:
        if clock not in get_args(Clock):
            raise ConfigurationError(f"unknown window clock {clock!r}; known: {get_args(Clock)}")
        if guard < _NOTHING:
            raise ConfigurationError("the guard before closing cannot be negative")
        self.clock: Final = clock
        self.guard: Final = guard
        self.profile: Final = profile_of(profile, opens, closes)
        self._own = {
            name: CommercialWindow(name, opens=opens, closes=closes, profile=profile)
            for name in TERRITORIES
        }

    @property
    def rule(self) -> str:
        """What judges here, with its versions: a batch judged by another rule is judged anew."""
        hours = self.profile
        named = f"{hours.name}/{hours.version}"
        if hours.name == "custom":
            opening = next(day for day in hours.days if day)
            named = f"{opening.opens:%H:%M}-{opening.closes:%H:%M}"
        return f"{self.clock} {named} {CALENDAR_VERSION}"

    def hold(self, at: datetime, territory: str, *, guarded: bool = True) -> Hold | None:
        """What a commercial message must wait for at ``at``; ``None`` when it may leave.

        ``guarded=False`` leaves the guard out. Raises ``NeverOpen`` when the wait would exceed
        15 days, ``InvalidCampaign`` for an unknown territory.
        """
        windows = self._asked(territory)
        guard = self.guard if guarded else _NOTHING
        until = at
        while (later := max(window.next_open(until, guard=guard) for window in windows)) > until:
            until = later
            if until - at > _HORIZON:
                raise NeverOpen(f"{territory}: {_nothing_shared(windows)} in {_HORIZON.days} days")
        if until - at > _LONGEST_WAIT:
            when = f"before {until:%Y-%m-%d %H:%M} UTC"
            raise NeverOpen(f"{territory}: {_nothing_shared(windows)} {when}", until)
        return Hold(until, self._why(at, until, territory, guard)) if until > at else None

    def closes_at(self, at: datetime, territory: str) -> datetime:
        """When the first of the clocks asked closes; raises ``ValueError`` when one is closed."""
        return min(window.closes_at(at) for window in self._asked(territory))

    def closed_days_after(self, at: datetime, territory: str, count: int) -> list[tuple[date, str]]:
        """The next ``count`` closed days, Sundays too, from the local date of ``at`` on.

        A day that only one of two clocks keeps is named with its place.
        """
        windows = self._asked(territory)
        day = windows[-1].territory.local(at).date()
        found: list[tuple[date, str]] = []
        while len(found) < count:
            if held := [(window, name) for window in windows if (name := window.closed_on(day))]:
                found.append((day, _placed(held, territory)))
            day += _DAY
        return found

    def _asked(self, territory: str) -> list[CommercialWindow]:
        paris, own = self._own["metropole"], self._own[find(territory).name]
        if self.clock == "both" and own is not paris:
            return [paris, own]
        return [paris] if self.clock == "paris" else [own]

    def _why(self, at: datetime, until: datetime, territory: str, guard: timedelta) -> str:
        windows = self._asked(territory)
        first, end = (windows[-1].territory.local(moment).date() for moment in (at, until))
        between = (first + n * _DAY for n in range(1, (end - first).days))
        if any(not any(window.closed_on(day) for window in windows) for day in between):
            return _nothing_shared(windows)  # both keep that day open, at other hours
        days: dict[date, list[tuple[CommercialWindow, str]]] = {}
        for window in windows:
            for day, name in window.closed_between(at, until):
                days.setdefault(day, []).append((window, name))
        if days:
            return ", ".join(_placed(days[day], territory) for day in sorted(days))
        # no closed day: the clock that opens last is the one that holds the message
        opens = {window: window.next_open(at, guard=guard) for window in windows}
        last = [window for window in windows if opens[window] == max(opens.values())]
        # one that is open holds it by its guard, for the reason that its closing will have
        reasons = [w.why(w.closes_at(at) if w.is_open(at) else at) for w in last]
        return _placed([*zip(last, reasons, strict=True)], territory)


def _placed(held: list[tuple[CommercialWindow, str]], territory: str) -> str:
    """The reason, with its place unless both clocks keep it or it is about the mainland."""
    window, why = held[-1]
    if len(held) > 1 or territory == "metropole":
        return why
    return f"{why} in {_place(window)}"


def _place(window: CommercialWindow) -> str:
    return "Paris" if window.territory.name == "metropole" else window.territory.label


def _nothing_shared(windows: list[CommercialWindow]) -> str:
    common = " common to" if len(windows) > 1 else " in"
    return f"no opening{common} {' and '.join(map(_place, windows))}"
