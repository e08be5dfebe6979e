"""Operators' rules for the hours of marketing messages, as dated data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from typing import Final


@dataclass(frozen=True, slots=True)
class HoursRule:
    """The widest hours that a charter allows, on the local wall clock, and since when."""

    name: str
    since: date
    opens: time
    closes: time

    def __str__(self) -> str:
        return f"{self.name}, since {self.since:%Y-%m-%d}"


#: the oldest first; the last one holds
HOURS: Final = (
    HoursRule("AF2M charter Business Messaging", date(2024, 9, 1), time(8), time(22)),
    HoursRule("AF2M charter Business Messaging 2026", date(2026, 3, 1), time(8), time(21, 30)),
)
