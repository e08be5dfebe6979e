"""A period, and the months of Paris in it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Self

from dispatcher.errors import InvalidCampaign
from dispatcher.window.slots import PARIS

#: the years that a period may be in, as those of campaigns
_YEARS: Final = range(2000, 2101)


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant until before another; None for no bound. Raises InvalidCampaign."""

    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        for name, at in (("since", self.since), ("until", self.until)):
            if at is None:
                continue
            if at.utcoffset() is None:
                raise InvalidCampaign(f"{name} has no time zone")
            if at.year not in _YEARS:
                raise InvalidCampaign(f"{name} is not within 2000 to 2100")
        if self.since and self.until and self.since >= self.until:
            raise InvalidCampaign("the period ends before it begins")

    @classmethod
    def of(cls, first: str | None, last: str | None) -> Self:
        """The period of two texts, as a command or an address has them: both are within it.

        Each is a month (2027-03), a day (2027-03-27) or an instant with an offset; a month or a
        day is one of Paris. An instant as ``last`` is the end itself.
        """
        begins = None if first is None else _bounds("from", first)[0]
        return cls(begins, None if last is None else _bounds("to", last)[1])


def _bounds(name: str, text: str) -> tuple[datetime, datetime]:
    """Where a month or a day begins and ends; an instant is both."""
    try:
        match len(text):
            case 7:  # 2027-03
                day = date.fromisoformat(f"{text}-01")
                return midnight(day), midnight(month_after(day))
            case 10:  # 2027-03-27
                day = date.fromisoformat(text)
                return midnight(day), midnight(day + timedelta(days=1))
        at = datetime.fromisoformat(text)
        if at.utcoffset() is not None:
            at.astimezone(PARIS)
            return at, at
    except (ValueError, OverflowError):  # the latter at the ends of time
        pass
    raise InvalidCampaign(
        f"{name} {text[:40]!r} is no month, no day and no instant with an offset; write it like"
        " 2027-03, 2027-03-27 or 2027-03-27T20:00+01:00"
    )


def months_between(first: datetime, last: datetime) -> list[tuple[str, datetime]]:
    """Each month of Paris from the one of ``first`` to the one of ``last``, and when it ends."""
    day, end = (at.astimezone(PARIS).date().replace(day=1) for at in (first, last))
    found = []
    while day <= end:
        after = month_after(day)
        found.append((f"{day:%Y-%m}", midnight(after)))
        day = after
    return found


def month_after(day: date) -> date:
    """The first day of the month after that of ``day``."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def midnight(day: date) -> datetime:
    """When a day of Paris begins."""
    return datetime.combine(day, time(), PARIS)
