from __future__ import annotations

import pytest

from dispatcher.campaigns.waits import backoff, interval, rounds


def test_backoff_doubles_up_to_its_maximum() -> None:
    assert [backoff(tries) for tries in range(8)] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert backoff(10**9) == 300


def test_interval_past_the_end_repeats_the_last() -> None:
    assert [interval((10, 30, 60), done) for done in range(5)] == [10, 30, 60, 60, 60]


@pytest.mark.parametrize(
    ("age", "over"),
    [(-5, 0), (0, 0), (9.9, 0), (10, 1), (39.5, 1), (40, 2), (99, 2), (100, 3), (9999, 3)],
)
def test_age_counts_as_many_rounds_as_intervals_have_passed(age: float, over: int) -> None:
    assert rounds((10, 30, 60), age) == over
