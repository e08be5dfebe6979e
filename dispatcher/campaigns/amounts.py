"""Amounts of euros, as people and programs write them. Pure."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from dispatcher.errors import InvalidCampaign

_CENT: Final = Decimal("0.01")
#: thousands are set apart by spaces alone, decimals by a point or a comma
_amount: Final = re.compile(r"(\d{1,3}(?:[ \xa0\u202f]\d{3})+|\d+)(?:[.,](\d{1,2}))?")
#: a thousand and more in one language, and one and a bit in another
_either: Final = re.compile(r"\d{1,3}[.,]\d{3}")


def euros_of(value: Decimal | float | str) -> Decimal | None:
    """The amount to the cent; None for what is none.

    Raises InvalidCampaign for a text that French and English read as two amounts: 1,000.
    """
    if not isinstance(value, str):
        return _exact(str(value))
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
    return _exact(f"{whole}.{found[2] or 0}")


def _exact(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
        cents = amount.quantize(_CENT)
    except InvalidOperation:  # no number, or no finite one
        return None
    return cents if amount == cents else None
