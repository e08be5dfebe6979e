from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.credit import CreditDecision, CreditNeed, UnsentBatch, decide

MODES: tuple[Literal["pause", "cap"], ...] = ("pause", "cap")


def need(campaign_id: int, *costs: str | None, unpriced: tuple[str, ...] = ()) -> CreditNeed:
    batches = [
        UnsentBatch(number, None if cost is None else Decimal(cost))
        for number, cost in enumerate(costs, start=1)
    ]
    return CreditNeed(campaign_id, batches, unpriced)


@pytest.mark.parametrize("mode", MODES)
def test_balance_that_covers_the_need_exactly_funds_all(mode: Literal["pause", "cap"]) -> None:
    assert decide([need(1, "2.5", "2.5")], Decimal("5.000"), mode=mode) == [CreditDecision(1)]


def test_balance_too_small_pauses_with_the_missing_euros() -> None:
    (decision,) = decide([need(1, "10", "12.3951")], Decimal("10"))
    assert decision == CreditDecision(1, 0, paused="no credit: 12.40 € are missing")


def test_mode_cap_funds_the_batches_that_the_balance_covers() -> None:
    balance = Decimal("7.4")
    (decision,) = decide([need(1, "2.5", "2.5", "2.5")], balance, mode="cap")
    assert decision == CreditDecision(1, 2)
    (decision,) = decide([need(1, "7.5")], balance, mode="cap")
    assert decision == CreditDecision(1, 0, paused="no credit: 0.10 € are missing")


def test_cost_in_flight_counts_as_paid_only_for_a_pause() -> None:
    one = need(1, "5")
    assert decide([one], Decimal(5), in_flight=Decimal(1)) == [CreditDecision(1)]
    # a cap waits until that is known; it pauses nobody for it
    assert decide([one], Decimal(5), in_flight=Decimal(1), mode="cap") == [CreditDecision(1, 0)]


def test_paused_campaign_leaves_the_balance_to_the_next() -> None:
    first, second, third = decide([need(1, "6"), need(2, "5"), need(3, "4")], Decimal(10))
    assert first == CreditDecision(1)
    assert second.paused == "no credit: 1.00 € are missing"
    assert third == CreditDecision(3)


def test_batch_without_price_runs_unchecked_with_a_reason() -> None:
    unpriced = need(1, "3", None, unpriced=("mayotte",))
    (decision,) = decide([unpriced], Decimal(4))
    assert not decision.paused
    assert decision.unchecked == "no price is known for mayotte (DISPATCHER_PRICES)"
    # but what is known may already be too much
    (decision,) = decide([unpriced], Decimal(2))
    assert decision.paused == "no credit: at least 1.00 € are missing"


@pytest.mark.parametrize("balance", ["0", "-1"])
def test_empty_balance_pauses_even_without_prices(balance: str) -> None:
    (decision,) = decide([need(1, None, unpriced=("metropole",))], Decimal(balance))
    assert decision.paused.startswith("no credit: ")


costs = st.lists(st.decimals(0, 50, places=3), min_size=1, max_size=8)


@given(st.lists(costs, min_size=1, max_size=5), st.decimals(-5, 200, places=3), costs.map(sum))
def test_mode_cap_never_funds_more_than_the_balance(
    campaigns: list[list[Decimal]], balance: Decimal, in_flight: Decimal
) -> None:
    needs = [
        CreditNeed(number, [UnsentBatch(at, cost) for at, cost in enumerate(each, start=1)])
        for number, each in enumerate(campaigns, start=1)
    ]
    decisions = decide(needs, balance, in_flight=Decimal(in_flight), mode="cap")
    leaving = Decimal(0)
    for one, decision in zip(needs, decisions, strict=True):
        to = len(one.batches) if decision.funded_to is None else decision.funded_to
        leaving += sum((b.cost or Decimal(0) for b in one.batches[:to]), Decimal(0))
        if decision.paused:
            assert to == 0
            assert (one.batches[0].cost or Decimal(0)) > balance - leaving
    assert leaving == 0 or leaving <= balance - in_flight


@given(st.lists(costs, min_size=1, max_size=5), st.decimals(-5, 200, places=3))
def test_mode_pause_funds_a_campaign_wholly_or_not_at_all(
    campaigns: list[list[Decimal]], balance: Decimal
) -> None:
    needs = [
        CreditNeed(number, [UnsentBatch(at, cost) for at, cost in enumerate(each, start=1)])
        for number, each in enumerate(campaigns, start=1)
    ]
    decisions = decide(needs, balance)
    leaving = sum(
        (one.known for one, decision in zip(needs, decisions, strict=True) if not decision.paused),
        Decimal(0),
    )
    assert leaving == 0 or leaving <= balance
    assert all((decision.funded_to is None) != bool(decision.paused) for decision in decisions)
