"""What happened is told: once written, at least once, to receivers and to an address."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import select

from dispatcher import ConfigurationError
from dispatcher.campaigns.events import KINDS
from dispatcher.campaigns.events import Event as Told
from dispatcher.dispatch.events import callbacks, signals
from dispatcher.dispatch.events.delivery import Deliveries
from dispatcher.dispatch.events.signatures import verify
from dispatcher.dispatch.steps import Context
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Event
from tests.integration.bench import Bench, opened, people
from tests.listener import Listener
from tests.ports import free_port
from tests.waiting import PATIENCE

SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
A = people(1)[0]


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def heard() -> Iterator[list[Told]]:
    """The events that a receiver of every signal was called with."""
    found: list[Told] = []
    receiver = found.append
    for signal in signals.SIGNALS.values():
        signal.connect(receiver)
    yield found
    for signal in signals.SIGNALS.values():
        signal.disconnect(receiver)


@pytest.fixture
def calling(tables: Database, listener: Listener) -> Iterator[Bench]:
    """A bench that posts its events to ``listener``."""
    with opened(tables, callback_url=listener.url, callback_secret=SECRET) as bench:
        yield bench
        bench.check()


def deliver(bench: Bench) -> int:
    return bench.dispatcher.steps.deliver_events()


def rows(bench: Bench) -> Sequence[Event]:
    with bench.dispatcher.database.read() as session:
        return session.scalars(select(Event).order_by(Event.id)).all()


def kinds(bench: Bench) -> list[str]:
    return [row.kind for row in rows(bench)]


# -- what is written, and when


def test_finished_campaign_is_an_event_with_its_counts(bench: Bench, heard: list[Told]) -> None:
    bench.submit(3)
    bench.work()
    assert kinds(bench) == []
    bench.gateway.deliver()
    bench.pass_by(seconds=10)
    assert bench.tick().events
    (row,) = rows(bench)
    assert deliver(bench) == 1
    (event,) = heard
    assert (event.kind, event.campaign, event.campaign_id) == (
        "campaign_finished",
        "soldes",
        row.campaign_id,
    )
    assert (dict(event.counts), event.at) == ({"delivered": 3}, bench.clock())
    assert not bench.tick().events
    assert deliver(bench) == 0


def test_pause_is_an_event_whoever_pauses(bench: Bench, heard: list[Told]) -> None:
    bench.submit()
    for _ in range(2):
        bench.dispatcher.pause("soldes")
        bench.dispatcher.pause("soldes")  # it is paused
        bench.dispatcher.resume("soldes")
    assert deliver(bench) == 2
    assert [event.kind for event in heard] == ["campaign_paused", "campaign_paused"]
    assert len({event.id for event in heard}) == 2


def test_every_way_into_a_doubt_is_an_event(bench: Bench, heard: list[Told]) -> None:
    first = bench.submit(reference="lost")
    bench.gateway.behave = bench.gateway.swallow
    bench.work()
    assert [(row.kind, row.batch_id) for row in rows(bench)] == [("doubt_raised", first)]
    second = bench.submit(reference="dead", start=10)

    def die(*_: object) -> Any:
        raise KeyboardInterrupt

    bench.gateway.behave = die
    with pytest.raises(KeyboardInterrupt):
        bench.work()
    assert len(rows(bench)) == 1
    bench.clock.forward(seconds=bench.settings.lease + 1)
    bench.tick()
    assert [(row.kind, row.batch_id) for row in rows(bench)[1:]] == [("doubt_raised", second)]
    deliver(bench)
    assert [(event.campaign, event.batch_id) for event in heard] == [
        ("lost", first),
        ("dead", second),
    ]


def test_new_opt_outs_are_one_event_and_known_ones_none(bench: Bench, heard: list[Told]) -> None:
    assert bench.dispatcher.opt_outs.add(people(1200)) == 1200
    bench.dispatcher.opt_outs.add(people(3))
    deliver(bench)
    assert [(event.kind, dict(event.counts)) for event in heard] == [
        ("opt_out_added", {"opt_outs": 1200})
    ]


def test_reply_is_an_event_once_it_is_complete(bench: Bench, heard: list[Told]) -> None:
    def part(number: int) -> bytes:
        result = {"msisdn": A[1:], "to": "33639989000", "messageId": f"m{number}", "text": "ou"}
        result |= {"concat": "true", "concat-ref": "5", "concat-total": "2"}
        return json.dumps(result | {"concat-part": str(number)}).encode()

    bench.submit()
    bench.work()
    inbox = bench.dispatcher.inbox
    message_id = bench.batches()[0].message_id
    stop = {"type": "stop", "phone_number": A, "text": "STOP", "message_id": message_id}
    for body in (part(2), part(2), part(1), part(1), *[json.dumps(stop).encode()] * 2):
        inbox.take("reply", body)
    whole, result = sorted(bench.dispatcher.replies(), key=lambda one: one.stop)
    deliver(bench)
    replied = [event for event in heard if event.kind == "reply_received"]
    assert [(e.reply_id, e.campaign, dict(e.counts)) for e in replied] == [
        (whole.id, None, {"stop": 0}),
        (result.id, "soldes", {"stop": 1}),
    ]
    assert kinds(bench).count("opt_out_added") == 1


def test_rolled_back_change_is_no_event(bench: Bench) -> None:
    bench.submit()
    with (
        mock.patch("dispatcher.storage.actions.note", side_effect=ZeroDivisionError),
        pytest.raises(ZeroDivisionError),
    ):
        bench.dispatcher.pause("soldes")
    assert (bench.progress().state, kinds(bench)) == ("running", [])


# -- receivers


def test_receiver_that_raises_does_not_stop_the_others(
    bench: Bench, heard: list[Told], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: Told) -> None:
        raise ValueError(f"{A} cannot be mailed")

    signals.campaign_paused.connect(broken)
    # before the one that hears: it is called first
    signals.campaign_paused._receivers.reverse()
    try:
        bench.submit()
        bench.dispatcher.pause("soldes")
        assert deliver(bench) == 1
    finally:
        signals.campaign_paused.disconnect(broken)
    assert len(heard) == 1
    assert "broken: ValueError" in caplog.text
    assert A not in caplog.text


def test_receiver_connects_once_and_can_disconnect(bench: Bench) -> None:
    called: list[Told] = []

    @signals.campaign_paused.connect
    def receiver(event: Told) -> None:
        called.append(event)

    signals.campaign_paused.connect(receiver)
    bench.submit()
    bench.dispatcher.pause("soldes")
    deliver(bench)
    signals.campaign_paused.disconnect(receiver)
    signals.campaign_paused.disconnect(receiver)
    bench.dispatcher.resume("soldes")
    bench.dispatcher.pause("soldes")
    deliver(bench)
    assert len(called) == 1


def test_every_kind_has_a_signal() -> None:
    for kind in KINDS:
        assert getattr(signals, kind) is signals.SIGNALS[kind]


def test_missing_module_of_receivers_is_named() -> None:
    signals.load(["json"])
    with pytest.raises(ConfigurationError, match=r"shop\.receivers cannot be imported"):
        signals.load(["shop.receivers"])


# -- callbacks


def test_callback_is_signed_and_has_ids_references_and_counts(
    calling: Bench, listener: Listener
) -> None:
    calling.submit()
    calling.dispatcher.opt_out(A, reason="renard")
    calling.dispatcher.pause("soldes", reason="a reason of ours")
    assert deliver(calling) == 2
    (_, first), (headers, second) = listener.raw()
    assert verify(SECRET, headers, second, now=calling.clock().timestamp())
    assert not verify(SECRET, headers, first, now=calling.clock().timestamp())
    body = json.loads(second)
    assert body == {
        "id": headers["webhook-id"],
        "type": "campaign_paused",
        "timestamp": calling.clock().isoformat(),
        "data": {"campaign": "soldes", "campaign_id": rows(calling)[1].campaign_id},
    }
    for hidden in (A[3:], "renard", "a reason", SECRET, "Soldes demain"):
        assert hidden not in (first + second).decode() + str(headers)
    assert [row.outcome for row in rows(calling)] == ["delivered", "delivered"]


def hang(handler: BaseHTTPRequestHandler) -> None:
    """Answer nothing until the other side hangs up."""
    while handler.connection.recv(1):
        """Nothing more is sent."""


def trickle(handler: BaseHTTPRequestHandler) -> None:
    """Answer a byte at a time, for ever."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            handler.wfile.write(b"x")
            handler.connection.settimeout(0.05)
            try:
                if not handler.connection.recv(1):
                    return
            except TimeoutError:
                continue
    except OSError:
        return


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("answer", [500, 404, 429, 301, 307, hang, trickle, cut])
def test_failed_callback_is_repeated_and_receivers_are_not_called_again(
    calling: Bench,
    listener: Listener,
    heard: list[Told],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    answer: Any,
) -> None:
    if callable(answer):
        monkeypatch.setattr(callbacks, "PATIENCE", 1.0)
    listener.answers = [answer, answer]
    calling.submit()
    calling.dispatcher.pause("soldes")
    for wait in (10, 20):
        assert deliver(calling) == 0
        assert not calling.tick().events
        calling.clock.forward(seconds=wait)
        assert calling.tick().events
    monkeypatch.setattr(callbacks, "PATIENCE", PATIENCE)
    assert deliver(calling) == 1
    bodies = listener.bodies()
    assert [body["id"] for body in bodies] == 3 * [rows(calling)[0].key]
    assert bodies[0] == bodies[2]
    assert len(heard) == 1
    assert "callback 2 failed" in caplog.text
    assert listener.url not in caplog.text


def test_address_that_comes_back_gets_every_event(tables: Database, heard: list[Told]) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/events"
    with opened(tables, callback_url=url, callback_secret=SECRET) as bench:
        for number in range(3):
            bench.submit(reference=str(number), start=10 * number)
            bench.dispatcher.pause(str(number))
        for _ in range(3):  # each is tried, though the first one failed
            assert deliver(bench) == 0
        assert [row.tries for row in rows(bench)] == [1, 1, 1]
        bench.clock.forward(seconds=11)
        listener = Listener(port)
        try:
            assert deliver(bench) == 3
            assert [body["data"]["campaign"] for body in listener.bodies()] == ["0", "1", "2"]
        finally:
            listener.close()
    assert len(heard) == 3


def test_callback_not_accepted_for_a_day_is_given_up(
    calling: Bench, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.answers = [500] * 100
    calling.submit()
    calling.dispatcher.pause("soldes")
    start = calling.clock()
    while rows(calling)[0].check_at is not None:
        deliver(calling)
        calling.clock.at = rows(calling)[0].check_at or calling.clock()
    assert rows(calling)[0].outcome == "given up"
    assert calling.clock() == start + timedelta(hours=24)
    tries = listener.bodies()
    assert 25 < len(tries) < 40
    assert "given up" in caplog.text


def test_two_workers_deliver_each_event_once(calling: Bench, listener: Listener) -> None:
    for number in range(20):
        calling.submit(reference=str(number), start=10 * number)
        calling.dispatcher.pause(str(number))
    workers = [Deliveries(context_of(calling)).deliver for _ in range(2)]
    threads = [threading.Thread(target=work) for work in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [body["id"] for body in listener.bodies()]
    assert len(ids) == len(set(ids)) == 20


def test_event_of_a_dead_worker_is_delivered_again(calling: Bench, listener: Listener) -> None:
    calling.submit()
    calling.dispatcher.pause("soldes")
    with (
        mock.patch("dispatcher.storage.events.end", side_effect=SystemExit),
        pytest.raises(SystemExit),
    ):
        deliver(calling)
    assert deliver(calling) == 0  # its lease
    calling.clock.forward(minutes=2)
    assert deliver(calling) == 1
    assert len({body["id"] for body in listener.bodies()}) == 1


def test_hanging_callback_holds_no_transaction(calling: Bench, listener: Listener) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def wait(_: BaseHTTPRequestHandler) -> None:
        reached.set()
        go_on.wait()

    listener.answers = [wait]
    calling.submit()
    calling.dispatcher.pause("soldes")
    telling = threading.Thread(target=deliver, args=(calling,))
    telling.start()
    assert reached.wait(PATIENCE)
    calling.dispatcher.resume("soldes")
    calling.work()
    go_on.set()
    telling.join()
    assert calling.messages() == {"sent": 3}


def context_of(bench: Bench) -> Context:
    return Context(
        settings=bench.settings,
        database=bench.dispatcher.database,
        gateway=bench.gateway,
        windows=bench.dispatcher.windows,
        clock=bench.clock,
        rate_limit=mock.Mock(),
    )
