"""When a series has an occurrence: a rule of RFC 5545 on the wall clock of Paris. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final, cast

from dispatcher.errors import InvalidCampaign
from dispatcher.window.slots import PARIS

if TYPE_CHECKING:
    from dateutil.rrule import rrule

#: the name of the closed day on which an instant is; empty if that day is open
Calendar = Callable[[datetime], str]

_LONGEST: Final = 500
_PARTS: Final = (
    *("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYYEARDAY"),
    *("BYWEEKNO", "BYDAY", "BYHOUR", "BYMINUTE", "BYSETPOS"),
)
_FREQUENCIES: Final = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_TOO_OFTEN: Final = ("MINUTELY", "SECONDLY")
_EXAMPLE: Final = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10"
_NUMBERS: Final = {"INTERVAL": (1, 1000), "COUNT": (1, 100_000)}
_LISTS: Final = {
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYSETPOS": (-366, 366),
}
_until: Final = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")
_day: Final = re.compile(r"([+-]?\d{1,2})?(?:MO|TU|WE|TH|FR|SA|SU)")
#: no campaign begins from this year on, because no calendar has the holidays
_END: Final = 2100
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
        parts = _parts_of(self.text)
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
        for one in self._walls.xafter(wall - timedelta(hours=1)):
            if one.year >= _END:
                return
            # two hours of one morning in spring are the same instant
            if (instant := instant_of(one)) > last:
                last = instant
                yield instant

    @cached_property
    def _walls(self) -> rrule:
        return _rule(self.text, datetime.combine(self.since, time()))

    def _check(self, parts: dict[str, str]) -> None:
        never = InvalidCampaign(f"the rule {self.text} never occurs")
        counted = {name: parts[name] for name in parts if name not in ("COUNT", "UNTIL")}
        text = ";".join(f"{name}={value}" for name, value in counted.items())
        try:
            # there a rule that never occurs is found out at once: dates end
            endless = _rule(text, datetime.combine(_late(self.since), time()))
            if next(iter(endless), None) is None or next(iter(self._walls), None) is None:
                raise never
            some = list(islice(self._walls, _LOOKED_AT))
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


def check_open(rule: Rule, after: datetime, calendar: Calendar) -> None:
    """Raise InvalidCampaign if the rule has no occurrence to come, or on closed days alone."""
    # as far as there are calendars
    horizon = after.replace(year=min(after.year + 12, 2099), day=1)
    known = (at for at in islice(rule.all_after(after), _LOOKED_AT) if at < horizon)
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


def _parts_of(text: str) -> dict[str, str]:
    """The parts of a rule, in order and capitals. Raises InvalidCampaign."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise InvalidCampaign(f"a rule has at most {_LONGEST} characters: {_EXAMPLE}")
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").rstrip(";").split(";"):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals or name not in _PARTS or name in parts:
            what = "twice" if name in parts else "no part of a rule"
            raise InvalidCampaign(f"{part.strip()[:40]!r} is {what}: write it like {_EXAMPLE}")
        if not _is_value(name, value):
            raise InvalidCampaign(f"{name}={value[:40]} is wrong: write it like {_EXAMPLE}")
        parts[name] = _in_paris(value) if name == "UNTIL" else value
    if parts.get("FREQ") in _TOO_OFTEN:
        raise InvalidCampaign(f"FREQ={parts['FREQ']} comes more often than hourly")
    if parts.get("FREQ") not in _FREQUENCIES:
        raise InvalidCampaign(f"a rule says how often, from HOURLY to YEARLY: {_EXAMPLE}")
    if parts["FREQ"] != "HOURLY" and "BYHOUR" not in parts:
        raise InvalidCampaign(f"the rule names no hour of the day: add BYHOUR, as in {_EXAMPLE}")
    if parts["FREQ"] not in ("MONTHLY", "YEARLY") and re.search(r"\d", parts.get("BYDAY", "")):
        raise InvalidCampaign("the first Friday is one of a month or year: FREQ=MONTHLY;BYDAY=1FR")
    return parts


def _is_value(name: str, value: str) -> bool:
    if name in _NUMBERS:
        least, most = _NUMBERS[name]
        return re.fullmatch(r"[0-9]{1,6}", value) is not None and least <= int(value) <= most
    items = value.split(",")
    if name in _LISTS:
        least, most = _LISTS[name]
        return all(
            re.fullmatch(r"[+-]?[0-9]{1,3}", one) is not None
            and least <= int(one) <= most
            and (int(one) != 0 or least == 0)
            for one in items
        )
    match name:
        case "BYDAY":
            return all(
                (found := _day.fullmatch(one)) is not None
                and (found[1] is None or 0 < abs(int(found[1])) <= 53)
                for one in items
            )
        case "WKST":
            return value in ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
        case "UNTIL":
            return _is_until(value)
    return value in (*_FREQUENCIES, *_TOO_OFTEN)


def _is_until(value: str) -> bool:
    try:
        return _until.fullmatch(value) is not None and bool(_in_paris(value))
    except (ValueError, OverflowError):
        return False


def _in_paris(value: str) -> str:
    """The end of a rule on the clock of Paris; a day alone is in it."""
    found = _until.fullmatch(value)
    day, clock, utc = found.groups() if found else (value, None, None)
    at = datetime.strptime(f"{day}{clock or '235959'}", "%Y%m%d%H%M%S")  # noqa: DTZ007
    if utc:
        at = at.replace(tzinfo=UTC).astimezone(PARIS).replace(tzinfo=None)
    return f"{at:%Y%m%dT%H%M%S}"


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
