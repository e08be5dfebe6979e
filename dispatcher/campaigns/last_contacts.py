"""Last contacts: when people last gave a sign of life, as their application says. Pure.

Prospects must not be kept for more than three years after their last contact (CNIL).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from dispatcher.campaigns.wording import counted
from dispatcher.recipients import Recipient
from dispatcher.recipients.dates import FIRST_YEAR, date_of
from dispatcher.recipients.values import is_no_value, text_of
from dispatcher.window.slots import PARIS

#: a date is stored as a number of days since then
_EPOCH = date(1970, 1, 1)
#: clocks and time zones differ: a contact may be dated so much later than today
_LATER = timedelta(days=1)
#: cells whose date is remembered: dates recur
_MOST_CACHED = 10_000


def day_of(value: object) -> date | None:
    """The day of a last contact in Paris; None for an empty value.

    Raises ValueError for what is no date, and for one before 1990.
    """
    if value is None or value != value:  # a data frame's empty date is unequal to itself
        return None
    try:
        found = value if isinstance(value, date) else _written(text_of(value))
        if isinstance(found, datetime):
            found = (found.astimezone(PARIS) if found.tzinfo else found).date()
    except (TypeError, OverflowError):
        raise ValueError("it is no date") from None
    if found is not None and found.year < FIRST_YEAR:
        raise ValueError(f"it is before {FIRST_YEAR}")
    return found


def is_future(day: date, today: date) -> bool:
    """True if a contact cannot have been yet, whatever the clocks and time zones."""
    return day > today + _LATER


def today_of(now: datetime) -> date:
    """The day in Paris."""
    return now.astimezone(PARIS).date()


def years_before(today: date, years: int) -> date:
    """The same day so many years before; of a 29 February the 28th, where there is none."""
    try:
        return today.replace(year=today.year - years)
    except ValueError:
        return today.replace(year=today.year - years, day=28)


class LastContacts:
    """The last contacts of one list: ten bytes for each row that has one."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._numbers, self._days = array("Q"), array("H")
        self._cached: dict[str, date | None] = {}
        self._unreadable = self._future = 0
        self._first: dict[str, int | None] = {}

    def add(self, recipient: Recipient, number: int) -> None:
        """Take that of a recipient with this number (the digits of E.164); a wrong one is told."""
        try:
            day = self._day(recipient.last_contact)
        except ValueError:
            self._unreadable += 1
            self._first.setdefault("unreadable", recipient.row)
            return
        if day is None:
            return
        if is_future(day, self._today):
            self._future += 1
            self._first.setdefault("future", recipient.row)
            return
        self._numbers.append(number)
        self._days.append((day - _EPOCH).days)

    def __len__(self) -> int:
        return len(self._numbers)

    def groups(self, size: int) -> Iterator[dict[str, date]]:
        """Number (E.164) -> its newest day, at most so many at a time, in the order of numbers."""
        group: dict[str, date] = {}
        for at in sorted(range(len(self)), key=self._numbers.__getitem__):
            phone, day = f"+{self._numbers[at]}", _EPOCH + timedelta(days=self._days[at])
            if phone not in group and len(group) == size:
                yield group
                group = {}
            group[phone] = max(day, group.get(phone, day))
        if group:
            yield group

    @property
    def warnings(self) -> list[str]:
        """Sentences about dates that are not stored; their people are texted all the same."""
        said = []
        if self._unreadable:
            said.append(
                f"the date of the last contact cannot be read in {counted(self._unreadable, 'row')}"
                f"{self._where('unreadable')}: these people are texted, and the date is not stored:"
                " write it like 2026-05-03 or 03/05/2026"
            )
        if self._future:
            said.append(
                f"the last contact lies in the future in {counted(self._future, 'row')}"
                f"{self._where('future')}: these people are texted, and the date is not stored:"
                f" correct it, or the clock of this machine, where today is {self._today}"
            )
        return said

    def _where(self, what: str) -> str:
        row = self._first[what]
        return "" if row is None else f", first in row {row}"

    def _day(self, value: object) -> date | None:
        if not isinstance(value, str):
            return day_of(value)
        found = self._cached.get(value)
        if found is None and (found := day_of(value)) and len(self._cached) < _MOST_CACHED:
            self._cached[value] = found
        return found


def _written(text: str) -> date | None:
    if not text.strip() or is_no_value(text, ""):
        return None
    found = date_of(text)
    if found is None:
        raise ValueError("it is no date")
    return found
