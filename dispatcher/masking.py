"""Phone numbers in any text: where they are, and the mask that is shown in their place.

Logs, pages, events and errors all ask here, so that they agree about what a number looks like. A
text may write one as a person, a spreadsheet, a URL or a line of JSON does. Dates, instants,
amounts, fractions and short ids stay. The cost is linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

#: blanks and signs between two digits, as they are or as URLs, HTML and escapes write them
_GAP: Final = (
    r"(?:[ \t\r\n./()_-]|%(?:20|C2%A0|E2%80%AF)|&(?:nbsp|thinsp|#\d{1,5});"
    r"|\\{1,2}(?:x[0-9a-f]{2}|u[0-9a-f]{4}|[tnr])){0,6}"
)
_PLUS: Final = r"(?:\+|%2B|&\#43;|\\{1,2}u002b)"
# "20:00 33 …" is an hour before a number, not the prefix 00
_ABROAD: Final = rf"(?:{_PLUS}|(?<!\d)00(?=[1-9])|(?<![\d:.,h])00)"
_PLUSES: Final = re.compile(_PLUS, re.IGNORECASE)
_ESCAPES: Final = re.compile(
    r"%(?:[0-9A-F]{2})|&[#a-z0-9]+;|\\{1,2}(?:x..|u.{4}|[tnr])", re.IGNORECASE
)
_TRUNK: Final = rf"(?:0{_GAP})?"
#: 01/12/2026 is a date, 01/12 02/12 are two, and 20271201093000 is an instant
_DAY, _MONTH = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])"
_DATE: Final = (
    rf"{_DAY}([/. -]){_MONTH}\1(?:19|20)\d\d(?!\d)|{_DAY}/{_MONTH}[ -]{{1,3}}{_DAY}/{_MONTH}(?!\d)"
)
_STAMP: Final = (
    r"20[23]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:(?:[01]\d|2[0-3])(?:[0-5]\d){0,2})?(?!\d)"
)
_NUMBERS: Final = re.compile(
    "(?:"
    # French, with a country code, which may lack its plus
    rf"(?:{_ABROAD}{_GAP}|(?<!\d)(?<!\d\.))"
    rf"(?:33{_GAP}{_TRUNK}[1-9]|(?:262|59[046]){_GAP}{_TRUNK}[67])(?:{_GAP}\d){{8}}"
    # of any country
    rf"|{_ABROAD}{_GAP}[1-9](?:{_GAP}\d){{7,15}}"
    # French, with its trunk zero: in any groups, digit by digit, in pairs with any sign between
    rf"|(?<!\d)(?!{_DATE})0[1-9](?:{_GAP}\d){{8}}"
    r"|(?<!\d)0([ .-])[1-9](?:\2\d){8}"
    r"|(?<!\d)0[ .(-]{1,2}(?:[1-9]\)?(?:[ .-]\d\d){4}|[67]\d\d(?:[ .-]\d{3}){2})"
    r"|(?<!\d)0[1-9]([^0-9A-Za-z]{1,3})\d\d(?:\3\d\d){3}"
    # the same without its zero, in pairs
    r"|(?<!\d)(?<!\d[.,:])[67](?:([ .-])\d\d(?:\4\d\d){3}|\d\d([ .-])\d\d(?:\5\d\d){2})"
    # any other run with the length of a number, unless it is part of a word in hexadecimal digits
    rf"|(?<!\d)(?<!\d\.)(?!{_STAMP})(?:(?<![0-9A-Za-z])\d{{9,15}}(?![0-9A-Za-z])"
    r"|(?:(?<=[A-Za-z]{3})|(?<=[G-Zg-z_]))\d{11,15}(?![0-9A-Fa-f])|(?<![0-9A-Za-z])\d{11,15}(?=[G-Zg-z_]))"
    r")(?!\d)",
    re.ASCII | re.IGNORECASE,
)


#: what a pseudonym begins with, which is stored in place of a number (``recipients.pseudonyms``)
PSEUDONYM: Final = "person-"


def is_pseudonym(phone: str) -> bool:
    """True if a pseudonym is stored in place of the number."""
    return phone.startswith(PSEUDONYM)


class _Ascii(dict[int, str]):
    """A character that reads as a digit, a blank, a dash, a slash or a plus, as that in ASCII."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        plain = char
        if code > 127:
            category = unicodedata.category(char)
            if (digit := unicodedata.digit(char, None)) is not None:
                plain = str(digit)
            elif category in {"Cc", "Cf", "Mn", "Zl", "Zp", "Zs"}:
                plain = " "
            elif category == "Pd" or char == "\u2212":
                plain = "-"
            else:
                plain = _SIGNS.get(char, char)
        if code < _OFTEN:
            self[code] = plain
        return plain


_SIGNS: Final = dict(zip("＋﹢⁺（）．·․‧／⁄∕＿％", "+++()....///_%", strict=True))
#: characters below are remembered, so that the table stays small whatever is read
_OFTEN: Final = 0x3000
_ascii = _Ascii()


def masked(text: str) -> str:
    """The text with a mask in place of every number in it."""
    return replaced(text, mask)


def replaced(text: str, by: Callable[[str], str]) -> str:
    """The text with ``by(number)`` in place of every number in it, as it is written there."""
    plain_text = in_ascii(text)
    parts, end = [], 0
    for found in _NUMBERS.finditer(plain_text):
        parts += [text[end : found.start()], by(plain_text[found.start() : found.end()])]
        end = found.end()
    return "".join([*parts, text[end:]]) if parts else text


def in_ascii(text: str) -> str:
    """The text with digits, blanks and signs in ASCII, one character for one."""
    return text if text.isascii() else text.translate(_ascii)


def plain(number: str) -> str:
    """A number as ``replaced`` finds it, without the escapes of URLs, HTML and JSON in it."""
    return _ESCAPES.sub(" ", _PLUSES.sub("+", number))


def mask(number: str) -> str:
    """A number with its middle hidden, such as ``+336••••••78``: all that anybody is shown of it.

    In E.164 its first four characters and last two digits stay; of any other spelling, the zero
    and the digit behind it. A pseudonym is shown whole.
    """
    if is_pseudonym(number):
        return number
    bare = re.sub(r"[^0-9+]", "", number)
    if len(bare) < 9:
        return "•" * len(bare)
    head = 4 if bare.startswith("+") else 2
    return f"{bare[:head]}{'•' * (len(bare) - head - 2)}{bare[-2:]}"
