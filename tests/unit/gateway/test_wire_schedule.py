from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.errors import InvalidRequest
from dispatcher.gateway.smspartner.wire.schedule import (
    NOTICE,
    PARIS,
    STEP,
    Slot,
    instant,
    may_cancel,
    next_slot,
    slot,
)

REUNION = timezone(timedelta(hours=4))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(utc(2018, 8, 18, 18), Slot(date(2018, 8, 18), 20, 0), id="captured, summer"),
        pytest.param(utc(2027, 1, 13, 7, 5), Slot(date(2027, 1, 13), 8, 5), id="winter"),
        pytest.param(utc(2027, 1, 13, 23), Slot(date(2027, 1, 14), 0, 0), id="midnight is hour 0"),
        pytest.param(
            datetime(2027, 7, 1, 12, 55, tzinfo=REUNION),
            Slot(date(2027, 7, 1), 10, 55),
            id="another zone",
        ),
        pytest.param(utc(2027, 3, 28, 0, 55), Slot(date(2027, 3, 28), 1, 55), id="before the gap"),
        pytest.param(utc(2027, 3, 28, 1), Slot(date(2027, 3, 28), 3, 0), id="after the gap"),
        pytest.param(utc(2027, 10, 30, 23, 55), Slot(date(2027, 10, 31), 1, 55), id="before twice"),
        pytest.param(utc(2027, 10, 31, 2), Slot(date(2027, 10, 31), 3, 0), id="after twice"),
    ],
)
def test_instant_is_written_in_paris_time(at: datetime, expected: Slot) -> None:
    assert slot(at) == expected


def test_slot_has_documented_fields() -> None:
    assert Slot(date(2027, 2, 3), 8, 5).fields() == {
        "scheduledDeliveryDate": "03/02/2027",
        "time": 8,
        "minute": 5,
    }


def test_midnight_zeros_are_written() -> None:
    # a client that leaves them out cannot schedule on the hour
    assert Slot(date(2027, 2, 3), 0, 0).fields()["time"] == 0
    assert Slot(date(2027, 2, 3), 0, 0).fields()["minute"] == 0


@pytest.mark.parametrize(
    ("at", "why"),
    [
        pytest.param(datetime(2027, 1, 1, 12), "time zone", id="no zone"),  # noqa: DTZ001
        pytest.param(utc(2027, 1, 1, 12, 1), "5 minutes", id="minute 1"),
        pytest.param(utc(2027, 1, 1, 12, 0, 1), "5 minutes", id="second 1"),
        pytest.param(utc(2027, 1, 1, 12, 0, 0, 1), "5 minutes", id="a microsecond"),
        pytest.param(utc(2027, 10, 31, 0), "twice", id="02:00 in summer time"),
        pytest.param(utc(2027, 10, 31, 0, 55), "twice", id="02:55 in summer time"),
        pytest.param(utc(2027, 10, 31, 1), "twice", id="02:00 in winter time"),
        pytest.param(utc(2027, 10, 31, 1, 55), "twice", id="02:55 in winter time"),
    ],
)
def test_inexpressible_instant_raises(at: datetime, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        slot(at)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(utc(2027, 1, 1, 12), utc(2027, 1, 1, 12), id="one already"),
        pytest.param(utc(2027, 1, 1, 12, 0, 1), utc(2027, 1, 1, 12, 5), id="a second later"),
        pytest.param(utc(2027, 1, 1, 12, 4, 59, 999999), utc(2027, 1, 1, 12, 5), id="almost"),
        pytest.param(utc(2027, 10, 31, 0), utc(2027, 10, 31, 2), id="the hour shown twice"),
        pytest.param(utc(2027, 10, 30, 23, 56), utc(2027, 10, 31, 2), id="just before it"),
        pytest.param(utc(2027, 10, 31, 1, 30), utc(2027, 10, 31, 2), id="in its repetition"),
    ],
)
def test_next_slot_is_first_expressible(at: datetime, expected: datetime) -> None:
    assert next_slot(at) == expected


INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(INSTANTS)
def test_next_slot_is_near_and_round_trips(at: datetime) -> None:
    found = next_slot(at)
    assert at <= found < at + STEP + timedelta(hours=2)
    assert next_slot(found) == found
    query = slot(found)
    wall = datetime.combine(query.day, datetime.min.time()).replace(
        hour=query.hour, minute=query.minute
    )
    assert instant(wall) == found


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001
def test_paris_time_is_one_instant_or_raises(wall: datetime) -> None:
    wall = wall.replace(fold=0)
    shown = [
        at
        for hours in (1, 2)
        if (at := (wall - timedelta(hours=hours)).replace(tzinfo=UTC))
        .astimezone(PARIS)
        .replace(tzinfo=None, fold=0)
        == wall
    ]
    if len(shown) == 1:
        assert instant(wall) == shown[0]
    else:
        with pytest.raises(InvalidRequest, match="twice" if shown else "never"):
            instant(wall)


@pytest.mark.parametrize(
    ("wall", "why"),
    [
        (datetime(2027, 3, 28, 2), "never"),  # noqa: DTZ001
        (datetime(2027, 3, 28, 2, 55), "never"),  # noqa: DTZ001
        (datetime(2027, 10, 31, 2), "twice"),  # noqa: DTZ001
        (datetime(2027, 10, 31, 2, 55), "twice"),  # noqa: DTZ001
        (utc(2027, 1, 1), "without a zone"),
    ],
)
def test_impossible_paris_time_raises(wall: datetime, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        instant(wall)


def test_cancel_is_possible_until_five_minutes_before() -> None:
    leaves = utc(2027, 1, 13, 9)
    assert may_cancel(leaves, leaves - NOTICE)
    assert not may_cancel(leaves, leaves - NOTICE + timedelta(microseconds=1))
