"""What became of a batch's messages: a string with one letter per position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from dispatcher.campaigns.states import MESSAGE_MOVES, BatchState, MessageState

_REPORTED = {MessageState.DELIVERED.letter, MessageState.UNDELIVERED.letter}


def fresh(size: int) -> str:
    """The states of ``size`` messages that are all pending."""
    return MessageState.PENDING.letter * size


def positions(letters: str, state: MessageState) -> list[int]:
    """The positions of the messages in ``state``."""
    letter = state.letter
    return [position for position, found in enumerate(letters) if found == letter]


def marked(letters: str, changes: Mapping[int, MessageState]) -> str:
    """The states after ``changes``; a change that is no legal move is ignored.

    So a late "delivered" beats an earlier failure and never the reverse.
    """
    if len(changes) == len(letters) and len(kinds := set(changes.values())) == 1:
        [state] = kinds
        if all(state in MESSAGE_MOVES[MessageState.of(letter)] for letter in set(letters)):
            return state.letter * len(letters)
    after = list(letters)
    for position, state in changes.items():
        if state in MESSAGE_MOVES[MessageState.of(after[position])]:
            after[position] = state.letter
    return "".join(after)


def reported(before: str, after: str) -> str:
    """The letters of the messages that a report came for between the two; "-" for the others.

    Empty if none came.
    """
    if before == after:
        return ""
    found = "".join(
        now if now in _REPORTED and now != was else "-"
        for was, now in zip(before, after, strict=True)
    )
    return found if found.strip("-") else ""


def tally(letters: str) -> dict[MessageState, int]:
    """How many messages are in each state; every state is present."""
    found = Counter(letters)
    return {state: found[state.letter] for state in MessageState}


def batch_state(letters: str) -> BatchState:
    """The state of a batch that nothing is under way for, and of which nothing is in doubt."""
    if MessageState.PENDING.letter in letters:
        return BatchState.PENDING
    # with every message rejected there is no report to wait for
    return BatchState.SENT if MessageState.SENT.letter in letters else BatchState.DONE
