"""The window against a calendar of its own: own Easter, own clock changes, own list of days."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.window import CommercialWindow, NeverOpen, Windows

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
GUARD = timedelta(seconds=60)

# territory -> hours ahead of UTC; the two that change their clocks are told below
AHEAD = {
    "metropole": 1,
    "alsace-moselle": 1,
    "guadeloupe": -4,
    "saint-martin": -4,
    "saint-barthelemy": -4,
    "martinique": -4,
    "guyane": -3,
    "la-reunion": 4,
    "mayotte": 3,
    "saint-pierre-et-miquelon": -3,
    "nouvelle-caledonie": 11,
    "polynesie-francaise": -10,
    "wallis-et-futuna": 12,
}
NATIONAL = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]
NATIONAL_FROM_EASTER = [1, 39, 50]  # Easter Monday, Ascension, Whit Monday
OWN = {
    "alsace-moselle": [(12, 26)],
    "guadeloupe": [(5, 27), (7, 21)],
    "saint-martin": [(5, 28), (7, 21)],
    "saint-barthelemy": [(10, 9)],
    "martinique": [(5, 22), (7, 21)],
    "guyane": [(6, 10)],
    "la-reunion": [(12, 20)],
    "mayotte": [(4, 27)],
    "nouvelle-caledonie": [(9, 24)],
    "polynesie-francaise": [(3, 5)],
    "wallis-et-futuna": [(4, 28), (6, 29), (7, 29)],
}
OWN_FROM_EASTER = {
    "alsace-moselle": [-2],  # Good Friday
    "guadeloupe": [-24, -2],  # mid-Lent, Good Friday
    "martinique": [-2],
    "polynesie-francaise": [-2],
}


def easter(year: int) -> date:
    """Easter Sunday by the golden number and the epact."""
    golden, century = year % 19 + 1, year // 100 + 1
    skipped = 3 * century // 4 - 12
    epact = (11 * golden + 20 + (8 * century + 5) // 25 - 5 - skipped) % 30
    if epact == 24 or (epact == 25 and golden > 11):
        epact += 1
    moon = 44 - epact
    if moon < 21:
        moon += 30
    sunday = moon + 7 - (5 * year // 4 - skipped - 10 + moon) % 7
    return date(year, 3, 1) + (sunday - 1) * DAY


@cache
def holidays_of(territory: str, year: int) -> frozenset[date]:
    fixed = NATIONAL + OWN.get(territory, [])
    if territory == "polynesie-francaise":
        fixed = [*fixed, (6, 29) if year < 2025 else (11, 20)]
    moving = NATIONAL_FROM_EASTER + OWN_FROM_EASTER.get(territory, [])
    return frozenset([date(year, *day) for day in fixed] + [easter(year) + n * DAY for n in moving])


def sunday_from(day: date) -> date:
    return day + (6 - day.weekday()) % 7 * DAY


def offset(territory: str, day: date) -> timedelta:
    """How far the clock is ahead of UTC during the daytime of ``day``."""
    hours = AHEAD[territory]
    if territory in ("metropole", "alsace-moselle"):
        # last Sundays of March and October
        if sunday_from(date(day.year, 3, 25)) <= day < sunday_from(date(day.year, 10, 25)):
            hours += 1
    elif territory == "saint-pierre-et-miquelon" and (
        # second Sunday of March, first of November
        sunday_from(date(day.year, 3, 8)) <= day < sunday_from(date(day.year, 11, 1))
    ):
        hours += 1
    return timedelta(hours=hours)


Opening = tuple[datetime, datetime]


@cache
def openings(territory: str, first: int = 2024, last: int = 2032) -> list[Opening]:
    """All openings of the years, with some days more on both sides."""
    found, day = [], date(first, 1, 1) - 10 * DAY
    while day < date(last + 1, 1, 1) + 400 * DAY:
        if day.weekday() != 6 and day not in holidays_of(territory, day.year):
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - offset(territory, day)
            found.append((midnight + timedelta(hours=8), midnight + timedelta(hours=20)))
        day += DAY
    return found


def shared(left: list[Opening], right: list[Opening], guard: timedelta) -> list[Opening]:
    """What two lists of openings have in common, where it is at least the guard."""
    found, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end and end - start >= guard:
            found.append((start, end))
        if left[i][1] <= right[j][1]:
            i += 1
        else:
            j += 1
    return found


def instants(first: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    while first < end:
        yield first
        first += step


def check(window: CommercialWindow, at: datetime, opens: datetime) -> None:
    assert window.is_open(at) is (opens <= at), at
    assert window.next_open(at) == max(at, opens), at


def test_easter_equals_its_published_dates() -> None:
    known = ["2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2028-04-16", "2029-04-01"]
    assert [easter(2024 + n).isoformat() for n in range(6)] == known


@pytest.mark.parametrize("territory", AHEAD)
def test_window_agrees_with_a_walk_of_nine_years(territory: str) -> None:
    window = CommercialWindow(territory)
    days = openings(territory)
    # a stride of 97 minutes meets every minute of the hour and every hour of the day
    walk = instants(datetime(2024, 1, 1, tzinfo=UTC), datetime(2033, 1, 1, tzinfo=UTC), 97 * MINUTE)
    index = 0
    for at in walk:
        while days[index][1] <= at:
            index += 1
        check(window, at, days[index][0])


@pytest.mark.parametrize("territory", AHEAD)
def test_every_opening_and_closing_of_nine_years_is_exact(territory: str) -> None:
    window = CommercialWindow(territory)
    days = openings(territory)
    for (opens, closes), (later, _) in pairwise(days):
        for before in (MINUTE, MICROSECOND):
            check(window, opens - before, opens)
            check(window, closes - before, opens)
        check(window, opens, opens)
        for after in (timedelta(0), MICROSECOND, MINUTE):
            check(window, closes + after, later)
        assert window.closes_at(opens) == closes


def test_every_minute_of_a_year_agrees_with_a_walk() -> None:
    # 2027: Easter is the Sunday on which the clocks change
    window, days, index = CommercialWindow(), openings("metropole"), 0
    walk = instants(datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC), MINUTE)
    for at in walk:
        while days[index][1] <= at:
            index += 1
        check(window, at, days[index][0])


@pytest.mark.parametrize("territory", AHEAD)
def test_clocks_combined_agree_with_a_walk_of_three_years(territory: str) -> None:
    windows = Windows(guard=GUARD)
    common = shared(openings("metropole"), openings(territory), GUARD)
    last_starts = [end - GUARD + MICROSECOND for _, end in common]
    for at in instants(
        datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC), 461 * MINUTE
    ):
        opens = common[bisect_right(last_starts, at)][0]
        if opens - at > timedelta(days=15):
            with pytest.raises(NeverOpen) as raised:
                windows.hold(at, territory)
            assert raised.value.next_open == opens
            continue
        hold = windows.hold(at, territory)
        assert (hold.until if hold else at) == max(at, opens), at
        if hold and territory != "polynesie-francaise":
            # every other territory shares some time with Paris on each working day
            assert hold.why
            assert "no opening" not in hold.why, at


territories = st.sampled_from(list(AHEAD))
moments = st.integers(0, 76 * 365 * 86_400_000_000).map(
    lambda microseconds: datetime(2024, 1, 1, tzinfo=UTC) + microseconds * MICROSECOND
)


@given(territories, moments)
def test_wait_is_never_longer_than_85_hours(territory: str, at: datetime) -> None:
    window = CommercialWindow(territory)
    opens = window.next_open(at)
    assert timedelta(0) <= opens - at <= timedelta(hours=85)
    assert window.is_open(opens)
    assert window.next_open(opens) == opens


@given(territories, moments, st.timedeltas(timedelta(0), timedelta(days=5)))
def test_later_instant_never_opens_earlier(territory: str, at: datetime, wait: timedelta) -> None:
    window = CommercialWindow(territory)
    assert window.next_open(at) <= window.next_open(at + wait)


@given(territories, moments)
def test_reason_is_given_exactly_when_closed(territory: str, at: datetime) -> None:
    window = CommercialWindow(territory)
    assert bool(window.why(at)) is not window.is_open(at)


@given(territories, moments)
def test_opening_lasts_until_its_closing(territory: str, at: datetime) -> None:
    window = CommercialWindow(territory)
    closes = window.closes_at(window.next_open(at))
    assert window.is_open(closes - MICROSECOND)
    assert not window.is_open(closes)


@given(
    territories,
    moments,
    st.sampled_from(["both", "recipient", "paris"]),
    st.sampled_from(["default", "strict"]),
    st.timedeltas(timedelta(0), timedelta(minutes=30)),
)
def test_hold_ends_at_an_instant_that_may_leave(
    territory: str, at: datetime, clock: str, profile: str, guard: timedelta
) -> None:
    windows = Windows(clock=clock, profile=profile, guard=guard)  # type: ignore[arg-type]
    try:
        hold = windows.hold(at, territory)
    except NeverOpen as refusal:
        assert (clock, territory) == ("both", "polynesie-francaise")
        until = refusal.next_open
    else:
        until = hold.until if hold else at
    assert until is not None
    assert until >= at
    assert windows.hold(until, territory) is None
    assert windows.closes_at(until, territory) - until >= guard


@given(territories, moments, st.integers(0, 20))
def test_closed_days_are_in_order_and_closed(territory: str, at: datetime, count: int) -> None:
    days = Windows(clock="recipient").closed_days_after(at, territory, count)
    assert len(days) == count
    assert [day for day, _ in days] == sorted({day for day, _ in days})
    assert all(day.weekday() == 6 or day in holidays_of(territory, day.year) for day, _ in days)
