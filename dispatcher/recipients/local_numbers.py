"""Local numbers: six or eight digits, without a country code and without a trunk zero.

So people write in the collectivities of the Pacific and in Saint-Pierre-et-Miquelon.
"""

from __future__ import annotations

import re
from typing import Final

from dispatcher.errors import InvalidPhone
from dispatcher.recipients.legible import legible
from dispatcher.recipients.phones import TERRITORIES, normalise

#: country code -> the digits of a local number
_LOCAL: Final = {"+508": 6, "+681": 6, "+687": 6, "+689": 8}
_separators = re.compile(r"[\s./()_-]+")


def normalise_in(raw: str, territory: str) -> str:
    """The same as ``normalise`` for somebody in that territory, who may write a local number.

    Raises InvalidPhone.
    """
    try:
        return normalise(raw)
    except InvalidPhone as error:
        digits, local = _separators.sub("", legible(raw)), code_and_size(territory)
        if error.reason != "too_short" or local is None or len(digits) != local[1]:
            raise
        return normalise(local[0] + digits)


def code_and_size(territory: str) -> tuple[str, int] | None:
    """The country code of a territory with local numbers, and how many digits these have."""
    return next(((code, _LOCAL[code]) for code in _LOCAL if TERRITORIES[code] == territory), None)


def local_digits(e164: str) -> str:
    """The digits of a number as people there write it; empty for numbers of other countries."""
    digits = e164[4:]
    return digits if len(digits) == _LOCAL.get(e164[:4]) else ""
