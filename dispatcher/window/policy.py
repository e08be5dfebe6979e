"""The policy of the window: whose clock must be open, over all territories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, get_args

from dispatcher.errors import ConfigurationError, InvalidCampaign
from dispatcher.window.commercial import CommercialWindow
from dispatcher.window.hours import profile_of
from dispatcher.window.territories import CALENDAR_VERSION, TERRITORIES, find

#: whose clock must be open: Paris's and the recipient's, or one of them
Clock = Literal["both", "recipient", "paris"]

_DAY, _NOTHING = timedelta(days=1), timedelta(0)
#: longer than any run of holidays on two clocks: a longer wait means that they share no opening
_LONGEST_WAIT = timedelta(days=15)
#: how far a shared opening is searched for, so that the refusal can name it
_HORIZON = timedelta(days=370)


class NeverOpen(InvalidCampaign):
    """Raised when the clocks share no opening for more than 15 days.

    ``next_open`` is the next shared opening (UTC), ``None`` if a year has none.
    """

    def __init__(self, message: str, next_open: datetime | None = None) -> None:
        super().__init__(message)
        self.next_open = next_open


@dataclass(frozen=True)
class Hold:
    """A wait: ``until`` is the instant (UTC) at which it ends, ``why`` the reason."""

    until: datetime
    why: str


class Windows:
    """The windows of all territories under one clock policy.

    ``both`` uses the clocks of Paris and of the recipient, because the gateway may hold a message
    until 08:00 in Paris, which is night overseas. A window with less than ``guard`` left counts
    as closed: a message taken in the last second would arrive after closing. Raises
    ``ConfigurationError`` for an unknown clock, a negative guard or hours that cannot be set.
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
    def policy(self) -> str:
        """The clock policy, opening hours and calendars with their versions, as one word.

        Batches that another policy decided on are reevaluated.
        """
        hours = self.profile
        named = f"{hours.name}/{hours.version}"
        if hours.name == "custom":
            opening = next(day for day in hours.days if day)
            named = f"{opening.opens:%H:%M}-{opening.closes:%H:%M}"
        return f"{self.clock} {named} {CALENDAR_VERSION}"

    def hold(self, at: datetime, territory: str, *, guarded: bool = True) -> Hold | None:
        """The wait of a commercial message at ``at``; ``None`` if it may leave.

        ``guarded=False`` ignores the guard. Raises NeverOpen if the wait would exceed 15
        days, ``InvalidCampaign`` for an unknown territory.
        """
        windows = self._clocks(territory)
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
        """When the first of the clocks closes (UTC). Raises ValueError if one is closed."""
        return min(window.closes_at(at) for window in self._clocks(territory))

    def closed_days_after(self, at: datetime, territory: str, count: int) -> list[tuple[date, str]]:
        """The next ``count`` closed days, with Sundays, from the local date of ``at`` on.

        A day that is closed by only one of two clocks is named with its place.
        """
        windows = self._clocks(territory)
        day = windows[-1].territory.local(at).date()
        found: list[tuple[date, str]] = []
        while len(found) < count:
            if held := [(window, name) for window in windows if (name := window.closed_on(day))]:
                found.append((day, _placed(held, territory)))
            day += _DAY
        return found

    def _clocks(self, territory: str) -> list[CommercialWindow]:
        paris, own = self._own["metropole"], self._own[find(territory).name]
        if self.clock == "both" and own is not paris:
            return [paris, own]
        return [paris] if self.clock == "paris" else [own]

    def _why(self, at: datetime, until: datetime, territory: str, guard: timedelta) -> str:
        windows = self._clocks(territory)
        first, end = (windows[-1].territory.local(moment).date() for moment in (at, until))
        between = (first + n * _DAY for n in range(1, (end - first).days))
        if any(not any(window.closed_on(day) for window in windows) for day in between):
            return _nothing_shared(windows)  # both are open that day, at different hours
        days: dict[date, list[tuple[CommercialWindow, str]]] = {}
        for window in windows:
            for day, name in window.closed_between(at, until):
                days.setdefault(day, []).append((window, name))
        if days:
            return ", ".join(_placed(days[day], territory) for day in sorted(days))
        # no closed day: the message waits for the clock that opens last
        opens = {window: window.next_open(at, guard=guard) for window in windows}
        last = [window for window in windows if opens[window] == max(opens.values())]
        # an open window holds it by its guard: the reason is that of its closing
        reasons = [w.why(w.closes_at(at) if w.is_open(at) else at) for w in last]
        return _placed([*zip(last, reasons, strict=True)], territory)


def _placed(held: list[tuple[CommercialWindow, str]], territory: str) -> str:
    """The reason, with its place if only one clock has it and the recipient is overseas."""
    window, why = held[-1]
    if len(held) > 1 or territory == "metropole":
        return why
    return f"{why} in {_place(window)}"


def _place(window: CommercialWindow) -> str:
    return "Paris" if window.territory.name == "metropole" else window.territory.label


def _nothing_shared(windows: list[CommercialWindow]) -> str:
    common = " common to" if len(windows) > 1 else " in"
    return f"no opening{common} {' and '.join(map(_place, windows))}"
