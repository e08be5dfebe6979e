"""Keys: what the caller's application knows a person by."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest

from dispatcher.recipients.keys import UnusableKeyError, key_of


class _Kind(Enum):
    SHOP = "S1"


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("C-17", "C-17"),
        ("  C-17\n", "C-17"),
        ("\u200b17\ufeff", "17"),
        ("Zoé 😀", "Zoé 😀"),
        ("0017", "0017"),
        ("06 39 98 00 01", "06 39 98 00 01"),
        ("A\u00a0B", "A\u00a0B"),
        ("x" * 200, "x" * 200),
        (17, "17"),
        (2**70, str(2**70)),
        (17.0, "17"),
        (Decimal(17), "17"),
        (UUID(int=17), "00000000-0000-0000-0000-000000000011"),
        (_Kind.SHOP, "S1"),
        (float("nan"), ""),
        (None, ""),
        (" ", ""),
    ],
)
def test_key_of_any_usual_kind_becomes_text(given: object, key: str) -> None:
    assert key_of(given) == key


@pytest.mark.parametrize(
    "given",
    [
        True,
        False,
        1.5,
        float("inf"),
        2.0**53,
        Decimal("1.5"),
        pytest.param(10**5000, id="huge"),
        b"17",
        ["17"],
        {"id": 17},
        "x" * 201,
        "a\x00b",
        "a\tb",
        "a\nb",
        "a\u200bb",
        "\ud800",
        "1,23E+11",
        "1.23457e+17",
    ],
)
def test_unusable_key_raises_and_is_not_named(given: object) -> None:
    with pytest.raises(UnusableKeyError) as raised:
        key_of(given)

    assert not str(raised.value)
