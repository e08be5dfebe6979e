"""Local numbers: six or eight digits, without a country code and without a trunk zero.

So people write in the collectivities of the Pacific and in Saint-Pierre-et-Miquelon. Their country
codes without a plus look like the beginning of a French mobile (``687 75 12 34``), so that the
territory of a person decides before the digits do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dispatcher.errors import InvalidPhone
from dispatcher.recipients.phones import TERRITORIES, compact, normalise

#: country code -> the digits of a local number
_LOCAL: Final = {"+508": 6, "+681": 6, "+687": 6, "+689": 8}
#: territory -> its country code, and the digits of a local number
_THERE: Final = {TERRITORIES[code]: (code, size) for code, size in _LOCAL.items()}


def normalise_in(raw: str, territory: str) -> str:
    """The same as ``normalise`` for somebody in that territory, who may write a local number.

    Its country code may stand before it without a plus, which spreadsheets drop. What has this
    form is never read as a number of another country: it may be a stranger's. Raises InvalidPhone.
    """
    if local := code_and_size(territory):
        code, size = local
        digits = compact(raw)
        if len(digits) == size + 3 and digits.startswith(code[1:]):
            digits = digits[3:]
        if len(digits) == size and digits.isdecimal():
            return normalise(code + digits)
    return normalise(raw)


def depends_on_territory(raw: str) -> bool:
    """True if the territory of a person decides which number this is, or whether it is one."""
    return len({_read(raw, territory) for territory in ("", *_THERE)}) > 1


def mobile_of(cells: Sequence[str], territory: str = "") -> str:
    """The first cell with a number to text of somebody there, else the first that is not blank."""
    first = next((cell for cell in cells if _read(cell, territory)), None)
    return first or next((cell for cell in cells if cell.strip()), "")


def code_and_size(territory: str) -> tuple[str, int] | None:
    """The country code of a territory with local numbers, and how many digits these have."""
    return _THERE.get(territory)


def local_digits(e164: str) -> str:
    """The digits of a number as people there write it; empty for numbers of other countries."""
    digits = e164[4:]
    return digits if len(digits) == _LOCAL.get(e164[:4]) else ""


def _read(raw: str, territory: str) -> str:
    """The number (E.164), or an empty text."""
    try:
        return normalise_in(raw, territory)
    except InvalidPhone:
        return ""
