from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.caps import Caps, Day, Usage, caps_of, day_after, day_of, usage_of
from dispatcher.campaigns.forecast import forecast
from dispatcher.settings import Settings
from dispatcher.window import Windows

PARIS = ZoneInfo("Europe/Paris")
MORNING = datetime(2026, 11, 24, 10, tzinfo=PARIS)
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 12, 31)).map(  # noqa: DTZ001
    lambda naive: naive.replace(tzinfo=UTC)
)


@given(INSTANTS)
def test_days_follow_the_clock_of_paris_without_gaps(at: datetime) -> None:
    begins, ends = day_of(at), day_after(at)
    assert begins <= at < ends
    assert begins.astimezone(PARIS).date() == at.astimezone(PARIS).date()
    assert day_of(ends) == ends
    assert day_after(begins) == ends
    assert timedelta(hours=23) <= ends - begins <= timedelta(hours=25)


def test_days_on_which_clocks_change_have_23_and_25_hours() -> None:
    for day, hours in ((datetime(2027, 3, 28, 12), 23), (datetime(2027, 10, 31, 12), 25)):  # noqa: DTZ001
        at = day.replace(tzinfo=PARIS)
        assert day_after(at) - day_of(at) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("usage", "cap"),
    [
        (Usage(10, Decimal(5)), ""),
        (Usage(11, Decimal(5)), "10 messages"),
        (Usage(10, Decimal("5.0001")), "5 €"),
        (Usage(1, Decimal(0), "mayotte"), "5 €"),
    ],
)
def test_usage_over_a_cap_names_the_cap(usage: Usage, cap: str) -> None:
    assert Caps("day", 10, Decimal(5)).broken_by(usage) == cap


def test_without_caps_nothing_is_exceeded() -> None:
    campaign, day = caps_of(Settings.of())
    assert not campaign.set
    assert not day.set
    assert day.broken_by(Usage(10**9, Decimal(10**9), "mayotte")) == ""
    assert day.reasons == []


def test_usage_of_a_plan_sums_exact_prices() -> None:
    prices = {"metropole": Decimal("0.0451")}
    assert usage_of(3, {"metropole": 3}, prices) == Usage(3, Decimal("0.1353"))
    assert usage_of(4, {"metropole": 3, "mayotte": 1}, prices).unpriced == "mayotte"


def test_room_of_a_day_is_what_its_caps_leave() -> None:
    day = Caps("day", 10, Decimal(1))
    assert day.room(Usage(4, Decimal("0.5")), Decimal("0.06")) == (6, 8)
    most = day.room(Usage(4), Decimal(0))
    assert most[0] == 6
    assert most[1] > 10**9


# -- the forecast of a day with caps


def leaves(
    sizes: list[int], *, left: int = 0, at: datetime = MORNING, **options: Any
) -> list[tuple[str, int, str]]:
    day = Day(Caps("day", 1000, None), at, Usage(left))
    departures = forecast({"metropole": sizes}, start=at, rate=1, day=day, **options).departures
    return [
        (f"{one.starts.astimezone(PARIS):%a %H:%M}", one.messages, one.why) for one in departures
    ]


def test_batch_over_the_daily_cap_leaves_at_the_next_opening() -> None:
    assert leaves([500, 500], left=300, windows=Windows()) == [
        ("Tue 10:00", 500, ""),
        ("Wed 08:00", 500, "daily cap of 1,000 messages reached"),
    ]
    saturday = datetime(2027, 3, 27, 10, tzinfo=PARIS)
    assert leaves([500], left=501, at=saturday, windows=Windows()) == [
        ("Tue 08:00", 500, "daily cap of 1,000 messages reached"),
    ]


def test_smaller_batch_leaves_today_if_the_day_has_room_for_it() -> None:
    assert leaves([500, 400, 400, 100], windows=Windows()) == [
        ("Tue 10:00", 1000, ""),
        ("Wed 08:00", 400, "daily cap of 1,000 messages reached"),
    ]


def test_batch_over_the_daily_cap_without_a_window_leaves_at_midnight() -> None:
    assert leaves([500], left=501, windows=None) == [
        ("Wed 00:00", 500, "daily cap of 1,000 messages reached")
    ]


def test_batch_larger_than_a_daily_cap_does_not_wait() -> None:
    assert leaves([1001], windows=None) == [("Tue 10:00", 1001, "")]


def test_forecast_waits_for_the_next_day_when_euros_are_used_up() -> None:
    day = Day(Caps("day", None, Decimal(50)), MORNING, Usage(0))
    costs = {"metropole": [Decimal(25), Decimal(20), Decimal(20)]}
    sizes = {"metropole": [500, 400, 400]}
    planned = forecast(sizes, start=MORNING, rate=1, windows=Windows(), day=day, euros=costs)
    assert [one.messages for one in planned.departures] == [900, 400]
    assert planned.departures[1].why == "daily cap of 50 € reached"
