"""What is left of budgets pays for campaigns in their order, and for none twice."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.budgets import Budget, BudgetNeed, decide, euros_of_budget, month_of
from dispatcher.errors import InvalidCampaign

PRICES = {"metropole": Decimal("0.04"), "foreign": Decimal("0.09")}
TAGS = ("sale", "shop", "vip")
_CENTS = st.integers(0, 3000).map(lambda cents: Decimal(cents) / 100)


def budget(tag: str, euros: Decimal, charged: Decimal = Decimal(0)) -> Budget:
    return Budget(tag=tag, euros=euros, month="2027-03", charged=charged)


@given(
    st.dictionaries(st.sampled_from(TAGS), st.tuples(_CENTS, _CENTS)),
    st.lists(st.tuples(_CENTS, st.sets(st.sampled_from((*TAGS, "free"))))),
)
def test_any_campaigns_never_take_more_than_is_left_and_what_fits_begins(
    amounts: dict[str, tuple[Decimal, Decimal]],
    wanted: list[tuple[Decimal, set[str]]],
) -> None:
    budgets = {tag: budget(tag, *both) for tag, both in amounts.items()}
    needs = [BudgetNeed(n, euros, (), sorted(tags)) for n, (euros, tags) in enumerate(wanted)]
    decided = decide(needs, budgets)
    left = {tag: one.left for tag, one in budgets.items()}
    for need in needs:
        mine = [tag for tag in need.tags if tag in budgets]
        fits = all(need.euros <= left[tag] for tag in mine)
        assert (decided[need.campaign_id] == "") == fits
        for tag in mine if fits else ():
            left[tag] -= need.euros
    assert all(left[tag] >= min(Decimal(0), one.left) for tag, one in budgets.items())


def test_campaign_that_waits_names_the_tag_with_least_left_and_rounds_against_itself() -> None:
    budgets = {"a": budget("a", Decimal("3.239")), "b": budget("b", Decimal(9))}
    need = BudgetNeed(7, Decimal("12.001"), (), ("a", "b"))
    says = "the budget of tag a has 3.23 € left in 2027-03, and the campaign needs 12.01 €"
    assert decide([need], budgets) == {7: says}


def test_overdrawn_budget_has_nothing_left() -> None:
    overdrawn = {"a": budget("a", Decimal(1), Decimal(3))}
    assert "has 0.00 € left" in decide([BudgetNeed(1, Decimal("0.01"), (), ("a",))], overdrawn)[1]


@pytest.mark.parametrize(
    ("given", "euros"),
    [("500", "500"), (500, "500"), (20.5, "20.5"), ("20,50", "20.50"), (Decimal("20.00"), "20")],
)
def test_amount_is_read_in_any_usual_form(given: Decimal | float | str, euros: str) -> None:
    assert euros_of_budget(given, PRICES) == Decimal(euros)


@pytest.mark.parametrize(
    "given", ["", "x", "NaN", "Infinity", "-500", "0", "500.001", "1,000", "1e9", float("inf")]
)
def test_amount_that_is_none_is_refused(given: float | str) -> None:
    with pytest.raises(InvalidCampaign, match=r"amount (of euros a month|in English and another)"):
        euros_of_budget(given, PRICES)


def test_budget_below_one_batch_is_refused() -> None:
    says = r"a budget of 19\.99 € is below one batch: 500 messages of one segment cost 20 €"
    with pytest.raises(InvalidCampaign, match=says):
        euros_of_budget("19.99", PRICES)


def test_budget_without_prices_is_refused() -> None:
    with pytest.raises(InvalidCampaign, match="set DISPATCHER_PRICES"):
        euros_of_budget(500, {})


def test_month_is_that_of_paris() -> None:
    assert month_of(datetime(2027, 2, 28, 22, 59, tzinfo=UTC)) == "2027-02"
    assert month_of(datetime(2027, 2, 28, 23, 0, tzinfo=UTC)) == "2027-03"
