"""What each outcome of an attempt changes: a table of outcomes, and what matters in each."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.batch import DueBatch, DueRecipients
from dispatcher.campaigns.change import change_of
from dispatcher.campaigns.hand_over import HELD, OTHER_HOUR
from dispatcher.campaigns.outcome import (
    AttemptEnd,
    Blocked,
    Closed,
    InDoubt,
    MessageResults,
    NotSent,
    Outcome,
    Receipt,
    Refused,
    Sent,
    name_of,
)
from dispatcher.campaigns.states import BATCH_MOVES, BatchState, MessageState
from dispatcher.campaigns.waits import Waits

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
HOUR = NOW + timedelta(hours=6)
OPENING = datetime(2026, 11, 25, 7, tzinfo=UTC)
WAITS = Waits((30, 60), (20, 40), lambda territory, at: OPENING)
PRICE = Decimal("0.038")
SENT, REJECTED = MessageState.SENT, MessageState.REJECTED


def due(
    states: str = "ppp",
    *,
    checks: int = 0,
    leaves_at: datetime | None = None,
    codes: str = "{}",
) -> DueBatch:
    positions = [p for p, letter in enumerate(states) if letter == "p"]
    phones = [f"+3363998000{position}" for position in positions]
    return DueBatch(
        id=7,
        campaign_id=3,
        territory="metropole",
        attempt=1,
        checks=checks,
        states=states,
        codes=codes,
        text="Bonjour",
        sender=None,
        commercial=True,
        recipients=DueRecipients(positions, phones, ()),
        unproven=(),
        opt_outs=None,
        leaves_at=leaves_at,
    )


def taken(*states: MessageState, code: int = 14) -> MessageResults:
    """The gateway's answer, one state a message."""
    return MessageResults(
        dict(enumerate(states)),
        {position: code for position, state in enumerate(states) if state is REJECTED},
        2 * len(states),
        PRICE * states.count(SENT),
        states.count(SENT),
    )


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


WHOLE = taken(SENT, SENT, SENT)
PART = taken(SENT, REJECTED)

#: name -> the batch, the outcome, and what matters of the change
CASES: dict[str, tuple[DueBatch, Outcome, dict[str, Any]]] = {
    "sent": (
        due(),
        Sent("77", WHOLE),
        {
            "state": BatchState.SENT,
            "states": "sss",
            "why": "",
            "check_at": later(30),
            "receipt": Receipt("77", NOW, 3 * PRICE, 6, 3),
            "attempt": AttemptEnd("sent", "", None, 3, 3 * PRICE),
            "is_alone": True,
        },
    ),
    "sent, everybody rejected": (
        due(),
        Sent("77", taken(REJECTED, REJECTED, REJECTED)),
        {
            "state": BatchState.DONE,
            "states": "rrr",
            "codes": {"0": 14, "1": 14, "2": 14},
            "check_at": None,
            "attempt": AttemptEnd("sent", "", None, 0, Decimal(0)),
        },
    ),
    "sent, the rest of a batch": (
        due("srp", codes='{"1": 55}'),
        Sent("78", taken(REJECTED)),
        {
            "state": BatchState.SENT,
            "states": "srr",
            "codes": {"1": 55, "2": 14},
            "receipt": Receipt("78", NOW, Decimal(0), None),
        },
    ),
    "sent, and the credit ran out": (
        due(),
        Sent("77", WHOLE, blocked="no credit"),
        {"state": BatchState.SENT, "pause": "no credit", "is_alone": False},
    ),
    "handed over": (
        due(leaves_at=HOUR),
        Sent("77", taken(SENT, REJECTED, SENT)),
        {
            "state": BatchState.HANDED_OVER,
            "states": "prp",
            "codes": {"1": 14},
            "why": HELD,
            "check_at": None,
            "not_before": HOUR,
            "leaves_at": HOUR,
            "receipt": Receipt("77", NOW, 2 * PRICE, 6, 2),
            "attempt": AttemptEnd("sent", f"until {HOUR.isoformat()}", None, 2, 2 * PRICE, "x-x"),
            "pause": "",
            "recall": "",
            "is_alone": False,
        },
    ),
    "handed over, for another hour": (
        due(leaves_at=HOUR),
        Sent("77", WHOLE, leaves_at=HOUR + timedelta(hours=1)),
        {
            "state": BatchState.HANDED_OVER,
            "not_before": HOUR,
            "leaves_at": HOUR + timedelta(hours=1),
            "pause": OTHER_HOUR,
            "recall": OTHER_HOUR,
        },
    ),
    "handed over, everybody rejected": (
        due(leaves_at=HOUR),
        Sent("77", taken(REJECTED, REJECTED, REJECTED)),
        {"state": BatchState.DONE, "states": "rrr", "check_at": None, "recall": ""},
    ),
    "in doubt": (
        due(),
        InDoubt("the answer was lost", excerpt="<html>"),
        {
            "state": BatchState.IN_DOUBT,
            "leaves": frozenset({BatchState.SENDING}),
            "states": "ppp",
            "why": "the answer was lost",
            "check_at": later(20),
            "receipt": Receipt(None, NOW, Decimal(0), None),
            "attempt": AttemptEnd("in_doubt", "the answer was lost: <html>"),
            "event": "doubt_raised",
        },
    ),
    "in doubt, a part confirmed": (
        due(),
        InDoubt("the answer leaves out 1 of 3 numbers", "77", PART),
        {
            "state": BatchState.IN_DOUBT,
            "states": "srp",
            "codes": {"1": 14},
            "receipt": Receipt("77", NOW, PRICE, None, 1),
        },
    ),
    "in doubt, for an hour": (
        due(leaves_at=HOUR),
        InDoubt("the answer was lost"),
        {"state": BatchState.IN_DOUBT, "leaves_at": HOUR, "check_at": later(20)},
    ),
    "refused": (
        due("ppr", codes='{"2": 14}'),
        Refused(52, "a text has more than 10 segments"),
        {
            "state": BatchState.FAILED,
            "states": "rrr",
            "codes": {"0": 52, "1": 52, "2": 14},
            "why": "a text has more than 10 segments",
            "check_at": None,
            "receipt": None,
            "attempt": AttemptEnd("refused", "a text has more than 10 segments"),
            "is_alone": True,
        },
    ),
    "refused, a part sent earlier": (
        due("sp"),
        Refused(52, "a text has more than 10 segments"),
        {"state": BatchState.SENT, "states": "sr", "check_at": NOW},
    ),
    "refused for its hour": (
        due(leaves_at=HOUR, checks=2),
        Refused(48, "the minute is not a multiple of 5", of_schedule=True),
        {
            "state": BatchState.PENDING,
            "states": "ppp",
            "why": "not handed over: the minute is not a multiple of 5",
            "not_before": HOUR,
            "leaves_at": None,
            "checks": 0,
            "attempt": AttemptEnd("refused", "the minute is not a multiple of 5"),
        },
    ),
    "refused for an hour that it has not": (
        due(),
        Refused(9, "the request is invalid", of_schedule=True),
        {"state": BatchState.FAILED, "states": "rrr"},
    ),
    "blocked": (
        due(checks=3),
        Blocked("no credit"),
        {
            "state": BatchState.PENDING,
            "states": "ppp",
            "why": "",
            "not_before": NOW,
            "checks": 0,
            "pause": "no credit",
            "attempt": AttemptEnd("blocked", "no credit"),
            "is_alone": False,
        },
    ),
    "closed": (
        due(checks=3),
        Closed("the gateway refuses this hour for marketing"),
        {
            "state": BatchState.PENDING,
            "why": "the gateway refuses this hour for marketing",
            "not_before": OPENING,
            "checks": 0,
            "attempt": AttemptEnd("closed", "the gateway refuses this hour for marketing"),
        },
    ),
    "closed, for an hour": (
        due(leaves_at=HOUR),
        Closed("the gateway refuses this hour for marketing"),
        {"state": BatchState.PENDING, "not_before": OPENING, "leaves_at": None},
    ),
    "not sent": (
        due(checks=2, leaves_at=HOUR),
        NotSent("no route to the gateway"),
        {
            "state": BatchState.PENDING,
            "states": "ppp",
            "why": "no route to the gateway",
            "not_before": later(20),
            "leaves_at": HOUR,
            "checks": 3,
            "receipt": None,
            "attempt": AttemptEnd("not_sent", "no route to the gateway"),
        },
    ),
    "not sent, at once again": (
        due(),
        NotSent("its worker was asleep", 0),
        {"state": BatchState.PENDING, "why": "", "not_before": NOW, "checks": 1},
    ),
    "throttled": (
        due(),
        NotSent("the gateway asks to wait", 90, answered=True),
        {
            "state": BatchState.PENDING,
            "why": "the gateway asks to wait",
            "not_before": later(90),
            "checks": 1,
            # its tag is looked up from now on
            "attempt": AttemptEnd("throttled", "the gateway asks to wait", NOW),
        },
    ),
    "throttled, for less than a tag needs to show": (
        due(),
        NotSent("the gateway asks to wait", 1, answered=True),
        {"not_before": later(20)},
    ),
    "throttled, many times": (
        due(checks=5),
        NotSent("the gateway asks to wait", 1, answered=True),
        {"not_before": later(160), "checks": 6},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_outcome_makes_its_change(case: str) -> None:
    batch, outcome, expected = CASES[case]
    change = change_of(batch, outcome, NOW, WAITS)
    codes = expected.get("codes")
    found = {name: getattr(change, name) for name in expected}
    assert found == expected | ({} if codes is None else {"codes": change.codes})
    assert codes is None or json.loads(change.codes) == codes


def test_every_outcome_has_a_case() -> None:
    assert {type(outcome) for _, outcome, _ in CASES.values()} == set(get_args(Outcome))


def test_results_are_placed_at_the_positions_still_to_go() -> None:
    change = change_of(due("psps"), Sent("77", taken(SENT, REJECTED)), NOW, WAITS)
    assert change.states == "ssrs"
    assert json.loads(change.codes) == {"2": 14}


def test_closed_window_without_a_next_opening_is_tried_now() -> None:
    waits = Waits((30,), (20,), lambda territory, at: None)
    assert change_of(due(), Closed("closed"), NOW, waits).not_before == NOW


def test_next_opening_is_searched_from_the_hour_of_the_attempt() -> None:
    query: list[tuple[str, datetime]] = []

    def note(territory: str, at: datetime) -> None:
        query.append((territory, at))

    waits = Waits((30,), (20,), note)
    for batch in (due(), due(leaves_at=HOUR)):
        change_of(batch, Closed("closed"), NOW, waits)
    assert query == [("metropole", NOW), ("metropole", HOUR)]


CHANGES = st.sampled_from(list(CASES.values())).map(lambda case: (case[0], case[1]))


@given(CHANGES, st.integers(0, 9))
def test_any_outcome_makes_a_legal_move(case: tuple[DueBatch, Outcome], checks: int) -> None:
    batch, outcome = replace(case[0], checks=checks), case[1]
    change = change_of(batch, outcome, NOW, WAITS)
    assert BatchState.SENDING in change.leaves
    target = BatchState.SENT if change.state is BatchState.DONE else change.state
    assert all(target in BATCH_MOVES[state] for state in change.leaves)
    assert len(change.states) == len(batch.states)
    assert change.attempt.outcome == name_of(outcome)
    if change.state in (BatchState.SENT, BatchState.DONE, BatchState.FAILED):
        assert "p" not in change.states
    if change.state is BatchState.PENDING:
        assert change.not_before is not None
        assert change.not_before >= NOW
    if not isinstance(outcome, (Sent, InDoubt)):
        assert change.receipt is None
        assert change.states.count("s") == batch.states.count("s")
