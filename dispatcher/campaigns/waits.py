"""What a batch waits for, and how long: before an attempt, and for its next poll or lookup."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate

from dispatcher.window import Hold

#: a wait of at least this (seconds) may be rounded up, so that many batches share a call
_SHARED = 60


class Wait(StrEnum):
    """The waits of a pending batch, each with an instant of its own.

    The batch waits for the latest of them. Who changes one leaves the others alone.
    """

    #: the hours of the window and of the campaign; a change of their rules changes this one only
    WINDOW = "window"
    #: a failure, or an answer of the gateway
    RETRY = "retry"
    #: the rate limit
    RATE = "rate"
    #: a cap of the day
    CAP = "cap"
    #: what becomes of people in another campaign, which decides whether they are left out
    OTHERS = "others"
    #: the pace of a smoothed campaign, which gives it an instant of its own
    PACE = "pace"


@dataclass(frozen=True)
class BatchHold(Hold):
    """What a batch waits for: ``wait`` is the wait that ends last, None for a hand-over."""

    wait: Wait | None = None
    #: the batch's number within its campaign
    number: int = 0


@dataclass(frozen=True, slots=True)
class Waits:
    """What decides how long a batch waits: the settings' intervals (seconds), and the window."""

    poll_intervals: Sequence[int]
    settle_intervals: Sequence[int]
    #: for a territory and an instant: the first opening of the window after the present one
    #: closes, or after the instant if it is closed then; None if there is none
    next_opening: Callable[[str, datetime], datetime | None]

    def first_poll(self, now: datetime) -> datetime:
        """When a batch that was sent ``now`` is polled for the first time."""
        return after(now, self.poll_intervals, 0)

    def first_lookup(self, now: datetime) -> datetime:
        """When a batch in doubt since ``now`` is looked up for the first time."""
        return after(now, self.settle_intervals, 0)


def backoff(tries: int, *, first: float = 5, longest: float = 300) -> float:
    """Seconds to wait after the ``tries``-th failure in a row: doubling up to ``longest``."""
    return float(min(longest, first * 2 ** min(tries, 16)))


def interval(intervals: Sequence[int], done: int) -> int:
    """Seconds until the next poll or lookup after ``done`` of them; the last interval repeats."""
    return intervals[min(done, len(intervals) - 1)]


def after(now: datetime, intervals: Sequence[int], done: int) -> datetime:
    """When the next poll or lookup is due after ``done`` of them."""
    return now + timedelta(seconds=interval(intervals, done))


def next_poll(now: datetime, intervals: Sequence[int], done: int) -> datetime:
    """When to poll a batch again that has been polled ``done`` times.

    A wait of a minute or more is rounded up to a multiple of a quarter of itself, so that the
    last few numbers of many batches share one call.
    """
    wait = interval(intervals, done)
    at = now + timedelta(seconds=wait)
    if wait < _SHARED:
        return at
    return at + timedelta(seconds=-at.timestamp() % (wait // 4))


def rounds(intervals: Sequence[int], age: float) -> int:
    """How many of the intervals have passed for a batch that was sent ``age`` seconds ago."""
    return sum(due <= age for due in accumulate(intervals))
