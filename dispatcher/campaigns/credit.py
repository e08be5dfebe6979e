"""Credit: whether the balance pays for what is still to go. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Literal

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class ToGo:
    """A batch that is still to go: its number, and its cost in euros if a price is known."""

    number: int
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Need:
    """What a campaign still needs: its batches in the order of their numbers.

    ``unpriced`` are the territories of those whose cost is unknown.
    """

    campaign_id: int
    batches: Sequence[ToGo]
    unpriced: Sequence[str] = ()

    @property
    def known(self) -> Decimal:
        """Euros for the batches whose cost is known."""
        return sum((batch.cost or Decimal(0) for batch in self.batches), Decimal(0))


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the balance means for a campaign.

    Batches up to number ``funded_to`` may leave, all when it is None. ``paused`` is the reason
    to pause it, ``unjudged`` why it runs although nobody knows whether the balance will do.
    """

    campaign_id: int
    funded_to: int | None = None
    paused: str = ""
    unjudged: str = ""


def judge(
    needs: Sequence[Need],
    balance: Decimal,
    *,
    flying: Decimal = Decimal(0),
    mode: Literal["pause", "cap"] = "pause",
) -> list[Ruling]:
    """Rule on each campaign in turn, the first served first; all live on one ``balance``.

    ``flying`` is what is under way, which the balance may have paid or not. A pause gives the
    campaign the benefit of that doubt: the gateway's own refusal is still behind it. A cap
    does not, and waits.
    """
    rulings = []
    left = balance
    for need in needs:
        ruling = _ruled(need, left, flying, mode)
        rulings.append(ruling)
        if ruling.paused:
            continue
        to = ruling.funded_to
        left -= sum(
            (
                batch.cost or Decimal(0)
                for batch in need.batches
                if to is None or batch.number <= to
            ),
            Decimal(0),
        )
    return rulings


def _ruled(need: Need, left: Decimal, flying: Decimal, mode: str) -> Ruling:
    whole = len(need.batches)
    unjudged = ""
    if need.unpriced:
        unjudged = f"no price is known for {', '.join(need.unpriced)} (DISPATCHER_PRICES)"
    if mode == "cap":
        fits = _affordable(need, left - flying)
        if fits == whole:
            return Ruling(need.campaign_id, unjudged=unjudged)
        if fits:
            return Ruling(need.campaign_id, need.batches[fits - 1].number)
        if _affordable(need, left):  # it depends on what is under way
            return Ruling(need.campaign_id, 0)
    elif _affordable(need, left) == whole:
        return Ruling(need.campaign_id, unjudged=unjudged)
    return Ruling(need.campaign_id, 0, paused=_missing(need, left))


def _affordable(need: Need, left: Decimal) -> int:
    """How many of the batches can be paid; one of unknown cost needs that something is left."""
    spent = Decimal(0)
    for fits, batch in enumerate(need.batches):
        spent += batch.cost or Decimal(0)
        if spent > left or (batch.cost is None and spent >= left):
            return fits
    return len(need.batches)


def _missing(need: Need, left: Decimal) -> str:
    missing = (need.known - left).quantize(_CENT, ROUND_UP)
    if missing <= 0:
        return "no credit: nothing is left of the balance"
    least = "at least " if need.unpriced else ""
    return f"no credit: {least}{missing} € are missing"
