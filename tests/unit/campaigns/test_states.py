from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from dispatcher.campaigns.states import (
    BATCH_MOVES,
    CAMPAIGN_MOVES,
    MESSAGE_MOVES,
    BatchState,
    CampaignState,
    MessageState,
    sources,
)

# The pictures, as arrows. They are typed here on their own, so that a move that is added to the
# tables or lost from them is noticed.
CAMPAIGN_PICTURE = """
running -> paused finished cancelled
paused -> running cancelled
"""
BATCH_PICTURE = """
pending -> sending sent cancelled expired done in_doubt
sending -> pending handed_over sent done failed in_doubt
handed_over -> sent pending cancelled in_doubt
sent -> done pending handed_over
in_doubt -> handed_over sent pending failed done
done -> sent pending
failed -> pending sent done handed_over
cancelled -> sent done
expired -> sent done
"""
MESSAGE_PICTURE = """
pending -> sent rejected opted_out withdrawn left_out expired cancelled unreported
sent -> delivered undelivered unreported
undelivered -> delivered
unreported -> sent delivered undelivered
rejected -> pending sent
opted_out -> sent
withdrawn -> sent
left_out -> sent
expired -> sent
cancelled -> sent
"""


def arrows(picture: str) -> set[tuple[str, str]]:
    lines = (line.split(" -> ") for line in picture.strip().splitlines())
    return {(source, target) for source, targets in lines for target in targets.split()}


@pytest.mark.parametrize(
    ("moves", "picture"),
    [
        pytest.param(CAMPAIGN_MOVES, CAMPAIGN_PICTURE, id="campaign"),
        pytest.param(BATCH_MOVES, BATCH_PICTURE, id="batch"),
        pytest.param(MESSAGE_MOVES, MESSAGE_PICTURE, id="message"),
    ],
)
def test_moves_equal_those_of_the_documented_picture(
    moves: Mapping[StrEnum, frozenset[StrEnum]], picture: str
) -> None:
    assert {(str(a), str(b)) for a, after in moves.items() for b in after} == arrows(picture)


@pytest.mark.parametrize(
    ("moves", "states"),
    [
        pytest.param(CAMPAIGN_MOVES, CampaignState, id="campaign"),
        pytest.param(BATCH_MOVES, BatchState, id="batch"),
        pytest.param(MESSAGE_MOVES, MessageState, id="message"),
    ],
)
def test_every_state_has_an_entry(
    moves: Mapping[StrEnum, frozenset[StrEnum]], states: type[StrEnum]
) -> None:
    assert set(moves) == set(states)
    assert all(after <= set(states) for after in moves.values())


@pytest.mark.parametrize("moves", [CAMPAIGN_MOVES, BATCH_MOVES, MESSAGE_MOVES])
def test_no_state_moves_to_itself(moves: Mapping[StrEnum, frozenset[StrEnum]]) -> None:
    assert not [state for state, after in moves.items() if state in after]


def test_delivered_message_has_no_move() -> None:
    assert MESSAGE_MOVES[MessageState.DELIVERED] == frozenset()


def test_batch_is_armed_from_pending_only() -> None:
    assert sources(BATCH_MOVES, BatchState.SENDING) == [BatchState.PENDING]


def test_message_that_left_never_becomes_one_that_did_not() -> None:
    left = {MessageState.SENT, MessageState.DELIVERED, MessageState.UNDELIVERED}
    never_left = set(MessageState) - left - {MessageState.UNREPORTED}
    assert not [state for state in left if MESSAGE_MOVES[state] & never_left]


@pytest.mark.parametrize(
    ("moves", "states"),
    [(CAMPAIGN_MOVES, CampaignState), (BATCH_MOVES, BatchState), (MESSAGE_MOVES, MessageState)],
    ids=["campaign", "batch", "message"],
)
def test_sources_are_the_reversed_moves(
    moves: Mapping[StrEnum, frozenset[StrEnum]], states: type[StrEnum]
) -> None:
    for target in states:
        assert sources(moves, target) == [state for state in states if target in moves[state]]


def test_each_message_state_has_its_own_letter() -> None:
    letters = [state.letter for state in MessageState]
    assert all(len(letter) == 1 for letter in letters)
    assert len(set(letters)) == len(MessageState)
    assert [MessageState.of(letter) for letter in letters] == list(MessageState)


def test_letters_equal_those_of_older_versions() -> None:
    # documents in databases and the SQL view hold these; a changed letter rewrites history
    assert {state.value: state.letter for state in MessageState} == {
        "pending": "p",
        "sent": "s",
        "delivered": "d",
        "undelivered": "u",
        "unreported": "n",
        "rejected": "r",
        "opted_out": "o",
        "withdrawn": "w",
        "left_out": "l",
        "expired": "e",
        "cancelled": "c",
    }


def test_unknown_letter_raises() -> None:
    with pytest.raises(KeyError):
        MessageState.of("x")
