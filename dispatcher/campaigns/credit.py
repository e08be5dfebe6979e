"""Credit: whether the balance pays for the batches that are not sent yet. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Literal

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class UnsentBatch:
    """A batch that is not sent yet: its number, and its cost in euros if a price is known."""

    number: int
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class CreditNeed:
    """What a campaign still has to pay: its unsent batches in the order of their numbers.

    ``unpriced`` are the territories of the batches whose cost is unknown.
    """

    campaign_id: int
    batches: Sequence[UnsentBatch]
    unpriced: Sequence[str] = ()

    @property
    def known(self) -> Decimal:
        """Euros for the batches whose cost is known."""
        return sum((batch.cost or Decimal(0) for batch in self.batches), Decimal(0))


@dataclass(frozen=True, slots=True)
class CreditDecision:
    """How far the balance lets a campaign run.

    Batches up to number ``funded_to`` may leave; None means all. ``paused`` is the reason to
    pause it, ``unchecked`` why it runs although the balance may not suffice.
    """

    campaign_id: int
    funded_to: int | None = None
    paused: str = ""
    unchecked: str = ""


def decide(
    needs: Sequence[CreditNeed],
    balance: Decimal,
    *,
    in_flight: Decimal = Decimal(0),
    mode: Literal["pause", "cap"] = "pause",
) -> list[CreditDecision]:
    """Decide on each campaign in their order; all are paid from one ``balance`` (euros).

    ``in_flight`` is the cost of batches under way, which may or may not be charged yet. The mode
    ``pause`` assumes that it is charged, because the gateway refuses what cannot be paid. The
    mode ``cap`` assumes that it is not, and waits.
    """
    decisions = []
    left = balance
    for need in needs:
        decision = _decision(need, left, in_flight, mode)
        decisions.append(decision)
        if decision.paused:
            continue
        to = decision.funded_to
        left -= sum(
            (
                batch.cost or Decimal(0)
                for batch in need.batches
                if to is None or batch.number <= to
            ),
            Decimal(0),
        )
    return decisions


def _decision(need: CreditNeed, left: Decimal, in_flight: Decimal, mode: str) -> CreditDecision:
    whole = len(need.batches)
    unchecked = ""
    if need.unpriced:
        unchecked = f"no price is known for {', '.join(need.unpriced)} (DISPATCHER_PRICES)"
    if mode == "cap":
        fits = _affordable(need, left - in_flight)
        if fits == whole:
            return CreditDecision(need.campaign_id, unchecked=unchecked)
        if fits:
            return CreditDecision(need.campaign_id, need.batches[fits - 1].number)
        if _affordable(need, left):  # that depends on what is in flight
            return CreditDecision(need.campaign_id, 0)
    elif _affordable(need, left) == whole:
        return CreditDecision(need.campaign_id, unchecked=unchecked)
    return CreditDecision(need.campaign_id, 0, paused=_missing(need, left))


def _affordable(need: CreditNeed, left: Decimal) -> int:
    """How many of the batches can be paid. One of unknown cost needs some money left."""
    spent = Decimal(0)
    for fits, batch in enumerate(need.batches):
        spent += batch.cost or Decimal(0)
        if spent > left or (batch.cost is None and spent >= left):
            return fits
    return len(need.batches)


def _missing(need: CreditNeed, left: Decimal) -> str:
    missing = (need.known - left).quantize(_CENT, ROUND_UP)
    if missing <= 0:
        return "no credit: nothing is left of the balance"
    least = "at least " if need.unpriced else ""
    return f"no credit: {least}{missing} € are missing"
