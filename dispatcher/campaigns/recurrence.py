"""When a series has an occurrence: a rule of RFC 5545 on the wall clock of Paris. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import islice, pairwise, takewhile
from typing import TYPE_CHECKING, Final, cast

from dispatcher.campaigns.recurrence_parts import parts_of
from dispatcher.errors import InvalidCampaign
from dispatcher.window.slots import PARIS

if TYPE_CHECKING:
    from dateutil.rrule import rrule

#: the name of the closed day on which an instant is; empty if that day is open
Calendar = Callable[[datetime], str]

#: no campaign begins from this year on, because no calendar has the holidays
_END: Final = 2100
#: how long ago a rule may begin to count, so that its occurrences until now are soon walked through
_LONGEST_AGO: Final = timedelta(days=366)
#: a rule comes on the same days if it counts from any multiple of these, times its interval, later
_STEPS: Final = {
    "HOURLY": timedelta(hours=1),
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(weeks=1),
}
#: a leap day comes again within these, even around a century's year
_CHECKED: Final = timedelta(days=9 * 366)
#: occurrences that are looked at to find out how often a rule comes, and on which days
_LOOKED_AT: Final = 400
#: a year from which to the end of all dates the calendar is as in the first years of a rule: the
#: days of the week come back after 28 years, between two centuries that are no leap years
_LAST_YEARS: Final = range(9944, 9972)


@dataclass(frozen=True, slots=True)
class Coming:
    """An occurrence: when it begins (UTC), and the name of its day if that is closed."""

    at: datetime
    closed: str = ""

    def as_json(self) -> dict[str, str]:
        """The same as JSON values."""
        return {"at": self.at.isoformat(), "closed": self.closed}


@dataclass(frozen=True)
class Rule:
    """A rule, and the day in Paris from which it counts.

    Raises InvalidCampaign for what is no rule, comes more often than hourly, or never.
    """

    text: str
    since: date

    def __post_init__(self) -> None:
        parts = parts_of(self.text)
        object.__setattr__(self, "text", ";".join(f"{name}={parts[name]}" for name in parts))
        if not 2000 <= self.since.year <= 2090:
            raise InvalidCampaign("a series begins in a year from 2000 to 2090")
        self._check(parts)

    def after(self, at: datetime) -> datetime | None:
        """The first occurrence behind an instant (UTC); None if there is none."""
        return next(self.all_after(at), None)

    def all_after(self, at: datetime) -> Iterator[datetime]:
        """All occurrences behind an instant (UTC), in order, as far as there are calendars."""
        last, wall = at, at.astimezone(PARIS).replace(tzinfo=None)
        # the hour that comes twice in autumn counts once, as the first of the two
        behind = wall - timedelta(hours=1)
        for one in self._walls_near(behind).xafter(behind):
            if one.year >= _END:
                return
            # two hours of one morning in spring are the same instant
            if (instant := instant_of(one)) > last:
                last = instant
                yield instant

    @cached_property
    def _walls(self) -> rrule:
        return _rule(self.text, datetime.combine(self.since, time()))

    def _walls_near(self, wall: datetime) -> rrule:
        """The rule from a little before ``wall`` on: it may have come hourly for years."""
        parts = dict(part.split("=") for part in self.text.split(";"))
        start = datetime.combine(self.since, time())
        if "COUNT" in parts or parts["FREQ"] not in _STEPS:
            return self._walls
        step = _STEPS[parts["FREQ"]] * int(parts.get("INTERVAL", 1))
        # the first week may be a part of one, in which BYSETPOS chooses other days
        steps = (wall - start) // step - 2
        return self._walls if steps <= 0 else _rule(self.text, start + steps * step)

    def _check(self, parts: dict[str, str]) -> None:
        never = InvalidCampaign(f"the rule {self.text} never occurs")
        counted = {name: parts[name] for name in parts if name not in ("COUNT", "UNTIL")}
        text = ";".join(f"{name}={value}" for name, value in counted.items())
        try:
            # there a rule that never occurs is found out at once: dates end
            endless = _rule(text, datetime.combine(_late(self.since), time()))
            first = next(iter(self._walls), None)
            if next(iter(endless), None) is None or first is None:
                raise never
            end = first + _CHECKED
            some = list(takewhile(lambda one: one < end, islice(self._walls, _LOOKED_AT)))
        except (ValueError, OverflowError) as error:  # such as parts that exclude each other
            raise never from error
        if any(later - one < timedelta(hours=1) for one, later in pairwise(some)):
            raise InvalidCampaign(f"the rule {self.text} comes more often than hourly")


@lru_cache(maxsize=512)
def stored_rule(text: str, since: date) -> Rule:
    """A rule that was set up. To check it takes milliseconds: a page looks at many of them."""
    return Rule(text, since)


def instant_of(wall: datetime) -> datetime:
    """The instant (UTC) at which the clock of Paris shows this.

    Of an hour that it shows twice, the first; of one that it leaves out, an hour later on the
    clock, as RFC 5545 says (3.3.5).
    """
    return wall.replace(tzinfo=PARIS).astimezone(UTC)


def next_occurrences(rule: Rule, after: datetime, calendar: Calendar) -> Iterator[Coming]:
    """The occurrences behind an instant, in order, with the names of closed days."""
    return (Coming(at, calendar(at)) for at in rule.all_after(after))


def since_of(since: date | None, today: date) -> date:
    """The day from which a rule that is given now counts. Raises InvalidCampaign."""
    if since is not None and today - since > _LONGEST_AGO:
        raise InvalidCampaign("a rule counts from a day of the last year, or from one to come")
    return since or today


def check_open(rule: Rule, after: datetime, calendar: Calendar) -> None:
    """Raise InvalidCampaign if the rule has no occurrence to come, or on closed days alone."""
    # as far as there are calendars
    horizon = after.replace(year=min(after.year + 12, 2099), day=1)
    known = takewhile(lambda at: at < horizon, islice(rule.all_after(after), _LOOKED_AT))
    names = dict[str, None]()
    for at in known:
        if not (name := calendar(at)):
            return
        names[name] = None
    if not names:
        if rule.after(after) is None:
            raise InvalidCampaign(f"the rule {rule.text} does not occur any more")
        return
    days = ", ".join(islice(names, 3))
    raise InvalidCampaign(f"the rule {rule.text} falls on closed days only: {days}")


def _rule(text: str, start: datetime) -> rrule:
    from dateutil.rrule import rrulestr  # not above: most commands look at no series

    return cast("rrule", rrulestr(text, dtstart=start))


def _late(day: date) -> date:
    """A day near the end of dates, on the same day of the week, in a year of the same length."""
    first = date(day.year, 1, 1)
    year = next(
        year
        for year in _LAST_YEARS
        if date(year, 1, 1).weekday() == first.weekday() and year % 4 == day.year % 4
    )
    return day.replace(year=year)
