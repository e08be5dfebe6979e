"""How numbers, instants and amounts of money are written in each language. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

_PARIS = ZoneInfo("Europe/Paris")
_NARROW, _FIXED = "\u202f", "\xa0"


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of one language; ``days`` begin on Monday."""

    days: tuple[str, ...]
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    #: between thousands, and before the decimals
    thousands: str
    point: str
    #: one instant of today or the next six days, a later one, and a day
    near: str
    far: str
    day: str
    #: between a day and its hour
    at: str
    #: an hour and its minutes, and a full hour
    time: str
    hour: str

    def number(self, value: Decimal | float, decimals: int = 0) -> str:
        """A number with its thousands set apart."""
        return self.localised(f"{value:,.{decimals}f}")

    def localised(self, number: str) -> str:
        """A number as Python writes it ("1,234.50") in the form of the language."""
        whole, point, rest = number.partition(".")
        return whole.replace(",", self.thousands) + (self.point + rest if point else "")

    def euros(self, amount: Decimal, decimals: int = 2) -> str:
        """An amount of money: "1,234.50 €"."""
        return f"{self.number(amount, decimals)}{_FIXED if self.point == ',' else ' '}€"

    def clock(self, hour: int, minute: int) -> str:
        """An hour of the day: "08:00" or "8 h"."""
        return (self.time if minute else self.hour).format(hour=hour, minute=minute)

    def moment(self, at: datetime, now: datetime, zone: ZoneInfo = _PARIS) -> str:
        """An aware instant on the clock of ``zone``: "Tuesday 08:00".

        The date is added unless it is today or one of the next six days.
        """
        local = at.astimezone(zone)
        days = (local.date() - now.astimezone(zone).date()).days
        said = self.near if 0 <= days <= 6 else self.far
        return said.format(time=self.clock(local.hour, local.minute), **self._named(local.date()))

    def said(self, moment: str) -> str:
        """What ``moment`` says in English, "Tuesday 30 March 2027 08:00", in this form."""
        weekday, *day, time = moment.split()
        hour, minute = map(int, time.split(":"))
        words: dict[str, object] = {"weekday": self.days[IN_ENGLISH.days.index(weekday)]}
        if day:
            number, month, year = day
            words |= self._named(date(int(year), IN_ENGLISH.months.index(month) + 1, int(number)))
        return (self.far if day else self.near).format(time=self.clock(hour, minute), **words)

    def day_of(self, day: date) -> str:
        """A day: "13 April 2027"."""
        return self.day.format(**self._named(day))

    def instant(self, at: datetime, zone: ZoneInfo = _PARIS) -> str:
        """An aware instant with its day, on the clock of ``zone``: "13 April 2027 08:00"."""
        local = at.astimezone(zone)
        return f"{self.day_of(local.date())}{self.at}{self.clock(local.hour, local.minute)}"

    def stamp(self, local: datetime) -> str:
        """A day of the week, a day and an hour: "Tuesday 13 April 2027 08:00"."""
        time = self.clock(local.hour, local.minute)
        return self.far.format(time=time, **self._named(local.date()))

    def month(self, day: date) -> str:
        """A month: "April 2027"."""
        return f"{self.months[day.month - 1]} {day.year}"

    def _named(self, day: date) -> dict[str, object]:
        first = "er" if day.day == 1 and self.point == "," else ""
        return {
            "weekday": self.days[day.weekday()],
            "day": f"{day.day}{first}",
            "month": self.months[day.month - 1],
            "year": day.year,
        }


IN_ENGLISH = Forms(
    days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ),
    short_months=(
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ),
    thousands=",",
    point=".",
    at=_FIXED,
    near="{weekday} {time}",
    far="{weekday} {day} {month} {year} {time}",
    day="{day} {month} {year}",
    time="{hour:02d}:{minute:02d}",
    hour="{hour:02d}:00",
)  # fmt: skip
IN_FRENCH = Forms(
    days=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    months=(
        "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
        "octobre", "novembre", "décembre",
    ),
    short_months=(
        "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
        "déc.",
    ),
    thousands=_NARROW,
    point=",",
    at=f" à{_FIXED}",
    near="{weekday} {time}",
    far="{weekday} {day} {month} {year} à {time}",
    day="{day} {month} {year}",
    time="{hour}" + _FIXED + "h" + _FIXED + "{minute:02d}",
    hour="{hour}" + _FIXED + "h",
)  # fmt: skip
