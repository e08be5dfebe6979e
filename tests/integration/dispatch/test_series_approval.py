"""A series is approved once, up to a cap: what is under it runs, what is above it waits."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from dispatcher.api import actor
from dispatcher.campaigns.series import Series
from dispatcher.errors import IllegalMove, InvalidCampaign, NotAllowed, NotFound
from dispatcher.storage.database import Database
from tests.integration.bench import TEXT, Bench, opened, people
from tests.integration.dispatch.test_series import FIRST, FRIDAYS, HOUR, WEEK, at, found

NAME = "weekly-offer"
REFERENCE = f"{NAME}-2026-11-27-10h00"
NEXT = f"{NAME}-2026-12-04-10h00"


@dataclass
class Who:
    """Whoever is signed in."""

    name: str = "zoe"


@pytest.fixture
def who() -> Iterator[Who]:
    who = Who()
    with mock.patch.object(actor, "_signed_in", [lambda: who.name]):
        yield who


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Any:
    module: Any = ModuleType("shop_of_series")
    module.fridays = lambda: people(3)
    module.others = lambda: people(3, 50)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.fixture
def bench(tables: Database, who: Who, shop: Any) -> Iterator[Bench]:
    """Zoé has written a series where approval is required, and Ada is signed in."""
    with opened(tables, approval="required", prices="metropole=0.04") as bench:
        source = "shop_of_series:fridays"
        bench.dispatcher.series.add(NAME, rule=FRIDAYS, text=TEXT, source=source)
        who.name = "ada"
        yield bench
        bench.check()


def approve(bench: Bench, **cap: Any) -> Series:
    return bench.dispatcher.series.approve(NAME, **cap)


def now(bench: Bench) -> Series:
    return bench.dispatcher.series.get(NAME)


def test_occurrence_under_the_cap_runs_without_another_approval(bench: Bench) -> None:
    approved = approve(bench, recipients=3, euros="0.12", reason="lu")
    assert approved.approval is not None
    assert (approved.approval.by, approved.approval.cap) == ("ada", "3 recipients and 0.12 €")

    at(bench, FIRST - HOUR)
    at(bench, FIRST)

    assert found(bench) == [("made", REFERENCE, "")]
    assert len(bench.gateway.ledger) == 3
    [noted] = bench.actions("approve series")
    assert (noted.actor, noted.reason) == (
        "ada",
        f"{NAME}: up to 3 recipients and 0.12 €; lu; written by zoe",
    )
    [entry] = bench.actions("approve")
    assert entry.campaign_id == bench.progress(REFERENCE).id
    assert entry.actor == "dispatcher"
    assert f"series {NAME} is approved by ada up to 3 recipients and 0.12 €; plan " in entry.reason


@pytest.mark.parametrize(
    ("cap", "why"),
    [
        ({"recipients": 2}, "3 recipients, and the series is approved up to 2"),
        ({"euros": "0.11"}, "it costs 0.12 €, and the series is approved up to 0.11 €"),
        (
            {"recipients": 10, "euros": 0.1},
            "it costs 0.12 €, and the series is approved up to 0.10 €",
        ),
    ],
)
def test_occurrence_above_the_cap_waits_for_an_approval_of_its_own(
    bench: Bench, who: Who, cap: dict[str, Any], why: str
) -> None:
    approve(bench, **cap)
    at(bench, FIRST - HOUR)
    assert found(bench) == [("handed_in", REFERENCE, why)]
    draft = bench.dispatcher.drafts.get(REFERENCE)
    assert (draft.state.value, draft.writers) == ("handed_in", ("zoe",))
    assert why in bench.actions("hand in draft")[0].reason
    at(bench, FIRST)
    assert not bench.gateway.ledger

    bench.dispatcher.drafts.approve(draft.id, fingerprint=draft.fingerprint)
    at(bench, FIRST + timedelta(minutes=1))
    assert len(bench.gateway.ledger) == 3
    # the series stays approved: a smaller list runs by itself
    assert now(bench).approval is not None


def test_cap_is_held_against_the_list_of_that_day(bench: Bench, shop: Any) -> None:
    approve(bench, recipients=3)
    at(bench, FIRST - HOUR)
    shop.fridays = lambda: people(4, 20)
    at(bench, FIRST + WEEK - HOUR)
    assert [state for state, _, _ in found(bench)] == ["made", "handed_in"]


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Autre texte"},
        {"rule": "FREQ=WEEKLY;BYDAY=FR;BYHOUR=11"},
        {"source": "shop_of_series:others"},
        {"options": {"tags": ["lyon"]}},
        {"lead": 3 * HOUR},
    ],
    ids=lambda change: next(iter(change)),
)
def test_change_of_the_series_ends_its_approval(
    bench: Bench, who: Who, change: dict[str, Any]
) -> None:
    approve(bench, recipients=3)
    who.name = "zoe"
    bench.dispatcher.series.change(NAME, **change)
    assert now(bench).approval is None
    [noted] = bench.actions("end approval of series")
    assert (noted.actor, noted.reason) == ("zoe", f"{NAME}: it was changed")
    at(bench, FIRST - HOUR)
    [(state, _, _)] = found(bench)
    assert state == "handed_in"


def test_change_that_changes_nothing_leaves_the_approval(bench: Bench, who: Who) -> None:
    approve(bench, recipients=3)
    who.name = "zoe"
    bench.dispatcher.series.change(NAME, text=TEXT)
    assert now(bench).approval is not None


@pytest.mark.parametrize("name", ["zoe", "ZOE ", "luc"])
def test_nobody_who_has_written_in_the_series_approves_it(
    bench: Bench, who: Who, name: str
) -> None:
    who.name = "luc"
    bench.dispatcher.series.change(NAME, text="Autre texte")
    who.name = name
    with pytest.raises(NotAllowed, match="has written in this series"):
        approve(bench, recipients=3)
    assert now(bench).approval is None


def test_nobody_signed_in_and_a_token_approve_nothing(bench: Bench, who: Who) -> None:
    who.name = ""
    with pytest.raises(NotAllowed, match="nobody is signed in"):
        approve(bench, recipients=3)
    with actor.holding_token("JSON API"), pytest.raises(NotAllowed, match="a token names none"):
        approve(bench, recipients=3)


def test_version_that_was_read_is_the_one_that_is_approved(bench: Bench, who: Who) -> None:
    read = now(bench).version
    who.name = "zoe"
    bench.dispatcher.series.change(NAME, text="Autre texte")
    who.name = "ada"
    with pytest.raises(IllegalMove, match="was changed meanwhile"):
        approve(bench, recipients=3, version=read)
    assert approve(bench, recipients=3, version=read + 1).approval is not None


def test_approval_that_is_ended_lets_the_next_one_wait(bench: Bench) -> None:
    approve(bench, recipients=3)
    at(bench, FIRST - HOUR)
    bench.dispatcher.series.end_approval(NAME, reason="trop souvent", by="ops")
    with pytest.raises(IllegalMove, match="is not approved"):
        bench.dispatcher.series.end_approval(NAME)
    at(bench, FIRST + WEEK - HOUR)
    assert [state for state, _, _ in found(bench)] == ["made", "handed_in"]
    [noted] = bench.actions("end approval of series")
    assert noted.reason == f"{NAME}: trop souvent"


def test_approval_that_ends_while_an_occurrence_is_made_stops_it(bench: Bench, shop: Any) -> None:
    approve(bench, recipients=3)
    end = bench.dispatcher.series.end_approval

    def meanwhile() -> list[str]:
        if now(bench).approval:
            end(NAME, reason="halt")
        return people(3)

    shop.fridays = meanwhile
    at(bench, FIRST - HOUR)
    at(bench, FIRST - HOUR + timedelta(minutes=5))
    assert [state for state, _, _ in found(bench)] == ["handed_in"]
    assert bench.campaigns() == []


@pytest.mark.parametrize(
    ("cap", "says"),
    [
        ({}, "up to a cap"),
        ({"recipients": 0}, "a whole number from 1"),
        ({"recipients": 100_001}, "a whole number from 1"),
        ({"euros": "0"}, "an amount with at most two decimals"),
        ({"euros": "1.0055"}, "an amount with at most two decimals"),
        ({"euros": "1.005"}, "one amount in English and another in French"),
        ({"euros": "beaucoup"}, "an amount with at most two decimals"),
        ({"euros": "inf"}, "an amount with at most two decimals"),
    ],
)
def test_cap_that_cannot_be_kept_is_refused(bench: Bench, cap: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidCampaign, match=says):
        approve(bench, **cap)
    assert now(bench).approval is None


def test_cap_of_euros_needs_prices(tables: Database, who: Who, shop: Any) -> None:
    with opened(tables, approval="required") as bench:
        source = "shop_of_series:fridays"
        bench.dispatcher.series.add(NAME, rule=FRIDAYS, text=TEXT, source=source)
        who.name = "ada"
        with pytest.raises(InvalidCampaign, match="DISPATCHER_PRICES"):
            approve(bench, euros=30)


def test_only_a_series_that_goes_on_is_approved(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.dispatcher.series.approve("other", recipients=1)
    bench.dispatcher.series.end(NAME, reason="over")
    with pytest.raises(IllegalMove, match="has ended"):
        approve(bench, recipients=3)


def test_approval_is_shown_as_json(bench: Bench) -> None:
    approved = json.loads(json.dumps(approve(bench, recipients=3, euros=Decimal(30)).as_json()))
    assert approved["approval"] == {
        "by": "ada",
        "at": bench.clock().isoformat(),
        "recipients": 3,
        "euros": "30.00",
    }
