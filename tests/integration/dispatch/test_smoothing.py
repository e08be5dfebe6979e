"""Smoothed campaigns: each batch has its instant, and nothing ever leaves to catch up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from benchmarks.people import phone
from dispatcher import InvalidCampaign, ReferenceTaken
from dispatcher.campaigns.smoothing import AHEAD, TOLERANCE
from dispatcher.dispatch.sending import pacing
from dispatcher.gateway import SendReply
from dispatcher.storage.batches import paces
from dispatcher.storage.batches.turns.turn import turn
from dispatcher.storage.database import Database
from dispatcher.storage.tables import BATCH, CAMPAIGN
from dispatcher.window.slots import PARIS
from tests.integration.bench import OPEN, TEXT, Bench, opened, people
from tests.integration.conftest import empty
from tests.integration.storage.test_turns import TERMS, arming, gathered, turned
from tests.statements import counted
from tests.waiting import PATIENCE

HOUR = timedelta(hours=1)
TOO_FAST = (
    "the time before not_after is too short for 120 messages an hour: about 400 an hour would fit"
)
#: ten messages in five minutes; 1 % is for what is late
LIMIT, STEP = 120, timedelta(hours=10 * 1.01 / 120)


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    empty(tables)
    with opened(tables, rate=1000) as made:
        yield made
        made.check()


def drive(bench: Bench, until: datetime | None = None) -> None:
    """Send and settle, and let time pass to when more is due, until ``until`` or the end."""
    while True:
        due = bench.tick()
        for batch_id in due.send:
            bench.send(batch_id)
        for batch_id in due.settle:
            bench.settle(batch_id)
        if due.send or due.settle:
            continue
        at = next_at(bench)
        if at is None or (until is not None and at > until):
            break
        bench.clock.at = at
    if until is not None:
        bench.clock.at = until


def next_at(bench: Bench) -> datetime | None:
    """When the next batch leaves, expires or is looked up; no report is waited for."""
    now = bench.clock()
    queries = (
        select(func.min(BATCH.c.not_before)).where(
            BATCH.c.state == "pending", BATCH.c.not_before > now
        ),
        select(func.min(BATCH.c.lease_until)).where(BATCH.c.state == "sending"),
        select(func.min(BATCH.c.check_at)).where(BATCH.c.state == "in_doubt"),
        select(func.min(CAMPAIGN.c.not_after)).where(
            CAMPAIGN.c.state == "running", CAMPAIGN.c.not_after > now
        ),
    )
    with bench.dispatcher.database.read() as session:
        found = [at for query in queries if (at := session.scalar(query)) is not None]
    return min(found, default=None)


def departures(bench: Bench) -> list[tuple[datetime, int]]:
    """When how many messages left together, by the gateway's ledger."""
    found: dict[str, list[datetime]] = {}
    for tag, _, at in bench.gateway.ledger:
        assert at is not None
        found.setdefault(tag, []).append(at)
    return sorted((instants[0], len(instants)) for instants in found.values())


def check_hours(left: Sequence[tuple[datetime, int]], limit: int) -> None:
    """In no rolling hour there are more than the limit and one batch."""
    for number, (at, _) in enumerate(left):
        hour = [messages for other, messages in left[number:] if other < at + HOUR]
        assert sum(hour) <= limit + max(hour)


def steps(left: Sequence[tuple[datetime, int]]) -> list[timedelta]:
    """From each to the next, in whole seconds."""
    between = [later - one for (one, _), (later, _) in pairwise(left)]
    return [timedelta(seconds=round(one.total_seconds())) for one in between]


# -- as planned


def test_batches_leave_one_after_the_other_as_the_plan_says(bench: Bench) -> None:
    plan = bench.dispatcher.plan(TEXT, people(45), per_hour=LIMIT)
    bench.submit(45, per_hour=LIMIT)
    assert plan.batches == 5
    assert plan.per_hour == bench.progress().per_hour == LIMIT

    drive(bench)

    left = departures(bench)
    assert [messages for _, messages in left] == [10, 10, 10, 10, 5]
    assert [at for at, _ in left] == plan.forecast.leaves["metropole"]
    assert steps(left) == [STEP] * 4
    assert bench.gateway.texted == dict.fromkeys(people(45), 1)


def test_all_leave_evenly_within_the_duration(bench: Bench) -> None:
    bench.submit(120, over=timedelta(hours=2))
    assert bench.progress().per_hour == 60
    drive(bench)
    left = departures(bench)
    assert set(steps(left)) == {timedelta(minutes=5)}
    assert left[-1][0] == OPEN + timedelta(hours=1, minutes=55)


def test_nothing_looks_at_a_batch_before_its_instant(bench: Bench) -> None:
    first = bench.submit(30, per_hour=LIMIT)
    assert list(bench.work().send) == [first]
    bench.clock.forward(minutes=5)
    assert list(bench.tick().send) == []
    found = bench.progress()
    assert (found.waits_until, found.why, found.cause) == (OPEN + STEP, "smoothed", "smoothed")
    bench.clock.at = OPEN + STEP
    assert len(bench.tick().send) == 1


def test_who_is_planned_again_leaves_at_the_same_place(bench: Bench) -> None:
    bench.submit(60, "first", per_hour=LIMIT)
    backwards = people(60)[::-1]
    bench.dispatcher.submit("second", TEXT, backwards, per_hour=LIMIT)
    places = [
        [
            {number for _, batch, number, _ in bench.view() if batch == one.id}
            for one in bench.batches(campaign)
        ]
        for campaign in (1, 2)
    ]
    assert len(places[0]) == 6
    assert places[0] == places[1]


def test_rest_of_a_day_waits_until_the_next_opening_with_the_reason(bench: Bench) -> None:
    bench.clock.at = datetime(2026, 11, 28, 19, 56, tzinfo=PARIS)  # a Saturday
    bench.submit(30, per_hour=LIMIT)
    drive(bench, bench.clock() + HOUR)
    found = bench.progress()
    assert found.waits_until == datetime(2026, 11, 30, 8, tzinfo=PARIS)
    assert found.why == "Sunday"
    drive(bench)
    left = [f"{at.astimezone(PARIS):%a %H:%M:%S}" for at, _ in departures(bench)]
    assert left == ["Sat 19:56:00", "Mon 08:00:00", "Mon 08:05:03"]


def test_what_does_not_fit_is_named_and_is_what_expires(bench: Bench) -> None:
    options: dict[str, Any] = {"per_hour": LIMIT, "not_after": OPEN + timedelta(minutes=12)}
    plan = bench.dispatcher.plan(TEXT, people(100), **options)
    assert plan.forecast.late == 70
    assert plan.warnings[-2:] == (
        "70 messages would leave after not_after: they would expire",
        TOO_FAST,
    )
    submitted = bench.dispatcher.submit("soldes", TEXT, people(100), **options)
    assert submitted.warnings == plan.warnings
    drive(bench)
    assert bench.messages() == {"sent": 30, "expired": 70}


def test_duration_that_does_not_fit_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidCampaign, match="over 6 h does not fit"):
        bench.submit(10, over=6 * HOUR, not_after=OPEN + 5 * HOUR)
    assert bench.campaigns() == []


def test_campaign_that_is_under_way_is_the_same_one_however_little_time_is_left(
    bench: Bench,
) -> None:
    asked: dict[str, Any] = {"over": 6 * HOUR, "not_after": OPEN + 6 * HOUR}
    first = bench.submit(20, **asked)
    bench.clock.forward(hours=5)

    assert bench.submit(20, **asked) == first
    with pytest.raises(InvalidCampaign, match="does not fit"):
        bench.submit(20, "another", **asked)
    bench.dispatcher.cancel("soldes")


def test_campaign_that_is_stored_is_not_told_that_it_takes_too_long(bench: Bench) -> None:
    bench.submit(10, per_hour=1)
    with pytest.raises(ReferenceTaken, match="with another body"):
        bench.submit(1000, per_hour=1)
    with pytest.raises(InvalidCampaign, match="1,000 messages take 1,010 opening hours"):
        bench.submit(1000, "another", per_hour=1)


def test_rate_that_fits_is_that_of_those_whom_a_rate_reaches(bench: Bench) -> None:
    """La Réunion has closed until tomorrow: ten times the rate would not reach it today."""
    bench.clock.at = datetime(2026, 11, 24, 17, 30, tzinfo=PARIS)
    listed = [*people(40), *(f"+26269200{number:04d}" for number in range(100))]
    options: dict[str, Any] = {"per_hour": LIMIT, "not_after": bench.clock() + timedelta(minutes=6)}
    says = "the time before not_after is too short for 120 messages an hour: about"

    plan = bench.dispatcher.plan(TEXT, listed, **options)
    submitted = bench.dispatcher.submit("soldes", TEXT, listed, **options)

    for warnings in (plan.warnings, submitted.warnings):
        assert [one for one in warnings if one.startswith(says)] == [
            f"{says} 240 an hour would fit"
        ]


def test_late_territory_alone_is_no_matter_of_the_rate(bench: Bench) -> None:
    bench.clock.at = datetime(2026, 11, 24, 17, 30, tzinfo=PARIS)
    listed = [*people(20), *(f"+26269200{number:04d}" for number in range(100))]
    not_after = bench.clock() + HOUR
    plan = bench.dispatcher.plan(TEXT, listed, per_hour=LIMIT, not_after=not_after)
    assert plan.forecast.late == 100
    assert not [one for one in plan.warnings if "too short" in one]


def test_territory_that_no_longer_opens_keeps_no_other_waiting(tables: Database) -> None:
    empty(tables)
    # from summer time on Papeete and Paris share no hour, until the autumn
    before = datetime(2027, 3, 24, 18, 30, tzinfo=PARIS).astimezone(UTC)
    after = datetime(2027, 4, 6, 10, tzinfo=PARIS).astimezone(UTC)
    with opened(tables, rate=1000, at=before) as bench:
        listed = [*people(60), *(f"+6898712000{number}" for number in range(5))]
        bench.dispatcher.submit("soldes", TEXT, listed, per_hour=60)
        bench.dispatcher.pause("soldes", reason="not yet")
        bench.clock.at = after
        bench.dispatcher.resume("soldes", reason="now")

        drive(bench, after + 3 * HOUR)

        assert bench.messages("soldes") == {"sent": 60, "pending": 5}


def test_long_numbers_leave_one_by_one(bench: Bench) -> None:
    bench.submit(6, from_number="+33639988888", per_hour=LIMIT)
    drive(bench)
    assert [messages for _, messages in departures(bench)] == [1] * 6
    assert {*steps(departures(bench))} <= {timedelta(seconds=30), timedelta(seconds=31)}


# -- nothing catches up


def test_pause_moves_the_rest_on(bench: Bench) -> None:
    bench.submit(100, per_hour=LIMIT)
    drive(bench, OPEN + timedelta(minutes=12))
    bench.dispatcher.pause("soldes", reason="too many calls")
    drive(bench, OPEN + timedelta(hours=3))
    assert len(bench.gateway.ledger) == 30
    bench.dispatcher.resume("soldes", reason="all are back")
    resumed = bench.clock()

    drive(bench)

    later = [(at, messages) for at, messages in departures(bench) if at >= resumed]
    assert later[0][0] == resumed
    assert set(steps(later)) == {STEP}
    check_hours(departures(bench), LIMIT)


def test_outage_moves_the_rest_on_over_a_closing(bench: Bench) -> None:
    bench.clock.at = datetime(2026, 11, 24, 19, tzinfo=PARIS)
    bench.submit(200, per_hour=LIMIT)
    drive(bench, bench.clock() + timedelta(minutes=1))
    bench.clock.at = datetime(2026, 11, 25, 11, 30, tzinfo=PARIS)  # nobody worked until then
    begins = bench.clock()
    drive(bench)
    later = [(at, messages) for at, messages in departures(bench) if at >= begins]
    assert sum(messages for _, messages in later) == 190
    assert set(steps(later)) == {STEP}


def test_batches_that_find_the_window_closed_move_on_together(bench: Bench) -> None:
    bench.clock.at = datetime(2026, 11, 24, 18, tzinfo=PARIS)
    bench.submit(100, per_hour=LIMIT)
    bench.clock.at = datetime(2026, 11, 24, 21, tzinfo=PARIS)
    [*_] = bench.work().send
    assert {one.why for one in bench.batches()} == {"after 20:00", "smoothed"}
    assert bench.gateway.ledger == []
    assert list(bench.tick().send) == []
    drive(bench)
    assert set(steps(departures(bench))) == {STEP}


def test_batch_that_is_a_little_late_moves_nothing(bench: Bench) -> None:
    bench.submit(30, per_hour=LIMIT)
    bench.work()
    bench.clock.at = OPEN + STEP + timedelta(seconds=20)
    bench.work()
    bench.clock.at = OPEN + 2 * STEP
    bench.work()
    assert [at - OPEN for at, _ in departures(bench)] == [
        timedelta(0),
        STEP + timedelta(seconds=20),
        2 * STEP,
    ]


def test_batch_that_is_late_moves_the_rest(bench: Bench) -> None:
    bench.submit(40, per_hour=LIMIT)
    bench.work()
    late = OPEN + STEP + timedelta(minutes=2)
    bench.clock.at = late
    bench.work()
    drive(bench)
    assert [at for at, _ in departures(bench)] == [OPEN, late, late + STEP, late + 2 * STEP]


def test_campaign_of_another_pace_does_not_wait_for_it(bench: Bench) -> None:
    bench.submit(30, "slow", per_hour=LIMIT)
    bench.submit(30, "plain", start=30)
    bench.submit(30, "other", start=60, per_hour=2 * LIMIT)
    bench.work()
    assert bench.messages("plain") == {"sent": 30}
    assert bench.messages("slow") == {"pending": 20, "sent": 10}
    assert bench.messages("other") == {"pending": 10, "sent": 20}


# -- a clock that was ahead


def ahead(bench: Bench, by: timedelta) -> None:
    """Let the next batch be armed so much later, as if a clock was ahead that armed the last."""
    with bench.dispatcher.database.write() as session:
        session.execute(update(paces.PACE).values(next_at=bench.clock() + by))


def test_clock_that_was_ahead_keeps_the_rest_waiting_for_one_batch(bench: Bench) -> None:
    bench.submit(40, per_hour=LIMIT)
    bench.clock.at = OPEN + 6 * HOUR
    bench.work()
    assert bench.messages() == {"pending": 30, "sent": 10}
    right = bench.clock.at = OPEN + timedelta(minutes=1)

    bench.tick()

    assert bench.progress().waits_until == right + STEP
    drive(bench, OPEN + HOUR)
    assert bench.messages() == {"sent": 40}
    later = [at for at, _ in departures(bench) if at < OPEN + 2 * HOUR]
    assert later == [right + n * STEP for n in (1, 2, 3)]


def test_worker_that_dies_while_it_puts_a_pace_right_leaves_it_to_the_next_tick(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.submit(40, per_hour=LIMIT)
    bench.clock.at = OPEN + 6 * HOUR
    bench.work()
    right = bench.clock.at = OPEN + timedelta(minutes=1)

    def dying(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(paces, "move", dying)
        with pytest.raises(SystemExit):
            bench.tick()
    bench.tick()

    assert bench.progress().waits_until == right + STEP
    drive(bench, OPEN + HOUR)
    assert bench.messages() == {"sent": 40}


def test_batch_that_meets_a_pace_that_is_far_ahead_moves_on_by_one_batch(bench: Bench) -> None:
    first = bench.submit(30, per_hour=LIMIT)
    bench.send(first)
    ahead(bench, 6 * HOUR)
    bench.clock.at = OPEN + STEP

    bench.send(bench.batches()[1].id)

    waits = sorted(one.not_before for one in bench.batches() if one.state == "pending")
    assert waits == [OPEN + 2 * STEP, OPEN + 3 * STEP]


def test_clocks_that_differ_a_little_change_no_pace(bench: Bench) -> None:
    bench.submit(40, per_hour=LIMIT)
    bench.work()
    ahead(bench, STEP + AHEAD - timedelta(seconds=1))
    due = bench.clock.at = OPEN + STEP
    bench.work()
    assert bench.progress().waits_until == due + AHEAD - timedelta(seconds=1)


# -- hours that change


def test_rest_gets_instants_anew_when_hours_are_put_right(tables: Database) -> None:
    empty(tables)
    noon = OPEN + timedelta(hours=1, minutes=52)  # 11:52 in Paris
    with opened(tables, at=noon, window_closes=time(12)) as bench:
        bench.submit(50, per_hour=LIMIT)
        drive(bench, noon + timedelta(minutes=6))
        assert bench.messages() == {"pending": 30, "sent": 20}
        assert bench.progress().why == "after 12:00"
    bench.clock.forward(minutes=1)
    with opened(tables, clock=bench.clock, gateway=bench.gateway) as bench:
        bench.tick()

        assert bench.progress().waits_until == noon + 2 * STEP
        drive(bench, noon + HOUR)
        assert bench.messages() == {"sent": 50}
        assert steps(departures(bench)) == [STEP] * 4
        bench.check()


def test_rest_of_a_campaign_to_come_does_not_begin_sooner_by_other_hours(tables: Database) -> None:
    empty(tables)
    begins = OPEN + timedelta(hours=3)
    with opened(tables) as bench:
        bench.submit(30, per_hour=LIMIT, not_before=begins)
    with opened(tables, window_closes=time(19)) as bench:
        bench.tick()
        waits = sorted(one.not_before for one in bench.batches())
        assert waits == [begins, begins + STEP, begins + 2 * STEP]


# -- many batches


def submit_and_be_late(bench: Bench) -> datetime:
    """Let ten batches be overdue; the instant at which they are."""
    bench.submit(100, per_hour=LIMIT)
    bench.clock.forward(hours=2)
    return bench.clock()


def test_many_batches_move_on_in_short_transactions(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = submit_and_be_late(bench)
    monkeypatch.setattr(pacing, "SLICE", 2)
    seen: list[int] = []
    move = paces.move

    def moving(*given: Any) -> None:
        with bench.dispatcher.database.read() as session:
            done = select(func.count()).where(BATCH.c.state == "pending", BATCH.c.pace_until > late)
            seen.append(session.scalar(done) or 0)
        move(*given)

    monkeypatch.setattr(paces, "move", moving)
    bench.work()

    # what was moved before is committed
    assert seen == [0, 2, 4, 6, 8]
    drive(bench)
    assert set(steps(departures(bench))) == {STEP}


def test_worker_that_dies_while_it_moves_the_rest_on_lets_nobody_catch_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = submit_and_be_late(bench)
    move, calls = paces.move, count(1)

    def dying(*given: Any) -> None:
        if next(calls) == 2:
            raise SystemExit
        move(*given)

    with monkeypatch.context() as patch:
        patch.setattr(pacing, "SLICE", 3)
        patch.setattr(paces, "move", dying)
        with pytest.raises(SystemExit):
            bench.work()
    drive(bench)

    left = departures(bench)
    assert sum(messages for _, messages in left) == 100
    assert left[0][0] == late
    assert set(steps(left)) == {STEP}
    assert bench.gateway.texted == dict.fromkeys(people(100), 1)


# -- held in the store


def overdue(bench: Bench, batches: int = 3) -> list[int]:
    """All batches of a smoothed campaign are due, as if nobody had given them an instant."""
    bench.submit(10 * batches, per_hour=LIMIT)
    with bench.dispatcher.database.write() as session:
        session.execute(update(BATCH).values(not_before=OPEN, pace_until=OPEN))
    return [one.id for one in bench.batches()]


def test_one_turn_arms_one_batch_of_a_smoothed_campaign(bench: Bench) -> None:
    batches = gathered(bench, *overdue(bench))
    assert {one.pace for one in batches} == {LIMIT / 1.01}
    assert turned(bench, [*map(arming, batches)]).armed == {arming(batches[0]).tag}


def test_next_turn_arms_none_before_the_share_of_the_hour_has_passed(bench: Bench) -> None:
    first, second, _ = gathered(bench, *overdue(bench))
    assert turned(bench, [arming(first)]).armed
    with bench.dispatcher.database.read() as session:
        next_at = paces.next_at(session, first.campaign_id)
    assert next_at is not None
    assert abs(next_at - OPEN - STEP) < timedelta(milliseconds=1)
    for wait, armed in ((timedelta(0), 0), (STEP - 2 * TOLERANCE, 0), (STEP - TOLERANCE / 2, 1)):
        terms = replace(TERMS, now=OPEN + wait, clock=OPEN + wait)
        assert len(turned(bench, [arming(second)], terms=terms).armed) == armed


def test_batch_that_is_partly_opted_out_takes_a_smaller_share(bench: Bench) -> None:
    [batch, *_] = overdue(bench)
    for number in [row[2] for row in bench.view() if row[1] == batch][:5]:
        bench.opt_out(number)
    bench.send(batch)
    with bench.dispatcher.database.read() as session:
        next_at = paces.next_at(session, 1)
    assert next_at is not None
    assert abs(next_at - OPEN - STEP / 2) < timedelta(milliseconds=1)


def test_turn_that_meets_another_one_arms_nothing(postgres_tables: Database) -> None:
    """The row of the pace is locked. SQLite has one writer."""
    empty(postgres_tables)
    with opened(postgres_tables) as bench:
        first, second, _ = gathered(bench, *overdue(bench))
        with postgres_tables.write() as session:
            assert turn(session, [arming(first)], [], TERMS).armed
            assert not turned(bench, [arming(second)]).armed
        assert not turned(bench, [arming(second)]).armed


def test_two_processes_arm_one_batch_between_them(bench: Bench) -> None:
    batches = overdue(bench, 10)
    database = bench.dispatcher.database
    told = {
        "url": database.engine.url.render_as_string(hide_password=False),
        "at": OPEN.isoformat(),
    }
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.integration.dispatch.paced_sender"],
            cwd=Path(__file__).parents[3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for number, worker in enumerate(workers):
            assert worker.stdin
            some = batches[number::2]
            worker.stdin.write(json.dumps(told | {"batches": some}) + "\n")
            worker.stdin.flush()
        for worker in workers:
            assert worker.stdout
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin
            worker.stdin.write("\n")
            worker.stdin.flush()
        taken = [int(worker.communicate(timeout=PATIENCE)[0]) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert sorted(taken) == [0, 10]
    assert len(bench.attempts()) == 1
    # and the rest has moved on
    waits = sorted(one.not_before for one in bench.batches() if one.state == "pending")
    assert len(waits) == 9
    assert waits[0] >= OPEN + STEP - timedelta(seconds=1)
    assert min(later - one for one, later in pairwise(waits)) > STEP - timedelta(seconds=1)


def test_campaign_without_a_pace_takes_no_statement_more(bench: Bench) -> None:
    batch = bench.submit(10)
    bench.tick()
    with counted() as statements:
        bench.send(batch)
    assert statements
    assert not [one for one in statements if "dispatcher_pace" in one]
    with bench.dispatcher.database.read() as session:
        assert session.scalar(select(CAMPAIGN.c.pace)) is None


# -- the whole of it


def test_fifty_thousand_people_over_a_closing_a_holiday_a_pause_and_a_crash(bench: Bench) -> None:
    """At 2,000 an hour, from the Wednesday before Ascension on."""
    bench.clock.at = datetime(2027, 5, 5, 9, tzinfo=PARIS)
    everybody = [phone(number) for number in range(50_000)]
    plan = bench.dispatcher.plan(TEXT, everybody, per_hour=2000)
    assert plan.forecast.late == 0
    bench.dispatcher.submit("soldes", TEXT, everybody, per_hour=2000)
    submitted = bench.clock()

    drive(bench, submitted + timedelta(hours=2))
    bench.dispatcher.pause("soldes", reason="too many calls")
    drive(bench, submitted + timedelta(hours=5))
    bench.dispatcher.resume("soldes", reason="all are back")
    drive(bench, submitted + timedelta(hours=7))
    # a worker dies in the middle of a call, and nobody works for 90 minutes
    died: list[str] = []

    def die(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        died.append(tag)
        raise SystemExit

    bench.gateway.behave = die
    with bench.dispatcher.database.read() as session:
        at = session.scalar(
            select(BATCH.c.not_before)
            .where(BATCH.c.state == "pending")
            .order_by(BATCH.c.not_before)
            .limit(1)
        )
    assert at is not None
    bench.clock.at = at
    [batch] = bench.tick().send
    with pytest.raises(SystemExit):
        bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    bench.clock.forward(minutes=90)
    drive(bench)

    assert len(died) == 1
    assert set(bench.gateway.texted.values()) == {1}
    assert len(bench.gateway.texted) == 50_000
    left = departures(bench)
    check_hours(left, 2000)
    days = {f"{at.astimezone(PARIS):%a %d %b}" for at, _ in left}
    # Thursday is Ascension, and Saturday Victory Day
    assert days == {"Wed 05 May", "Fri 07 May", "Mon 10 May"}
    for at, _ in left:
        assert bench.dispatcher.windows.hold(at, "metropole") is None
    # what is left of each day leaves evenly, and the last ones as late as they were held up
    assert min(steps(left)) > timedelta(minutes=5) - TOLERANCE
    held_up = left[-1][0] - (plan.forecast.ends or submitted)
    assert held_up > timedelta(hours=4)
