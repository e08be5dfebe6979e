from __future__ import annotations

import threading

import pytest

from dispatcher.campaigns.outcome import (
    Blocked,
    Closed,
    InDoubt,
    MessageResults,
    NotSent,
    Outcome,
    Refused,
    Sent,
    name_of,
)
from dispatcher.dispatch.call_counts import BOUNDS, UNREACHABLE, VERDICTS, CallCounts


def test_new_counts_have_every_outcome_at_zero() -> None:
    outcomes: list[Outcome] = [
        Sent("1", MessageResults()),
        InDoubt("lost"),
        Refused(9, "invalid"),
        Blocked("no credit"),
        Closed("Sunday"),
        NotSent("asleep"),
        NotSent("wait", answered=True),
    ]
    assert {name_of(outcome) for outcome in outcomes} == set(VERDICTS) - {UNREACHABLE}
    assert CallCounts().counts().verdicts == dict.fromkeys(VERDICTS, 0)


@pytest.mark.parametrize(
    ("seconds", "first"), [(0.0, 0), (0.05, 0), (0.051, 1), (60.0, len(BOUNDS) - 1)]
)
def test_call_counts_in_every_bound_not_below_its_length(seconds: float, first: int) -> None:
    calls = CallCounts()
    calls.count("sent", seconds)
    assert calls.counts().within == tuple(int(n >= first) for n in range(len(BOUNDS) + 1))


def test_call_beyond_every_bound_counts_in_the_total_only() -> None:
    calls = CallCounts()
    calls.count("in_doubt", 61)
    counts = calls.counts()
    assert counts.within == (*[0] * len(BOUNDS), 1)
    assert counts.seconds == 61


def test_outcome_without_a_call_has_no_length() -> None:
    calls = CallCounts()
    calls.count(UNREACHABLE)
    assert calls.counts().within[-1] == 0
    assert calls.counts().verdicts[UNREACHABLE] == 1


def test_many_threads_lose_no_count() -> None:
    calls = CallCounts()
    at_once = threading.Barrier(4)

    def count() -> None:
        at_once.wait()
        for _ in range(1000):
            calls.count("sent", 0.1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls.counts().verdicts["sent"] == calls.counts().within[-1] == 4000
