"""Prices: euros for segments, by where they go."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.prices import euros_of, price_of, shown, to_cents, unpriced

PRICES = {"metropole": Decimal("0.045"), "la-reunion": Decimal("0.06")}


@pytest.mark.parametrize(
    ("billed", "cost"),
    [
        pytest.param({}, Decimal("0.00"), id="nothing"),
        pytest.param({"metropole": 1}, Decimal("0.05"), id="half a cent goes up"),
        pytest.param({"metropole": 3}, Decimal("0.14"), id="0.135"),
        pytest.param({"metropole": 1, "la-reunion": 1}, Decimal("0.11"), id="rounded once: 0.105"),
        pytest.param({"metropole": 10_000_000}, Decimal("450000.00"), id="exact when large"),
        pytest.param({"metropole": 1, "foreign": 1}, None, id="a price is missing"),
    ],
)
def test_cost_is_rounded_to_cents_once(billed: dict[str, int], cost: Decimal | None) -> None:
    assert to_cents(euros_of(billed, PRICES)) == cost


def test_batch_costs_the_prices_of_its_numbers() -> None:
    people = (("+33639980001", None), ("+262639980001", None))
    batch = PlannedBatch("metropole", people, (2, 3))
    prices = {"metropole": Decimal("0.045"), "mayotte": Decimal("0.06")}
    assert batch.cost(prices) == Decimal("0.27")
    assert batch.cost({"metropole": Decimal("0.045")}) is None


def test_price_of_the_settings_wins_over_the_charged_one() -> None:
    charged = {"metropole": Decimal("0.05"), "mayotte": Decimal("0.07")}
    prices = {"metropole": Decimal("0.045")}
    assert price_of("metropole", prices, charged) == Decimal("0.045")
    assert price_of("mayotte", prices, charged) == Decimal("0.07")
    assert price_of("guyane", prices, charged) is None


def test_alsace_moselle_has_the_metropolitan_price() -> None:
    prices, charged = {"metropole": Decimal("0.045")}, {"metropole": Decimal("0.05")}
    assert price_of("alsace-moselle", prices, charged) == Decimal("0.045")
    assert price_of("alsace-moselle", {}, charged) == Decimal("0.05")
    assert unpriced(["alsace-moselle", "mayotte"], prices) == ["mayotte"]


@pytest.mark.parametrize(
    ("euros", "says"),
    [("50", "50 €"), ("1234.5", "1,234.50 €"), ("0.045", "0.045 €"), ("53.2000", "53.20 €")],
)
def test_amount_shows_all_its_decimals(euros: str, says: str) -> None:
    assert shown(Decimal(euros)) == says
