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
from dispatcher.dispatch.call_counts import BOUNDS, UNREACHABLE, VERDICTS, Calls


def test_every_outcome_has_its_count_from_the_start() -> None:
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
    assert Calls().tally().verdicts == dict.fromkeys(VERDICTS, 0)


@pytest.mark.parametrize(
    ("seconds", "first"), [(0.0, 0), (0.05, 0), (0.051, 1), (60.0, len(BOUNDS) - 1)]
)
def test_a_call_counts_in_every_bound_that_it_kept(seconds: float, first: int) -> None:
    calls = Calls()
    calls.count("sent", seconds)
    assert calls.tally().within == tuple(int(n >= first) for n in range(len(BOUNDS) + 1))


def test_a_call_beyond_every_bound_counts_in_all_of_them_alone() -> None:
    calls = Calls()
    calls.count("in_doubt", 61)
    tally = calls.tally()
    assert tally.within == (*[0] * len(BOUNDS), 1)
    assert tally.seconds == 61


def test_what_made_no_call_has_no_length() -> None:
    calls = Calls()
    calls.count(UNREACHABLE)
    assert calls.tally().within[-1] == 0
    assert calls.tally().verdicts[UNREACHABLE] == 1


def test_no_count_of_many_threads_is_lost() -> None:
    calls = Calls()
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
    assert calls.tally().verdicts["sent"] == calls.tally().within[-1] == 4000
