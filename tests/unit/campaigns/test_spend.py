"""The period, the months and the sums of what campaigns cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.period import Period, months_between
from dispatcher.campaigns.spend import Amount, By, SpendRow, by_of
from dispatcher.errors import InvalidCampaign

PARIS = ZoneInfo("Europe/Paris")
_euros = st.integers(0, 10**9).map(lambda units: Decimal(units) / 10_000)
_amounts = st.builds(Amount, st.integers(0, 10**6), st.integers(0, 10**6), _euros)
_rows = st.builds(
    SpendRow,
    planned=_amounts,
    reserved=_amounts,
    charged=_amounts,
    untold=st.integers(0, 99),
    unpriced=st.integers(0, 99),
    unplanned=_euros,
)


def utc(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("first", "last", "since", "until"),
    [
        # both clock changes: March begins at 23:00 UTC and April at 22:00
        ("2027-03", "2027-03", utc(2027, 2, 28, 23), utc(2027, 3, 31, 22)),
        ("2027-10", "2027-11", utc(2027, 9, 30, 22), utc(2027, 11, 30, 23)),
        ("2027-03-28", "2027-03-28", utc(2027, 3, 27, 23), utc(2027, 3, 28, 22)),
        ("2027-12", "2027-12-31", utc(2027, 11, 30, 23), utc(2027, 12, 31, 23)),
        ("2027-03-27T20:00+01:00", "2027-03-27T21:00+01:00",
         utc(2027, 3, 27, 19), utc(2027, 3, 27, 20)),
        (None, "2027-01", None, utc(2027, 1, 31, 23)),
        ("2027-01", None, utc(2026, 12, 31, 23), None),
        (None, None, None, None),
    ],
)  # fmt: skip
def test_period_includes_its_first_and_last_month_or_day_of_paris(
    first: str | None, last: str | None, since: datetime | None, until: datetime | None
) -> None:
    assert Period.of(first, last) == Period(since, until)


@pytest.mark.parametrize(
    "text",
    ["", "2027", "2027-13", "2027-02-30", "march", "2027-3", "2027-03-27T20:00", "0000-01",
     "9999-12", "0001-01-01T00:00+05:00", "2027/03", "+027-03"],
)  # fmt: skip
def test_text_that_is_no_period_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(InvalidCampaign) as refused:
        Period.of(text, None)
    assert "\n" not in str(refused.value)
    with pytest.raises(InvalidCampaign):
        Period.of(None, text)


def test_period_that_ends_before_it_begins_is_refused() -> None:
    for last in ("2027-02", "2027-02-28"):
        with pytest.raises(InvalidCampaign, match="the period ends before it begins"):
            Period.of("2027-03", last)


def test_bound_without_a_time_zone_is_refused() -> None:
    with pytest.raises(InvalidCampaign, match="since has no time zone"):
        Period(utc(2027, 1, 1).replace(tzinfo=None))


def test_unknown_rows_are_refused() -> None:
    assert by_of("tag") is By.TAG
    with pytest.raises(InvalidCampaign, match="one of month, account, tag, territory"):
        by_of("week")


@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(0, 400),
    st.floats(0, 1),
)
def test_instant_is_in_the_month_that_a_clock_in_paris_shows(
    first: datetime, days: int, part: float
) -> None:
    last = first + timedelta(days=days)
    at = first + (last - first) * part
    months = months_between(first, last)
    assert [name for name, _ in months] == sorted({name for name, _ in months})
    name = next(name for name, end in months if at < end)
    assert name == f"{at.astimezone(PARIS):%Y-%m}"


@given(st.lists(_rows, max_size=5))
def test_plan_and_difference_are_what_it_comes_to_in_every_unit(rows: list[SpendRow]) -> None:
    total = sum(rows, SpendRow())
    for unit in ("messages", "segments", "euros"):
        planned, reserved, charged, difference = (
            getattr(getattr(total, name), unit)
            for name in ("planned", "reserved", "charged", "difference")
        )
        aside = total.unplanned if unit == "euros" else 0
        assert planned + difference + aside == reserved + charged
        assert difference == sum(getattr(row.difference, unit) for row in rows)


def test_euros_are_written_with_four_decimals_and_no_float() -> None:
    row = SpendRow(name="2027-03", planned=Amount(3, 3, Decimal("0.135")))
    written = row.as_json()
    assert written["euros"]["planned"] == "0.1350"
    assert written["euros"]["difference"] == "-0.1350"
    assert written["messages"] == {"planned": 3, "reserved": 0, "charged": 0, "difference": -3}
