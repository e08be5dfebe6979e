"""Phone numbers: from any spelling to E.164, or a reason why not.

The ranges are those of ARCEP's numbering plan: metropolitan mobiles under +33, overseas
departments under their own codes, although they are dialled 06 and 07 too. ``phonenumbers``
checks the numbers of other countries and of the overseas collectivities; it is loaded for the
first of them.
"""

from __future__ import annotations

import re
from typing import Final

from dispatcher.errors import InvalidPhone
from dispatcher.recipients.abroad import abroad, size
from dispatcher.recipients.legible import legible

__all__ = ["REASONS", "InvalidPhone", "normalise", "territory_of"]

#: every ``InvalidPhone.reason`` there is
REASONS: Final = frozenset(
    {
        "empty",
        "not_a_number",
        "multiple_or_garbage",
        "spreadsheet_float",
        "too_short",
        "too_long",
        "ambiguous_no_country",
        "landline",
        "special_rate",
        "voip",
        "short_code",
        "m2m_or_unassigned",
    }
)

# The usual spellings of a metropolitan mobile: those of exports, which match in half the time, and
# those with one kind of separator or none. A test checks that _thorough accepts all of them.
_exported = re.compile(r"(?:0|\+33)(?:6(?:[0-24-8]\d|3[0-8]|9[589])|7[3-9]\d)\d{6}", re.A).fullmatch
_common = re.compile(
    r"(?:(?:\+|00)?33S?|0)?"
    r"(?=6S?(?:[0-24-8]|3[0-8]|39S?98|9[589])|7S?[3-9])"
    r"[67](S?)[0-9]{2}(?:\1[0-9]{2}){3}".replace("S", r"[ .\-\xa0\u202f]")
).fullmatch
# 0639 98 is the block for fiction, which libphonenumber does not accept
_metropolitan = re.compile(r"6(?:[0-24-8]|3[0-8]|3998|9[589])|7[3-9]").match
_float = re.compile(r"\+?\d+(?:[.,]\d+)?e[+-]?\d+", re.ASCII | re.IGNORECASE).fullmatch
_whole_float = re.compile(r"(\+?\d+)[.,]0+", re.ASCII).fullmatch
_trunk_zero = re.compile(r"\A(\(?(?:\+|00)\s*[1-9]\d{0,2}\)?)[\s.-]*\(\s*0\s*\)", re.ASCII)
_separators = re.compile(r"[\s./()_-]+")
_digits = re.compile(r"\+?[0-9]+").fullmatch
_short_code = re.compile(r"1[578]|1\d\d|10\d\d|11[68]\d{3}|3\d{3}|[3-8]\d{4}").fullmatch

_KINDS = dict.fromkeys("12345", "landline") | {"8": "special_rate", "9": "voip"}
_OVERSEAS = {
    "639": "262",
    "690": "590",
    "691": "590",
    "692": "262",
    "693": "262",
    "694": "594",
    "696": "596",
    "697": "596",
    "7084": "508",
    "7085": "508",
    "7090": "590",
    "7091": "596",
    "7092": "262",
    **dict.fromkeys(("70930", "70931", "70932", "70933"), "594"),
    **dict.fromkeys(("70935", "70936", "70937"), "262"),
}
# they have the plan of metropolitan France: nine digits, a trunk zero, the same first digits
_DEPARTMENTS = ("262", "590", "594", "596")
_MIQUELON = "508"
#: mobiles of French Polynesia with their country code, which no French number begins with
_TAHITIAN = ("68987", "68988", "68989")
_MAYOTTE = ("+262639", "+26270935", "+26270936", "+26270937")
TERRITORIES = {
    "+262": "la-reunion",
    "+508": "saint-pierre-et-miquelon",
    "+590": "guadeloupe",
    "+594": "guyane",
    "+596": "martinique",
    "+681": "wallis-et-futuna",
    "+687": "nouvelle-caledonie",
    "+689": "polynesie-francaise",
}


def normalise(raw: str) -> str:
    """The E.164 form of a number that can be texted, such as ``+33639980001``.

    Raises InvalidPhone, whose ``reason`` is one of ``REASONS``.
    """
    if _exported(raw):
        return "+33" + raw[-9:]
    match = _common(raw)
    if match is None:
        return _thorough(raw)
    separator = match[1]
    return "+33" + (raw.replace(separator, "") if separator else raw)[-9:]


def compact(raw: str) -> str:
    """The digits of a number, with its plus, without separators and what a float adds (``.0``)."""
    text = legible(raw)
    if whole := _whole_float(text):
        text = whole[1]
    return _separators.sub("", _trunk_zero.sub(r"\1", text))


def territory_of(e164: str) -> str | None:
    """The territory whose calendar and clock apply to a number; None if it is not E.164.

    All of +590 is ``guadeloupe``: Saint-Martin and Saint-Barthélemy share its numbers. A number
    of another country is ``metropole``.
    """
    if not e164.startswith("+"):
        return None
    if e164.startswith(_MAYOTTE):
        return "mayotte"
    return TERRITORIES.get(e164[:4], "metropole")


def destination_of(e164: str) -> str:
    """The destination that a number (E.164) is priced by: its territory, or ``foreign``."""
    if e164.startswith("+33"):
        return "metropole"
    territory = territory_of(e164)
    return territory if territory and territory != "metropole" else "foreign"


def _thorough(raw: str) -> str:
    text = legible(raw)
    if not text:
        raise InvalidPhone("empty")
    if _float(text):
        raise InvalidPhone("spreadsheet_float")
    digits = compact(text)
    if not _digits(digits):
        wordy = any(char.isalpha() for char in digits) or not re.search(r"[0-9]", digits)
        raise InvalidPhone("not_a_number" if wordy else "multiple_or_garbage")
    if not digits.strip("+0"):
        raise InvalidPhone("not_a_number")
    if digits.startswith("+"):
        return _international(digits[1:])
    if digits.startswith("00"):
        return _international(digits[2:])
    if digits.startswith("0"):
        return _french(digits[1:])
    return _bare(digits)


def _bare(digits: str) -> str:
    """A number without a leading plus or zero: a spreadsheet dropped it."""
    if len(digits) == 9:
        return _french(digits)
    if len(digits) >= 10 and digits.startswith("33"):
        return _french(digits[2:].removeprefix("0"))
    if len(digits) == 12 and digits.startswith((*_DEPARTMENTS, "508708")):
        return _department(digits[:3], digits[3:])
    if len(digits) == 11 and digits.startswith(_TAHITIAN):
        return abroad(digits)
    if _short_code(digits):
        raise InvalidPhone("short_code")
    if len(digits) < 9:
        raise InvalidPhone("too_short")
    raise InvalidPhone("too_long" if len(digits) > 15 else "ambiguous_no_country")


def _international(digits: str) -> str:
    if digits.startswith("33"):
        return _french(digits[2:].removeprefix("0"))
    if digits.startswith(_DEPARTMENTS):
        return _department(digits[:3], digits[3:].removeprefix("0"))
    if digits.startswith("0"):
        raise InvalidPhone("not_a_number")
    if digits.startswith(_MIQUELON):
        return _miquelon(digits[3:].removeprefix("0").removeprefix(_MIQUELON))
    return abroad(digits)


def _miquelon(number: str) -> str:
    """A number of Saint-Pierre-et-Miquelon: six digits, or nine that begin with 708."""
    if number.startswith("70") and len(number) == 9:
        return _department(_MIQUELON, number)
    return abroad(_MIQUELON + number)


def _french(number: str) -> str:
    """A number of the French plan, without its trunk zero."""
    if len(number) == 9 and number.startswith(_MIQUELON):
        return _miquelon(number[3:])  # 0508 and its six digits, as dialled from the mainland
    country = _country(number)
    return f"+{country}{number}"


def _department(country: str, number: str) -> str:
    if _country(number) != country:
        raise InvalidPhone("m2m_or_unassigned")
    return f"+{country}{number}"


def _country(number: str) -> str:
    """The country code of a mobile number in the French plan."""
    if number.startswith("700") and len(number) == 13:
        raise InvalidPhone("m2m_or_unassigned")
    if len(number) != 9:
        raise InvalidPhone(size(number))
    if reason := _KINDS.get(number[0]):
        raise InvalidPhone(reason)
    if _metropolitan(number):
        return "33"
    for length in (3, 4, 5):
        if country := _OVERSEAS.get(number[:length]):
            return country
    raise InvalidPhone("m2m_or_unassigned")
