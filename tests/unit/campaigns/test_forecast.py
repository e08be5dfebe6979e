from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.campaigns.forecast import Forecast, forecast
from dispatcher.window import NeverOpen, Windows

PARIS = ZoneInfo("Europe/Paris")
WINDOWS = Windows()
#: a Tuesday, ten hours before closing
MORNING = datetime(2026, 11, 24, 10, tzinfo=PARIS)
#: before a Sunday and Easter Monday, half an hour before closing
SATURDAY = datetime(2027, 3, 27, 19, 30, tzinfo=PARIS)
EASTER = "Sunday, Easter Monday"


def told(forecast: Forecast, zone: ZoneInfo = PARIS) -> list[tuple[str, str, int, str]]:
    """Each departure as (territory, start on a clock, messages, why)."""
    return [
        (one.territory, f"{one.starts.astimezone(zone):%a %H:%M}", one.messages, one.why)
        for one in forecast.departures
    ]


def test_open_window_starts_at_once() -> None:
    leaves = forecast({"metropole": [500, 500, 20]}, start=MORNING, rate=1, windows=WINDOWS)

    assert told(leaves) == [("metropole", "Tue 10:00", 1020, "")]
    assert leaves.starts == MORNING
    assert leaves.ends == MORNING + timedelta(seconds=3)
    assert leaves.reported == MORNING + timedelta(seconds=3, hours=48)
    assert (leaves.late, leaves.rate) == (0, 1)


def test_batches_after_closing_wait_for_the_next_opening_with_the_reason() -> None:
    # one batch in a minute: 29 leave before the guard of the last minute, 11 do not
    leaves = forecast({"metropole": [500] * 40}, start=SATURDAY, rate=1 / 60, windows=WINDOWS)

    assert told(leaves) == [
        ("metropole", "Sat 19:30", 15_000, ""),
        ("metropole", "Tue 08:00", 5000, EASTER),
    ]


def test_closed_window_starts_at_the_next_opening() -> None:
    evening = SATURDAY + timedelta(hours=1)

    leaves = forecast({"metropole": [7]}, start=evening, rate=5, windows=WINDOWS)

    assert told(leaves) == [("metropole", "Tue 08:00", 7, EASTER)]


def test_not_commercial_plan_ignores_the_window() -> None:
    night = datetime(2027, 3, 28, 3, tzinfo=PARIS)

    assert told(forecast({"metropole": [7]}, start=night, rate=5, windows=None)) == [
        ("metropole", "Sun 03:00", 7, "")
    ]


def test_open_territories_take_turns_and_do_not_wait_for_a_closed_one() -> None:
    groups = {"metropole": [500, 500], "la-reunion": [400], "guadeloupe": [300]}

    # 10:00 in Paris is 13:00 in La Réunion and 05:00 in Guadeloupe
    leaves = forecast(groups, start=MORNING, rate=1, windows=WINDOWS)

    assert told(leaves) == [
        ("metropole", "Tue 10:00", 1000, ""),
        ("la-reunion", "Tue 10:00", 400, ""),
        ("guadeloupe", "Tue 13:00", 300, "before 08:00 in Guadeloupe"),
    ]
    assert leaves.leaves["metropole"] == [MORNING, MORNING + timedelta(seconds=2)]
    assert leaves.leaves["la-reunion"] == [MORNING + timedelta(seconds=1)]


def test_territory_that_opened_first_leaves_first_as_the_queue_has_it() -> None:
    groups = {"metropole": [500, 500], "la-reunion": [400, 400]}

    # closed at 07:00; La Réunion waits for Paris, too, and closes at 17:00 there
    leaves = forecast(groups, start=MORNING - timedelta(hours=16), rate=1 / 3600, windows=WINDOWS)

    assert told(leaves) == [
        ("metropole", "Mon 18:00", 1000, ""),
        ("la-reunion", "Tue 08:00", 800, "after 20:00 in La Réunion"),
    ]


def test_batches_that_may_leave_together_leave_by_number() -> None:
    groups = {"metropole": [500, 500], "alsace-moselle": [100, 100]}
    numbers = {"metropole": [2, 4], "alsace-moselle": [1, 3]}

    leaves = forecast(groups, start=MORNING, rate=1, windows=WINDOWS, numbers=numbers)

    second = timedelta(seconds=1)
    assert leaves.leaves == {
        "metropole": [MORNING + second, MORNING + 3 * second],
        "alsace-moselle": [MORNING, MORNING + 2 * second],
    }


def test_round_ends_when_the_window_closes() -> None:
    groups = {"metropole": [500], "alsace-moselle": [500]}

    # one batch in forty minutes: the second would leave at 20:10
    leaves = forecast(groups, start=SATURDAY, rate=1 / 2400, windows=WINDOWS)

    assert told(leaves) == [
        ("metropole", "Sat 19:30", 500, ""),
        ("alsace-moselle", "Tue 08:00", 500, EASTER),
    ]


def test_round_ends_at_not_after() -> None:
    leaves = forecast(
        {"metropole": [500], "alsace-moselle": [400]},
        start=MORNING,
        rate=1 / 2400,
        windows=WINDOWS,
        not_after=MORNING + timedelta(minutes=30),
    )

    assert told(leaves) == [("metropole", "Tue 10:00", 500, "")]
    assert leaves.late == 400


def test_batches_after_not_after_are_late_and_have_no_departure() -> None:
    leaves = forecast(
        {"metropole": [500] * 40},
        start=SATURDAY,
        rate=1 / 60,
        windows=WINDOWS,
        not_after=SATURDAY + timedelta(days=1),
    )

    assert told(leaves) == [("metropole", "Sat 19:30", 15_000, "")]
    assert leaves.late == 5000
    assert leaves.leaves["metropole"][30:] == [None] * 10
    assert None not in leaves.leaves["metropole"][:30]


def test_start_in_another_time_zone_gives_a_forecast_in_utc() -> None:
    leaves = forecast({"metropole": [1]}, start=MORNING, rate=1, windows=WINDOWS)

    assert [leaves.starts, leaves.ends, *leaves.leaves["metropole"]] == [
        MORNING,
        MORNING + timedelta(seconds=1),
        MORNING,
    ]
    assert leaves.starts is not None
    assert leaves.starts.tzinfo is UTC


def test_empty_plan_has_no_departure() -> None:
    leaves = forecast({"metropole": []}, start=MORNING, rate=1, windows=WINDOWS)

    assert (leaves.departures, leaves.starts, leaves.ends, leaves.reported) == (
        (),
        None,
        None,
        None,
    )


def test_clocks_without_a_shared_opening_raise_never_open() -> None:
    summer = datetime(2027, 6, 15, 10, tzinfo=PARIS)

    with pytest.raises(NeverOpen):
        forecast({"polynesie-francaise": [1]}, start=summer, rate=1, windows=WINDOWS)


@settings(max_examples=60)
@given(
    sizes=st.dictionaries(
        st.sampled_from(["metropole", "la-reunion", "martinique", "alsace-moselle"]),
        st.lists(st.integers(1, 500), max_size=30),
        max_size=4,
    ),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    rate=st.floats(1e-3, 100),
    hours=st.none() | st.integers(1, 200),
)
def test_any_message_leaves_in_an_opening_or_is_late(
    sizes: dict[str, list[int]], start: datetime, rate: float, hours: int | None
) -> None:
    deadline = None if hours is None else start + timedelta(hours=hours)
    leaves = forecast(sizes, start=start, rate=rate, windows=WINDOWS, not_after=deadline)

    gone = sum(departure.messages for departure in leaves.departures)
    assert gone + leaves.late == sum(map(sum, sizes.values()))
    for departure in leaves.departures:
        assert start <= departure.starts < departure.ends
        assert WINDOWS.hold(departure.starts, departure.territory) is None
    for instants in leaves.leaves.values():
        leaving = [at for at in instants if at is not None]
        assert leaving == sorted(leaving)
