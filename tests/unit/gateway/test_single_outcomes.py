"""What one answer for many numbers proves: of each of them, or of none."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.outcome import Blocked, InDoubt, MessageResults, NotSent, Refused, Sent
from dispatcher.campaigns.states import MessageState
from dispatcher.gateway import Accepted, Declined, LineAnswer, Lost, Throttled, Unsent
from dispatcher.gateway.outcomes import single_verdict, verdict

A, B, C = "+33639980001", "+33639980002", "+33639980003"
PHONES = (A, B, C)
COST = Decimal("0.114")


def test_answer_that_bills_every_number_is_sent() -> None:
    assert single_verdict(Accepted("77", 6, COST), PHONES, 2) == Sent(
        "77", MessageResults(dict.fromkeys(range(3), MessageState.SENT), {}, 6, COST, 3)
    )


@pytest.mark.parametrize("segments", [0, 1, 2, 4, 6])
def test_answer_with_other_bill_is_in_doubt(segments: int) -> None:
    outcome = single_verdict(Accepted("77", segments, COST), PHONES, 1)
    assert outcome == InDoubt(
        f"the answer bills {segments} segments for 3 numbers of 1 each",
        "77",
        MessageResults(cost=COST, told=3),
    )


def test_refusals_beside_success_leave_rest_in_doubt() -> None:
    refused = (LineAnswer(B, False, 14), LineAnswer(None, False, 9), LineAnswer("+336", False, 9))
    outcome = single_verdict(Accepted("77", 3, COST, refused=refused, partial=True), PHONES, 1)
    assert isinstance(outcome, InDoubt)
    assert outcome.messages == MessageResults(
        {1: MessageState.REJECTED}, {1: 14}, cost=COST, told=2
    )
    assert outcome.message_id == "77"


@pytest.mark.parametrize("code", [9, 13, 14, 15, 55])
def test_number_refusal_sends_each_by_itself(code: int) -> None:
    outcome = single_verdict(Declined(code), PHONES, 1)
    assert isinstance(outcome, NotSent)
    assert outcome.answered  # its tag is looked up before anything is sent again
    assert not outcome.of_account
    assert isinstance(single_verdict(Declined(code), PHONES[:1], 1), Refused)


@pytest.mark.parametrize(
    "reply", [Unsent("no"), Declined(11), Declined(90), Declined(500), Throttled(3), Lost("cut")]
)
def test_other_reply_has_same_verdict_as_bulk(
    reply: Unsent | Declined | Throttled | Lost,
) -> None:
    assert single_verdict(reply, PHONES, 1) == verdict(reply, PHONES)
    assert isinstance(single_verdict(Declined(11), PHONES, 1), Blocked)


@given(
    st.integers(0, 2000),
    st.lists(st.tuples(st.sampled_from([*PHONES, None, "+336"]), st.booleans())),
    st.integers(1, 10),
)
def test_only_a_whole_success_is_sent(
    segments: int, refused: list[tuple[str | None, bool]], each: int
) -> None:
    answers = tuple(LineAnswer(phone, accepted, 9) for phone, accepted in refused)
    reply = Accepted("77", segments, COST, refused=answers, partial=bool(answers))
    outcome = single_verdict(reply, PHONES, each)
    assert isinstance(outcome, Sent) == (not answers and segments == 3 * each)
    if isinstance(outcome, InDoubt):
        assert set(outcome.messages.states.values()) <= {MessageState.REJECTED}
