from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dispatcher.campaigns.forecast import Departure, Forecast
from dispatcher.campaigns.plan import Group, Plan, fingerprint_of, warnings_of

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
PRICES = {"metropole": Decimal("0.045"), "la-reunion": Decimal("0.06")}


def plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "rows": 12,
        "kept": 10,
        "duplicates": 1,
        "opted_out": 0,
        "rejected": {"landline": 1},
        "segments": 20,
        "billed": {"metropole": 20},
        "cost": Decimal("0.90"),
        "groups": (
            Group("metropole", 1, 6, AT, ""),
            Group("la-reunion", 2, 4, AT + timedelta(hours=1), "Sunday"),
        ),
        "longest": ("Bonjour Zoé",),
        "forecast": Forecast(
            (Departure("metropole", AT, AT + timedelta(seconds=3), 10, ""),),
            late=0,
            rate=1.0,
            leaves={"metropole": [AT]},
        ),
        "warnings": ("mind the step",),
        "fingerprint": "f",
    }
    return Plan(**values | changes)


def test_plan_sums_the_batches_of_its_groups() -> None:
    made = plan()

    assert made.batches == 3
    assert made.opens_at == AT
    assert made.finishes_about == AT + timedelta(seconds=3)


def test_plan_as_json_can_be_serialised() -> None:
    text = json.loads(json.dumps(plan().as_json()))

    assert text["cost"] == "0.90"
    assert text["opens_at"] == "2026-11-24T09:00:00+00:00"
    assert text["groups"][1] == {
        "territory": "la-reunion",
        "batches": 2,
        "messages": 4,
        "opens_at": "2026-11-24T10:00:00+00:00",
        "why": "Sunday",
    }
    assert text["departures"] == [
        {
            "territory": "metropole",
            "starts": "2026-11-24T09:00:00+00:00",
            "ends": "2026-11-24T09:00:03+00:00",
            "messages": 10,
            "why": "",
        }
    ]
    assert plan(cost=None).as_json()["cost"] is None


def test_repr_of_a_plan_shows_no_text() -> None:
    assert "Zoé" not in repr(plan())


BODY = "a hash"
BILLED = {"metropole": 20, "la-reunion": 4}


@pytest.mark.parametrize(
    ("body", "billed", "prices", "same"),
    [
        pytest.param(BODY, BILLED, PRICES, True, id="the same"),
        pytest.param(BODY, dict(reversed(BILLED.items())), PRICES, True, id="in another order"),
        pytest.param(
            BODY,
            BILLED,
            PRICES | {"metropole": Decimal("0.0450")},
            True,
            id="the price spelled out",
        ),
        pytest.param(BODY, BILLED, PRICES | {"mayotte": Decimal(1)}, True, id="a price not billed"),
        pytest.param("other", BILLED, PRICES, False, id="another body"),
        pytest.param(BODY, BILLED | {"metropole": 21}, PRICES, False, id="a segment more"),
        pytest.param(
            BODY, {"metropole": 4, "la-reunion": 20}, PRICES, False, id="segments elsewhere"
        ),
        pytest.param(BODY, BILLED, PRICES | {"metropole": Decimal("0.05")}, False, id="dearer"),
        pytest.param(BODY, BILLED, {"metropole": PRICES["metropole"]}, False, id="unpriced"),
    ],
)
def test_fingerprint_changes_with_body_segments_or_cost(
    body: str, billed: dict[str, int], prices: dict[str, Decimal], same: bool
) -> None:
    approved = fingerprint_of(BODY, BILLED, PRICES)

    assert (fingerprint_of(body, billed, prices) == approved) is same


def test_raised_price_changes_the_fingerprint_when_another_price_is_missing() -> None:
    billed = {"metropole": 20, "foreign": 1}
    dearer = PRICES | {"metropole": Decimal("0.05")}

    assert fingerprint_of(BODY, billed, PRICES) != fingerprint_of(BODY, billed, dearer)


CAREFUL: dict[str, Any] = {
    "rows": 100,
    "rejected": 10,
    "commercial": True,
    "sender": "MaBoutique",
    "unpriced": [],
    "late": 0,
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({}, [], id="nothing to say, and 10 % is not more than 10 %"),
        pytest.param({"rejected": 11}, ["11 of 100 rows"], id="many rejected"),
        pytest.param({"rows": 0, "rejected": 0}, [], id="no rows"),
        pytest.param({"commercial": False}, ["no STOP mention"], id="not commercial"),
        pytest.param({"sender": "INFO"}, ["generic sender INFO"], id="generic sender"),
        pytest.param({"text": "Voir bit.ly/x"}, ["links of bit.ly"], id="public shortener"),
        pytest.param({"sender": None}, [], id="no sender"),
        pytest.param({"unpriced": ["mayotte", "foreign"]}, ["mayotte, foreign"], id="unpriced"),
        pytest.param({"late": 5}, ["5 messages would leave after not_after"], id="late"),
        pytest.param({"late": 5, "rejected": 50}, ["50 of 100", "5 messages"], id="two things"),
    ],
)
def test_questionable_plan_warns(changes: dict[str, Any], says: list[str]) -> None:
    text = warnings_of(**CAREFUL | changes)

    assert len(text) == len(says)
    for warning, words in zip(text, says, strict=True):
        assert words in warning


def test_rows_without_a_value_are_warned_of_by_field_and_not_as_a_wrong_column() -> None:
    sentences = warnings_of(
        rows=10,
        rejected=0,
        missing={"prenom": 7},
        commercial=True,
        sender=None,
        unpriced=[],
        late=0,
    )
    assert sentences == [
        (
            "7 rows without “prenom” cannot be texted:"
            ' {{ prenom | default("…") }} says what stands in its place'
        )
    ]
