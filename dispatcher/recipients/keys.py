"""Keys: what the caller's own application knows a person by, such as the id of a customer."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from enum import Enum
from numbers import Integral
from typing import Any, Final, TypeAlias
from uuid import UUID

#: what a caller may give as a key; it is stored as text
Key: TypeAlias = str | int | UUID
#: characters
LONGEST: Final = 200
#: above it a float no longer holds every whole number
_EXACT = 1 << 53
_TOO_LARGE = 10**LONGEST
_rounded = re.compile(r"[+-]?\d[.,]\d+E\+\d+", re.IGNORECASE).fullmatch


class UnusableKeyError(ValueError):
    """Raised when a value cannot be a key. It does not name the value."""


def key_of(value: object) -> str:
    """A key as text, without outer blanks and marks; empty if there is none.

    Raises UnusableKeyError for what is no text, whole number or UUID, for over 200 characters, for
    signs that nobody can read, and for a number that a spreadsheet has rounded.
    """
    text = _written(value).strip()
    if not text.isprintable():
        text = _without_marks(text)
        if not all(sign.isprintable() or unicodedata.category(sign) == "Zs" for sign in text):
            raise UnusableKeyError
    if len(text) > LONGEST or _rounded(text):
        raise UnusableKeyError
    return text


def _written(value: Any) -> str:
    match value:
        case Enum():
            return _written(value.value)
        case str() | UUID():
            return str(value)
        case None:
            return ""
        case bool():
            raise UnusableKeyError
        case float() | Decimal():  # a data frame makes floats of ids where some are empty
            number = Decimal(value)
            if number.is_nan():
                return ""
            if not number.is_finite() or abs(number) >= _EXACT or number % 1:
                raise UnusableKeyError
        case Integral():
            pass
        case _:
            raise UnusableKeyError
    if abs(value) >= _TOO_LARGE:
        raise UnusableKeyError
    return str(int(value))


def _without_marks(text: str) -> str:
    """The text without the invisible marks that copying leaves at its ends."""
    start, end = 0, len(text)
    while start < end and _is_mark(text[start]):
        start += 1
    while start < end and _is_mark(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_mark(sign: str) -> bool:
    return unicodedata.category(sign) == "Cf" or sign.isspace()
