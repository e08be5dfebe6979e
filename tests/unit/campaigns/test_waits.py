from __future__ import annotations

import pytest

from dispatcher.campaigns.waits import backoff, interval, rounds


def test_backoff_after_more_failures_doubles_up_to_its_longest() -> None:
    assert [backoff(tries) for tries in range(8)] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert backoff(10**9) == 300


def test_interval_past_the_end_repeats_the_last_one() -> None:
    assert [interval((10, 30, 60), done) for done in range(5)] == [10, 30, 60, 60, 60]


@pytest.mark.parametrize(
    ("age", "over"),
    [(-5, 0), (0, 0), (9.9, 0), (10, 1), (39.5, 1), (40, 2), (99, 2), (100, 3), (9999, 3)],
)
def test_rounds_counts_the_intervals_that_an_age_has_passed(age: float, over: int) -> None:
    assert rounds((10, 30, 60), age) == over
