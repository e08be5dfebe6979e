"""A bar of a campaign's messages: what has ended, what is on its way, what is still to go. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: from left to right
ENDED = (
    "delivered", "undelivered", "rejected", "unreported", "opted_out", "withdrawn", "left_out",
    "expired", "cancelled",
)  # fmt: skip
OPEN = ("sent", "in_doubt", "pending")


@dataclass(frozen=True, slots=True)
class Piece:
    """The messages in one state; ``start`` and ``width`` are in units of the bar's width."""

    state: str
    count: int
    start: int
    width: int


def pieces(messages: Mapping[str, int], width: int) -> Iterator[Piece]:
    """The states that have messages, left to right; they fill the bar.

    A state with few messages may have a width of 0.
    """
    total, done = sum(messages.values()), 0
    for state in (*ENDED, *OPEN):
        if count := messages.get(state, 0):
            start, done = width * done // total, done + count
            yield Piece(state, count, start, width * done // total - start)


def percent_ended(messages: Mapping[str, int]) -> int:
    """How many in a hundred messages have ended; 100 if there are none."""
    total = sum(messages.values())
    return 100 * sum(messages.get(state, 0) for state in ENDED) // total if total else 100
