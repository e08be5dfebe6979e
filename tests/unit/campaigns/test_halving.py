"""Whom the next attempt carries after a call was refused because of some number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.halving import HALVED, NAMED, REFUSED, Carried, part


def carried(number: int, outcome: str | None, *positions: int) -> Carried:
    return Carried(number, outcome, f"tag{number}", frozenset(positions) or None)


@pytest.mark.parametrize(
    ("attempts", "next_part"),
    [
        pytest.param([], [0, 1, 2, 3], id="the first"),
        pytest.param([carried(1, "not_sent")], [0, 1, 2, 3], id="nothing was refused"),
        pytest.param([carried(1, HALVED)], [0, 1], id="all of it: the first half"),
        pytest.param([carried(2, HALVED)], [2, 3], id="all of it: the second half"),
        pytest.param([carried(3, HALVED, 1, 2, 3, 7)], [1, 2], id="those of it who wait"),
        pytest.param(
            [carried(1, HALVED), carried(2, "throttled", 0, 1)], [0, 1], id="asked to wait"
        ),
        pytest.param([carried(1, HALVED, 3)], [3], id="one is left"),
        pytest.param([carried(1, HALVED, 8, 9)], [0, 1, 2, 3], id="none of it waits"),
        pytest.param([carried(1, HALVED), carried(2, NAMED)], [0, 1, 2, 3], id="named meanwhile"),
        pytest.param([carried(1, HALVED), carried(2, REFUSED, 9)], [0, 1, 2, 3], id="found"),
        pytest.param([carried(2, REFUSED, 9), carried(1, HALVED)], [0, 1, 2, 3], id="any order"),
        pytest.param([carried(n, REFUSED, 4 + n) for n in (1, 2)], [0], id="two found in a row"),
        pytest.param(
            [carried(1, REFUSED, 5), carried(2, "sent", 6), carried(3, REFUSED, 7)],
            [0, 1, 2, 3],
            id="one taken between two found",
        ),
    ],
)
def test_refused_calls_say_whom_the_next_carries(
    attempts: list[Carried], next_part: list[int]
) -> None:
    assert list(part(range(4), attempts)) == next_part


@given(st.sets(st.integers(0, 39), max_size=40), st.integers(1, 40))
def test_gateway_that_takes_all_but_some_is_asked_until_all_are_sorted(
    bad: set[int], size: int
) -> None:
    waiting, attempts, condemned = set(range(size)), list[Carried](), set[int]()
    while waiting:
        now = part(sorted(waiting), attempts)
        assert now
        assert waiting.issuperset(now)
        if bad.isdisjoint(now):
            outcome = "sent"
            waiting -= set(now)
        elif len(now) > 1:
            outcome = HALVED
        else:
            outcome = REFUSED
            waiting -= set(now)
            condemned |= set(now)
        attempts.append(carried(len(attempts) + 1, outcome, *now))
        assert len(attempts) <= 10 * (len(bad) + 1)
    assert condemned == bad & set(range(size))
