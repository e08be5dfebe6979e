from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
import pytest

from dispatcher.errors import InvalidCampaign
from dispatcher.window import territories
from dispatcher.window.territories import CALENDAR_VERSION, TERRITORIES, closed_days, find

# name -> hours ahead of UTC in January and in July
CLOCKS = {
    "metropole": (1, 2),
    "alsace-moselle": (1, 2),
    "guadeloupe": (-4, -4),
    "saint-martin": (-4, -4),
    "saint-barthelemy": (-4, -4),
    "martinique": (-4, -4),
    "guyane": (-3, -3),
    "la-reunion": (4, 4),
    "mayotte": (3, 3),
    "saint-pierre-et-miquelon": (-3, -2),  # the only one overseas that changes its clock
    "nouvelle-caledonie": (11, 11),
    "polynesie-francaise": (-10, -10),
    "wallis-et-futuna": (12, 12),
}

NATIONAL_2026 = {
    (1, 1): "New Year's Day",
    (4, 6): "Easter Monday",
    (5, 1): "Labor Day",
    (5, 8): "Victory Day",
    (5, 14): "Ascension",
    (5, 25): "Pentecost Monday",
    (7, 14): "National Day",
    (8, 15): "Assumption Day",
    (11, 1): "All Saints' Day",
    (11, 11): "Armistice Day",
    (12, 25): "Christmas Day",
}

OWN_DAYS_2026 = {
    "metropole": {},
    "alsace-moselle": {(4, 3): "Good Friday", (12, 26): "Saint Stephen's Day"},
    # mid-Lent, Good Friday and 21 July are custom there, not law; they stay closed
    "guadeloupe": {
        (3, 12): "Mi-Careme",
        (4, 3): "Good Friday",
        (5, 27): "Abolition of Slavery",
        (7, 21): "Victor Schoelcher Day",
    },
    "saint-martin": {(5, 28): "Abolition of Slavery", (7, 21): "Victor Schoelcher Day"},
    "saint-barthelemy": {(10, 9): "Abolition of Slavery"},
    "martinique": {
        (4, 3): "Good Friday",
        (5, 22): "Abolition of Slavery",
        (7, 21): "Victor Schoelcher Day",
    },
    "guyane": {(6, 10): "Abolition of Slavery"},
    "la-reunion": {(12, 20): "Abolition of Slavery"},
    "mayotte": {(4, 27): "Abolition of Slavery"},
    "saint-pierre-et-miquelon": {},
    "nouvelle-caledonie": {(9, 24): "Citizenship Day"},
    "polynesie-francaise": {
        (3, 5): "Missionary Day",
        (4, 3): "Good Friday",
        (11, 20): "Matāri'i",
    },
    "wallis-et-futuna": {
        (4, 28): "Feast of Saint Peter Chanel",
        (6, 29): "Saints Peter and Paul Day",
        (7, 29): "Territory Day",
    },
}


def test_exactly_thirteen_territories_exist() -> None:
    assert list(TERRITORIES) == list(CLOCKS)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("La Réunion", "la-reunion"),
        ("REUNION", "la-reunion"),
        ("guadeloupe ", "guadeloupe"),
        ("Metropolitan France", "metropole"),
        ("Métropole", "metropole"),
        ("New Caledonia", "nouvelle-caledonie"),
        ("Nouvelle Calédonie", "nouvelle-caledonie"),
        ("Polynésie française", "polynesie-francaise"),
        ("Saint Barthélemy", "saint-barthelemy"),
        ("Wallis et Futuna", "wallis-et-futuna"),
        ("la reunion", "la-reunion"),
        ("France métropolitaine", "metropole"),
        ("974", "la-reunion"),
        ("988", "nouvelle-caledonie"),
        ("75", "metropole"),
        ("1", "metropole"),
        ("2A", "metropole"),
        ("67", "alsace-moselle"),
        ("57", "alsace-moselle"),
    ],
)
def test_territory_is_found_by_its_label_and_other_names(written: str, name: str) -> None:
    assert find(written).name == name


@pytest.mark.parametrize("name", CLOCKS)
def test_territory_is_found_by_its_name(name: str) -> None:
    assert find(name).name == name
    assert find(name).label


@pytest.mark.parametrize(("name", "hours"), CLOCKS.items(), ids=CLOCKS)
def test_each_territory_has_its_own_clock(name: str, hours: tuple[int, int]) -> None:
    zone = ZoneInfo(find(name).zone)
    offsets = [datetime(2026, month, 15, 12, tzinfo=zone).utcoffset() for month in (1, 7)]
    assert offsets == [timedelta(hours=hour) for hour in hours]


def test_local_hour_becomes_an_instant_with_the_offset_of_its_day() -> None:
    paris = find("metropole")
    # the two Mondays after a change of clock
    assert paris.instant(date(2026, 3, 30), time(8)) == datetime(2026, 3, 30, 6, tzinfo=UTC)
    assert paris.instant(date(2026, 10, 26), time(8)) == datetime(2026, 10, 26, 7, tzinfo=UTC)


def test_instant_is_shown_on_the_local_clock() -> None:
    local = find("polynesie-francaise").local(datetime(2026, 11, 24, 5, 59, tzinfo=UTC))
    assert local.isoformat() == "2026-11-23T19:59:00-10:00"


@pytest.mark.parametrize("name", ["la reunion 2", "Corse", "", "970", "97400", "NC", "0"])
def test_unknown_territory_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(InvalidCampaign, match=r"unknown territory.*metropole.*wallis-et-futuna"):
        find(name)


def test_unknown_territory_is_named_in_its_error() -> None:
    with pytest.raises(InvalidCampaign, match="unknown territory 'bretagne'"):
        find("bretagne")


@pytest.mark.parametrize("cell", ["+33639980001", "06 39 98 00 01", "Mme 0639980001"])
def test_phone_number_in_the_wrong_column_is_not_repeated(cell: str) -> None:
    with pytest.raises(InvalidCampaign) as raised:
        find(cell)
    assert "98" not in str(raised.value)


@pytest.mark.parametrize(("name", "own"), OWN_DAYS_2026.items(), ids=OWN_DAYS_2026)
def test_calendar_of_2026_equals_the_published_one(
    name: str, own: dict[tuple[int, int], str]
) -> None:
    expected = {date(2026, *day): label for day, label in (NATIONAL_2026 | own).items()}
    assert dict(closed_days(name, 2026)) == expected


def test_holidays_of_a_year_are_in_order() -> None:
    days = list(closed_days("guadeloupe", 2027))
    assert days == sorted(days)


def test_french_polynesia_has_its_new_holiday_from_2025() -> None:
    assert date(2024, 6, 29) in closed_days("polynesie-francaise", 2024)
    assert date(2024, 11, 20) not in closed_days("polynesie-francaise", 2024)
    assert date(2025, 6, 29) not in closed_days("polynesie-francaise", 2025)
    assert date(2025, 11, 20) in closed_days("polynesie-francaise", 2025)


def test_holiday_on_a_sunday_is_not_moved_to_monday() -> None:
    # All Saints' Day 2026 is a Sunday
    assert date(2026, 11, 2) not in closed_days("metropole", 2026)


def test_two_holidays_on_one_day_are_named_together() -> None:
    assert closed_days("metropole", 2059)[date(2059, 5, 8)] == "Ascension and Victory Day"


def test_calendar_of_a_year_cannot_be_changed() -> None:
    days = closed_days("metropole", 2026)
    assert closed_days("metropole", 2026) is days
    with pytest.raises(TypeError):
        days[date(2026, 2, 1)] = "a day off"  # type: ignore[index]


@pytest.mark.parametrize("name", CLOCKS)
def test_every_territory_has_holidays_in_2100(name: str) -> None:
    assert len(closed_days(name, 2100)) >= 11


@pytest.mark.parametrize("year", [2101, 2500])
def test_year_beyond_the_calendar_raises(year: int) -> None:
    with pytest.raises(InvalidCampaign, match=str(year)):
        closed_days("metropole", year)


def test_calendar_of_an_unknown_territory_is_refused() -> None:
    with pytest.raises(InvalidCampaign, match="unknown territory"):
        closed_days("bretagne", 2026)


def test_calendar_has_a_version() -> None:
    assert version("holidays") in CALENDAR_VERSION


@pytest.mark.parametrize("name", TERRITORIES)
def test_calendar_equals_that_of_the_holidays_package(name: str) -> None:
    """It is read from its file, past the front door, which imports every country."""
    for year in (2025, 2027, 2100):
        calendar = holidays.country_holidays(
            "FR", subdiv=TERRITORIES[name].subdivision, years=year, expand=False, language="en_US"
        )
        assert list(closed_days(name, year)) == sorted(calendar)


def test_calendar_of_another_layout_of_the_package_is_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usual = closed_days.__wrapped__("martinique", 2027)
    monkeypatch.setattr(holidays, "__file__", str(tmp_path / "__init__.py"))
    territories._france.cache_clear()
    assert closed_days.__wrapped__("martinique", 2027) == usual
    (tmp_path / "countries").mkdir()
    (tmp_path / "countries" / "france.py").write_text("class FrenchHolidays: ...\n")
    territories._france.cache_clear()
    assert closed_days.__wrapped__("martinique", 2027) == usual
    territories._france.cache_clear()


@pytest.mark.parametrize("locale", ["fr_FR.UTF-8", "C.UTF-8", "th_TH.UTF-8"])
def test_locale_of_the_process_does_not_change_labels(locale: str) -> None:
    code = (
        "import datetime; from dispatcher.window.territories import closed_days;"
        "print(closed_days('metropole', 2026)[datetime.date(2026, 5, 14)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"LANG": locale, "LC_ALL": locale, "LANGUAGE": locale[:2]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "Ascension"
