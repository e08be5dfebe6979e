"""The catalogue has every sentence that says why a campaign waits."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import pytest

from dispatcher.campaigns import causes
from dispatcher.campaigns.causes import Cause, Name, Standing, Surroundings, causes_of
from dispatcher.campaigns.states import BatchState, CampaignState, MessageState
from dispatcher.campaigns.waits import BatchHold, Wait
from dispatcher.language import FRENCH
from dispatcher.recipients.reasons import EXPLANATIONS
from dispatcher.window import NeverOpen, Windows
from dispatcher.window.territories import TERRITORIES, closed_days

NOW = datetime(2027, 3, 27, 21, tzinfo=UTC)


@pytest.mark.parametrize("territory", TERRITORIES)
def test_closed_days_and_places_have_french_names(territory: str) -> None:
    names = {name for year in (2026, 2027, 2028) for name in closed_days(territory, year).values()}
    assert [
        name for name in names if FRENCH.word("day", name) == name and name != "Ascension"
    ] == []
    label = TERRITORIES[territory].label
    assert FRENCH.knows(f"Sunday in {label}")


@pytest.mark.parametrize("territory", TERRITORIES)
def test_every_reason_of_the_window_is_known(territory: str) -> None:
    reasons = set()
    for windows in (Windows(), Windows(clock="recipient")):
        for month, day in product(range(1, 13), (1, 2, 8, 14, 20, 27)):
            for hour in (2, 12, 21):
                at = datetime(2027, month, day, hour, 30, tzinfo=UTC)
                try:
                    hold = windows.hold(at, territory)
                except NeverOpen as error:
                    reasons.add(str(error))
                else:
                    reasons |= {hold.why} if hold else set()
    assert {why for why in reasons if not FRENCH.knows(why)} == set()


@pytest.mark.parametrize(
    ("context", "states"),
    [("campaign", CampaignState), ("batch", BatchState), ("message", MessageState)],
)
def test_states_have_french_names(context: str, states: type[CampaignState]) -> None:
    assert [one for one in states if FRENCH.word(context, one) == one.replace("_", " ")] == []


def _all_causes() -> list[Cause]:
    """Causes of every kind that a campaign may have."""
    around = [
        Surroundings(
            now=NOW,
            stopped=True,
            stop_list="the STOP list was never read",
            orphaned=True,
            balance_failures=failures,
            balance=balance,
            ahead=ahead,
            beside=("a", "b", "c", "d", "e"),
        )
        for failures in (0, 1, 3)
        for balance in (None, Decimal("3.20"))
        for ahead in ((), ("a",), ("a", "b", "c", "d"))
    ]
    found: list[Cause] = []
    for one in around:
        for state in CampaignState:
            for batches in ({"handed_over": 1}, {"handed_over": 3}, {"in_doubt": 1}, {}):
                for hold in (None, *(BatchHold(NOW, "scheduled", wait, 9) for wait in Wait)):
                    for funded in (None, 0, 3):
                        standing = Standing(
                            "soldes", state, "by hand", "b", True, funded, hold, batches
                        )
                        found += causes_of(standing, one)
    return found


def test_every_cause_and_its_cure_are_known() -> None:
    found = _all_causes()
    assert {cause.says for cause in found if not FRENCH.knows(cause.says)} == set()
    assert {cause.cure for cause in found if not FRENCH.knows(cause.cure)} == set()
    assert {cause.name for cause in found} >= {Name.CREDIT, Name.TURN, Name.ACCOUNT, Name.BALANCE}
    assert all(FRENCH.knows(cure.format(ref="soldes")) for cure in causes._CURES.values())


def test_translations_have_the_holes_of_their_sentences() -> None:
    holes = re.compile(r"\{\w+\}")
    for sentence, says in FRENCH._catalogue.sentences.items():
        assert set(holes.findall(says)) <= set(holes.findall(sentence)), sentence


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_every_reason_to_leave_a_row_out_is_known(code: str) -> None:
    assert FRENCH.knows(EXPLANATIONS[code])
