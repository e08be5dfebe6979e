"""Changes of messages are posted in order, each until it is accepted; retention, doctor, metric."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import select, text, update

from dispatcher import Dispatcher
from dispatcher.dispatch.events import signals
from dispatcher.dispatch.events.signatures import verify
from dispatcher.errors import StorageError
from dispatcher.monitoring.doctor import Finding, examine
from dispatcher.storage import message_log, message_position, message_trigger
from dispatcher.storage.database import Database
from dispatcher.storage.driver_errors import Busy
from dispatcher.storage.tables import MESSAGE_CHANGE, Batch, Event
from tests.integration.bench import TEXT, Bench, opened, people
from tests.integration.dispatch.test_events import SECRET, deliver
from tests.integration.monitoring.test_metrics import Scrape
from tests.listener import Listener
from tests.message_log import check_log, check_states

NAME = "dispatcher_message_change"


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def posting(tables: Database, listener: Listener) -> Iterator[Bench]:
    """A bench that records changes and posts them, three at a time, to ``listener``."""
    settings: dict[str, Any] = {"callback_url": listener.url, "callback_secret": SECRET}
    with (
        mock.patch("dispatcher.campaigns.message_changes.MOST_DELIVERED", 3),
        mock.patch("dispatcher.storage.message_log.MOST_DELIVERED", 3),
        opened(tables, message_events=True, **settings) as bench,
    ):
        yield from recording(bench)


@pytest.fixture
def logged(tables: Database) -> Iterator[Bench]:
    """A bench that records changes, and posts nothing."""
    with opened(tables, message_events=True) as bench:
        yield from recording(bench)


def recording(bench: Bench) -> Iterator[Bench]:
    bench.tick()
    try:
        yield bench
        bench.check()
    finally:
        with bench.dispatcher.database.write() as session:
            message_trigger.switch(session, on=False)


def posted(listener: Listener) -> list[dict[str, Any]]:
    return [body["data"] for body in listener.bodies() if body["type"] == "messages_changed"]


def numbers(posts: list[dict[str, Any]]) -> list[list[int]]:
    return [[change["number"] for change in post["changes"]] for post in posts]


def send(bench: Bench, count: int = 4) -> None:
    bench.submit(count)
    bench.work()


# -- deliveries


def test_changes_are_posted_signed_and_in_order(posting: Bench, listener: Listener) -> None:
    send(posting)
    assert posting.tick().events
    assert deliver(posting) == 2
    assert not posting.tick().events
    posting.gateway.deliver()
    posting.pass_by(seconds=10)
    deliver(posting)
    raw = listener.raw()
    now = posting.clock().timestamp()
    assert all(verify(SECRET, headers, body, now=now) for headers, body in raw)
    for call in raw:
        listener.calls.put(call)
    posts = posted(listener)
    assert numbers(posts) == [[1, 2, 3], [4], [5, 6, 7], [8]]
    assert [post["cursor"] for post in posts] == [3, 4, 7, 8]
    assert [change["state"] for change in posts[2]["changes"]] == ["delivered"] * 3
    assert {change["campaign"] for post in posts for change in post["changes"]} == {"soldes"}
    check_log(posting.dispatcher.database)


def test_address_that_is_down_for_days_gets_all_in_order_once_it_is_back(
    posting: Bench, listener: Listener
) -> None:
    send(posting)
    listener.answers = [503] * 50
    for _ in range(50):
        deliver(posting)
        posting.pass_by(hours=1)
    failed = posted(listener)
    assert numbers(failed) == [[1, 2, 3]] * 50
    posting.gateway.deliver()
    posting.pass_by(hours=1)
    posting.tick()
    deliver(posting)
    posts = posted(listener)
    flat = [number for page in numbers(posts) for number in page]
    assert flat == list(range(1, len(flat) + 1))
    assert len(flat) >= 8
    check_states(posting.dispatcher)


def test_worker_that_dies_after_the_post_repeats_the_same_event(
    posting: Bench, listener: Listener
) -> None:
    send(posting)
    with (
        mock.patch("dispatcher.storage.events.end", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        deliver(posting)
    assert deliver(posting) == 0  # its lease holds
    posting.pass_by(minutes=30)
    deliver(posting)
    calls = [(headers["webhook-id"], body) for headers, body in listener.raw()]
    assert calls[0] == calls[1]
    assert len({key for key, _ in calls}) == len(calls) - 1
    with posting.dispatcher.database.read() as session:
        assert message_position.position(session).delivered == 4


def test_receiver_gets_the_changes_as_values(tables: Database) -> None:
    heard: list[Any] = []
    signals.messages_changed.connect(heard.append)
    try:
        with opened(tables, message_events=True, receivers="json") as bench:
            for _ in recording(bench):
                send(bench, 2)
                bench.tick()
                assert deliver(bench) == 1
    finally:
        signals.messages_changed.disconnect(heard.append)
    [event] = heard
    assert [(one.position, one.state) for one in event.changes] == [(0, "sent"), (1, "sent")]
    assert event.changes.cursor == 2


def test_nobody_is_posted_to_and_changes_are_numbered_all_the_same(logged: Bench) -> None:
    send(logged)
    assert logged.tick().events
    assert deliver(logged) == 0
    assert not logged.tick().events
    with logged.dispatcher.database.read() as session:
        assert not message_log.any_new(session)
        assert session.scalars(select(Event)).all() == []


def test_many_changes_are_numbered_by_one_delivery(logged: Bench) -> None:
    for n in range(5):
        logged.submit(1, reference=f"c{n}", start=n)
    logged.work()
    with mock.patch("dispatcher.storage.message_log.STRIDE", 2):
        deliver(logged)
    with logged.dispatcher.database.read() as session:
        assert message_position.position(session).last == 5


# -- switching


def test_log_that_cannot_be_switched_is_tried_again_a_minute_later(
    tables: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tables, message_events=True) as bench:
        failing = mock.patch.object(message_trigger, "switch", side_effect=StorageError("busy"))
        with failing as switch:
            bench.tick()
            bench.tick()
        assert switch.call_count == 1
        assert "the log cannot be switched yet: busy" in caplog.text
        bench.pass_by(minutes=2)
        with tables.read() as session:
            assert message_trigger.is_on(session)
        with tables.write() as session:
            message_trigger.switch(session, on=False)


# -- retention, doctor, metric


def age(bench: Bench, **duration: float) -> None:
    """What was recorded so far is this much older than the clock of the bench."""
    with bench.dispatcher.database.write() as session:
        message_log.number(session)
        at = bench.clock() - timedelta(**duration)
        session.execute(update(MESSAGE_CHANGE).values(at=at))


def test_old_changes_are_deleted_and_those_that_nobody_read_are_told(
    logged: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    send(logged)
    age(logged, days=400)
    read(logged.dispatcher, until=1)
    logged.gateway.deliver()
    logged.pass_by(seconds=10)
    with logged.dispatcher.database.write() as session:
        message_log.number(session)
        # the database's clock is not the bench's
        session.execute(
            text(f"UPDATE {NAME} SET at = :now WHERE number > 4"),
            {"now": logged.clock().replace(tzinfo=None)},
        )
    logged.dispatcher.steps.prune()
    assert "1 rows of changes of messages deleted" in caplog.text
    assert "nobody had read 3 deleted changes of messages" in caplog.text
    page = logged.dispatcher.message_changes(1)
    assert page.missed == 3
    assert [one.number for one in page] == [5, 6, 7, 8]


def test_deleted_changes_are_passed_over_in_a_delivery(posting: Bench, listener: Listener) -> None:
    send(posting)
    age(posting, days=400)
    posting.dispatcher.steps.prune()
    posting.gateway.deliver()
    posting.pass_by(seconds=10)
    deliver(posting)
    posts = posted(listener)
    assert numbers(posts) == [[5, 6, 7], [8]]
    assert [post["missed"] for post in posts] == [4, 0]


def read(dispatcher: Dispatcher, *, until: int) -> None:
    """Read from the beginning, and go on behind ``until``."""
    dispatcher.message_changes(0)
    dispatcher.message_changes(until)


def finding(bench: Bench) -> Finding:
    [found] = [it for it in examine(bench.dispatcher, ["messages"]) if it.name == "messages"]
    return found


def test_doctor_warns_of_changes_that_nobody_reads(logged: Bench) -> None:
    send(logged)
    age(logged, hours=25)
    assert finding(logged).says.startswith("4 changes of messages unread since")
    logged.dispatcher.message_changes(4)  # one look behind the last of them
    assert finding(logged).says.startswith("4 changes of messages unread since")
    read(logged.dispatcher, until=4)
    assert finding(logged).says == "changes are recorded; unread: 0"


def test_doctor_counts_what_the_readers_of_each_account_have_had(tables: Database) -> None:
    key = {"api_key_shop": "k", "accounts": "shop"}
    with opened(tables, message_events=True, **key) as bench:
        bench.tick()
        own, default = (bench.dispatcher.for_account(name) for name in ("shop", ""))
        bench.submit(2)
        own.submit("theirs", TEXT, people(3, 5))
        for reference in ("soldes", "theirs"):
            bench.dispatcher.cancel(reference)
        age(bench, hours=25)
        read(own, until=4)
        assert finding(bench).says.startswith("3 changes of messages unread since")
        read(default, until=2)
        assert finding(bench).says.startswith("1 change of messages unread since")
        read(own, until=5)
        assert finding(bench).says == "changes are recorded; unread: 0"
        with tables.write() as session:
            message_trigger.switch(session, on=False)


def test_doctor_says_whether_changes_are_recorded(tables: Database) -> None:
    with opened(tables) as bench:
        assert finding(bench).says == "changes are not recorded (DISPATCHER_MESSAGE_EVENTS)"
        with tables.write() as session:
            message_trigger.switch(session, on=True)
        assert finding(bench).says.startswith("changes are recorded, and DISPATCHER_MESSAGE_EVENTS")
        with tables.write() as session:
            message_trigger.switch(session, on=False)
    with opened(tables, message_events=True) as bench:
        assert "no change of a message is recorded yet" in finding(bench).says


def test_metric_counts_what_was_neither_delivered_nor_read(logged: Bench) -> None:
    send(logged)
    deliver(logged)
    assert Scrape(logged)["message_changes_waiting"] == 4
    read(logged.dispatcher, until=3)
    assert Scrape(logged)["message_changes_waiting"] == 1


@pytest.mark.parametrize("on", [False, True])
def test_switch_gives_up_soon_where_others_are_at_work_and_deadlocks_with_nobody(
    logged: Bench, on: bool
) -> None:
    database = logged.dispatcher.database
    if database.is_sqlite:
        pytest.skip("SQLite has one writer")
    batch = logged.submit(2)
    with database.write() as session:
        message_trigger.switch(session, on=not on)

    with database.write() as worker:
        change = update(Batch).where(Batch.id == batch)
        worker.execute(change.values(why="one") if on else select(Batch.id))
        with pytest.raises(Busy), database.write() as session:
            message_trigger.switch(session, on=on)
        worker.execute(change.values(why="two"))

    with database.write() as session:
        assert message_trigger.switch(session, on=on)
    assert logged.batch(batch).why == "two"
