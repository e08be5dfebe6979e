"""Budgets: whether what is left of a month pays for the campaigns with a tag. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from dispatcher.campaigns.amounts import MOST_EUROS, amount_of
from dispatcher.campaigns.batch import LARGEST_BATCH
from dispatcher.campaigns.period import Period
from dispatcher.campaigns.prices import Prices, shown
from dispatcher.errors import InvalidCampaign
from dispatcher.window.slots import PARIS

_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that campaigns with a tag may cost in a month of Paris, in euros.

    ``charged`` and ``reserved`` are those of the campaigns that ``month`` (2027-03) let begin, to
    their ends: what the gateway named a cost for, and what may still be charged.
    """

    tag: str
    euros: Decimal
    month: str
    charged: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)

    @property
    def left(self) -> Decimal:
        """Euros for campaigns that are to begin; below zero after it was lowered."""
        return self.euros - self.charged - self.reserved

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, euros as text with four decimals."""
        return {
            "tag": self.tag,
            "month": self.month,
            **{
                name: f"{getattr(self, name):.4f}"
                for name in ("euros", "charged", "reserved", "left")
            },
        }


@dataclass(frozen=True, slots=True)
class BudgetNeed:
    """What a campaign that is to begin will cost by its plan.

    ``euros`` are for what has a price; ``unpriced`` are the destinations without one.
    """

    campaign_id: int
    euros: Decimal
    unpriced: Sequence[str] = ()
    tags: Sequence[str] = ()


def month_of(at: datetime) -> str:
    """The month of Paris (2027-03) with this instant."""
    return f"{at.astimezone(PARIS):%Y-%m}"


def period_of(month: str) -> Period:
    """When a month of Paris begins and ends."""
    return Period.of(month, month)


def decide(needs: Sequence[BudgetNeed], budgets: Mapping[str, Budget]) -> dict[int, str]:
    """Campaign id -> why it waits, empty if it may begin; in the order of ``needs``.

    One that begins takes what it needs from each of its ``budgets`` (by tag). One that waits takes
    nothing, so that a smaller one after it may still begin.
    """
    left = {tag: budget.left for tag, budget in budgets.items()}
    decided = {}
    for need in needs:
        mine = [budgets[tag] for tag in need.tags if tag in budgets]
        decided[need.campaign_id] = why = wait_of(need, mine, left)
        if not why:
            for budget in mine:
                left[budget.tag] -= need.euros
    return decided


def wait_of(need: BudgetNeed, budgets: Collection[Budget], left: Mapping[str, Decimal]) -> str:
    """Why a campaign with these budgets waits, by what is ``left`` of each; empty if it fits."""
    if not budgets:
        return ""
    least = min(budgets, key=lambda budget: left[budget.tag])
    if need.unpriced:
        return (
            f"the budget of tag {least.tag} needs a price for {', '.join(need.unpriced)}"
            " (DISPATCHER_PRICES)"
        )
    rest = left[least.tag]
    if need.euros <= rest:
        return ""
    has, needs = _down(max(rest, Decimal(0))), need.euros.quantize(_CENT, ROUND_CEILING)
    return (
        f"the budget of tag {least.tag} has {has} € left in {least.month},"
        f" and the campaign needs {needs} €"
    )


def _down(euros: Decimal) -> Decimal:
    return euros.quantize(_CENT, ROUND_FLOOR)


def euros_of_budget(value: Decimal | float | str, prices: Prices) -> Decimal:
    """A month's budget. Raises InvalidCampaign for one that cannot be kept.

    It has to pay for one full batch of one segment at the least of the ``prices``.
    """
    euros = amount_of(value)
    if euros is None or not 0 < euros <= MOST_EUROS:
        raise InvalidCampaign(
            f"a budget is an amount of euros a month, with at most two decimals and up to"
            f" {MOST_EUROS:,}: 500"
        )
    if not prices:
        raise InvalidCampaign(
            "a budget needs prices, by which plans cost something: set DISPATCHER_PRICES"
        )
    batch = LARGEST_BATCH * min(prices.values())
    if euros < batch:
        raise InvalidCampaign(
            f"a budget of {shown(euros)} is below one batch: {LARGEST_BATCH} messages of one"
            f" segment cost {shown(batch)}"
        )
    return euros
