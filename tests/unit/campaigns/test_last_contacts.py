"""Last contacts: how a value becomes a day, and what is said of one that is none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from dispatcher.campaigns.last_contacts import LastContacts, day_of, years_before
from dispatcher.recipients import Recipient

TODAY = date(2026, 11, 24)
MAY = date(2026, 5, 3)
PHONE = 33639987001


def listed(*values: Any) -> LastContacts:
    contacts = LastContacts(TODAY)
    for row, value in enumerate(values, start=2):
        contacts.add(Recipient(f"+{PHONE}", row=row, last_contact=value), PHONE + row)
    return contacts


@pytest.mark.parametrize(
    "value",
    [
        *("2026-05-03", "03/05/2026", "3.5.2026", "3 mai 2026", "03/05/2026 14:30", " 2026-05-03 "),
        *(
            "2026-05-02T23:30:00+00:00",
            MAY,
            datetime(2026, 5, 3, 23, 59, tzinfo=UTC).replace(tzinfo=None),
        ),
        datetime(2026, 5, 2, 22, 0, tzinfo=UTC),
    ],
)
def test_date_in_any_spelling_is_a_day_in_paris(value: Any) -> None:
    assert day_of(value) == MAY


@pytest.mark.parametrize("value", [None, "", "  ", "NULL", "#N/A", float("nan")])
def test_empty_value_is_no_day(value: Any) -> None:
    assert day_of(value) is None


@pytest.mark.parametrize(
    "value",
    [
        *("oui", "31/02/2026", "1900-01-01", "45620", 45620, True, b"2026-05-03", ["2026-05-03"]),
        *(date(1, 1, 1), datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_value_that_is_no_date_raises(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^it is (no date|before 1990)$"):
        day_of(value)


def test_wrong_dates_are_counted_with_their_first_row() -> None:
    contacts = listed("2026-05-03", "oui", "2026-11-26", "non", "", "2026-11-25")

    unreadable, future = contacts.warnings
    assert unreadable == (
        "the date of the last contact cannot be read in 2 rows, first in row 3: these people are"
        " texted, and the date is not stored: write it like 2026-05-03 or 03/05/2026"
    )
    assert future == (
        "the last contact lies in the future in 1 row, first in row 4: these people are texted,"
        " and the date is not stored: correct it, or the clock of this machine, where today is"
        " 2026-11-24"
    )
    assert len(contacts) == 2


def test_row_that_is_not_known_is_not_named() -> None:
    contacts = LastContacts(TODAY)
    contacts.add(Recipient(f"+{PHONE}", last_contact="oui"), PHONE)
    assert contacts.warnings[0].startswith(
        "the date of the last contact cannot be read in 1 row: these"
    )


def test_groups_are_in_the_order_of_numbers_and_the_newest_day_counts() -> None:
    contacts = LastContacts(TODAY)
    for number, day in ((3, 5), (1, 7), (2, 1), (1, 9), (1, 2)):
        contacts.add(Recipient("", last_contact=date(2026, 5, day)), PHONE + number)

    assert list(contacts.groups(2)) == [
        {f"+{PHONE + 1}": date(2026, 5, 9), f"+{PHONE + 2}": date(2026, 5, 1)},
        {f"+{PHONE + 3}": date(2026, 5, 5)},
    ]


@pytest.mark.parametrize(
    ("today", "before"),
    [
        (date(2026, 11, 24), date(2023, 11, 24)),
        (date(2028, 2, 29), date(2025, 2, 28)),
        (date(2027, 2, 28), date(2024, 2, 28)),
    ],
)
def test_three_years_before_is_the_same_day_or_the_28_february(today: date, before: date) -> None:
    assert years_before(today, 3) == before
