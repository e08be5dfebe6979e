"""Single values as the gateway spells them: numbers as text, dates in two forms. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from dispatcher.errors import InvalidPhone
from dispatcher.recipients.phones import normalise

_PARIS = ZoneInfo("Europe/Paris")
#: larger values are not plausible, and no column holds them
_MOST_DIGITS = 9
_LARGEST = 10**_MOST_DIGITS
_LONGEST_ID = 64
_LONGEST_INSTANT = 64
_EXCERPT = 200
#: API keys, and digits that may be a phone number
_TELLING = re.compile(r"[0-9a-fA-F]{12,}|\d+")
#: the types of an amount; bool is an int too, and is excluded
_AMOUNTS = frozenset({int, str, float, Decimal})
_all_french = re.compile(r"(?:\+33[0-9]{9})+").fullmatch
_spaced_colon = re.compile(rb'"\s+:').findall


def encode(value: Mapping[str, Any]) -> bytes:
    """The JSON of a request in ASCII, which reads the same in every charset."""
    try:
        encoded = orjson.dumps(value)
    except TypeError:  # a lone surrogate, which UTF-8 cannot encode
        return json.dumps(value).encode()
    return encoded if encoded.isascii() else json.dumps(value).encode()


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body; None for anything else, and for one with a key given twice."""
    try:
        answer = orjson.loads(body)
        if isinstance(answer, dict) and _may_repeat_a_key(body, answer):
            # unlike the fast parser, this one tells of a key that is given twice
            answer = json.loads(body, parse_constant=_no_constant, object_pairs_hook=_once_each)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _may_repeat_a_key(body: bytes, answer: dict[str, Any]) -> bool:
    """Whether more keys may be written in a document than it has; quick where it can be."""
    keys = _keys(answer)
    # most answers have no other colons; the second count is exact but for texts like a key
    return body.count(b":") != keys and body.count(b'":') + len(_spaced_colon(body)) != keys


def _keys(answer: dict[str, Any]) -> int:
    """How many keys an answer has, down to the entries of its lists."""
    found = len(answer)
    for value in answer.values():
        if isinstance(value, list):
            found += sum(len(entry) for entry in value if isinstance(entry, dict))
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def excerpt(body: bytes) -> str:
    """The beginning of a body on one line, without a digit or a key in it."""
    text = _TELLING.sub("•", body[: 4 * _EXCERPT].decode(errors="replace"))
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_EXCERPT]


def phone(raw: object) -> str | None:
    """A phone number in E.164, or None."""
    if not isinstance(raw, str):
        return None
    if len(raw) == 12 and raw.startswith("+33") and raw.isascii() and raw[1:].isdigit():
        return raw  # the usual case: the gateway repeats our own spelling
    try:
        return normalise(raw)
    except InvalidPhone:
        return None


def are_french(raws: Sequence[str]) -> bool:
    """Whether all of many numbers are French and in E.164, as we write them."""
    return set(map(len, raws)) == {12} and _all_french("".join(raws)) is not None


def are_digits(raws: Sequence[str]) -> bool:
    """Whether many numbers hold nothing but ASCII digits and the plus before them."""
    whole = "".join(raws)
    return whole.isascii() and whole.replace("+", "").isdigit()


def integer(raw: object) -> int | None:
    """A whole number, written as one or as text."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < 20:
        return int(raw)
    return raw if isinstance(raw, int) else None


def count(raw: object) -> int:
    """A count; 0 when the value is none."""
    number = integer(raw)
    return number if number is not None and 0 <= number < _LARGEST else 0


def identifier(raw: object) -> str | None:
    """A message id, written as a number or as text."""
    if isinstance(raw, str):
        text = raw.strip()
    elif type(raw) is int:  # a bool is none
        text = str(raw)
    else:
        return None
    return text if 0 < len(text) <= _LONGEST_ID and text.isascii() and text.isprintable() else None


def flag(raw: object) -> bool | None:
    """A yes or no, written as a boolean, a number or text."""
    word = raw.strip().lower() if isinstance(raw, str) else str(raw).lower()
    return {"1": True, "true": True, "0": False, "false": False}.get(word)


def text(raw: object, longest: int = 255) -> str:
    """A text that can be stored; empty for other values and for texts that are too long."""
    if not isinstance(raw, str) or len(raw) > longest or "\0" in raw:
        return ""
    # UTF-8 cannot encode a lone surrogate
    return raw if raw.isascii() else raw.encode("utf-8", "replace").decode()


def decimal(raw: object) -> Decimal | None:
    """An amount, written as a number or as text."""
    if type(raw) not in _AMOUNTS:
        return None
    try:
        # a float as it was written: the shortest form that reads back the same
        value = Decimal(repr(raw) if isinstance(raw, float) else raw)  # type: ignore[arg-type]
    except InvalidOperation:
        return None
    return value if value.is_finite() and value.adjusted() < _MOST_DIGITS else None


def price(raw: object) -> Decimal:
    """A price; 0 when the value is none."""
    amount = decimal(raw)
    return amount if amount is not None and amount >= 0 else Decimal(0)


def instant(raw: object) -> datetime | None:
    """The instant (UTC) of epoch seconds (number or text) or of a time on Paris's clock."""
    if type(raw) is int or (isinstance(raw, str) and len(raw) <= _LONGEST_INSTANT):
        return _instant(raw)
    return None


@lru_cache(maxsize=4096)  # the reports of a campaign come within minutes
def _instant(raw: int | str) -> datetime | None:
    number = integer(raw)
    try:
        if number is not None:
            return datetime.fromtimestamp(number, UTC)
        instant = datetime.fromisoformat(str(raw))
        return (instant if instant.tzinfo else instant.replace(tzinfo=_PARIS)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def http_date(raw: str | None) -> datetime | None:
    """The instant of an HTTP date; UTC if it names no zone."""
    try:
        instant = parsedate_to_datetime(raw or "")
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
