"""Which reports in a row make a number unreachable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dispatcher import ConfigurationError, Settings
from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.unreachable import Ended, Rule

FIRST = datetime(2026, 11, 24, 9, tzinfo=UTC)
_STATES = {one.letter: one for one in MessageState}


def history(letters: str) -> list[Ended]:
    """Messages of one person, a day apart, in the order in which they left."""
    return [
        Ended(f"soldes-{day}", FIRST + timedelta(days=day), _STATES[letter], day, 0)
        for day, letter in enumerate(letters)
    ]


def row(letters: str, campaigns: int = 3, since: datetime | None = None) -> str:
    """The days of the undelivered messages in a row, the newest first."""
    rule = Rule(reports=3, campaigns=campaigns, within=None)
    return "".join(str(one.batch) for one in rule.in_a_row(history(letters), since))


@pytest.mark.parametrize(
    ("letters", "days"),
    [
        ("", ""),
        ("d", ""),
        ("uu", "10"),
        ("uuu", "210"),
        ("duuu", "321"),
        ("uuud", ""),
        ("uuduu", "43"),
        ("uuuuu", "432"),
    ],
)
def test_row_begins_after_the_last_delivered_message(letters: str, days: str) -> None:
    assert row(letters) == days


def test_message_without_a_report_takes_the_place_of_one_in_the_last_campaigns() -> None:
    assert row("uunu") == "31"
    assert row("uunu", campaigns=4) == "310"
    assert row("dnnn", campaigns=4) == ""


def test_row_begins_after_the_last_sign_of_life() -> None:
    assert row("uuuu", since=FIRST) == "321"
    assert row("uuuu", since=FIRST + timedelta(days=2, hours=1)) == "3"
    assert row("uuuu", since=FIRST + timedelta(days=9)) == ""


def test_order_in_which_messages_are_found_does_not_matter() -> None:
    rule = Rule(reports=2, campaigns=2, within=None)
    assert not rule.in_a_row(reversed(history("uud")), None)
    assert len(rule.in_a_row(reversed(history("duu")), None)) == 2


def test_of_two_messages_that_left_at_once_the_delivered_one_counts() -> None:
    rule = Rule(reports=1, campaigns=2, within=None)
    both = [Ended("a", FIRST, _STATES[letter], n, 0) for n, letter in enumerate("ud")]
    assert not rule.in_a_row(both, None)
    assert not rule.in_a_row(both[::-1], None)


def test_rule_leaves_a_number_out_after_as_many_reports() -> None:
    rule = Rule(reports=2, campaigns=2, within=None)
    one, two, *_ = history("uu")
    assert rule.leaves_out((one, two))
    assert not rule.leaves_out((one,))


def test_rule_is_off_unless_it_is_set() -> None:
    assert Rule.of(Settings.of()) is None
    assert Rule.of(Settings.of(unreachable_after=3)) == Rule(3, 3, timedelta(days=364))
    both = Settings.of(unreachable_after=3, unreachable_campaigns=5, history_days=0)
    assert Rule.of(both) == Rule(3, 5, None)


@pytest.mark.parametrize(
    "values",
    [
        {"unreachable_campaigns": 3},
        {"unreachable_after": 3, "unreachable_campaigns": 2},
        {"unreachable_after": 0},
        {"unreachable_after": 101},
        {"unreachable_after": 3, "unreachable_campaigns": 101},
    ],
)
def test_settings_refuse_a_rule_that_never_holds(values: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="DISPATCHER_UNREACHABLE"):
        Settings.of(**values)
