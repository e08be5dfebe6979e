from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from dispatcher.errors import ConfigurationError, InvalidCampaign
from dispatcher.window import CommercialWindow, Hold, NeverOpen, Windows
from dispatcher.window.hours import PROFILES, Hours


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# at, territory, next opening in UTC ("" when open), why
DECISIONS = [
    # -- an ordinary Tuesday, to the microsecond
    ("2026-11-24T07:59:59.999999+01:00", "metropole", "2026-11-24T07:00Z", "before 08:00"),
    ("2026-11-24T08:00:00+01:00", "metropole", "", ""),
    ("2026-11-24T19:59:59.999999+01:00", "metropole", "", ""),
    ("2026-11-24T20:00:00+01:00", "metropole", "2026-11-25T07:00Z", "after 20:00"),
    ("2026-11-24T00:00:00+01:00", "metropole", "2026-11-24T07:00Z", "before 08:00"),
    # -- the same instant written in another zone is the same decision
    ("2026-11-24T18:59:59Z", "metropole", "", ""),
    ("2026-11-25T06:00:00+11:00", "metropole", "2026-11-25T07:00Z", "after 20:00"),
    # -- Saturday is a working day here, Sunday is not
    ("2026-11-20T20:00:00+01:00", "metropole", "2026-11-21T07:00Z", "after 20:00"),
    ("2026-11-21T19:59:59+01:00", "metropole", "", ""),
    ("2026-11-21T20:00:00+01:00", "metropole", "2026-11-23T07:00Z", "Sunday"),
    ("2026-11-22T07:00:00+01:00", "metropole", "2026-11-23T07:00Z", "Sunday"),
    ("2026-11-22T23:59:59.999999+01:00", "metropole", "2026-11-23T07:00Z", "Sunday"),
    ("2026-11-23T00:00:00+01:00", "metropole", "2026-11-23T07:00Z", "before 08:00"),
    # -- Easter 2026: Saturday evening waits until Tuesday
    ("2026-04-04T20:00:00+02:00", "metropole", "2026-04-07T06:00Z", "Sunday, Easter Monday"),
    ("2026-04-06T15:00:00+02:00", "metropole", "2026-04-07T06:00Z", "Easter Monday"),
    # the night after a holiday is that of the hour
    ("2026-04-07T00:00:00+02:00", "metropole", "2026-04-07T06:00Z", "before 08:00"),
    # Good Friday is open, but in Alsace-Moselle
    ("2026-04-03T10:00:00+02:00", "metropole", "", ""),
    ("2026-04-02T20:00:00+02:00", "alsace-moselle", "2026-04-04T06:00Z", "Good Friday"),
    # -- Whit Monday 2026 is kept, day of solidarity or not
    ("2026-05-23T20:00:00+02:00", "metropole", "2026-05-26T06:00Z", "Sunday, Pentecost Monday"),
    # -- the bridges of May
    ("2026-04-30T20:00:00+02:00", "metropole", "2026-05-02T06:00Z", "Labor Day"),
    ("2026-05-14T10:00:00+02:00", "metropole", "2026-05-15T06:00Z", "Ascension"),
    ("2026-05-15T10:00:00+02:00", "metropole", "", ""),  # the Friday of the bridge is open
    ("2024-05-07T20:00:00+02:00", "metropole", "2024-05-10T06:00Z", "Victory Day, Ascension"),
    ("2027-05-06T10:00:00+02:00", "metropole", "2027-05-07T06:00Z", "Ascension"),
    ("2027-05-07T20:00:00+02:00", "metropole", "2027-05-10T06:00Z", "Victory Day, Sunday"),
    # -- a holiday on a Sunday is a Sunday, and Monday is open
    ("2026-11-01T10:00:00+01:00", "metropole", "2026-11-02T07:00Z", "Sunday"),
    ("2026-11-02T08:00:00+01:00", "metropole", "", ""),
    # -- the end of the year, and the longest wait: 84 h
    ("2026-12-24T20:00:00+01:00", "metropole", "2026-12-26T07:00Z", "Christmas Day"),
    (
        "2026-12-24T20:00:00+01:00",
        "alsace-moselle",
        "2026-12-28T07:00Z",
        "Christmas Day, Saint Stephen's Day, Sunday",
    ),
    (
        "2028-12-23T20:00:00+01:00",
        "alsace-moselle",
        "2028-12-27T07:00Z",
        "Sunday, Christmas Day, Saint Stephen's Day",
    ),
    ("2026-12-31T23:59:59+01:00", "metropole", "2027-01-02T07:00Z", "New Year's Day"),
    ("2027-12-31T20:00:00+01:00", "metropole", "2028-01-03T07:00Z", "New Year's Day, Sunday"),
    ("2028-02-29T10:00:00+01:00", "metropole", "", ""),  # a leap day
    # -- clocks go forward: 36 h on the wall, 35 h elapsed
    ("2026-03-28T20:00:00+01:00", "metropole", "2026-03-30T06:00Z", "Sunday"),
    # 02:30 does not exist that night; the instant does
    ("2026-03-29T02:30:00+01:00", "metropole", "2026-03-30T06:00Z", "Sunday"),
    ("2026-03-30T05:59:59.999999Z", "metropole", "2026-03-30T06:00Z", "before 08:00"),
    # -- clocks go back: 37 h elapsed; 02:30 comes twice
    ("2026-10-24T20:00:00+02:00", "metropole", "2026-10-26T07:00Z", "Sunday"),
    ("2026-10-25T02:30:00+02:00", "metropole", "2026-10-26T07:00Z", "Sunday"),
    ("2026-10-25T02:30:00+01:00", "metropole", "2026-10-26T07:00Z", "Sunday"),
    ("2026-10-26T06:00:00Z", "metropole", "2026-10-26T07:00Z", "before 08:00"),
    # -- Easter on the Sunday of the clock: 60 h on the wall, 59 h elapsed
    ("2027-03-27T20:00:00+01:00", "metropole", "2027-03-30T06:00Z", "Sunday, Easter Monday"),
    ("2024-03-30T20:00:00+01:00", "metropole", "2024-04-02T06:00Z", "Sunday, Easter Monday"),
    # -- La Réunion, UTC+4: 08:00 is 05:00 in Paris
    ("2026-11-24T08:00:00+04:00", "la-reunion", "", ""),
    ("2026-11-24T20:00:00+04:00", "la-reunion", "2026-11-25T04:00Z", "after 20:00"),
    (
        "2027-12-18T20:00:00+04:00",
        "la-reunion",
        "2027-12-21T04:00Z",
        "Sunday, Abolition of Slavery",
    ),
    ("2026-12-19T20:00:00+04:00", "la-reunion", "2026-12-21T04:00Z", "Sunday"),  # 20 Dec, Sunday
    # -- Mayotte, UTC+3
    ("2026-04-25T20:00:00+03:00", "mayotte", "2026-04-28T05:00Z", "Sunday, Abolition of Slavery"),
    # -- Guadeloupe, UTC-4: 19:59 is the next day in Paris
    ("2026-11-24T19:59:59.999-04:00", "guadeloupe", "", ""),
    ("2026-11-24T20:00:00-04:00", "guadeloupe", "2026-11-25T12:00Z", "after 20:00"),
    ("2026-05-27T10:00:00-04:00", "guadeloupe", "2026-05-28T12:00Z", "Abolition of Slavery"),
    ("2026-03-12T10:00:00-04:00", "guadeloupe", "2026-03-13T12:00Z", "Mi-Careme"),
    # one prefix, three islands, three days
    ("2026-05-27T10:00:00-04:00", "saint-martin", "", ""),
    ("2026-05-28T10:00:00-04:00", "saint-martin", "2026-05-29T12:00Z", "Abolition of Slavery"),
    ("2026-10-09T10:00:00-04:00", "saint-barthelemy", "2026-10-10T12:00Z", "Abolition of Slavery"),
    # -- Martinique and Guyane: three closed days in a row
    (
        "2029-05-19T20:00:00-04:00",
        "martinique",
        "2029-05-23T12:00Z",
        "Sunday, Pentecost Monday, Abolition of Slavery",
    ),
    (
        "2025-06-07T20:00:00-03:00",
        "guyane",
        "2025-06-11T11:00Z",
        "Sunday, Pentecost Monday, Abolition of Slavery",
    ),
    # -- Saint-Pierre-et-Miquelon changes its clock with the United States: 8 March 2026
    ("2026-03-07T20:00:00-03:00", "saint-pierre-et-miquelon", "2026-03-09T10:00Z", "Sunday"),
    ("2026-03-14T20:00:00-02:00", "saint-pierre-et-miquelon", "2026-03-16T10:00Z", "Sunday"),
    ("2026-11-24T08:00:00-03:00", "saint-pierre-et-miquelon", "", ""),
    # -- the Pacific: another date than in Paris
    ("2026-11-20T10:00:00-10:00", "polynesie-francaise", "2026-11-21T18:00Z", "Matāri'i"),
    ("2026-06-29T10:00:00-10:00", "polynesie-francaise", "", ""),  # no holiday since 2025
    (
        "2024-06-28T20:00:00-10:00",
        "polynesie-francaise",
        "2024-07-01T18:00Z",
        "Internal Autonomy Day, Sunday",
    ),
    ("2026-09-24T10:00:00+11:00", "nouvelle-caledonie", "2026-09-24T21:00Z", "Citizenship Day"),
    ("2026-11-24T08:00:00+11:00", "nouvelle-caledonie", "", ""),
    ("2026-07-29T10:00:00+12:00", "wallis-et-futuna", "2026-07-29T20:00Z", "Territory Day"),
]


@pytest.mark.parametrize(("at", "territory", "opens", "why"), DECISIONS)
def test_instant_in_a_territory_is_open_or_names_its_next_opening_and_reason(
    at: str, territory: str, opens: str, why: str
) -> None:
    window = CommercialWindow(territory)
    assert window.is_open(instant(at)) is (opens == "")
    assert window.next_open(instant(at)) == instant(opens or at)
    assert window.why(instant(at)) == why


def test_next_opening_is_in_utc() -> None:
    window = CommercialWindow()
    for at in ("2026-11-24T10:00+01:00", "2026-11-24T22:00+01:00"):  # open, closed
        assert window.next_open(instant(at)).tzinfo is UTC


def test_instant_given_in_a_named_zone_counts_its_fold() -> None:
    # 02:30 the second time, in winter time
    at = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Paris"))
    assert CommercialWindow().next_open(at) - at.astimezone(UTC) == timedelta(hours=29, minutes=30)


def test_naive_instant_is_refused() -> None:
    naive = datetime(2026, 11, 24, 10)  # noqa: DTZ001 - the subject
    window, windows = CommercialWindow(), Windows()
    for ask in (window.is_open, window.next_open, window.closes_at, window.why):
        with pytest.raises(ValueError, match="aware datetime"):
            ask(naive)
    for decide in (windows.hold, windows.closes_at):
        with pytest.raises(ValueError, match="aware datetime"):
            decide(naive, "metropole")
    with pytest.raises(ValueError, match="aware datetime"):
        windows.closed_days_after(naive, "metropole", 1)


def test_unknown_territory_is_refused() -> None:
    with pytest.raises(InvalidCampaign, match="bretagne"):
        CommercialWindow("bretagne")
    for clock in ("both", "recipient", "paris"):
        with pytest.raises(InvalidCampaign, match="bretagne"):
            Windows(clock=clock).hold(instant("2026-11-24T10:00Z"), "bretagne")


@pytest.mark.parametrize("day", ["2101-01-03", "2101-01-04", "2101-07-14"])  # Monday to holiday
def test_year_beyond_the_calendar_raises(day: str) -> None:
    at = instant(f"{day}T10:00+01:00")
    for ask in (CommercialWindow().is_open, CommercialWindow().next_open):
        with pytest.raises(InvalidCampaign, match="2101"):
            ask(at)
    with pytest.raises(InvalidCampaign, match="2101"):
        Windows().hold(at, "la-reunion")


# at, when the opening that contains it closes
CLOSINGS = [
    ("2026-11-24T08:00+01:00", "metropole", "2026-11-24T19:00Z"),
    ("2026-11-24T19:59:59.999999+01:00", "metropole", "2026-11-24T19:00Z"),
    ("2026-07-15T10:00+02:00", "metropole", "2026-07-15T18:00Z"),  # summer time
    ("2026-11-24T10:00-04:00", "guadeloupe", "2026-11-25T00:00Z"),  # the next day in UTC
]


@pytest.mark.parametrize(("at", "territory", "closes"), CLOSINGS)
def test_open_instant_has_its_closing(at: str, territory: str, closes: str) -> None:
    assert CommercialWindow(territory).closes_at(instant(at)) == instant(closes)


@pytest.mark.parametrize("at", ["2026-11-24T20:00+01:00", "2026-11-24T07:00+01:00"])
def test_closed_window_has_no_closing(at: str) -> None:
    with pytest.raises(ValueError, match="closed"):
        CommercialWindow().closes_at(instant(at))
    with pytest.raises(ValueError, match="closed"):
        Windows().closes_at(instant(at), "metropole")


def test_custom_hours_open_and_close_the_window() -> None:
    window = CommercialWindow("metropole", opens=time(9, 30), closes=time(21, 30))
    assert window.why(instant("2026-11-24T09:29+01:00")) == "before 09:30"
    assert window.is_open(instant("2026-11-24T21:29+01:00"))
    assert window.why(instant("2026-11-24T21:30+01:00")) == "after 21:30"
    assert window.next_open(instant("2026-11-24T21:30+01:00")) == instant("2026-11-25T08:30Z")


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        (time(8), time(21, 30, 1)),  # the charter of 2026 ends at 21:30
        (time(8), time(22)),  # that of 2024 did at 22:00
        (time(7, 59), time(20)),  # and begins at 08:00
        (time(12), time(12)),  # empty
        (time(20), time(8)),  # over midnight
        (time(8, tzinfo=UTC), time(20, tzinfo=UTC)),  # the hours are local
        (time(8), time(20, tzinfo=UTC)),
    ],
)
def test_hours_outside_the_charter_are_refused(opens: time, closes: time) -> None:
    with pytest.raises(ConfigurationError, match="opening hours"):
        Hours(opens, closes)
    with pytest.raises(ConfigurationError, match="opening hours"):
        CommercialWindow(opens=opens, closes=closes)
    with pytest.raises(ConfigurationError, match="opening hours"):
        Windows(opens=opens, closes=closes)


# the strict profile: at, next opening ("" when open), why
STRICT = [
    ("2026-11-24T08:29:59+01:00", "2026-11-24T07:30Z", "before 08:30"),
    ("2026-11-24T08:30:00+01:00", "", ""),
    ("2026-11-24T20:00:00+01:00", "2026-11-25T07:30Z", "after 20:00"),
    ("2026-11-20T20:00:00+01:00", "2026-11-21T09:00Z", "after 20:00"),  # Saturday opens at 10
    ("2026-11-21T09:00:00+01:00", "2026-11-21T09:00Z", "before 10:00"),
    ("2026-11-21T17:59:59+01:00", "", ""),
    ("2026-11-21T18:00:00+01:00", "2026-11-23T07:30Z", "Sunday"),
    ("2026-12-31T19:00:00+01:00", "", ""),
    ("2026-05-07T20:00:00+02:00", "2026-05-09T08:00Z", "Victory Day"),  # Friday -> Saturday
]


@pytest.mark.parametrize(("at", "opens", "why"), STRICT)
def test_profile_has_hours_by_weekday(at: str, opens: str, why: str) -> None:
    window = CommercialWindow(profile="strict")
    assert window.next_open(instant(at)) == instant(opens or at)
    assert window.why(instant(at)) == why


def test_profile_has_a_name_and_a_version() -> None:
    assert {name: profile.name for name, profile in PROFILES.items()} == {
        "default": "default",
        "strict": "strict",
    }
    assert all(profile.version == 1 and len(profile.days) == 7 for profile in PROFILES.values())
    assert Windows(profile="strict").profile is PROFILES["strict"]
    assert CommercialWindow(closes=time(19)).profile.name == "custom"


def test_unknown_profile_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'lax'.*default, strict"):
        Windows(profile="lax")


def test_custom_hours_beside_a_profile_with_hours_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="strict"):
        CommercialWindow(closes=time(19), profile="strict")


# clock, at, territory, until ("" when it may leave), why
HOLDS = [
    # -- the mainland has one clock, whatever the policy
    ("both", "2026-11-24T10:00+01:00", "metropole", "", ""),
    ("both", "2026-11-24T20:00+01:00", "metropole", "2026-11-25T07:00Z", "after 20:00"),
    ("recipient", "2026-11-24T07:00+01:00", "metropole", "2026-11-24T07:00Z", "before 08:00"),
    ("paris", "2026-04-04T20:00+02:00", "metropole", "2026-04-07T06:00Z", "Sunday, Easter Monday"),
    # -- La Réunion is three hours ahead: its morning waits for Paris, its evening is its own
    ("both", "2026-11-24T08:00+04:00", "la-reunion", "2026-11-24T07:00Z", "before 08:00 in Paris"),
    ("both", "2026-11-24T11:00+04:00", "la-reunion", "", ""),
    (
        "both",
        "2026-11-24T20:00+04:00",
        "la-reunion",
        "2026-11-25T07:00Z",
        "after 20:00 in La Réunion",
    ),
    ("recipient", "2026-11-24T08:00+04:00", "la-reunion", "", ""),
    (
        "recipient",
        "2026-11-24T20:00+04:00",
        "la-reunion",
        "2026-11-25T04:00Z",
        "after 20:00 in La Réunion",
    ),
    ("paris", "2026-11-24T20:00+04:00", "la-reunion", "", ""),
    ("paris", "2026-11-24T08:00+04:00", "la-reunion", "2026-11-24T07:00Z", "before 08:00 in Paris"),
    # both closed at night: Paris is the last to open, and it closed the evening before
    ("both", "2026-11-24T20:30Z", "la-reunion", "2026-11-25T07:00Z", "after 20:00 in Paris"),
    # -- a Sunday is one everywhere; a holiday of one side has its place
    ("both", "2026-11-21T20:00+04:00", "la-reunion", "2026-11-23T07:00Z", "Sunday"),
    (
        "both",
        "2027-12-18T20:00+04:00",
        "la-reunion",
        "2027-12-21T07:00Z",
        "Sunday, Abolition of Slavery in La Réunion",
    ),
    (
        "both",
        "2026-05-22T10:00-04:00",
        "martinique",
        "2026-05-23T12:00Z",
        "Abolition of Slavery in Martinique",
    ),
    # asked the evening before, when Paris alone is closed
    (
        "both",
        "2026-05-21T20:30Z",
        "martinique",
        "2026-05-23T12:00Z",
        "Abolition of Slavery in Martinique",
    ),
    ("paris", "2026-05-22T10:00-04:00", "martinique", "", ""),
    # -- Monday morning in Nouméa is still Sunday in Paris
    (
        "both",
        "2026-11-23T08:00+11:00",
        "nouvelle-caledonie",
        "2026-11-23T07:00Z",
        "Sunday in Paris",
    ),
    ("both", "2026-11-23T18:00+11:00", "nouvelle-caledonie", "", ""),
    ("recipient", "2026-11-23T08:00+11:00", "nouvelle-caledonie", "", ""),
    # -- Wallis and Paris share one hour in winter, two in summer
    ("both", "2026-11-24T07:30Z", "wallis-et-futuna", "", ""),
    (
        "both",
        "2026-11-24T08:00Z",
        "wallis-et-futuna",
        "2026-11-25T07:00Z",
        "after 20:00 in Wallis and Futuna",
    ),
    ("both", "2026-07-15T06:00Z", "wallis-et-futuna", "", ""),
    # -- Polynesia and Paris share 18:00 to 19:00 UTC, in winter alone
    ("both", "2026-11-24T18:00Z", "polynesie-francaise", "", ""),
    (
        "both",
        "2026-11-24T17:59Z",
        "polynesie-francaise",
        "2026-11-24T18:00Z",
        "before 08:00 in French Polynesia",
    ),
    (
        "both",
        "2026-11-24T19:00Z",
        "polynesie-francaise",
        "2026-11-25T18:00Z",
        "after 20:00 in Paris",
    ),
    # Matāri'i is 20 November
    (
        "both",
        "2026-11-19T19:00Z",
        "polynesie-francaise",
        "2026-11-21T18:00Z",
        "Matāri'i in French Polynesia",
    ),
    ("recipient", "2026-07-15T18:00Z", "polynesie-francaise", "", ""),
    ("paris", "2026-07-15T10:00Z", "polynesie-francaise", "", ""),
    # in the last days of summer time the wait is days long, and Sunday is not the reason
    (
        "both",
        "2026-10-20T19:00Z",
        "polynesie-francaise",
        "2026-10-26T18:00Z",
        "no opening common to Paris and French Polynesia",
    ),
    # -- Alsace-Moselle lives by Paris's clock with two more days
    ("both", "2026-11-24T20:00+01:00", "alsace-moselle", "2026-11-25T07:00Z", "after 20:00"),
    (
        "both",
        "2026-12-24T20:00+01:00",
        "alsace-moselle",
        "2026-12-28T07:00Z",
        "Christmas Day, Saint Stephen's Day in Alsace-Moselle, Sunday",
    ),
    ("paris", "2026-12-26T10:00+01:00", "alsace-moselle", "", ""),
]


@pytest.mark.parametrize(("clock", "at", "territory", "until", "why"), HOLDS)
def test_message_outside_the_window_waits_with_a_reason(
    clock: str, at: str, territory: str, until: str, why: str
) -> None:
    hold = Windows(clock=clock).hold(instant(at), territory)  # type: ignore[arg-type]
    assert hold == (Hold(instant(until), why) if until else None)


# at, territory, until ("" when it may leave), why; the guard is 60 s
GUARDED = [
    ("2026-11-24T19:59:00+01:00", "metropole", "", ""),  # exactly the guard is left
    (
        "2026-11-24T19:59:00.000001+01:00",
        "metropole",
        "2026-11-25T07:00Z",
        "after 20:00",
    ),
    ("2026-11-21T19:59:30+01:00", "metropole", "2026-11-23T07:00Z", "Sunday"),
    # the first of the two clocks to close
    (
        "2026-11-24T19:59:30+04:00",
        "la-reunion",
        "2026-11-25T07:00Z",
        "after 20:00 in La Réunion",
    ),
    (
        "2026-11-24T18:59:30Z",
        "polynesie-francaise",
        "2026-11-25T18:00Z",
        "after 20:00 in Paris",
    ),
    ("2026-11-24T18:59:30Z", "guadeloupe", "2026-11-25T12:00Z", "after 20:00 in Paris"),
]


@pytest.mark.parametrize(("at", "territory", "until", "why"), GUARDED)
def test_window_closes_by_the_guard_earlier(at: str, territory: str, until: str, why: str) -> None:
    hold = Windows().hold(instant(at), territory)
    assert hold == (Hold(instant(until), why) if until else None)
    assert Windows().hold(instant(at), territory, guarded=False) is None


def test_opening_shorter_than_the_guard_is_skipped() -> None:
    # Wallis and Paris share one hour in winter, two from 30 March on
    at = instant("2026-03-27T07:00Z")
    assert Windows(guard=timedelta(hours=1)).hold(at, "wallis-et-futuna") is None
    hold = Windows(guard=timedelta(minutes=61)).hold(at, "wallis-et-futuna")
    assert hold is not None
    assert hold.until == instant("2026-03-30T06:00Z")


def test_without_guard_the_window_is_open_to_its_last_microsecond() -> None:
    windows = Windows(guard=timedelta(0))
    assert windows.hold(instant("2026-11-24T19:59:59.999999+01:00"), "metropole") is None


def test_window_of_two_clocks_closes_with_the_first() -> None:
    # Paris at 19:00Z, Guadeloupe at 24:00Z
    at = instant("2026-11-24T15:00Z")
    assert Windows().closes_at(at, "guadeloupe") == instant("2026-11-24T19:00Z")
    assert Windows(clock="recipient").closes_at(at, "guadeloupe") == instant("2026-11-25T00:00Z")


@pytest.mark.parametrize("at", ["2026-03-30T06:00Z", "2026-07-15T18:00Z", "2026-10-01T00:00Z"])
def test_polynesia_in_summer_raises_with_the_day_it_opens(at: str) -> None:
    with pytest.raises(NeverOpen, match=r"polynesie-francaise.*Paris.*2026-10-26 18:00") as raised:
        Windows().hold(instant(at), "polynesie-francaise")
    assert raised.value.next_open == instant("2026-10-26T18:00Z")
    assert isinstance(raised.value, InvalidCampaign)


def test_polynesia_after_its_last_hour_of_winter_raises() -> None:
    windows = Windows()
    # Saturday 28 March 2026: clocks change that night
    assert windows.hold(instant("2026-03-28T18:59Z"), "polynesie-francaise") is None
    with pytest.raises(NeverOpen):
        windows.hold(instant("2026-03-28T18:59:01Z"), "polynesie-francaise")


def test_clocks_without_shared_opening_in_a_year_raise() -> None:
    windows = Windows(guard=timedelta(hours=13))  # longer than any opening
    with pytest.raises(NeverOpen, match=r"metropole.*370 days") as raised:
        windows.hold(instant("2026-11-24T10:00Z"), "metropole")
    assert raised.value.next_open is None


def test_never_open_survives_pickling() -> None:
    refusal = pickle.loads(pickle.dumps(NeverOpen("no", instant("2026-10-26T18:00Z"))))
    assert (str(refusal), refusal.next_open) == ("no", instant("2026-10-26T18:00Z"))


def test_unknown_clock_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'berlin'.*both.*recipient.*paris"):
        Windows(clock="berlin")  # type: ignore[arg-type]


def test_negative_guard_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="guard"):
        Windows(guard=timedelta(seconds=-1))


def test_custom_hours_apply_to_all_territories() -> None:
    windows = Windows(opens=time(9), closes=time(19))
    hold = windows.hold(instant("2026-11-24T19:00+04:00"), "la-reunion")
    assert hold == Hold(instant("2026-11-25T08:00Z"), "after 19:00 in La Réunion")


def test_next_closed_days_are_named_with_their_territory() -> None:
    at = instant("2026-05-14T10:00Z")  # Ascension, today, is one of them
    assert Windows().closed_days_after(at, "martinique", 6) == [
        (date(2026, 5, 14), "Ascension"),
        (date(2026, 5, 17), "Sunday"),
        (date(2026, 5, 22), "Abolition of Slavery in Martinique"),
        (date(2026, 5, 24), "Sunday"),
        (date(2026, 5, 25), "Pentecost Monday"),
        (date(2026, 5, 31), "Sunday"),
    ]
    assert Windows().closed_days_after(at, "metropole", 0) == []


def test_closed_days_begin_at_the_local_date() -> None:
    # Sunday 23:30 in Paris is Monday in Nouméa
    at = instant("2026-11-22T22:30Z")
    recipient = Windows(clock="recipient")
    assert recipient.closed_days_after(at, "metropole", 1)[0][0] == date(2026, 11, 22)
    assert recipient.closed_days_after(at, "nouvelle-caledonie", 1)[0][0] == date(2026, 11, 29)


@freeze_time("2026-11-24 21:00:00")
def test_same_instant_in_another_zone_gives_the_same_decision() -> None:
    nows = [datetime.now(UTC), datetime.now(timezone(timedelta(hours=-10)))]
    assert [CommercialWindow().next_open(now) for now in nows] == [instant("2026-11-25T07:00Z")] * 2


def test_clock_of_the_machine_changes_no_decision() -> None:
    at = instant("2026-11-24T20:00+01:00")
    answers = set()
    for day in ("2020-01-05", "2026-11-24", "2090-12-25"):
        with freeze_time(day, tz_offset=5):
            answers.add(Windows().hold(at, "la-reunion"))
    assert len(answers) == 1
