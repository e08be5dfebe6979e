"""Prices: what segments cost in euros, by where they go. Pure.

A place is a territory or ``foreign``, as ``recipients.phones.destination_of`` names it. A price
is in euros a segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Final

Prices = Mapping[str, Decimal]

_NONE: Final[Prices] = MappingProxyType({})
_CENT: Final = Decimal("0.01")
#: its numbers are metropolitan ones, and are priced as those
_PRICED_AS: Final = {"alsace-moselle": "metropole"}


def price_of(place: str, prices: Prices, charged: Prices = _NONE) -> Decimal | None:
    """The price that is set for a place, else what the gateway ``charged`` lately, else None."""
    priced_as = _PRICED_AS.get(place, place)
    price = prices.get(priced_as)
    return price if price is not None else charged.get(place, charged.get(priced_as))


def euros_of(
    segments: Mapping[str, int], prices: Prices, charged: Prices = _NONE
) -> Decimal | None:
    """Exact euros for segments by place; None if one of the places has no price."""
    euros = Decimal(0)
    for place, count in segments.items():
        price = price_of(place, prices, charged)
        if price is None:
            return None
        euros += price * count
    return euros


def unpriced(places: Iterable[str], prices: Prices) -> list[str]:
    """Those of the places that have no price."""
    return [place for place in places if price_of(place, prices) is None]


def to_cents(euros: Decimal | None) -> Decimal | None:
    """Euros with two decimals, half a cent upwards."""
    return None if euros is None else euros.quantize(_CENT, ROUND_HALF_UP)


def shown(euros: Decimal) -> str:
    """An exact amount: "50 €", "53.20 €", "0.045 €"."""
    if euros == euros.to_integral_value():
        return f"{int(euros):,} €"
    cents = euros.quantize(_CENT)
    return f"{cents if cents == euros else euros.normalize():,f} €"
