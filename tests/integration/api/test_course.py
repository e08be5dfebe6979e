"""The course of a campaign and the calendar of a month, added up by each database."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from dispatcher.campaigns.states import MessageState
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened, people
from tests.statements import counted


def test_course_follows_sends_reports_and_late_deliveries(bench: Bench) -> None:
    bench.submit(4)
    assert bench.dispatcher.course("soldes").most == 0
    bench.work()
    [states] = bench.gateway.tags.values()
    first, second, third, _ = people(4)
    for phone, state in (
        (first, MessageState.DELIVERED),
        (second, MessageState.UNDELIVERED),
        (third, MessageState.DELIVERED),
    ):
        states[phone] = state
        bench.pass_by(hours=5)
    found = bench.dispatcher.course("soldes")
    last = {name: sums[-1] for name, sums in found.sums.items()}
    assert last == {"sent": 4, "delivered": 2, "failed": 1}
    assert all(sums[0] == 0 for sums in found.sums.values())
    assert all([*sums] == sorted(sums) for sums in found.sums.values())
    reached = {
        name: next(n for n, one in enumerate(sums) if one) for name, sums in found.sums.items()
    }
    assert reached["sent"] < reached["delivered"] < reached["failed"]
    steps = {after - before for before, after in pairwise(found.until)}
    assert len(steps) == 1
    assert len(found.until) <= 49


def test_course_takes_as_many_statements_for_many_batches_as_for_one(bench: Bench) -> None:
    def statements(reference: str) -> int:
        with counted() as found:
            bench.dispatcher.course(reference)
        return len(found)

    bench.submit(3)
    bench.submit(1200, "many", start=100)
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    assert statements("soldes") == statements("many")


def test_calendar_counts_what_left_and_what_is_to_leave(bench: Bench) -> None:
    bench.submit(3)
    bench.work()
    today = bench.clock()
    bench.submit(5, "later", start=10, not_before=today + timedelta(days=1))
    bench.submit(7, "paused", start=20, not_before=today + timedelta(days=1))
    bench.dispatcher.pause("paused", reason="no", by="zoe")
    days = {one.day: one for one in bench.dispatcher.calendar().days}
    assert days[today.date()].sent == 3
    assert sum(one.sent for one in days.values()) == 3
    assert sum(one.planned for one in days.values()) == 5
    easter = bench.dispatcher.calendar(date(2027, 3, 15))
    assert (len(easter.days), easter.before, easter.after) == (
        31,
        date(2027, 2, 1),
        date(2027, 4, 1),
    )
    assert easter.days[28].closed == "Easter Monday"
    weeks = [*easter.weeks()]
    assert {len(week) for week in weeks} == {7}
    assert weeks[0][0] is not None


def test_weekly_cap_is_foreseen_for_what_is_planned(tables: Database) -> None:
    with opened(tables, weekly_messages=1) as bench:
        bench.submit(3)
        bench.work()
        until = bench.clock() + timedelta(days=31)
        assert bench.dispatcher.weekly_outlook(until) == {}
        for days in (3, 9):
            later = bench.clock() + timedelta(days=days)
            bench.dispatcher.submit(
                f"in {days} days", f"Dans {days} jours", people(5), not_before=later
            )
        # three have had one now; in three days the other two get theirs, and meet the cap later
        first, second = (bench.clock() + timedelta(days=days) for days in (3, 9))
        assert bench.dispatcher.weekly_outlook(until) == {first.date(): 3, second.date(): 2}
