from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import delete, text

from dispatcher.campaigns.states import MessageState
from dispatcher.dispatch import polls
from dispatcher.gateway import SendReply, Throttled
from dispatcher.storage import heartbeats
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Recipient
from tests.integration.bench import OPEN, TEXT, Bench, opened, people
from tests.integration.conftest import empty
from tests.waiting import PATIENCE

DELIVERED, UNDELIVERED, SENT = MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.SENT


def sent(bench: Bench, count: int = 3) -> int:
    batch = bench.submit(count)
    bench.send(batch)
    assert bench.messages() == {"sent": count}
    return batch


def report(bench: Bench, phone: str, state: MessageState) -> None:
    for states in bench.gateway.tags.values():
        if phone in states:
            states[phone] = state


def next_poll(bench: Bench, batch: int) -> int:
    """Let the next poll be due, and make it."""
    due = bench.batch(batch).check_at
    assert due is not None
    bench.clock.at = max(bench.clock(), due)
    return bench.poll()


# -- asking


def test_poll_with_all_reports_finishes_the_campaign(bench: Bench) -> None:
    batch = sent(bench)
    bench.gateway.deliver()
    assert bench.poll() == 0  # too early
    assert next_poll(bench, batch) == 3
    assert bench.batch(batch).state == "done"
    assert bench.messages() == {"delivered": 3}
    bench.tick()
    progress = bench.progress()
    assert progress.state == "finished"
    assert progress.ended
    assert bench.campaigns()[0].ended_at == bench.clock()


@pytest.mark.parametrize(("size", "calls"), [(30, [150]), (130, [500, 150])])
def test_many_due_batches_share_calls(bench: Bench, size: int, calls: list[int]) -> None:
    """Five campaigns with one batch each: no batch has a call of its own."""
    for n in range(5):
        bench.submit(size, f"soldes-{n}", start=n * size)
    bench.work()
    bench.gateway.deliver()
    bench.clock.forward(seconds=10)
    assert bench.poll() == 5 * size
    assert bench.gateway.calls == calls
    assert all(batch.state == "done" for batch in bench.batches())


def test_poll_asks_only_for_messages_without_a_report(bench: Bench) -> None:
    batch = sent(bench)
    report(bench, people(3)[0], DELIVERED)
    assert next_poll(bench, batch) == 1
    assert next_poll(bench, batch) == 0
    assert bench.gateway.calls == [3, 2]
    assert bench.messages() == {"sent": 2, "delivered": 1}


def test_polls_without_reports_wait_longer_and_repeat_the_last_interval(bench: Bench) -> None:
    batch = sent(bench)
    waits = []
    for _ in range(13):
        due = bench.batch(batch).check_at
        assert due is not None
        waits.append((due - bench.clock()).total_seconds())
        next_poll(bench, batch)
    *first, last = bench.settings.poll_intervals
    for wait, interval in zip(waits, [*first, *[last] * 6], strict=True):
        assert interval <= wait < interval * 1.25 or wait == interval


def test_last_numbers_of_batches_of_one_hour_share_calls(bench: Bench) -> None:
    for n in range(30):
        bench.submit(2, reference=f"campaign {n}", start=2 * n)
        bench.work()
        bench.pass_by(minutes=2)
    while any(batch.checks < 6 for batch in bench.batches()):
        bench.pass_by(minutes=10)
    bench.gateway.calls.clear()
    while any(batch.checks < 8 for batch in bench.batches()):
        bench.pass_by(minutes=10)
    rounds = sum(bench.gateway.calls) / 60
    assert len(bench.gateway.calls) <= 3 * rounds  # one by one it would be thirty


def test_campaign_without_reports_is_polled_twelve_times_in_two_days(bench: Bench) -> None:
    batch = sent(bench)
    started = bench.clock()
    rounds = 0
    while bench.clock() < started + timedelta(hours=48):
        next_poll(bench, batch)
        rounds += 1
    assert rounds <= 13  # the last one is past the second day


def test_poll_under_way_is_not_made_twice(bench: Bench) -> None:
    sent(bench)
    bench.clock.forward(seconds=10)
    ask = bench.gateway.multi_status

    def meanwhile(pairs: object) -> object:
        assert bench.poll() == 0
        return ask(pairs)  # type: ignore[arg-type]

    bench.gateway.multi_status = meanwhile  # type: ignore[assignment,method-assign]
    bench.poll()
    assert bench.gateway.calls == [3]


def test_one_poll_asks_for_everything_due_at_its_beginning(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls, "POLL_SIZE", 6)
    for n in range(5):
        bench.send(bench.submit(3, f"soldes-{n}", start=3 * n))
    bench.clock.forward(seconds=10)
    assert bench.poll() == 0
    assert bench.gateway.calls == [6, 6, 3]  # they wait still, and are asked for once


def test_unanswered_call_ends_the_poll(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls, "POLL_SIZE", 3)
    first, second = (bench.submit(3, f"soldes-{n}", start=3 * n) for n in range(2))
    bench.send(first)
    bench.send(second)
    bench.clock.forward(seconds=10)
    bench.gateway.blind = True
    bench.poll()
    assert sorted(batch.checks for batch in bench.batches()) == [0, 1]


@pytest.mark.parametrize(("due", "hints"), [(0, 0), (1, 1), (20, 1), (21, 2), (80, 4), (10_000, 4)])
def test_tick_publishes_no_hint_without_work(due: int, hints: int) -> None:
    assert polls.hints_for(due) == hints


def test_report_is_recorded_for_its_own_number(bench: Bench) -> None:
    """In an order of its own in the database: no plan of a query may turn people round."""
    batch = bench.submit(500)
    with bench.dispatcher.database.write() as session:
        session.execute(text("CREATE TEMPORARY TABLE turned AS SELECT * FROM dispatcher_recipient"))
        session.execute(text("DELETE FROM dispatcher_recipient"))
        session.execute(
            text(
                "INSERT INTO dispatcher_recipient SELECT * FROM turned"
                " ORDER BY phone DESC, position DESC"
            )
        )
        session.execute(text("DROP TABLE turned"))
    bench.send(batch)
    for position, phone in enumerate(people(500)):
        if position % 3:
            report(bench, phone, (DELIVERED, UNDELIVERED)[position % 3 - 1])
    next_poll(bench, batch)
    assert bench.batch(batch).states == ("sdu" * 167)[:500]


def test_deleted_recipient_does_not_shift_the_reports(bench: Bench) -> None:
    batch = sent(bench, 5)
    gone = Recipient.position.in_((1, 4))
    with bench.dispatcher.database.write() as session:
        rows = session.scalars(delete(Recipient).where(gone).returning(Recipient.phone)).all()
    report(bench, people(5)[2], DELIVERED)
    report(bench, people(5)[3], UNDELIVERED)
    next_poll(bench, batch)
    assert bench.batch(batch).states == "ssdus"
    with bench.dispatcher.database.write() as session:  # whoever counts misses them
        session.add_all(
            Recipient(batch_id=batch, position=position, phone=phone)
            for position, phone in zip((1, 4), sorted(rows), strict=True)
        )


def test_poll_that_never_returned_is_made_again(bench: Bench) -> None:
    class Crash(BaseException):
        pass

    def die(pairs: object) -> object:
        raise Crash

    batch = sent(bench)
    bench.gateway.deliver()
    ask = bench.gateway.multi_status
    bench.gateway.multi_status = die  # type: ignore[assignment,method-assign]
    with pytest.raises(Crash):
        next_poll(bench, batch)
    bench.gateway.multi_status = ask  # type: ignore[method-assign]
    assert bench.poll() == 0
    bench.clock.forward(minutes=2)
    assert bench.poll() == 3


# -- what reports say


def test_final_reports_arrive_one_by_one(bench: Bench) -> None:
    batch = sent(bench)
    report(bench, people(3)[0], DELIVERED)
    report(bench, people(3)[1], UNDELIVERED)
    next_poll(bench, batch)
    assert [state for *_, state in bench.view()] == ["delivered", "undelivered", "sent"]
    assert bench.batch(batch).state == "sent"
    report(bench, people(3)[2], DELIVERED)
    next_poll(bench, batch)
    assert bench.messages() == {"delivered": 2, "undelivered": 1}
    assert bench.batch(batch).state == "done"


def test_late_delivered_replaces_undelivered_and_never_the_reverse(bench: Bench) -> None:
    """Lookups by tag show everybody each time; one number of the batch keeps it in doubt."""
    batch = bench.submit(3)
    bench.gateway.behave = bench.gateway.lose
    bench.send(batch)
    (tag,) = bench.gateway.requests
    first, second, third = people(3)
    bench.gateway.tags[tag] = {first: UNDELIVERED, second: DELIVERED}
    bench.pass_by(minutes=1)
    assert [state for *_, state in bench.view()] == ["undelivered", "delivered", "in_doubt"]
    bench.gateway.tags[tag] = {first: DELIVERED, second: UNDELIVERED, third: DELIVERED}
    bench.pass_by(minutes=5)
    assert [state for *_, state in bench.view()] == ["delivered"] * 3
    assert bench.batch(batch).state == "done"


def test_message_without_a_report_is_unreported_after_72_hours(bench: Bench) -> None:
    batch = sent(bench)
    report(bench, people(3)[0], DELIVERED)
    horizon = OPEN + timedelta(hours=72)
    while (due := bench.batch(batch).check_at) is not None and due < horizon:
        next_poll(bench, batch)
        assert bench.messages() == {"sent": 2, "delivered": 1}
    assert due == horizon  # neither before nor long after
    assert next_poll(bench, batch) == 2
    assert bench.messages() == {"delivered": 1, "unreported": 2}
    assert bench.batch(batch).state == "done"
    bench.tick()
    assert bench.progress().state == "finished"


def test_message_unknown_to_the_gateway_stays_sent(bench: Bench) -> None:
    batch = sent(bench)
    for states in bench.gateway.tags.values():
        states.clear()
    next_poll(bench, batch)
    assert bench.messages() == {"sent": 3}


def test_stop_in_a_report_opts_out_of_the_next_campaign(bench: Bench) -> None:
    batch = sent(bench)
    bench.gateway.stopped.add(people(3)[1])
    bench.gateway.deliver()
    next_poll(bench, batch)
    assert bench.messages() == {"delivered": 3}
    other = bench.submit(3, "autre")
    bench.send(other)
    assert bench.messages("autre") == {"sent": 2, "opted_out": 1}
    assert bench.gateway.texted[people(3)[1]] == 1


def test_stop_sent_twice_is_one_opt_out(bench: Bench) -> None:
    batch = sent(bench)
    bench.gateway.stopped.add(people(3)[1])
    next_poll(bench, batch)
    next_poll(bench, batch)
    bench.gateway.deliver()
    next_poll(bench, batch)
    assert bench.messages() == {"delivered": 3}


def test_batch_settled_by_its_tag_is_polled_by_its_tag(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = bench.gateway.lose
    bench.send(batch)
    bench.pass_by(minutes=1)
    assert bench.batch(batch).state == "sent"
    report(bench, people(3)[0], DELIVERED)
    bench.gateway.stopped.add(people(3)[0])
    assert next_poll(bench, batch) == 1
    assert bench.gateway.calls == []
    assert bench.messages() == {"sent": 2, "delivered": 1}
    bench.gateway.deliver()
    next_poll(bench, batch)
    assert bench.messages() == {"delivered": 3}
    bench.send(bench.submit(3, "autre"))
    assert bench.messages("autre")["opted_out"] == 1


# -- errors


@pytest.mark.parametrize("by_tag", [False, True])
def test_failed_poll_is_made_later(bench: Bench, by_tag: bool) -> None:
    if by_tag:
        batch = bench.submit(3)
        bench.gateway.behave = bench.gateway.lose
        bench.send(batch)
        bench.pass_by(minutes=1)
    else:
        batch = sent(bench)
    bench.gateway.deliver()
    bench.gateway.blind = True
    assert next_poll(bench, batch) == 0
    assert bench.messages() == {"sent": 3}
    due = bench.batch(batch).check_at
    assert due is not None
    assert due > bench.clock()
    bench.gateway.blind = False
    assert next_poll(bench, batch) == 3


def test_gateway_down_for_days_makes_no_message_unreported_and_gets_few_calls(
    bench: Bench,
) -> None:
    batch = sent(bench)
    bench.gateway.blind = True
    bench.clock.forward(hours=80)
    polls = 0
    while bench.clock() < OPEN + timedelta(hours=100):
        next_poll(bench, batch)
        polls += 1
        assert polls < 50
    assert bench.messages() == {"sent": 3}
    bench.gateway.blind = False
    report(bench, people(3)[0], DELIVERED)
    next_poll(bench, batch)
    assert bench.messages() == {"delivered": 1, "unreported": 2}


def test_one_failed_call_does_not_affect_the_others(bench: Bench) -> None:
    for n in range(2):
        bench.submit(500, f"soldes-{n}", start=n * 500)
    bench.work()
    bench.gateway.deliver()
    bench.clock.forward(seconds=10)
    look, calls = bench.gateway._look, []

    def ill_once() -> None:
        calls.append(1)
        bench.gateway.blind = len(calls) == 1
        look()

    bench.gateway._look = ill_once  # type: ignore[method-assign]
    assert bench.poll() == 500
    bench.clock.forward(minutes=5)
    assert bench.poll() == 500


# -- the tick


def test_tick_returns_what_is_due(bench: Bench) -> None:
    first = bench.submit(500)
    second = bench.submit(3, "autre", start=1000)
    due = bench.tick()
    assert (set(due.send), due.settle, due.polls) == ({first, second}, [], 0)
    bench.send(first)
    due = bench.tick()
    assert (due.send, due.settle, due.polls) == ([], [], 0)
    bench.clock.forward(seconds=10)
    due = bench.tick()
    assert (due.send, due.settle, due.polls) == ([], [], 1)  # one poll takes both
    bench.gateway.behave = bench.gateway.lose
    third = bench.submit(3, "encore", start=2000)
    bench.send(third)
    bench.clock.forward(seconds=15)
    assert bench.tick().settle == [third]


def test_campaign_does_not_wait_for_ten_batches_of_another(tables: Database) -> None:
    with opened(tables, connections=1) as bench:
        bench.submit(5000)
        other = bench.submit(3, "autre", start=6000)
        assert other in bench.tick().send


def test_three_ticks_at_once_change_what_one_changes(bench: Bench) -> None:
    """The very first ones, too: each leaves its sign of life."""
    late = bench.submit(3, "late", start=100, not_after=OPEN + timedelta(minutes=1))
    bench.dispatcher.pause("late")
    lost = bench.submit(3)

    class Crash(BaseException):
        pass

    def die(tag: str, phones: list[str]) -> None:
        raise Crash

    bench.gateway.behave = die  # type: ignore[assignment]
    with pytest.raises(Crash):
        bench.send(lost)
    bench.clock.forward(minutes=5)
    start, failed = threading.Barrier(3, timeout=PATIENCE), []

    def tick() -> None:
        start.wait()
        try:
            bench.tick()
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=tick) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert failed == []
    assert bench.batch(lost).state == "in_doubt"
    assert bench.batch(late).state == "expired"
    assert bench.dispatcher.last_tick() == bench.clock()
    assert bench.messages() == {"in_doubt": 3}
    assert bench.messages("late") == {"expired": 3}


def test_two_first_heartbeats_at_once_both_succeed(postgres_tables: Database) -> None:
    """The second one waits for the first; on SQLite all writers wait for each other."""
    empty(postgres_tables)
    failed: list[Exception] = []

    def beat() -> None:
        try:
            with postgres_tables.write() as session:
                heartbeats.record_tick(session, "host", OPEN)
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    second = threading.Thread(target=beat)
    with postgres_tables.write() as session:
        heartbeats.record_tick(session, "host", OPEN)
        second.start()
        while second.is_alive() and not session.scalar(waiting):
            second.join(0.01)
    second.join(PATIENCE)
    assert failed == []


def test_paused_campaign_does_not_finish(bench: Bench) -> None:
    batch = sent(bench)
    bench.dispatcher.pause("soldes")
    bench.gateway.deliver()
    next_poll(bench, batch)
    bench.tick()
    assert bench.progress().state == "paused"
    bench.dispatcher.resume("soldes")
    bench.tick()
    assert bench.progress().state == "finished"


def test_mixed_campaign_adds_up_at_every_step(bench: Bench) -> None:
    mixed = [*people(700), "12", people(1)[0], *(f"+2626929800{n:02d}" for n in range(5))]
    bench.dispatcher.submit("soldes", TEXT, mixed)
    bench.opt_out(people(1)[0])
    bench.check()
    behaviours = [bench.gateway.lose, bench.gateway.swallow, bench.gateway.take]
    bench.gateway.behave = lambda tag, phones: behaviours.pop()(tag, phones)
    bench.work()
    bench.check()
    assert sum(bench.messages().values()) == 705
    bench.gateway.deliver()
    for _ in range(4):
        bench.pass_by(minutes=5)
        bench.check()
    doubt = bench.dispatcher.doubts()[0]
    bench.dispatcher.give_up(doubt.batch_id, reason="it never arrived")
    bench.pass_by(minutes=5)
    bench.check()
    assert bench.progress().state == "finished"


@pytest.mark.parametrize("first_arrived", [True, False])
def test_delivery_of_one_attempt_outweighs_a_failure_of_another(
    bench: Bench, first_arrived: bool
) -> None:
    """The gateway took a batch though it asked to wait: both attempts have a report."""
    batch = bench.submit(1)

    def lying_429(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        bench.gateway.hidden.add(tag)
        return Throttled(10.0)

    bench.gateway.behave = lying_429
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    bench.clock.forward(seconds=20)
    bench.send(batch)
    bench.gateway.hidden.clear()
    first, second = (attempt.tag for attempt in bench.attempts(batch))
    (phone,) = people(1)
    bench.gateway.tags[first][phone] = DELIVERED if first_arrived else UNDELIVERED
    bench.gateway.tags[second][phone] = UNDELIVERED if first_arrived else DELIVERED
    bench.clock.forward(minutes=5)
    bench.poll()
    assert bench.messages() == {"delivered": 1}
