"""What an attempt came to, as values."""

from __future__ import annotations

from dispatcher.campaigns.outcome import MessageResults
from dispatcher.campaigns.states import MessageState


def test_results_are_placed_where_the_messages_of_the_request_are() -> None:
    results = MessageResults({0: MessageState.SENT, 1: MessageState.REJECTED}, {1: 14})
    assert results.placed([3, 5]).states == {3: MessageState.SENT, 5: MessageState.REJECTED}
    assert results.placed([3, 5]).codes == {5: 14}


def test_results_of_a_whole_batch_are_placed_as_they_are() -> None:
    results = MessageResults({0: MessageState.SENT, 1: MessageState.SENT})
    # a list, as it is read from the database
    assert results.placed([0, 1]) is results
