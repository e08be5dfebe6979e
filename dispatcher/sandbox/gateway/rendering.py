"""The text that leaves the gateway, and the segments that it is billed.

From the gateway's published table and GSM 03.38. Separate from ``dispatcher.texts`` on purpose:
one bug in both would hide itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

#: what ``isStopSms`` adds; the gateway's own wording and length are not documented. It is as long
#: as what ``DISPATCHER_STOP_BUDGET`` reserves by default, so that a plan equals the bill.
STOP_MENTION: Final = " STOP au 36000"
#: a text of more segments than this is refused (code 52)
MOST_SEGMENTS: Final = 10

_GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà€"
)
_REPLACED = {
    "A": "ÀÁÂÃÄ",
    "E": "ÈÊË",
    "I": "Î",
    "O": "ÔÖ",
    "U": "ÙÚÛÜ",
    "Y": "Ý",
    "N": "Ñ",
    "a": "äáâã",
    "e": "ëê",
    "i": "ïî",
    "o": "ôöó",
    "u": "ûüµ",
    "y": "ÿ",
    "n": "ñ",
    "Ç": "ç",
    "à": "ą",
    "oe": "œ",
    "(": "[{",
    ")": "]}",
    ".": "°",
    "'": "’‘`“",
    '"': "«»",
    "": "^~|\\¨§",
}
_TABLE = str.maketrans({old: new for new, olds in _REPLACED.items() for old in olds})
# texts that the table does not change and that fit one segment
_plain = re.compile(r"[A-Za-z0-9éèàù .,;:!?/'()+*%&=<>@$#-]{1,160}").fullmatch
_not_gsm = re.compile(f"[^{re.escape(_GSM)}]").sub


@lru_cache(maxsize=4096)
def leaving(text: str, unicode: bool, stop: bool) -> tuple[str, int]:
    """The text as the phone shows it, and its segments.

    ``:br:`` is a line break that counts as two characters, ``:euro:`` is a €. Without
    ``unicode`` a character outside GSM-7 becomes a question mark (undocumented; chosen here).
    """
    whole = text + STOP_MENTION if stop else text
    if not unicode and _plain(whole) and ":br:" not in whole and ":euro:" not in whole:
        return whole, 1
    # a line break written as :br: counts as two characters
    counted = whole.replace(":br:", "\r\n").replace(":euro:", "€")
    shown = whole.replace(":br:", "\n").replace(":euro:", "€")
    if unicode:
        return shown, _segments([1 + (char > "\uffff") for char in counted], 70, 67)
    counted, shown = (_not_gsm("?", each.translate(_TABLE)) for each in (counted, shown))
    return shown, _segments([1 + (char == "€") for char in counted], 160, 153)


def _segments(widths: Sequence[int], alone: int, joined: int) -> int:
    """How many segments characters of these widths take; none is split (TS 23.040)."""
    if sum(widths) <= alone:
        return 1
    count = 1
    used = 0
    for width in widths:
        if used + width > joined:
            count += 1
            used = 0
        used += width
    return count
