"""Phone numbers as the gateway reads them."""

from __future__ import annotations

import re
from typing import Any

# Separate from dispatcher.recipients.phones on purpose: one bug in both would hide itself.
_french = re.compile(r"(?:\+33|0033|33|0)([67][0-9]{8})").fullmatch
_written_so = re.compile(r"\+33[67][0-9]{8}").fullmatch
_foreign = re.compile(r"(?:\+|00)([1-9][0-9]{6,14})").fullmatch
_international = re.compile(r"(?:\+|00)?([1-9][0-9]{7,14})").fullmatch
_fixed = re.compile(r"33[1-589]").match


def e164(raw: object) -> str | None:
    """The mobile number in E.164, or None."""
    if not isinstance(raw, str):
        return None
    if _written_so(raw):
        return raw
    if french := _french(raw):
        return "+33" + french[1]
    foreign = _foreign(raw)
    if foreign is None or _fixed(foreign[1]):
        return None
    return "+" + foreign[1]


def long_number(raw: object) -> str | None:
    """A number of any kind in international form as E.164, or None."""
    found = _international(raw) if isinstance(raw, str) else None
    return e164(raw) or (found and f"+{found[1]}")


def country(phone: str) -> tuple[int, str]:
    """The calling code and the two letters of the country of a number in E.164."""
    import phonenumbers

    number = phonenumbers.parse(phone)
    return number.country_code or 0, phonenumbers.region_code_for_number(number) or ""


def formats(phone: str) -> dict[str, str]:
    """The four formats of a number (E.164) in the answer to a lookup."""
    import phonenumbers

    number = phonenumbers.parse(phone)
    kinds: Any = phonenumbers.PhoneNumberFormat
    return {
        "e164": phone,
        "international": phonenumbers.format_number(number, kinds.INTERNATIONAL),
        "national": phonenumbers.format_number(number, kinds.NATIONAL),
        "rfc3966": phonenumbers.format_number(number, kinds.RFC3966),
    }
