"""How many segments a text is billed as: GSM 03.38 in septets, or UCS-2 in UTF-16 units.

The alphabet is 3GPP TS 23.038's default one with its extension table; the cutting follows
TS 23.040 (9.2.3.24.1): no escape pair and no surrogate pair is split between two segments, so
a long text may take one segment more than its length divided by 153 or 67.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from dispatcher.errors import InvalidText

#: the gateway refuses a text of more segments (its code 52)
MAX_SEGMENTS: Final = 10
#: the characters of one septet
GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: the characters of two septets, the first of which is an escape
GSM_EXTENDED: Final = frozenset("^{}\\[~]|€\f")

_ASCII_BASIC = "".join(char for char in sorted(GSM_BASIC) if char.isascii()).encode()
_outside = re.compile(f"[^{re.escape(''.join(sorted(GSM_BASIC | GSM_EXTENDED)))}]").search
_extended = re.compile(f"[{re.escape(''.join(sorted(GSM_EXTENDED)))}]")
_astral = re.compile("[\U00010000-\U0010ffff]")


class Measure(NamedTuple):
    """The length of a text; ``units`` are septets in GSM-7 and UTF-16 units in UCS-2."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


def measure(text: str, *, unicode: bool | None = None) -> Measure:
    """The encoding, units and segments of a text, without the changes that the gateway makes.

    ``unicode=None`` takes the encoding that the text needs; True counts UCS-2 for any text; False
    counts GSM-7 and raises InvalidText if a character does not fit. An empty text has no
    segment.
    """
    if unicode:
        return _ucs2(text)
    if text.isascii() and not text.encode().translate(None, _ASCII_BASIC):
        units = len(text)
        return Measure("GSM-7", units, _count(units, 160, 153))
    misfit = _outside(text)
    if misfit is None:
        return _gsm7(text)
    if unicode is None:
        return _ucs2(text)
    raise InvalidText(
        f"The character U+{ord(misfit[0]):04X} at position {misfit.start() + 1} needs Unicode."
    )


def _gsm7(text: str) -> Measure:
    pairs = [match.start() for match in _extended.finditer(text)]
    units = len(text) + len(pairs)
    return Measure("GSM-7", units, _count(units, 160, 153, pairs))


def _ucs2(text: str) -> Measure:
    pairs = [] if text.isascii() else [match.start() for match in _astral.finditer(text)]
    units = len(text) + len(pairs)
    return Measure("UCS-2", units, _count(units, 70, 67, pairs))


def _count(units: int, alone: int, each: int, pairs: Iterable[int] = ()) -> int:
    """The segments of a text whose characters at ``pairs`` take two units and are never split."""
    if units <= alone:
        return 1 if units else 0
    gaps = 0
    for earlier, index in enumerate(pairs):
        if (index + earlier + gaps) % each == each - 1:
            gaps += 1
    return -(-(units + gaps) // each)
