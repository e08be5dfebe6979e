"""What left, compared with what was planned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.rehearsal.comparison import Difference, Leaving, differences
from dispatcher.rehearsal.faults import FAULTS
from dispatcher.rehearsal.rehearsal import days_of, explained

NINE = datetime(2027, 12, 24, 8, tzinfo=UTC)


def at(minutes: float, messages: int = 500) -> Leaving:
    return Leaving(NINE + timedelta(minutes=minutes), messages)


def found(planned: list[Leaving], left: list[Leaving]) -> list[tuple[str, int]]:
    return [
        (one.kind, one.messages) for one in differences({"metropole": planned}, {"metropole": left})
    ]


def test_messages_that_leave_in_their_minute_agree() -> None:
    planned, left = [at(0), at(1), at(2, 7)], [at(0.9), at(1.4), at(2.99, 7)]
    assert found(planned, left) == []


def test_message_that_leaves_a_minute_later_is_late() -> None:
    assert found([at(0)], [at(1)]) == [("late", 500)]


def test_message_that_leaves_a_minute_earlier_is_early() -> None:
    assert found([at(1)], [at(0)]) == [("early", 500)]


def test_message_that_never_leaves_is_missing() -> None:
    assert found([at(0), at(1)], [at(0), at(1, 400)]) == [("missing", 100)]


def test_message_that_nobody_planned_is_extra() -> None:
    assert found([at(0)], [at(0), at(0, 3)]) == [("extra", 3)]


def test_other_sizes_of_batches_are_no_difference() -> None:
    assert found([at(0, 300), at(0.1, 700)], [at(0, 500), at(0.2, 500)]) == []


def test_messages_of_another_territory_are_missing_here_and_extra_there() -> None:
    found = differences({"metropole": [at(0)]}, {"mayotte": [at(0)]})
    assert [(one.kind, one.territory) for one in found] == [
        ("missing", "metropole"),
        ("extra", "mayotte"),
    ]


def test_differences_of_one_minute_are_one_difference() -> None:
    (one,) = differences({"metropole": [at(0), at(0.1)]}, {"metropole": [at(60), at(60.2)]})
    assert one == Difference("late", "metropole", 1000, NINE, NINE + timedelta(hours=1))


leavings = st.lists(
    st.builds(at, st.integers(0, 300).map(lambda tenth: tenth / 10), st.integers(0, 500)),
    max_size=20,
)


@given(planned=leavings, left=leavings)
def test_differences_account_for_every_message(planned: list[Leaving], left: list[Leaving]) -> None:
    counts = dict.fromkeys(("early", "late", "missing", "extra"), 0)
    for kind, messages in found(planned, left):
        counts[kind] += messages
    wanted, gone = (sum(one.messages for one in ones) for ones in (planned, left))
    assert wanted - counts["missing"] == gone - counts["extra"] >= 0
    assert not (counts["missing"] and counts["extra"])
    assert found(planned, planned) == []


def test_no_fault_explains_what_leaves_early_or_without_a_plan() -> None:
    early = Difference("early", "metropole", 1, NINE, NINE)
    extra = Difference("extra", "metropole", 1, None, NINE)
    assert not any(one.explained_by for one in explained([early, extra], [*FAULTS.values()]))


def test_fault_explains_only_its_own_kinds() -> None:
    late = Difference("late", "metropole", 1, NINE, NINE)
    missing = Difference("missing", "metropole", 1, NINE, None)
    faults = [FAULTS["refusals"], FAULTS["stops"]]
    assert [one.explained_by for one in explained([late, missing], faults)] == [(), ("refusals",)]


def test_days_are_those_of_paris() -> None:
    evening = Leaving(datetime(2027, 12, 24, 23, 30, tzinfo=UTC), 5)
    (day,) = days_of({"mayotte": [evening]}, {})
    assert (day.day.isoformat(), day.planned and day.planned.messages, day.left) == (
        "2027-12-25",
        5,
        None,
    )
