"""Long numbers: those that one sends from, and that people can answer."""

from __future__ import annotations

import re
from typing import Final

from dispatcher.errors import InvalidPhone
from dispatcher.recipients.phones import normalise

_separators: Final = re.compile(r"[\s./()_-]+")
#: a number of E.164, its country code first
_international: Final = re.compile(r"(?:\+|00)?([1-9][0-9]{7,14})").fullmatch
#: what is no mobile, but a number all the same
_OTHER_RANGES: Final = {"landline", "voip", "m2m_or_unassigned"}


def long_number(raw: str) -> str:
    """The E.164 form of a number that one sends from; written internationally, any range.

    The vendor's are mobile numbers, but ARCEP has other ranges for programs. Raises InvalidPhone.
    """
    try:
        return normalise(raw)
    except InvalidPhone as error:
        number = _international(_separators.sub("", raw))
        if number is None or error.reason not in _OTHER_RANGES:
            raise
    return f"+{number[1]}"
