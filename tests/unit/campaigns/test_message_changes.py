"""Changes of messages: what differs, and how far the log is."""

from __future__ import annotations

import pytest

from dispatcher import InvalidCampaign
from dispatcher.campaigns.message_changes import LogPosition, Reading, changed, check_cursor
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
    ("position", "had", "following"),
    [
        (LogPosition(), 0, None),
        (LogPosition(last=7), 0, (0, 7)),
        (LogPosition(last=1200), 0, (0, 500)),
        (LogPosition(last=1200, delivered=500), 500, (500, 1000)),
        (LogPosition(last=1200, delivered=1200), 1200, None),
        # what retention has deleted is passed over, and counted as missed
        (LogPosition(last=1200, delivered=100, deleted=900), 900, (100, 1200)),
        (LogPosition(last=1200, reading=Reading(read=1100)), 1100, (0, 500)),
    ],
)
def test_position_says_what_was_had_and_what_is_delivered_next(
    position: LogPosition, had: int, following: tuple[int, int] | None
) -> None:
    assert (position.had, position.next_delivery()) == (had, following)


@pytest.mark.parametrize(
    ("pages", "read"),
    [
        ([], 0),
        ([(0, 10)], 0),
        ([(0, 10), (10, 20)], 10),
        ([(0, 10), (10, 20), (0, 10)], 10),
        # one look from the last number on, and the same look again
        ([(90, 90)], 0),
        ([(90, 90), (90, 95), (90, 95)], 0),
        ([(0, 10), (90, 90), (10, 20)], 10),
        # a reader that begins late, and goes on
        ([(90, 95), (95, 99)], 95),
        ([(90, 95), (93, 99), (99, 99)], 99),
    ],
)
def test_reader_has_had_what_it_went_on_from(pages: list[tuple[int, int]], read: int) -> None:
    reading = Reading()
    for page in pages:
        reading = reading.asked(*page)
    assert reading.read == read


def test_reader_of_an_account_is_counted_beside_that_of_all() -> None:
    position = LogPosition(last=90)
    for account, after in ((None, 10), ("lyon", 30), ("nice", 5)):
        position = position.asked(account, 0, 50).asked(account, after, 50)
    assert (position.had, position.had_by_account) == (10, {"lyon": 30})


def test_missed_are_those_that_are_deleted_behind_a_cursor() -> None:
    position = LogPosition(last=90, deleted=50)
    assert [position.missed(after) for after in (0, 50, 70)] == [50, 0, 0]


def test_cursor_that_is_not_reached_is_refused() -> None:
    check_cursor(90, LogPosition(last=90))
    with pytest.raises(InvalidCampaign, match="has the number 91: the last has 90"):
        check_cursor(91, LogPosition(last=90))
