"""Every spelling of one number in a text: how it is grouped, and in which digits, does not matter.

``masking`` finds what looks like a number. To erase a person, each run of digits is asked whether
it is the person's number: so that spellings are found that look like nothing.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import chain
from typing import Final

from dispatcher.errors import InvalidPhone
from dispatcher.masking import in_ascii
from dispatcher.recipients.local_numbers import code_and_size
from dispatcher.recipients.phones import normalise

#: a text with fewer digits holds no number
FEWEST: Final = 9
_RUN: Final = re.compile(r"\d(?:[\s./()_-]*\d)*", re.ASCII)
_TRUNK: Final = re.compile(r"\(\s*0\s*\)", re.ASCII)
#: the codes whose numbers are found without them, and the zero, which no code begins with
_FRENCH: Final = ("33", "262", "590", "594", "596", "0")
#: digits that may stand right before a French number: its trunk zero and country code
_BEFORE_FRENCH: Final = re.compile(r"(?:00)?(?:33|262|59[046])?0?").fullmatch
#: one more than either pattern takes
_MOST_BEFORE: Final = 7
#: of a number in E.164
_MOST_DIGITS: Final = 15
_BEFORE_CODE: Final = re.compile(r"(?:00|0)?").fullmatch
_CODE: Final = r"(?:33|262|59[046])"
_SIGNS: Final = r"[\s./()_-]{0,8}"
_WITH_CODE: Final = (
    rf"(?:\((?:\+|00)\s{{0,3}}{_CODE}\s{{0,3}}\)"
    rf"|(?:\+|(?<!\d)00){_SIGNS}{_CODE}?|(?<!\d){_CODE}){_SIGNS}"
)
_ZERO: Final = rf"(?:\(\s{{0,3}}0\s{{0,3}}\)|0){_SIGNS}"
#: the rest of a spelling before the number itself
_PREFIX: Final = re.compile(rf"(?:{_WITH_CODE}(?:{_ZERO})?|(?<!\d){_ZERO})\Z", re.ASCII)
#: the longest of these
_LONGEST: Final = 40
#: a range without digits has more characters than this
_GAP: Final = 1000


@cache
def other_digits() -> str:
    """The digits of all scripts but ASCII, as ranges of a set of characters in a pattern."""
    zeros = (
        code
        for code in range(128, sys.maxunicode)
        if unicodedata.decimal(chr(code), None) == 0 and unicodedata.category(chr(code)) == "Nd"
    )
    return "".join(f"{chr(zero)}-{chr(zero + 9)}" for zero in zeros)


@cache
def no_digits() -> str:
    """Ranges of most characters that are not ``other_digits``; the first is ASCII and Latin."""
    ends = [ord(end) for end in other_digits().replace("-", "")]
    after = [1, *(end + 1 for end in ends[1::2])]
    before = [*(end - 1 for end in ends[::2]), sys.maxunicode]
    gaps = zip(after, before, strict=True)
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in gaps if last - first > _GAP)


def has_digits(text: str) -> bool:
    """True if a text has as many digits, of any script, as a number."""
    return sum(map(str.isdecimal, text)) >= FEWEST


def places(text: str, territory: str = "") -> Iterator[tuple[int, int, str]]:
    """(start, end, number in E.164) of everything in a text that may be a number.

    In a text about somebody in a ``territory`` with local numbers, these too.
    """
    local = code_and_size(territory)
    if sum(map(str.isdecimal, text)) < (local[1] if local else FEWEST):
        return
    plain = _TRUNK.sub(lambda found: "(" + " " * (len(found[0]) - 2) + ")", in_ascii(text))
    for run in _RUN.finditer(plain):
        spots = [at for at in range(run.start(), run.end()) if plain[at].isdigit()]
        digits = "".join(plain[at] for at in spots)
        for first, at in enumerate(spots):
            near = plain[max(run.start(), at - _MOST_BEFORE) : at]
            before = near[len(near.rstrip("0123456789")) :]
            ahead = digits[first : first + _MOST_DIGITS]
            numbers = _numbers(ahead, before)
            if local and not before and len(ahead) >= local[1]:
                numbers = chain(numbers, [(local[1], local[0] + ahead[: local[1]])])
            for size, number in numbers:
                end = spots[first + size - 1] + 1
                if not plain[end : end + 1].isdigit():
                    yield at, end, number


def start_of(text: str, at: int) -> int:
    """Where the spelling of a number begins whose digits after its prefix begin ``at``."""
    before = in_ascii(text[max(0, at - _LONGEST) : at])
    found = _PREFIX.search(before)
    return at - len(found[0]) if found else at


def _numbers(digits: str, before: str) -> Iterator[tuple[int, str]]:
    """(how many of the digits, number in E.164): what they may begin with."""
    if digits[0] in "67" and len(digits) >= FEWEST and _BEFORE_FRENCH(before):
        with suppress(InvalidPhone):
            yield FEWEST, normalise(f"0{digits[:FEWEST]}")
    if not digits.startswith(_FRENCH) and _BEFORE_CODE(before):
        for size in range(8, len(digits) + 1):
            yield size, f"+{digits[:size]}"
