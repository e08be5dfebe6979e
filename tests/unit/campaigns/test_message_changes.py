"""Changes of messages: what differs, and how far the log is."""

from __future__ import annotations

import pytest

from dispatcher import InvalidCampaign
from dispatcher.campaigns.message_changes import LogPosition, changed, check_cursor
from dispatcher.campaigns.states import MessageState


def test_only_what_differs_has_changed() -> None:
    assert changed("pppp", "pppp") == {}
    assert changed("pips", "ssds") == {0: "sent", 1: "sent", 2: "delivered"}
    assert changed("pp", "ip") == {0: "in_doubt"}
    assert changed("ii", "pi") == {0: "pending"}


def test_every_state_of_a_message_has_its_name() -> None:
    for state in MessageState:
        if state is not MessageState.PENDING:
            assert changed("p", state.letter) == {0: state.value}


def test_letter_of_a_doubt_is_no_state_of_a_message() -> None:
    assert "i" not in {state.letter for state in MessageState}


@pytest.mark.parametrize(
    ("position", "waiting", "following"),
    [
        (LogPosition(), 0, None),
        (LogPosition(last=7), 7, (0, 7)),
        (LogPosition(last=1200), 1200, (0, 500)),
        (LogPosition(last=1200, delivered=500), 700, (500, 1000)),
        (LogPosition(last=1200, delivered=1200), 0, None),
        # what retention has deleted is passed over, and counted as missed
        (LogPosition(last=1200, delivered=100, deleted=900), 300, (100, 1200)),
        (LogPosition(last=1200, read=1100), 100, (0, 500)),
    ],
)
def test_position_says_what_waits_and_what_is_delivered_next(
    position: LogPosition, waiting: int, following: tuple[int, int] | None
) -> None:
    assert (position.waiting, position.next_delivery()) == (waiting, following)


def test_missed_are_those_that_are_deleted_behind_a_cursor() -> None:
    position = LogPosition(last=90, deleted=50)
    assert [position.missed(after) for after in (0, 50, 70)] == [50, 0, 0]


def test_cursor_that_is_not_reached_is_refused() -> None:
    check_cursor(90, LogPosition(last=90))
    with pytest.raises(InvalidCampaign, match="has the number 91: the last has 90"):
        check_cursor(91, LogPosition(last=90))
