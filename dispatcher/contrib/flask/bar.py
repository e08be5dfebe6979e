"""A bar of a campaign's messages, as widths: what has ended, is on its way, is still to go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: in the order in which they are drawn
_ENDED = (
    "delivered", "undelivered", "rejected", "unreported", "opted_out", "expired", "cancelled",
)  # fmt: skip
_OPEN = ("sent", "in_doubt", "pending")
_WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the bar; ``x`` and ``width`` are thousandths of it."""

    state: str
    count: int
    x: int
    width: int


def bar(messages: Mapping[str, int]) -> list[Piece]:
    """The parts of the bar that have any width, left to right; they fill it."""
    total = sum(messages.values())
    pieces: list[Piece] = []
    done = drawn = 0
    for state in (*_ENDED, *_OPEN):
        count = messages.get(state, 0)
        done += count
        until = _WIDTH * done // total if total else 0
        if until > drawn:
            pieces.append(Piece(state, count, drawn, until - drawn))
        drawn = until
    return pieces


def share_ended(messages: Mapping[str, int]) -> int:
    """How many in a hundred have come to their end."""
    total = sum(messages.values())
    return 100 * sum(messages.get(state, 0) for state in _ENDED) // total if total else 100
