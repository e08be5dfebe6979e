from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.evidence import (
    MEMORY,
    RESEND_AFTER,
    TO_GO,
    AttemptEvidence,
    corrections,
    in_question,
    judge,
    may_go_again,
    next_lookup,
    read,
    written,
)
from dispatcher.campaigns.states import BATCH_MOVES, BatchState, MessageState

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
SENT, DELIVERED = MessageState.SENT, MessageState.DELIVERED


def attempt(
    number: int,
    outcome: str | None = "in_doubt",
    now: Mapping[int, MessageState] | None = None,
    *,
    shown: frozenset[int] = frozenset(),
    on_record: frozenset[int] = frozenset(),
    carried: int = 3,
) -> AttemptEvidence:
    return AttemptEvidence(
        number=number,
        tag=f"tag{number}",
        outcome=outcome,
        armed_at=AT,
        carried=carried,
        shown=shown,
        on_record=on_record,
        now=now or {},
    )


def all_of(state: MessageState = SENT) -> dict[int, MessageState]:
    return dict.fromkeys(range(3), state)


@pytest.mark.parametrize(
    ("state", "states", "attempts", "becomes", "after"),
    [
        pytest.param(
            BatchState.IN_DOUBT,
            "ppp",
            [attempt(1, "throttled", all_of()), attempt(2)],
            BatchState.SENT,
            "sss",
            id="an earlier attempt shows and the latest does not",
        ),
        pytest.param(
            BatchState.IN_DOUBT,
            "ppp",
            [attempt(1, "resent", {0: SENT}), attempt(2, None, {1: DELIVERED})],
            BatchState.IN_DOUBT,
            "sdp",
            id="two attempts show a part each",
        ),
        pytest.param(
            BatchState.IN_DOUBT,
            "ppp",
            [attempt(1, "resent", {0: DELIVERED}), attempt(2, None, {1: DELIVERED, 2: DELIVERED})],
            BatchState.DONE,
            "ddd",
            id="two attempts show all of it, delivered",
        ),
        pytest.param(
            BatchState.IN_DOUBT, "ppp", [attempt(1)], BatchState.IN_DOUBT, "ppp", id="nothing shows"
        ),
        pytest.param(
            BatchState.PENDING,
            "ppp",
            [attempt(1, "throttled", all_of())],
            BatchState.IN_DOUBT,
            "ppp",
            id="what waits shows",
        ),
        pytest.param(
            BatchState.PENDING,
            "spp",
            [attempt(1, "resent", {0: SENT}, shown=frozenset({0}))],
            BatchState.PENDING,
            "spp",
            id="a part that is known shows again",
        ),
        pytest.param(
            BatchState.CANCELLED,
            "ccc",
            [attempt(1, "throttled", {0: SENT}), attempt(2, "throttled")],
            BatchState.SENT,
            "scc",
            id="a part of what was cancelled",
        ),
        pytest.param(
            BatchState.FAILED,
            "rrr",
            [attempt(1, "throttled", all_of()), attempt(2, "refused")],
            BatchState.SENT,
            "sss",
            id="all that was refused",
        ),
        pytest.param(
            BatchState.FAILED,
            "nnn",
            [attempt(1, "given_up", all_of(DELIVERED))],
            BatchState.DONE,
            "ddd",
            id="what was given up, delivered",
        ),
        pytest.param(
            BatchState.EXPIRED,
            "eeo",
            [attempt(1, "throttled", all_of())],
            BatchState.SENT,
            "sss",
            id="what expired, and an opt-out",
        ),
        pytest.param(
            BatchState.SENDING,
            "ppp",
            [attempt(1, "resent", all_of()), attempt(2, None)],
            BatchState.SENDING,
            "ppp",
            id="while an attempt is under way",
        ),
        pytest.param(
            BatchState.DONE,
            "nnn",
            [attempt(1, "sent", all_of(), shown=frozenset(range(3)))],
            BatchState.DONE,
            "nnn",
            id="unreported, and known to be texted",
        ),
    ],
)
def test_evidence_of_all_attempts_decides(
    state: BatchState,
    states: str,
    attempts: list[AttemptEvidence],
    becomes: BatchState,
    after: str,
) -> None:
    verdict = judge(state, states, attempts)
    assert (verdict.state, verdict.states) == (becomes, after)


def test_evidence_found_during_an_attempt_counts_after_it() -> None:
    first, second = attempt(1, "resent", all_of()), attempt(2, None)
    grown = judge(BatchState.SENDING, "ppp", [first, second]).grown
    assert grown == {1: frozenset(range(3))}
    later = replace(first, now={}, shown=grown[1])
    verdict = judge(BatchState.FAILED, "rrr", [later, replace(second, outcome="refused")])
    assert (verdict.state, verdict.states) == (BatchState.SENT, "sss")


def test_positions_under_two_attempts_are_twice_until_they_are_on_record() -> None:
    first = attempt(1, "throttled", {0: SENT, 1: SENT})
    second = attempt(2, "sent", shown=frozenset({1, 2}))
    verdict = judge(BatchState.SENT, "sss", [first, second])
    assert (verdict.twice, verdict.number) == (frozenset({1}), 1)
    again = replace(first, shown=first.texted, on_record=frozenset({1}))
    assert not judge(BatchState.SENT, "sss", [again, second]).twice


def test_each_time_that_somebody_was_texted_once_more_is_counted() -> None:
    everybody, one = frozenset(range(3)), frozenset({1})
    attempts = [
        attempt(1, "sent", shown=everybody),
        attempt(2, "sent", shown=everybody, on_record=everybody),
        attempt(3, "resent", {1: SENT}),
    ]
    verdict = judge(BatchState.SENT, "sss", attempts)
    assert (verdict.twice, verdict.grown[3], verdict.copies) == (frozenset(), one, 4)
    assert judge(BatchState.SENT, "sss", attempts[:1]).copies == 0


def test_corrections_count_by_the_end_that_was_wrong() -> None:
    verdict = judge(BatchState.FAILED, "nnc", [attempt(1, "given_up", all_of())])
    assert verdict.corrected == {MessageState.UNREPORTED: 2, MessageState.CANCELLED: 1}
    assert corrections("ppp", "sss") == corrections("sun", "ddn") == {}


@given(
    state=st.sampled_from(BatchState),
    states=st.text(alphabet="psdunroec", min_size=3, max_size=3),
    shows=st.lists(
        st.dictionaries(st.integers(0, 2), st.sampled_from([SENT, DELIVERED])), max_size=3
    ),
)
def test_every_state_is_judged_by_a_legal_move(
    state: BatchState, states: str, shows: list[dict[int, MessageState]]
) -> None:
    attempts = [attempt(number, now=now) for number, now in enumerate(shows, 1)]
    verdict = judge(state, states, attempts)
    assert verdict.state is state or verdict.state in BATCH_MOVES[state] | {BatchState.IN_DOUBT}
    to_go = {spot for spot in range(3) if states[spot] == "p" and state in TO_GO}
    texted = {spot for now in shows for spot in now} - to_go
    assert all(verdict.states[spot] in "sdu" for spot in texted)
    untouched = set(range(3)) - texted
    assert all(verdict.states[spot] == states[spot] for spot in untouched)
    if state is BatchState.IN_DOUBT:
        assert (verdict.state is BatchState.IN_DOUBT) == ("p" in verdict.states)


def test_stored_evidence_is_read_as_it_was_written() -> None:
    assert read(written(4, {0, 2}, {2})) == (frozenset({0, 2}), frozenset({2}))
    assert read(written(2, ())) == read("") == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("outcome", "shown", "again"),
    [
        pytest.param("throttled", frozenset(), True, id="unproven"),
        pytest.param("in_doubt", frozenset({0}), True, id="a part shows"),
        pytest.param("resent", frozenset(range(3)), False, id="all shows"),
        pytest.param("not_sent", frozenset(), False, id="no byte left"),
        pytest.param("recalled", frozenset(), False, id="given back"),
    ],
)
def test_tag_that_may_show_more_is_looked_up(
    outcome: str, shown: frozenset[int], again: bool
) -> None:
    later = AT + timedelta(minutes=1)
    one = attempt(1, outcome, shown=shown)
    assert next_lookup(one, BatchState.SENT, AT, later) == (later if again else None)


def test_tag_that_the_gateway_has_forgotten_is_not_looked_up() -> None:
    later = AT + MEMORY + timedelta(seconds=1)
    assert next_lookup(attempt(1), BatchState.SENT, AT, later) is None


def test_tag_of_a_held_batch_is_forgotten_two_days_after_its_hour() -> None:
    hour = AT + timedelta(days=9)
    held = replace(attempt(1, "throttled"), leaves_at=hour)
    assert held.is_asked(hour + MEMORY)
    assert not held.is_asked(hour + MEMORY + timedelta(seconds=1))
    assert next_lookup(held, BatchState.PENDING, AT, hour) == hour


def test_attempt_without_a_recorded_end_delays_a_resend() -> None:
    lost = [attempt(1, None)]
    assert not may_go_again(lost, AT, AT + RESEND_AFTER - timedelta(seconds=1))
    assert may_go_again(lost, AT, AT + RESEND_AFTER)
    assert may_go_again([attempt(1, "in_doubt")], AT, AT)


def half(number: int, outcome: str | None, *covers: int) -> AttemptEvidence:
    return replace(attempt(number, outcome), covers=frozenset(covers))


@pytest.mark.parametrize(
    ("attempts", "doubtful"),
    [
        pytest.param([attempt(1, None)], {0, 1, 2}, id="a whole batch"),
        pytest.param([attempt(1, "halved"), half(2, None, 0, 1)], {0, 1}, id="a half"),
        pytest.param([half(1, "in_doubt", 0), half(2, None, 2)], {0, 2}, id="two parts"),
        pytest.param([attempt(1), half(2, None, 0)], {0, 1, 2}, id="the whole before a part"),
        pytest.param([attempt(1, "throttled"), half(2, None, 0)], {0}, id="asked to wait before"),
        pytest.param([half(1, "not_sent", 0)], {0, 1, 2}, id="nothing is known to be open"),
        pytest.param([], {0, 1, 2}, id="the history was deleted"),
    ],
)
def test_only_who_may_have_been_carried_is_in_question(
    attempts: list[AttemptEvidence], doubtful: set[int]
) -> None:
    assert in_question("ppp", attempts) == doubtful
    assert in_question("spd", attempts) == doubtful & {1}


@pytest.mark.parametrize("outcome", ["throttled", "resent"])
def test_rest_of_a_part_that_begins_to_show_stays_in_doubt(outcome: str) -> None:
    """Its tag may show the others later: they were taken by the same call."""
    first = replace(attempt(1, outcome), now={0: SENT})
    half_of_it = replace(half(2, None, 1), now={1: SENT}, carried=1)
    verdict = judge(BatchState.IN_DOUBT, "ppp", [first, half_of_it])
    assert (verdict.state, verdict.states) == (BatchState.IN_DOUBT, "ssp")


@pytest.mark.parametrize("state", TO_GO)
def test_half_that_was_given_up_and_shows_is_texted_while_the_others_are_to_go(
    state: BatchState,
) -> None:
    """What its tag shows is judged at once: at the next look it is known, and no proof any more."""
    given_up = replace(half(2, "given_up", 0, 1), now={0: SENT, 1: DELIVERED}, carried=2)
    attempts = [attempt(1, "halved"), given_up, half(3, "not_sent", 2)]
    verdict = judge(state, "nnp", attempts)
    assert (verdict.state, verdict.states) == (state, "sdp")
    assert verdict.corrected == {MessageState.UNREPORTED: 2}
    assert verdict.grown == {2: frozenset({0, 1})}


def test_given_up_half_that_shows_under_an_earlier_tag_puts_the_others_in_doubt() -> None:
    """They were carried by the same call, and its tag may show them later."""
    whole = attempt(1, "throttled", {0: SENT})
    verdict = judge(BatchState.PENDING, "nnp", [whole, half(2, "given_up", 0, 1)])
    assert (verdict.state, verdict.states) == (BatchState.IN_DOUBT, "snp")


def test_half_that_shows_lets_the_others_go_on() -> None:
    shown = replace(half(2, None, 0, 1), now={0: SENT, 1: SENT}, carried=2)
    verdict = judge(BatchState.IN_DOUBT, "ppp", [attempt(1, "halved"), shown])
    assert (verdict.state, verdict.states) == (BatchState.PENDING, "ssp")
