"""The fake gateway calls a real server, and our own reader understands it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dispatcher.campaigns.states import MessageState
from dispatcher.gateway import Accepted, SendOptions, merged
from dispatcher.gateway.smspartner.client import SmsPartner
from dispatcher.gateway.smspartner.inbound import (
    calls as calls_of,
)
from dispatcher.gateway.smspartner.inbound import (
    join,
    read_delivery_report,
    read_hlr_result,
    read_reply,
)
from dispatcher.sandbox.process import Sandbox
from tests.waiting import PATIENCE

A, B, OURS = "+33639980001", "+33639980002", "+33639980009"


class Listener:
    """A server on loopback that keeps what is posted to it, and answers as it is told."""

    def __init__(self) -> None:
        self.calls: queue.Queue[tuple[str, str, bytes]] = queue.Queue()
        self.answers: list[int] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.calls.put((self.path, self.headers["Content-Type"], body))
                self.send_response(listener.answers.pop(0) if listener.answers else 200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing is worth a line."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?batch=7"

    def next(self, count: int = 1) -> list[bytes]:
        """The bodies of the next calls, in the order in which they came."""
        return [self.calls.get(timeout=PATIENCE)[2] for _ in range(count)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def made() -> Iterator[Callable[..., Sandbox]]:
    running: list[Sandbox] = []

    def make(**switches: object) -> Sandbox:
        running.append(Sandbox(**{"delivery_seconds": (0, 0), **switches}).start())  # type: ignore[arg-type]
        return running[-1]

    yield make
    for sandbox in running:
        sandbox.stop()


def text(sandbox: Sandbox, *phones: str, options: SendOptions) -> str:
    reply = SmsPartner(sandbox.url, sandbox.key).sends.one_text(phones, "Bonjour", options)
    assert isinstance(reply, Accepted)
    return reply.message_id


@pytest.mark.parametrize("form", ["json", "form"])
def test_report_is_posted_with_query_of_url(
    made: Callable[..., Sandbox], listener: Listener, form: str
) -> None:
    sandbox = made(webhook_form=form, fates={"02": "ko"})
    message_id = text(sandbox, A, B, options=SendOptions(reports_to=listener.url))
    calls = [listener.calls.get(timeout=PATIENCE) for _ in range(2)]
    assert {path for path, _, _ in calls} == {"/hook?batch=7"}
    found = [read_delivery_report(*calls_of(body)) for _, _, body in calls]
    assert {(one.report.phone, one.report.state) for one in found} == {
        (A, MessageState.DELIVERED),
        (B, MessageState.UNDELIVERED),
    }
    assert {one.message_id for one in found} == {message_id}
    sandbox.wait_until(lambda sandbox: len(sandbox.webhooks("report")) == 2)
    assert [call["status"] for call in sandbox.webhooks()] == [200, 200]


def test_duplicate_shuffled_late_reports_merge_alike(
    made: Callable[..., Sandbox], listener: Listener
) -> None:
    sandbox = made(webhook_copies=2, webhook_late_waiting=True, webhook_shuffled=True)
    text(sandbox, A, options=SendOptions(reports_to=listener.url))
    reports = [read_delivery_report(*calls_of(body)).report for body in listener.next(3)]
    assert {report.state for report in reports} == {MessageState.DELIVERED, MessageState.SENT}
    first, second, third = reports
    assert merged(merged(first, second), third).state is MessageState.DELIVERED


def test_unanswered_call_is_retried_by_switch(
    made: Callable[..., Sandbox], listener: Listener
) -> None:
    sandbox = made(webhook_retries=2, webhook_retry_seconds=0)
    listener.answers = [500, 503, 500, 200]
    text(sandbox, A, options=SendOptions(reports_to=listener.url))
    assert len({bytes(body) for body in listener.next(3)}) == 1
    sandbox.wait_until(lambda sandbox: len(sandbox.webhooks()) == 3)
    assert [(call["attempt"], call["status"]) for call in sandbox.webhooks()] == [
        (1, 500),
        (2, 503),
        (3, 500),
    ]
    sandbox.configure(webhook_retries=0)
    listener.answers = [500]
    text(sandbox, A, B, options=SendOptions(reports_to=listener.url))
    listener.next(2)
    sandbox.wait_until(lambda sandbox: len(sandbox.webhooks()) == 5)
    assert listener.calls.empty()


def test_moved_clock_brings_report(made: Callable[..., Sandbox], listener: Listener) -> None:
    sandbox = made(delivery_seconds=(3600, 3600))
    text(sandbox, A, options=SendOptions(reports_to=listener.url))
    sandbox.set_clock(3601)
    assert (
        read_delivery_report(*calls_of(listener.next()[0])).report.state is MessageState.DELIVERED
    )


def test_host_outside_list_is_not_called(made: Callable[..., Sandbox], listener: Listener) -> None:
    sandbox = made(webhook_hosts=["localhost"])
    text(sandbox, A, options=SendOptions(reports_to=listener.url))
    sandbox.wait_until(lambda sandbox: len(sandbox.webhooks()) == 1)
    assert sandbox.webhooks()[0]["status"] == 0
    assert listener.calls.empty()


def test_reply_to_short_code_is_posted(made: Callable[..., Sandbox], listener: Listener) -> None:
    sandbox = made()
    message_id = text(sandbox, A, options=SendOptions(replies_to=listener.url))
    sandbox.reply(A, "Oui, volontiers", message_id=int(message_id))
    sandbox.reply(A, "STOP", message_id=int(message_id))
    reply, stop = (read_reply(*calls_of(body)) for body in listener.next(2))
    assert (reply.phone, reply.text, reply.message_id) == (A, "Oui, volontiers", message_id)
    assert not reply.stop
    assert stop.stop
    assert SmsPartner(sandbox.url, sandbox.key).stop_list() == [A]


def test_reply_answers_the_latest_message_that_names_an_address(
    made: Callable[..., Sandbox], listener: Listener
) -> None:
    sandbox = made()
    with_address = SendOptions(replies_to=listener.url)
    text(sandbox, A, options=with_address)
    latest = text(sandbox, A, options=with_address)
    text(sandbox, B, options=with_address)
    text(sandbox, A, options=SendOptions())
    sandbox.reply(A, "Oui")
    sandbox.reply(A, "STOP")
    replies = [read_reply(*calls_of(body)) for body in listener.next(2)]
    assert [(one.phone, one.message_id) for one in replies] == [(A, latest)] * 2


def test_long_reply_is_posted_in_parts(made: Callable[..., Sandbox], listener: Listener) -> None:
    sandbox = made(webhook_copies=2, webhook_shuffled=True, account_replies_to=listener.url)
    words = "Bonjour, " + "je voudrais savoir si la boutique est ouverte. " * 8
    sandbox.reply(A, words, to=OURS)
    joined = join(read_reply(*calls_of(body)) for body in listener.next(6))
    assert joined.waiting == ()
    (reply,) = joined.whole
    assert (reply.phone, reply.to, reply.text, reply.stop) == (A, OURS, words, False)


@pytest.mark.parametrize(
    ("error", "group"),
    [
        ("NO_ERROR", 0),
        ("UNKNOWN_SUBSCRIBER", 1),
        ("EC_ABSENT_SUBSCRIBER", 1),
        ("EC_IMSI_BLACKLISTED", 2),
        ("EC_TIME_OUT", 3),
    ],
)
def test_check_result_has_the_word_and_the_group_of_the_table(
    made: Callable[..., Sandbox], listener: Listener, error: str, group: int
) -> None:
    sandbox = made(check_errors={A[-2:]: error})
    SmsPartner(sandbox.url, sandbox.key).checks.order_hlr([A], results_to=listener.url)
    result = read_hlr_result(*calls_of(listener.next()[0]))
    name = error if error == "NO_ERROR" else f"EC_{error.removeprefix('EC_')}"
    assert (result.name, result.group) == (name, group)


def test_check_results_are_posted(made: Callable[..., Sandbox], listener: Listener) -> None:
    sandbox = made()
    SmsPartner(sandbox.url, sandbox.key).checks.order_hlr([A], results_to=listener.url)
    result = read_hlr_result(*calls_of(listener.next()[0]))
    assert (result.phone, result.network, result.ported, result.name) == (
        A,
        "20815",
        True,
        "NO_ERROR",
    )


@pytest.mark.parametrize(
    ("phone", "says"), [("nobody", "no number"), (A, "no message to this number")]
)
def test_impossible_reply_says_what_is_missing(
    made: Callable[..., Sandbox], phone: str, says: str
) -> None:
    sandbox = made()
    text(sandbox, A, options=SendOptions())
    with pytest.raises(ValueError, match=says):
        sandbox.reply(phone, "x")
