from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise, takewhile

import pytest

from dispatcher.campaigns.recurrence import Rule, check_open, next_occurrences, since_of
from dispatcher.errors import InvalidCampaign
from dispatcher.window import Windows
from dispatcher.window.slots import PARIS

FRIDAYS = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10"
TODAY = date(2026, 11, 29)
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
WINDOWS = Windows()


def closed(at: datetime) -> str:
    [(day, name)] = WINDOWS.closed_days_after(at, "metropole", 1)
    return name if day == at.astimezone(PARIS).date() else ""


def first(rule: str, count: int = 3, *, after: datetime = NOW, since: date = TODAY) -> list[str]:
    found = islice(Rule(rule, since).all_after(after), count)
    return [f"{at.astimezone(PARIS):%a %Y-%m-%d %H:%M}" for at in found]


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (FRIDAYS, ["Fri 2026-12-04 10:00", "Fri 2026-12-11 10:00"]),
        ("rrule:freq=weekly; byday=fr; byhour=10;", ["Fri 2026-12-04 10:00"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;BYHOUR=10", ["Fri 2026-12-11 10:00"]),
        ("FREQ=MONTHLY;BYDAY=1FR;BYHOUR=9;BYMINUTE=30", ["Fri 2026-12-04 09:30"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=9", ["Mon 2026-11-30 09:00"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=9", ["Tue 2028-02-29 09:00"]),
        ("FREQ=DAILY;BYHOUR=10;COUNT=2", ["Mon 2026-11-30 10:00"]),
        ("FREQ=DAILY;BYHOUR=10;UNTIL=20261130", ["Mon 2026-11-30 10:00"]),
        ("FREQ=DAILY;BYHOUR=10;UNTIL=20261201T090000Z", ["Mon 2026-11-30 10:00"]),
        ("FREQ=HOURLY;BYHOUR=9,10", ["Mon 2026-11-30 09:00", "Mon 2026-11-30 10:00"]),
    ],
)
def test_rule_comes_on_the_clock_of_paris(rule: str, found: list[str]) -> None:
    assert first(rule, len(found)) == found


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=10", "never occurs"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=10", "never occurs"),
        ("FREQ=HOURLY;BYMONTH=4;BYMONTHDAY=31", "never occurs"),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=10", "never occurs"),
        ("FREQ=DAILY;BYSETPOS=2;BYHOUR=10", "never occurs"),
        ("FREQ=DAILY;BYHOUR=10;UNTIL=20200101", "never occurs"),
        ("FREQ=MINUTELY", "more often than hourly"),
        ("FREQ=SECONDLY;INTERVAL=60", "more often than hourly"),
        ("FREQ=DAILY;BYHOUR=10;BYMINUTE=0,30", "more often than hourly"),
        ("FREQ=DAILY;BYHOUR=10,11;BYMINUTE=0,59", "more often than hourly"),
        ("FREQ=DAILY", "names no hour"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR=24 is wrong"),
        ("FREQ=DAILY;BYHOUR=10;INTERVAL=0", "INTERVAL=0 is wrong"),
        ("FREQ=DAILY;BYHOUR=10;COUNT=0", "COUNT=0 is wrong"),
        ("FREQ=DAILY;BYHOUR=10;BYHOUR=11", "is twice"),
        ("FREQ=DAILY;BYHOUR=10;BYEASTER=0", "no part of a rule"),
        ("FREQ=DAILY;BYHOUR=10;UNTIL=20271301", "UNTIL=20271301 is wrong"),
        ("FREQ=WEEKLY;BYDAY=1FR;BYHOUR=10", "FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYDAY=ven;BYHOUR=10", "BYDAY=VEN is wrong"),
        ("every friday", "no part of a rule"),
        ("BYHOUR=10", "how often"),
        ("", "no part of a rule"),
        (f"{FRIDAYS};BYMONTH={'1,' * 400}1", "at most 500"),
    ],
)
def test_rule_that_cannot_be_used_is_refused_in_one_sentence(rule: str, says: str) -> None:
    with pytest.raises(InvalidCampaign, match=says):
        Rule(rule, TODAY)


def test_wall_time_stays_across_both_clock_changes() -> None:
    rule = Rule("FREQ=DAILY;BYHOUR=10", date(2027, 1, 1))
    year = list(islice(rule.all_after(datetime(2027, 1, 1, tzinfo=UTC)), 365))
    assert {f"{at.astimezone(PARIS):%H:%M}" for at in year} == {"10:00"}
    assert {at.hour for at in year} == {8, 9}


def test_hour_that_the_clock_leaves_out_comes_an_hour_later_and_once() -> None:
    spring = datetime(2027, 3, 27, 12, tzinfo=UTC)
    assert first("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", 2, after=spring) == [
        "Sun 2027-03-28 03:30",
        "Mon 2027-03-29 02:30",
    ]
    night = datetime(2027, 3, 28, 0, 0, tzinfo=UTC)
    hours = list(islice(Rule("FREQ=HOURLY", TODAY).all_after(night), 5))
    assert hours == [night + timedelta(hours=n) for n in range(1, 6)]


def test_hour_that_the_clock_shows_twice_comes_once() -> None:
    autumn = datetime(2027, 10, 30, 23, 0, tzinfo=UTC)
    hours = list(islice(Rule("FREQ=HOURLY", TODAY).all_after(autumn), 3))
    assert [at.hour for at in hours] == [0, 2, 3]
    second = datetime(2027, 10, 31, 1, 10, tzinfo=UTC)
    assert Rule("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", TODAY).after(second) == datetime(
        2027, 11, 1, 1, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=HOURLY",
        "FREQ=HOURLY;INTERVAL=5",
        "FREQ=HOURLY;INTERVAL=6;BYHOUR=6,18;BYMINUTE=20",
        "FREQ=HOURLY;COUNT=9000",
        "FREQ=DAILY;INTERVAL=3;BYHOUR=9,10",
        "FREQ=DAILY;BYHOUR=9,10,11;BYSETPOS=-1;UNTIL=20270401",
        "FREQ=WEEKLY;INTERVAL=3;BYHOUR=10",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,SU;WKST=SU;BYHOUR=10",
        "FREQ=WEEKLY;BYDAY=MO,TU,FR;BYSETPOS=1;BYHOUR=10",
        "FREQ=MONTHLY;BYDAY=1FR;BYHOUR=10",
    ],
)
def test_what_comes_does_not_depend_on_the_instant_that_is_asked_from(rule: str) -> None:
    since = date(2026, 1, 7)
    start = datetime(2026, 1, 6, tzinfo=UTC)
    end = datetime(2027, 4, 15, tzinfo=UTC)
    asked = Rule(rule, since)
    every = list(takewhile(lambda at: at < end, asked.all_after(start)))
    for days in range(0, 440, 11):
        at = start + timedelta(days=days, hours=days % 24)
        expected = [one for one in every if one > at][:50]
        assert list(islice(asked.all_after(at), len(expected))) == expected


def test_hourly_rule_of_many_years_does_not_walk_through_them() -> None:
    walked: list[datetime] = []
    rule = Rule("FREQ=HOURLY", date(2000, 1, 1))
    near = rule._walls_near(NOW.replace(tzinfo=None))
    for one in near:
        walked.append(one)
        if one > NOW.replace(tzinfo=None):
            break
    assert len(walked) < 10


@pytest.mark.timeout(60)
def test_rule_that_seldom_comes_is_soon_checked() -> None:
    rule = Rule("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=10", TODAY)
    assert rule.after(NOW) == datetime(2028, 2, 29, 9, tzinfo=UTC)


def test_rule_counts_from_a_day_of_the_last_year() -> None:
    assert since_of(None, TODAY) == TODAY
    for day in (date(2025, 11, 29), date(2027, 3, 1)):
        assert since_of(day, TODAY) == day
    with pytest.raises(InvalidCampaign, match="a rule counts from a day of the last year"):
        since_of(date(2025, 11, 27), TODAY)


def test_series_that_counts_ends() -> None:
    rule = Rule("FREQ=DAILY;BYHOUR=10;COUNT=2", TODAY)
    assert len(list(rule.all_after(datetime(2020, 1, 1, tzinfo=UTC)))) == 2
    assert rule.after(datetime(2026, 12, 24, tzinfo=UTC)) is None


def test_nothing_comes_where_there_is_no_calendar() -> None:
    rule = Rule("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=1;BYHOUR=10", TODAY)
    assert rule.after(datetime(2099, 12, 24, tzinfo=UTC)) is None


def test_closed_days_are_named() -> None:
    rule = Rule(FRIDAYS, TODAY)
    # New Year's Day of 2027 is a Friday
    some = list(islice(next_occurrences(rule, NOW, closed), 6))
    assert [one.closed for one in some] == ["", "", "", "Christmas Day", "New Year's Day", ""]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("FREQ=WEEKLY;BYDAY=SU;BYHOUR=10", "closed days only: Sunday"),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25;BYHOUR=10", "closed days only: Christmas Day"),
        ("FREQ=DAILY;BYHOUR=10;COUNT=2", "does not occur any more"),
    ],
)
def test_rule_without_an_open_day_to_come_is_refused(rule: str, says: str) -> None:
    with pytest.raises(InvalidCampaign, match=says):
        check_open(Rule(rule, date(2026, 11, 1)), NOW, closed)


def test_rule_with_one_open_day_is_taken() -> None:
    check_open(Rule("FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=11;BYHOUR=10", TODAY), NOW, lambda _: "")
    check_open(Rule("FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=10", TODAY), NOW, closed)


def test_fridays_of_nine_years_are_a_week_apart_on_the_wall() -> None:
    rule = Rule(FRIDAYS, TODAY)
    end = datetime(2035, 12, 1, tzinfo=UTC)
    found = [at.astimezone(PARIS) for at in takewhile(lambda at: at < end, rule.all_after(NOW))]
    assert len(found) > 460
    walls = [at.replace(tzinfo=None) for at in found]
    assert {later - one for one, later in pairwise(walls)} == {timedelta(days=7)}
