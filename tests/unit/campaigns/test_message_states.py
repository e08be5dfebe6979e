from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.campaigns.message_states import fresh, marked, positions, tally
from dispatcher.campaigns.states import MESSAGE_MOVES, MessageState

STATES = st.sampled_from(list(MessageState))
DOCUMENTS = st.lists(STATES, min_size=1, max_size=500).map(
    lambda states: "".join(state.letter for state in states)
)


@st.composite
def documents_and_changes(draw: st.DrawFn) -> tuple[str, list[dict[int, MessageState]]]:
    letters = draw(DOCUMENTS)
    places = st.integers(0, len(letters) - 1)
    rounds = st.lists(st.dictionaries(places, STATES, max_size=12), max_size=6)
    return letters, draw(rounds)


@pytest.mark.parametrize("size", [0, 1, 500])
def test_new_states_are_all_pending(size: int) -> None:
    letters = fresh(size)
    assert len(letters) == size
    assert tally(letters) == dict.fromkeys(MessageState, 0) | {MessageState.PENDING: size}


@given(documents_and_changes())
def test_counts_after_any_marks_add_up(
    given_: tuple[str, list[dict[int, MessageState]]],
) -> None:
    letters, rounds = given_
    size = len(letters)
    for changes in rounds:
        letters = marked(letters, changes)
        assert len(letters) == size
        assert set(tally(letters)) == set(MessageState)
        assert sum(tally(letters).values()) == size


@given(documents_and_changes())
def test_each_mark_makes_a_legal_move_or_none(
    given_: tuple[str, list[dict[int, MessageState]]],
) -> None:
    before, rounds = given_
    for changes in rounds:
        after = marked(before, changes)
        for position, (old, new) in enumerate(zip(before, after, strict=True)):
            wanted = changes.get(position)
            if wanted is not None and wanted in MESSAGE_MOVES[MessageState.of(old)]:
                assert new == wanted.letter
            else:
                assert new == old
        before = after


@given(documents_and_changes())
def test_delivered_message_stays_delivered(
    given_: tuple[str, list[dict[int, MessageState]]],
) -> None:
    letters, rounds = given_
    for changes in rounds:
        delivered = set(positions(letters, MessageState.DELIVERED))
        letters = marked(letters, changes)
        assert delivered <= set(positions(letters, MessageState.DELIVERED))


@given(documents_and_changes())
@settings(max_examples=50)
def test_same_marks_again_change_nothing(
    given_: tuple[str, list[dict[int, MessageState]]],
) -> None:
    letters, rounds = given_
    for changes in rounds:
        letters = marked(letters, changes)
        once = marked(letters, changes)
        # unreported -> undelivered -> delivered can take two reports, never the same one twice
        assert marked(once, changes) == once
        letters = once


@given(DOCUMENTS)
@settings(max_examples=50)
def test_positions_of_all_states_are_all_positions(letters: str) -> None:
    found = [position for state in MessageState for position in positions(letters, state)]
    assert sorted(found) == list(range(len(letters)))
    assert {state: len(positions(letters, state)) for state in MessageState} == tally(letters)


@pytest.mark.parametrize(
    ("old", "reported", "new"),
    [
        pytest.param("u", MessageState.DELIVERED, "d", id="a late delivery beats a failure"),
        pytest.param("n", MessageState.DELIVERED, "d", id="and silence"),
        pytest.param("n", MessageState.UNDELIVERED, "u", id="a late failure beats silence"),
        pytest.param("d", MessageState.UNDELIVERED, "d", id="a failure never beats a delivery"),
        pytest.param("u", MessageState.UNREPORTED, "u", id="silence beats no report"),
        pytest.param("d", MessageState.SENT, "d", id="still waiting is no news"),
        pytest.param("u", MessageState.SENT, "u", id="still waiting is no news of a failure"),
        pytest.param("r", MessageState.DELIVERED, "r", id="what was rejected did not leave"),
        pytest.param("p", MessageState.DELIVERED, "p", id="nothing arrives before it is sent"),
        pytest.param("c", MessageState.DELIVERED, "c", id="what was cancelled stays so"),
        pytest.param("c", MessageState.SENT, "s", id="but for a proof that it was sent"),
    ],
)
def test_one_report_marks_its_message(old: str, reported: MessageState, new: str) -> None:
    assert marked(old, {0: reported}) == new
