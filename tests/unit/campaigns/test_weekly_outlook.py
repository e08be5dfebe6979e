"""Whom the weekly cap would leave out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from dispatcher.campaigns.weekly_outlook import left_out

START = datetime(2027, 1, 12, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def test_planned_message_counts_for_the_next_one_and_a_week_later_no_longer() -> None:
    planned = [("anne", START + n * DAY) for n in (0, 3, 6, 7)] + [("luc", START)]
    assert left_out([], planned, 2) == {date(2027, 1, 18): 1}


def test_what_was_had_counts_for_seven_days() -> None:
    had = [("anne", START - 6 * DAY), ("luc", START - 7 * DAY)]
    planned = [("anne", START), ("luc", START)]
    assert left_out(had, planned, 1) == {date(2027, 1, 12): 1}
