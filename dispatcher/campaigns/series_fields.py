"""What people give of a series: its name, durations, and what becomes of what is missed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final

from dispatcher.campaigns.series import reference_of, seconds_of
from dispatcher.campaigns.states import Missed
from dispatcher.errors import InvalidCampaign
from dispatcher.masking import masked
from dispatcher.recipients.spellings import FEWEST, has_digits

_LONGEST_LEAD: Final = timedelta(days=7)
_LONGEST_LIFE: Final = timedelta(days=31)
_NO_TIME: Final = timedelta(0)
_HOURS: Final = time(0, 0), time(10, 0), time(23, 59)
_name: Final = re.compile(r"[^\W_][\w.-]{0,79}")
_duration: Final = re.compile(r"(\d{1,5}(?=\s*min)|\d{1,4})\s*(min|h|d)")
_UNITS: Final = {"min": "minutes", "h": "hours", "d": "days"}


def name_of(value: str) -> str:
    """The name of a series. Raises InvalidCampaign."""
    if not isinstance(value, str) or not _name.fullmatch(value):
        raise InvalidCampaign(
            "the name of a series has 1 to 80 letters, digits and signs of . _ -, and begins with a"
            " letter or digit: weekly-offer"
        )
    if has_digits(value):
        raise InvalidCampaign(
            f"the name of a series has at most {FEWEST - 1} digits, so that no phone number is in"
            " it"
        )
    if any(masked(one) != one for one in _references(value)):
        raise InvalidCampaign(
            f"the name {value!r} with a date behind it looks like a phone number: end it with a"
            " letter"
        )
    return value


def _references(name: str) -> Iterator[str]:
    """References of occurrences on all days of a year, early and late."""
    days = (date(2028, 1, 1) + timedelta(days=n) for n in range(366))
    return (reference_of(name, datetime.combine(day, at)) for day in days for at in _HOURS)


def missed_of(value: str) -> Missed:
    """What becomes of missed occurrences. Raises InvalidCampaign."""
    try:
        return Missed(value)
    except ValueError:
        raise InvalidCampaign("what is missed runs late or is skipped: late or skip") from None


def lead_of(value: timedelta) -> timedelta:
    """How long before its start an occurrence is made. Raises InvalidCampaign."""
    return _within("lead", value, _NO_TIME, _LONGEST_LEAD)


def lasts_of(value: timedelta | None) -> timedelta | None:
    """How long after its start it expires. Raises InvalidCampaign."""
    least = timedelta(minutes=1)
    return None if value is None else _within("not_after", value, least, _LONGEST_LIFE)


def duration_of(name: str, value: str) -> timedelta:
    """A duration as people write it: 90min, 2h, 3d. Raises InvalidCampaign."""
    found = _duration.fullmatch(value.strip().lower())
    if found is None:
        raise InvalidCampaign(f"{name} is a duration: 90min, 2h or 3d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def expiry_of(name: str, value: str) -> timedelta:
    """The same; "none" is no time, which takes an end away. Raises InvalidCampaign."""
    if value.strip().lower() == "none":
        return _NO_TIME
    found = duration_of(name, value)
    if not found:
        raise InvalidCampaign(
            f"{name} of no time would let nothing leave: say none where nothing expires"
        )
    return found


def _within(name: str, value: timedelta, least: timedelta, most: timedelta) -> timedelta:
    if not isinstance(value, timedelta) or not least <= value <= most:
        raise InvalidCampaign(
            f"{name} is a duration of {seconds_of(least)} s to {most.days} days: timedelta(hours=2)"
        )
    return timedelta(seconds=seconds_of(value))
