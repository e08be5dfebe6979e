"""Amounts of euros: thousands and decimals of both languages, and no guess between them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dispatcher import InvalidCampaign
from dispatcher.campaigns.amounts import amount_of


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("30", "30"),
        (" 20,5 ", "20.50"),
        ("20.50", "20.50"),
        ("1000", "1000"),
        # as French pages write it: a space, one that does not break, a narrow one
        ("1 000", "1000"),
        ("1\xa0000,5", "1000.50"),
        ("12\u202f000\u202f000", "12000000"),
        (30, "30"),
        (30.5, "30.50"),
        (Decimal("0.01"), "0.01"),
    ],
)
def test_amount_is_read(value: Decimal | float | str, amount: str) -> None:
    assert amount_of(value) == Decimal(amount)


def test_amount_below_one_has_no_thousands() -> None:
    assert amount_of("0.125", decimals=4) == amount_of("0,1250", decimals=4) == Decimal("0.125")
    assert amount_of("0.125") is None


@pytest.mark.parametrize("value", ["1,000", "1.000", "12,345"])
def test_amount_that_each_language_reads_otherwise_is_refused(value: str) -> None:
    with pytest.raises(InvalidCampaign, match=f"{value} is one amount in English and another"):
        amount_of(value)


@pytest.mark.parametrize(
    "value",
    ["", "x", "nan", "inf", "-1", "1e3", "1 00", "1,000.50", "0,0001", 0.001, float("nan"),
     float("inf"), "9" * 60],
)  # fmt: skip
def test_what_is_no_amount_is_none(value: float | str) -> None:
    assert amount_of(value) is None
