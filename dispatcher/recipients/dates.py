"""Dates as lists have them: ISO, and as French people and spreadsheets write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final

from dispatcher.recipients.column_names import fold

#: an earlier year is a default or an error, such as 1900 for an empty cell and 1970 for zero
FIRST_YEAR: Final = 1990
_MONTHS: Final = (
    *("janvier", "fevrier", "mars", "avril", "mai", "juin"),
    *("juillet", "aout", "septembre", "octobre", "novembre", "decembre"),
)
_iso = re.compile(r"\d{4}([-/])\d\d\1\d\d(?:[T ].+)?").fullmatch
_french = re.compile(
    r"(?:(?:lun|mar|mer|jeu|ven|sam|dim)[a-z]*[.,]? )?"
    r"(?P<day>\d{1,2})(?:er)?(?P<sign>[ /.-])(?P<month>\d{1,2}|[^\W\d]{3,9}\.?)(?P=sign)"
    r"(?P<year>\d{4}|\d\d)"
    r"(?:,? (?:à )?(?:[01]?\d|2[0-3]) ?[:h] ?(?:[0-5]\d(?::[0-5]\d)?)?)?",
    re.IGNORECASE,
).fullmatch


def date_of(text: str) -> date | None:
    """The date in a cell; an instant (UTC) if it has a time zone. None if nobody can read it.

    The day stands before the month, unless the year is first: ``2026-05-03``, ``03/05/2026``,
    ``3.5.2026``, ``3 mai 2026``, ``03/05/26``, ``3-mai-26``. A time of day is read, and left out.
    """
    text = " ".join(text.split())
    try:
        found = _of_iso(text) if _iso(text) else _of_french(text)
    except (ValueError, OverflowError):
        return None
    return found if found is not None and found.year >= FIRST_YEAR else None


def _of_iso(text: str) -> date:
    at = datetime.fromisoformat(text[:10].replace("/", "-") + text[10:].replace(" UTC", "Z"))
    return at.date() if at.tzinfo is None else at.astimezone(UTC)


def _of_french(text: str) -> date | None:
    found = _french(text)
    if found is None:
        return None
    year, month = found["year"], found["month"]
    if len(year) == 2:
        if month.isdecimal() and found["sign"] != "/":  # 26-05-03 may begin with the year
            return None
        year = f"20{year}"
    if month.isdecimal():
        return date(int(year), int(month), int(found["day"]))
    likely = [n for n, name in enumerate(_MONTHS, 1) if name.startswith(fold(month))]
    return date(int(year), likely[0], int(found["day"])) if len(likely) == 1 else None
