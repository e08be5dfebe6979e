"""The parts of a rule of RFC 5545, as people write them, checked one by one. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from dispatcher.errors import InvalidCampaign
from dispatcher.window.slots import PARIS

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


def parts_of(text: str) -> dict[str, str]:
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
