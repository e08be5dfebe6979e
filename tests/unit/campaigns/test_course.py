"""The points of a course."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.course import points

START = datetime(2027, 1, 12, 9, 41, 7, tzinfo=UTC)


@given(st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_points_hold_both_ends_and_are_few(length: timedelta) -> None:
    found = points(START, START + length)
    assert found[0] <= START < found[1]
    assert found[-2] <= START + length < found[-1]
    assert 2 <= len(found) <= 49
    assert len({after - before for before, after in pairwise(found)}) == 1
