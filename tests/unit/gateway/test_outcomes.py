from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.campaigns.outcome import (
    Blocked,
    Closed,
    InDoubt,
    MessageResults,
    NotSent,
    Outcome,
    Refused,
    Sent,
)
from dispatcher.campaigns.states import MessageState
from dispatcher.gateway import BatchTaken, Declined, LineAnswer, Lost, SendReply, Throttled, Unsent
from dispatcher.gateway.outcomes import LONGEST_WAIT, verdict

A, B, C = "+33639980001", "+33639980002", "+33639980003"
PHONES = (A, B, C)
PRICE = Decimal("0.038")


def yes(phone: str | None, *, segments: int = 1, cost: Decimal = PRICE) -> LineAnswer:
    return LineAnswer(phone, True, 200, segments, cost)


def no(phone: str | None, code: int | None = 9) -> LineAnswer:
    return LineAnswer(phone, False, code)


def unread(phone: str | None) -> LineAnswer:
    return LineAnswer(phone, None)


def taken(*lines: LineAnswer) -> BatchTaken:
    return BatchTaken("95415616", lines)


def waits(after: float | None) -> NotSent:
    return NotSent("the gateway asks to wait", after, answered=True)


# documented codes of a send, by what each calls for
ACCOUNT = {1, 10, 11, 20, 30, 40, 44, 96, 992}
HOURS = {22, 23}
REQUEST = {2, 9, 13, 14, 15, 42, 43, 45, 46, 47, 48, 49, 50, 51, 52, 55, 90}
THROTTLE = 429


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        # what was never asked
        pytest.param(Unsent("refused"), NotSent, id="nothing left"),
        # what nobody knows
        pytest.param(Lost("cut"), InDoubt, id="the answer is lost"),
        pytest.param(Declined(500), InDoubt, id="500: problem while queueing"),
        pytest.param(Declined(99), InDoubt, id="an unknown code"),
        pytest.param(Declined(0), InDoubt, id="code 0"),
        pytest.param(Declined(-1), InDoubt, id="a negative code"),
        pytest.param(Declined(200), InDoubt, id="a refusal that says 200"),
        pytest.param(Declined(4), InDoubt, id="4: a code of the status calls"),
        pytest.param(Declined(3), InDoubt, id="3: a code of the status calls"),
        pytest.param(Declined(404), InDoubt, id="404: a code of the contact calls"),
        # whom to ask again, and when
        pytest.param(Throttled(), NotSent, id="429"),
        pytest.param(Declined(429), NotSent, id="429 in the body"),
        # successes
        pytest.param(taken(yes(A), yes(B), yes(C)), Sent, id="all accepted"),
        pytest.param(taken(yes(C), yes(A), yes(B)), Sent, id="all accepted, in another order"),
        pytest.param(taken(yes(A), no(B), yes(C)), Sent, id="one rejected"),
        pytest.param(taken(no(A), no(B), no(C)), Sent, id="all rejected, one by one"),
        pytest.param(taken(yes(A), yes(B)), InDoubt, id="one is left out"),
        pytest.param(taken(), InDoubt, id="an empty list"),
        pytest.param(taken(yes(A), yes(B), unread(C)), InDoubt, id="one is unreadable"),
        pytest.param(taken(yes(A), yes(B), yes(None)), InDoubt, id="one has no number"),
        pytest.param(taken(yes(A), yes(B), yes(B)), InDoubt, id="one is named twice"),
        pytest.param(taken(yes(A), yes(B), no(B)), InDoubt, id="one is accepted and rejected"),
        pytest.param(
            taken(yes(A), yes(B), yes(C), yes("+33639980099")), InDoubt, id="a foreign number more"
        ),
        pytest.param(
            taken(yes(A), yes(B), yes("+33639980099")), InDoubt, id="a foreign number instead"
        ),
        *(pytest.param(Declined(code), Blocked, id=f"{code}: account") for code in sorted(ACCOUNT)),
        *(pytest.param(Declined(code), Closed, id=f"{code}: hours") for code in sorted(HOURS)),
        *(pytest.param(Declined(code), Refused, id=f"{code}: request") for code in sorted(REQUEST)),
    ],
)
def test_reply_gives_outcome(reply: SendReply, kind: type[Outcome]) -> None:
    assert type(verdict(reply, PHONES)) is kind


def test_success_gives_result_of_each_position() -> None:
    reply = taken(no(C, 14), yes(A, segments=2, cost=Decimal("0.076")), yes(B))
    assert verdict(reply, PHONES) == Sent(
        "95415616",
        MessageResults(
            states={0: MessageState.SENT, 1: MessageState.SENT, 2: MessageState.REJECTED},
            codes={2: 14},
            segments=3,
            cost=Decimal("0.114"),
            told=2,
        ),
    )


@pytest.mark.parametrize(
    ("lines", "told", "whole"),
    [
        ((yes(A), yes(B), yes(C)), 3, 3 * PRICE),
        ((yes(A), yes(B), yes(C, cost=Decimal(0))), 2, None),
        # as many as were taken
        ((no(A), yes(C), yes(B)), 2, 2 * PRICE),
        ((no(A), yes(C), yes(B, cost=Decimal(0))), 1, None),
        # nothing, and an absurd figure, are no costs
        (
            (yes(A, cost=Decimal(0)), yes(B, cost=Decimal(10_000)), yes(C, cost=Decimal(-1))),
            0,
            None,
        ),
        ((no(A), no(B), no(C)), 0, Decimal(0)),
        # an answer about a part
        ((yes(A), unread(B), unread(C)), 1, PRICE),
    ],
)
def test_answer_tells_cost_of_those_whose_line_has_one(
    lines: tuple[LineAnswer, ...], told: int, whole: Decimal | None
) -> None:
    outcome = verdict(taken(*lines), PHONES)
    assert isinstance(outcome, Sent | InDoubt)
    assert (outcome.messages.told, outcome.messages.whole_cost) == (told, whole)


def test_rejection_without_code_has_code_0() -> None:
    outcome = verdict(taken(no(A, None)), [A])
    assert isinstance(outcome, Sent)
    assert outcome.messages.codes == {0: 0}


def test_partial_answer_keeps_confirmed_lines() -> None:
    outcome = verdict(taken(yes(A), no(C, 14)), PHONES)
    assert isinstance(outcome, InDoubt)
    assert outcome.message_id == "95415616"
    assert outcome.messages.states == {0: MessageState.SENT, 2: MessageState.REJECTED}
    assert outcome.messages.codes == {2: 14}
    assert "1 of 3" in outcome.why


@pytest.mark.parametrize("stranger", [yes("+33639980099"), yes(None), no(None)])
def test_answer_about_strangers_is_in_doubt(stranger: LineAnswer) -> None:
    outcome = verdict(taken(yes(A), yes(B), yes(C), stranger), PHONES)
    assert isinstance(outcome, InDoubt)
    assert outcome.messages == MessageResults()


def test_refusal_keeps_code() -> None:
    outcome = verdict(Declined(55), PHONES)
    assert isinstance(outcome, Refused)
    assert outcome.code == 55


def test_unknown_code_is_named_in_doubt() -> None:
    outcome = verdict(Declined(777), PHONES)
    assert isinstance(outcome, InDoubt)
    assert "777" in outcome.why


@pytest.mark.parametrize(
    ("query", "after"),
    [
        pytest.param(None, None, id="nothing asked"),
        pytest.param(0.0, 0.0, id="none"),
        pytest.param(12.0, 12.0, id="12 s"),
        pytest.param(LONGEST_WAIT, LONGEST_WAIT, id="an hour"),
        pytest.param(LONGEST_WAIT + 1, LONGEST_WAIT, id="more than an hour"),
        pytest.param(1e300, LONGEST_WAIT, id="absurd"),
        pytest.param(-5.0, 0.0, id="negative"),
    ],
)
def test_retry_after_is_bounded(query: float | None, after: float | None) -> None:
    assert verdict(Throttled(query), PHONES) == waits(after)


def test_only_answered_refusal_has_its_tag_looked_up() -> None:
    unsent = verdict(Unsent("refused"), PHONES)
    assert isinstance(unsent, NotSent)
    assert not unsent.answered
    assert verdict(Declined(THROTTLE), PHONES) == waits(None)


# -- properties -------------------------------------------------------------------------------

CODES = st.none() | st.integers(-5, 1100)
LINES = st.lists(
    st.builds(
        LineAnswer,
        phone=st.sampled_from([A, B, C, C, None, "+33639980099"]),
        accepted=st.sampled_from([True, True, False, None]),
        code=CODES,
        segments=st.integers(0, 10),
        cost=st.decimals(0, 10, places=3),
    ),
    max_size=6,
)
REPLIES = st.one_of(
    st.builds(Unsent, st.text()),
    st.builds(Lost, st.text()),
    st.builds(Throttled, st.none() | st.floats(allow_nan=False)),
    st.builds(Declined, st.integers()),
    st.builds(BatchTaken, st.text(min_size=1), LINES),
)


@given(LINES, st.permutations(PHONES), st.integers(1, 3))
@settings(max_examples=200)
def test_sent_names_every_number_once(
    lines: list[LineAnswer], phones: list[str], size: int
) -> None:
    phones = phones[:size]
    outcome = verdict(BatchTaken("1", lines), phones)
    named = Counter(line.phone for line in lines)
    proven = (
        set(named) == set(phones)
        and all(count == 1 for count in named.values())
        and all(line.accepted is not None for line in lines)
    )
    assert isinstance(outcome, Sent) == proven
    assert isinstance(outcome, Sent | InDoubt)
    if isinstance(outcome, Sent):
        words = {line.phone: line for line in lines}
        for position, phone in enumerate(phones):
            expected = MessageState.SENT if words[phone].accepted else MessageState.REJECTED
            assert outcome.messages.states[position] is expected
        rejected = {p for p, state in outcome.messages.states.items() if state != MessageState.SENT}
        assert set(outcome.messages.codes) == rejected


@given(LINES, st.permutations(PHONES))
@settings(max_examples=200)
def test_outcome_claims_no_more_than_the_answer(lines: list[LineAnswer], phones: list[str]) -> None:
    outcome = verdict(BatchTaken("1", lines), phones)
    assert isinstance(outcome, Sent | InDoubt)
    for position, state in outcome.messages.states.items():
        words = [line.accepted for line in lines if line.phone == phones[position]]
        assert words == [state is MessageState.SENT]


@given(st.integers())
def test_only_documented_refusal_is_final(code: int) -> None:
    outcome = verdict(Declined(code), PHONES)
    documented = ACCOUNT | HOURS | REQUEST | {THROTTLE}
    assert isinstance(outcome, InDoubt) == (code not in documented)


@given(REPLIES)
@settings(max_examples=150)
def test_only_unsent_or_documented_refusal_denies_send(
    reply: SendReply,
) -> None:
    outcome = verdict(reply, PHONES)
    if isinstance(outcome, NotSent | Blocked | Closed | Refused):
        denial = isinstance(reply, Unsent | Throttled) or (
            isinstance(reply, Declined) and reply.code in ACCOUNT | HOURS | REQUEST | {THROTTLE}
        )
        assert denial
    if isinstance(outcome, NotSent) and outcome.after is not None:
        assert 0 <= outcome.after <= LONGEST_WAIT


# -- positions, waits -------------------------------------------------------------------------


def test_results_of_some_positions_are_placed_in_batch() -> None:
    lines = MessageResults(
        states={0: MessageState.SENT, 1: MessageState.REJECTED},
        codes={1: 14},
        segments=1,
        cost=PRICE,
    )
    assert lines.placed([3, 8]) == replace(
        lines, states={3: MessageState.SENT, 8: MessageState.REJECTED}, codes={8: 14}
    )
