"""Smoothing: its pace, who is in which batch, and when each batch may first leave."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher import InvalidCampaign
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.draft import checked_options
from dispatcher.campaigns.paced_batches import Ordered, PacedBatches, PacedHold, holds, open_time
from dispatcher.campaigns.schedule import Schedule
from dispatcher.campaigns.smoothing import (
    MOST_AN_HOUR,
    TOLERANCE,
    Smoothing,
    free_at,
    merged,
    shown,
    smoothing_of,
    too_fast,
)
from dispatcher.campaigns.submission import Submission
from dispatcher.window import Hold, Windows

PARIS = ZoneInfo("Europe/Paris")
WINDOWS = Windows()
#: a Tuesday
MORNING = datetime(2026, 11, 24, 10, tzinfo=PARIS)
HOUR = timedelta(hours=1)


def planned(*phones: str, territory: str = "metropole", kind: int = 0) -> PlannedBatch:
    messages = tuple((phone, f'{{"n":"{phone[-2:]}"}}') for phone in phones)
    rows = tuple(range(len(phones)))
    keys = tuple(f"key {phone}" for phone in phones)
    return PlannedBatch(territory, messages, (1,) * len(phones), keys, (), rows, kind)


def numbers(count: int, start: int = 0) -> list[str]:
    return [f"+3363998{number:04d}" for number in range(start, start + count)]


def held(
    sizes: Sequence[tuple[str, int]],
    pace: float,
    start: datetime = MORNING,
    windows: Windows | None = WINDOWS,
) -> list[PacedHold]:
    def first(territory: str) -> Hold:
        hold = None if windows is None else windows.hold(start, territory)
        return hold or Hold(start, "")

    return holds(sizes, start=start, pace=pace, windows=windows, first=first)


def submission(**options: Any) -> Submission:
    return Submission(reference="soldes", text="Soldes", **options)


# -- what may be asked for


def test_limit_and_duration_give_a_pace() -> None:
    assert smoothing_of(None, None) is None
    # below the limit by what a late batch may add to an hour
    assert Smoothing(per_hour=2020).pace(50_000) == 2000
    assert Smoothing(over=6 * 3600).pace(3000) == 500
    assert smoothing_of(None, timedelta(hours=6)) == smoothing_of(None, 21_600)


@pytest.mark.parametrize(
    ("smoothing", "kept", "call_size", "size"),
    [
        (Smoothing(per_hour=2000), 50_000, 500, 166),  # five minutes
        (Smoothing(per_hour=100_000), 50_000, 500, 500),  # the most of a call
        (Smoothing(per_hour=2000), 50_000, 1, 1),  # a long number
        (Smoothing(per_hour=1), 3, 500, 1),
        (Smoothing(over=21_600), 3, 500, 1),
    ],
)
def test_batch_has_the_messages_of_five_minutes(
    smoothing: Smoothing, kept: int, call_size: int, size: int
) -> None:
    assert smoothing.size(kept, call_size) == size


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"per_hour": 0}, "per_hour is 1 to 1,000,000 messages"),
        ({"per_hour": 10**9}, "per_hour is 1 to 1,000,000 messages"),
        ({"per_hour": 2.5}, "per_hour is a whole number of messages: 2000"),
        ({"per_hour": True}, "per_hour is a whole number of messages: 2000"),
        ({"over": timedelta(seconds=59)}, "over is a duration of 1 minute to 31 days"),
        ({"over": timedelta(days=32)}, "over is a duration of 1 minute to 31 days"),
        ({"over": 10**30}, "over is a duration of 1 minute to 31 days"),
        ({"over": "6h"}, "over is a duration of 1 minute to 31 days"),
        ({"per_hour": 5, "over": HOUR}, "by per_hour or by over, not by both"),
        ({"per_hour": 5, "hand_over": True, "not_before": MORNING}, "it cannot be smoothed"),
    ],
)
def test_unusable_smoothing_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidCampaign, match=says):
        submission(**options)


def test_smoothing_is_part_of_what_was_submitted() -> None:
    plain = submission().fingerprint("the list")
    slow = submission(per_hour=2000).fingerprint("the list")
    assert len({plain, slow, submission(per_hour=2001).fingerprint("the list")}) == 3
    assert submission(over=HOUR).fingerprint("the list") == submission(over=3600).fingerprint(
        "the list"
    )


def test_draft_has_one_spelling_of_a_duration() -> None:
    assert checked_options({"over": HOUR, "per_hour": None}) == {"over": 3600}
    assert checked_options({"per_hour": 10}) == {"per_hour": 10}


def test_one_kind_of_smoothing_takes_the_place_of_the_other() -> None:
    before = {"per_hour": 100, "tags": ("a",)}
    assert merged(before, {"over": 60}) == {"over": 60, "tags": ("a",)}
    assert merged({"over": 60}, {"per_hour": 5}) == {"per_hour": 5}
    assert merged(before, {"tags": ("b",)}) == {"per_hour": 100, "tags": ("b",)}
    assert merged(before, {"per_hour": None}) == {"per_hour": None, "tags": ("a",)}


def test_endless_campaign_is_refused() -> None:
    Smoothing(per_hour=100).check(7_000)
    with pytest.raises(InvalidCampaign, match="50,000 messages take 5,050 opening hours"):
        Smoothing(per_hour=10).check(50_000)
    Smoothing(over=31 * 86_400).check(7)


@pytest.mark.parametrize(
    ("ahead", "free"),
    [
        (timedelta(0), timedelta(0)),
        # a batch of five minutes was armed by a clock that is a little ahead
        (timedelta(minutes=9), timedelta(minutes=9)),
        (timedelta(minutes=11), timedelta(minutes=5)),
        (timedelta(days=400), timedelta(minutes=5)),
        (timedelta(hours=-3), timedelta(hours=-3)),
    ],
)
def test_pace_is_at_most_a_batch_ahead(ahead: timedelta, free: timedelta) -> None:
    assert free_at(MORNING + ahead, MORNING, pace=1200) == MORNING + free


def test_pace_of_less_than_a_message_in_five_minutes_is_a_message_ahead() -> None:
    assert free_at(MORNING + HOUR, MORNING, pace=1) == MORNING + HOUR
    assert free_at(MORNING + 2 * HOUR, MORNING, pace=1) == MORNING + HOUR


# -- who is in which batch


def test_people_are_in_the_same_order_whatever_the_order_of_the_list() -> None:
    phones = numbers(100)
    once = [*Ordered([planned(*phones)]).cut(10)]
    again = [*Ordered([planned(*phones[50:][::-1]), planned(*phones[:50])]).cut(10)]
    assert [one.messages for one in once] == [one.messages for one in again]
    assert sorted(phone for one in once for phone, _ in one.messages) == phones
    assert [len(one.messages) for one in once] == [10] * 10
    # and not in that of the list
    assert [phone for one in once for phone, _ in one.messages] != phones


def test_list_waits_packed_until_it_is_read() -> None:
    """A million people must not take half a gigabyte."""
    people = 50_000
    listed = (planned(*numbers(500, start)) for start in range(0, people, 500))
    paced = PacedBatches(Smoothing(per_hour=MOST_AN_HOUR), 500)
    tracemalloc.start()
    try:
        count = sum(len(batch.messages) for batch in paced.cut(listed))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == people
    assert peak < 200 * people


def test_what_belongs_to_a_person_stays_with_the_person() -> None:
    [batch] = Ordered([planned(*numbers(5)), planned(*numbers(5, 5))]).cut(500)
    for (phone, fields), key, row in zip(batch.messages, batch.keys, batch.rows, strict=True):
        assert fields == f'{{"n":"{phone[-2:]}"}}'
        assert key == f"key {phone}"
        assert row == int(phone[-4:]) % 5


def test_batch_has_one_territory_and_one_kind() -> None:
    batches = [
        planned(*numbers(30)),
        planned(*numbers(30, 30), kind=1),
        planned(*numbers(30, 60), territory="la-reunion"),
    ]
    found = [*Ordered(batches).cut(8)]
    kinds = {phone: (one.territory, one.kind) for one in batches for phone, _ in one.messages}
    for batch in found:
        assert {kinds[phone] for phone, _ in batch.messages} == {(batch.territory, batch.kind)}
    assert sum(len(one.messages) for one in found) == 90


# -- when each may leave


def test_batches_leave_evenly() -> None:
    found = held([("metropole", 100)] * 4, pace=1200)
    assert [one.until - MORNING for one in found] == [n * timedelta(minutes=5) for n in range(4)]
    assert [one.why for one in found] == ["", "smoothed", "smoothed", "smoothed"]


def test_closing_moves_the_rest_to_the_next_opening_at_the_same_pace() -> None:
    evening = datetime(2026, 11, 28, 19, 52, tzinfo=PARIS)  # a Saturday
    found = held([("metropole", 100)] * 4, pace=1200, start=evening)
    assert [f"{one.until.astimezone(PARIS):%a %H:%M}" for one in found] == [
        "Sat 19:52",
        "Sat 19:57",
        "Mon 08:00",
        "Mon 08:05",
    ]
    assert found[2].why == "Sunday"


def test_territories_share_the_pace_in_the_order_of_their_batches() -> None:
    sizes = [("metropole", 100), ("la-reunion", 100), ("metropole", 100)]
    found = held(sizes, pace=1200)
    assert [one.until - MORNING for one in found] == [n * timedelta(minutes=5) for n in range(3)]


def test_messages_of_any_hour_go_on_at_night() -> None:
    night = datetime(2026, 11, 24, 23, tzinfo=PARIS)
    found = held([("metropole", 100)] * 3, pace=100, start=night, windows=None)
    assert [one.until - night for one in found] == [n * HOUR for n in range(3)]


@given(
    sizes=st.lists(
        st.tuples(
            st.sampled_from(["metropole", "la-reunion", "martinique"]),
            st.integers(min_value=1, max_value=50),
        ),
        min_size=1,
        max_size=60,
    ),
    per_hour=st.integers(min_value=20, max_value=500),
    hours=st.integers(0, 364 * 24),
    lateness=st.lists(st.floats(0, TOLERANCE.total_seconds()), min_size=60, max_size=60),
)
def test_no_hour_has_more_than_the_limit_and_one_batch(
    sizes: list[tuple[str, int]], per_hour: int, hours: int, lateness: list[float]
) -> None:
    start = datetime(2027, 1, 1, tzinfo=PARIS) + hours * HOUR
    found = held(sizes, Smoothing(per_hour=per_hour).pace(0), start)
    left = sorted(
        (hold.until + timedelta(seconds=late), messages)
        for hold, late, (_, messages) in zip(found, lateness, sizes, strict=False)
    )
    for number, (at, _) in enumerate(left):
        hour = [messages for other, messages in left[number:] if other < at + HOUR]
        assert sum(hour) <= per_hour + max(hour)
    for hold, (territory, _) in zip(found, sizes, strict=True):
        assert WINDOWS.hold(hold.until, territory) is None


def test_batches_are_counted_once_the_list_is_read() -> None:
    paced = PacedBatches(Smoothing(over=3600), 500)
    assert [*paced.cut([])] == []
    found = [*paced.cut([planned(*numbers(24))])]
    assert (paced.pace, paced.per_hour) == (24, 24)
    assert len(found) == 12
    first = WINDOWS.hold(MORNING, "metropole") or Hold(MORNING, "")
    scheduled = [*paced.scheduled(found, start=MORNING, windows=WINDOWS, first=lambda _: first)]
    assert [hold.until - MORNING for _, hold in scheduled] == [
        n * timedelta(minutes=5) for n in range(12)
    ]


# -- whether it fits


def test_open_time_is_that_of_the_window() -> None:
    friday = datetime(2026, 11, 27, 18, tzinfo=PARIS)
    monday = datetime(2026, 11, 30, 9, tzinfo=PARIS)
    assert open_time(WINDOWS, "metropole", friday, monday) == timedelta(hours=2 + 12 + 1)
    assert open_time(WINDOWS, "metropole", monday, friday) == timedelta(0)


def test_duration_that_is_longer_than_the_opening_hours_is_refused() -> None:
    evening = MORNING.replace(hour=17, minute=30)
    options = {"over": 6 * HOUR, "not_before": evening, "not_after": evening + 4 * HOUR}
    schedule = Schedule(submission(**options), WINDOWS, MORNING)
    with pytest.raises(
        InvalidCampaign,
        match=r"over 6 h does not fit: before not_after, Tuesday 2026-11-24 21:30 in Paris, only"
        r" 2 h 30 min are open",
    ):
        schedule.check_smoothing()
    Schedule(
        submission(**options | {"over": timedelta(minutes=150)}), WINDOWS, MORNING
    ).check_smoothing()
    Schedule(
        submission(**options | {"commercial": False, "over": 4 * HOUR}), WINDOWS, MORNING
    ).check_smoothing()


def test_too_fast_a_rate_is_told_with_one_that_fits() -> None:
    assert too_fast(None, 100, 50) == []
    assert too_fast(Smoothing(per_hour=2000), 50_000, 0) == []
    assert too_fast(Smoothing(over=3600), 50_000, 10) == []
    [says] = too_fast(Smoothing(per_hour=2000), 50_000, 30_000)
    assert "too short for 2,000 messages an hour: about 5,000 an hour would fit" in says


def test_durations_are_shown_in_hours_and_minutes() -> None:
    assert [shown(timedelta(minutes=n)) for n in (0, 5, 60, 150)] == [
        "0 min",
        "5 min",
        "1 h",
        "2 h 30 min",
    ]
