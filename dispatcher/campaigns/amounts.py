"""Amounts of euros, as people and programs write them. Pure."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from dispatcher.errors import InvalidCampaign

#: a budget, or a cap of a campaign, is no more
MOST_EUROS: Final = Decimal(10_000_000)
#: thousands are set apart by spaces alone, decimals by a point or a comma
_amount: Final = re.compile(r"(\d{1,3}(?:[ \xa0\u202f]\d{3})+|\d+)(?:[.,](\d+))?")
#: a thousand and more in one language, and one and a bit in another
_either: Final = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")


def amount_of(value: Decimal | float | str, *, decimals: int = 2) -> Decimal | None:
    """The amount, with at most so many decimals; None for what is none.

    Raises InvalidCampaign for a text that French and English read as two amounts: 1,000.
    """
    if not isinstance(value, str):
        return _exact(str(value), decimals)
    text = value.strip()
    if _either.fullmatch(text):
        raise InvalidCampaign(
            f"{text} is one amount in English and another in French: write thousands without a"
            " sign, and at most two decimals"
        )
    found = _amount.fullmatch(text)
    if found is None:
        return None
    whole = "".join(filter(str.isdecimal, found[1]))
    return _exact(f"{whole}.{found[2] or 0}", decimals)


def _exact(text: str, decimals: int) -> Decimal | None:
    try:
        amount = Decimal(text)
        rounded = amount.quantize(Decimal(1).scaleb(-decimals))
    except InvalidOperation:  # no number, or no finite one
        return None
    return rounded if amount == rounded else None
