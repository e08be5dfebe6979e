"""Dates in cells of lists."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from dispatcher.recipients.dates import date_of

THIRD_OF_MAY = date(2026, 5, 3)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-05-03",
        "2026/05/03",
        " 2026-05-03 10:00 ",
        "2026-05-03T10:00:00.123",
        "03/05/2026",
        "3/5/2026",
        "03/05/26",
        "03-05-2026",
        "3.5.2026",
        "03/05/2026 14:30",
        "03/05/2026 14:30:05",
        "03/05/2026 à 14h30",
        "03/05/2026 9h",
        "3 mai 2026",
        "3\N{NO-BREAK SPACE}MAI\N{NO-BREAK SPACE}2026",
        "dimanche 3 mai 2026",
        "dim. 3 mai 2026, 9 h 05",
        "03-mai-2026",
        "03-mai-26",
        "3 mai 26",
        "3.mai.26",
        "dimanche, 3 mai 2026",
    ],
)
def test_date_that_a_list_may_hold_is_read(cell: str) -> None:
    assert date_of(cell) == THIRD_OF_MAY


@pytest.mark.parametrize(
    ("cell", "month"),
    [
        ("1er janv. 2026", 1),
        ("1 févr. 2026", 2),
        ("1 Fevrier 2026", 2),
        ("1 juin 2026", 6),
        ("1 juil. 2026", 7),
        ("1 août 2026", 8),
        ("1 sept. 2026", 9),
        ("1er décembre 2026", 12),
        ("1-déc.-26", 12),
        ("1-févr-26 09:05", 2),
    ],
)
def test_month_is_read_by_its_french_name(cell: str, month: int) -> None:
    assert date_of(cell) == date(2026, month, 1)


def test_instant_with_a_time_zone_is_read_as_such() -> None:
    at = datetime(2026, 5, 2, 22, 30, tzinfo=UTC)
    for cell in ("2026-05-03T00:30+02:00", "2026-05-02 22:30:00Z", "2026-05-02 22:30:00 UTC"):
        assert date_of(cell) == at


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "oui",
        "46145",
        "mai 2026",
        "2026",
        "31/02/2026",
        "12/31/2026",
        "2026-13-01",
        "26-05-03",
        "03.05.26",
        "mai-26",
        "1 jui 2026",
        "1 ma 2026",
        "01/01/1900",
        "1970-01-01",
        "03/05/2026 99:99",
        "0001-01-01T00:00:00+14:00",
        "03/05/2026 et 04/05/2026",
    ],
)
def test_cell_without_a_clear_date_is_none(cell: str) -> None:
    assert date_of(cell) is None
