from __future__ import annotations

import gzip
import json
import logging
import socket
import ssl
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import requests.adapters

from dispatcher.campaigns.events import Event
from dispatcher.campaigns.hand_over import Cancellation
from dispatcher.campaigns.states import MessageState
from dispatcher.dispatch.events import callbacks as callbacks_module
from dispatcher.dispatch.events.callbacks import Callbacks
from dispatcher.errors import GatewayError, NotAnAnswer
from dispatcher.gateway import (
    BatchTaken,
    Declined,
    Lost,
    SendOptions,
    SendReply,
    StatusPage,
    Throttled,
    Unsent,
)
from dispatcher.gateway.http import connection as connection_module
from dispatcher.gateway.smspartner import transport as transport_module
from dispatcher.gateway.smspartner.client import SmsPartner
from dispatcher.gateway.smspartner.transport import LARGEST_ANSWER
from tests.integration.gateway.rawserver import CERTIFICATE, Peer, RawServer
from tests.waiting import PATIENCE

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"
PHONE = "+33639980001"
SHORT = 1.0

SUCCESS: dict[str, object] = {
    "success": True,
    "code": 200,
    "message_id": 2254444,
    "nbSMS": 1,
    "cost": 0.038,
    "currency": "EUR",
    "SMSResponse_List": [
        {"success": True, "code": 200, "nbSms": 1, "cost": 0.038, "phoneNumber": PHONE}
    ],
}
GOOD = json.dumps(SUCCESS).encode()


def gateway(server: RawServer, *, call_timeout: float = PATIENCE) -> SmsPartner:
    return SmsPartner(server.url, KEY, call_timeout=call_timeout, connect_timeout=call_timeout)


def send(client: SmsPartner, tag: str = "abcdef") -> SendReply:
    request = client.request([PHONE], ["Bonjour"], SendOptions(tag=tag, stop=True))
    return client.bulk_send(request)


def honest(peer: Peer) -> None:
    while True:
        peer.request()
        peer.answer(SUCCESS)


def answering(*bodies: dict[str, object]) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        for each in bodies:
            peer.request()
            peer.answer(each)
        peer.until_gone()

    return script


# -- what is taken ----------------------------------------------------------------------------


def test_send_is_answered() -> None:
    with RawServer(honest) as server:
        reply = send(gateway(server))
    assert isinstance(reply, BatchTaken)
    assert reply.message_id == "2254444"
    (first, headers, body), *more = server.requests
    assert not more
    assert first == "POST /v1/bulk-send HTTP/1.1"
    assert headers["content-type"] == "application/json"
    assert "authorization" not in headers
    sent = json.loads(body)
    assert sent["apiKey"] == KEY
    assert sent["tag"] == "abcdef"
    assert sent["SMSList"] == [{"phoneNumber": PHONE, "message": "Bonjour"}]


def test_request_carries_all_options() -> None:
    client = SmsPartner("http://127.0.0.1:1/v1", KEY, answers="xml")
    options = SendOptions(
        sender="Boutique",
        tag="t",
        at=datetime(2027, 7, 1, 10, tzinfo=UTC),
        reports_to="https://example.org/r",
    )
    made = client.request([PHONE], ["x"], options)
    sent = json.loads(made)
    assert {name: sent[name] for name in ("sender", "tag", "time", "urlDlr", "_format")} == {
        "sender": "Boutique",
        "tag": "t",
        "time": 12,
        "urlDlr": "https://example.org/r",
        "_format": "xml",
    }


def chunked(peer: Peer) -> None:
    peer.request()
    middle = len(GOOD) // 2
    parts = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (GOOD[:middle], GOOD[middle:]))
    peer.answer(parts + b"0\r\n\r\n", head=("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))


def until_close(peer: Peer) -> None:
    peer.request()
    peer.answer(GOOD, head=("HTTP/1.1 200 OK", "Connection: close"))


def continued(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    peer.answer(GOOD)


@pytest.mark.parametrize("script", [chunked, until_close, continued])
def test_answer_in_any_framing_is_read(script: Callable[[Peer], None]) -> None:
    with RawServer(script) as server:
        assert isinstance(send(gateway(server)), BatchTaken)


@pytest.mark.parametrize(
    ("status", "head", "body", "reply"),
    [
        ("400 Bad Request", (), b'{"success":false,"code":9}', Declined(9)),
        ("429 Too Many", ("Retry-After: 7",), b"<html>", Throttled(7)),
        ("429 Too Many", ("Retry-After: 7",), b"", Throttled(7)),
        ("503 Unavailable", ("Retry-After: 0",), b"", Lost("HTTP 503")),
    ],
)
def test_answer_gives_reply(
    status: str, head: tuple[str, ...], body: bytes, reply: SendReply
) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *head)
        peer.answer(body, head=lines)
        honest(peer)

    with RawServer(script, honest) as server:
        assert send(gateway(server)) == reply
    assert len(server.requests) == 1  # nothing is tried again


# -- what was never sent ----------------------------------------------------------------------


def test_refused_connection_sends_nothing() -> None:
    with RawServer(honest) as server:
        client = gateway(server)
    assert isinstance(send(client), Unsent)
    with pytest.raises(GatewayError):
        client.connect()


@contextmanager
def resolver(answer: Callable[..., Any]) -> Iterator[None]:
    """Names are looked up by ``answer``; what is an address already is none of its business."""
    real = socket.getaddrinfo

    def look_up(host: str, *rest: Any, **options: Any) -> Any:
        if host.replace(".", "").isdigit():
            return real(host, *rest, **options)
        return answer(host, *rest, **options)

    with mock.patch("socket.getaddrinfo", look_up):
        yield


def test_resolver_that_hangs_holds_no_call_beyond_its_timeout() -> None:
    answers = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        answers.wait(PATIENCE)
        raise socket.gaierror

    client = SmsPartner("https://gateway.example/v1", KEY, call_timeout=0.3, connect_timeout=5)
    try:
        with resolver(hang):
            reply = send(client)
            assert not answers.is_set()
            with pytest.raises(GatewayError):
                client.connect()
            callbacks = Callbacks("https://shop.example/events", "s" * 16)
            with mock.patch.object(callbacks_module, "PATIENCE", 0.3):
                event = Event(id="e", kind="doubt_raised", at=datetime.now(UTC))
                said = callbacks.post(event, now=datetime.now(UTC))
    finally:
        answers.set()
    assert isinstance(reply, Unsent)
    assert reply.reason == "the gateway cannot be reached in time"
    assert said == "no answer (ConnectTimeoutError)"


def two(_: str, port: int, *__: Any, **___: Any) -> Any:
    """Two addresses of a name."""
    return [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
        for address in ("127.0.0.2", "127.0.0.1")
    ]


def test_name_whose_first_address_is_silent_is_reached_at_its_second() -> None:
    with RawServer(honest) as server, resolver(two), socket.socket() as silent, ExitStack() as full:
        silent.bind(("127.0.0.2", server.port))
        silent.listen(0)
        for _ in range(3):  # Linux drops what a full queue has no place for
            waiting = full.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.2", server.port))
        client = SmsPartner(f"http://localhost:{server.port}/v1", KEY, connect_timeout=1)
        assert not isinstance(send(client), Unsent)


def test_name_whose_first_address_refuses_is_reached_at_its_second() -> None:
    with RawServer(honest) as server, resolver(two):
        client = SmsPartner(f"http://localhost:{server.port}/v1", KEY)
        assert not isinstance(send(client), Unsent)
    assert server.requests[0][1]["host"] == f"localhost:{server.port}"


def test_unresolved_name_sends_nothing() -> None:
    client = SmsPartner("https://gateway.invalid/v1", KEY)
    reply = send(client)
    assert isinstance(reply, Unsent)
    assert "name" in reply.reason
    with pytest.raises(GatewayError, match="name"):
        client.connect()


@pytest.mark.parametrize("variable", [None, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_untrusted_certificate_gets_no_byte(
    variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv(variable, str(CERTIFICATE))
    with RawServer(honest, tls=True) as server:
        client = gateway(server)
        reply = send(client)
        with pytest.raises(GatewayError, match="certificate"):
            client.connect()
    assert isinstance(reply, Unsent)
    assert "certificate" in reply.reason
    assert not server.requests
    assert server.seen == b""


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's certificate stands for all authorities."""
    for module in (connection_module, requests.adapters):  # it checks for itself as well
        monkeypatch.setattr(module, "DEFAULT_CA_BUNDLE_PATH", str(CERTIFICATE))


@pytest.mark.usefixtures("trusted")
def test_certificate_of_other_host_gets_no_byte() -> None:
    with RawServer(honest, tls=True) as server:
        client = SmsPartner(f"https://127.0.0.1:{server.port}/v1", KEY)
        assert isinstance(send(client), Unsent)
    assert not server.requests
    assert server.seen == b""


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    "tickets",
    [
        0,
        pytest.param(
            2,
        ),
    ],
)
def test_good_certificate_sends_over_one_connection(tickets: int) -> None:
    there = threading.Event()

    def script(peer: Peer) -> None:
        there.set()  # the handshake is over and its tickets are on their way
        honest(peer)

    with RawServer(script, tls=True, tickets=tickets) as server:
        client = gateway(server)
        client.connect()
        assert there.wait(PATIENCE)
        assert isinstance(send(client), BatchTaken)
        assert isinstance(send(client), BatchTaken)
    assert server.connections == 1


def two_answers_in_one_record(peer: Peer) -> None:
    """To the first request: its answer, which ends where a read of the client does, and a second
    one in the same TLS record, which the kernel then knows nothing of."""
    peer.request()
    if peer.number:
        peer.answer(SUCCESS)
    else:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {8192 - 42:5}\r\n\r\n".encode()
        unasked = json.dumps(SUCCESS | {"message_id": 666}).encode()
        answer = head + GOOD.ljust(8192 - len(head))
        assert len(answer) == 8192
        peer.send(
            answer + b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(unasked) + unasked
        )
    peer.until_gone()


@pytest.mark.usefixtures("trusted")
def test_bytes_pending_inside_tls_answer_no_later_request() -> None:
    with RawServer(two_answers_in_one_record, tls=True) as server:
        client = gateway(server)
        first, second = send(client), send(client)
    assert isinstance(first, BatchTaken)
    assert isinstance(second, BatchTaken)
    assert (first.message_id, second.message_id) == ("2254444", "2254444")
    assert server.connections == 2


def not_tls(peer: Peer) -> None:
    peer.peek()
    peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    peer.until_gone()


def test_server_without_tls_gets_no_key() -> None:
    with RawServer(not_tls) as server:
        client = SmsPartner(f"https://localhost:{server.port}/v1", KEY)
        assert isinstance(send(client), Unsent)
        assert server.wait_left()
    assert KEY.encode() not in server.seen


def test_slow_handshake_ends_at_deadline() -> None:
    over = threading.Event()

    def script(peer: Peer) -> None:
        peer.peek()
        # the head of a handshake record of 8 kB, and then more than a minute of it
        peer.dribble(b"\x16\x03\x03\x20\x00" + b"\x02" * 2000)
        over.set()

    with RawServer(script) as server:
        client = SmsPartner(f"https://localhost:{server.port}/v1", KEY, call_timeout=0.3)
        reply = send(client)
        patient = over.is_set()
    assert isinstance(reply, Unsent)
    assert not patient


# -- what nobody knows ------------------------------------------------------------------------


def reset_unread(peer: Peer) -> None:
    peer.peek()
    peer.reset()


def close_unread(peer: Peer) -> None:
    peer.peek()


def reset_read(peer: Peer) -> None:
    peer.request()
    peer.reset()


def close_read(peer: Peer) -> None:
    peer.request()


def hang(peer: Peer) -> None:
    peer.request()
    peer.until_gone()


def never_read(peer: Peer) -> None:
    peer.peek()
    peer.server.ended.wait(PATIENCE)


def slow_head(peer: Peer) -> None:
    peer.request()
    peer.dribble(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: 1\r\n" * 100)


def slow_body(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(GOOD))
    peer.dribble(GOOD)


def slow_endless_body(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + GOOD)
    peer.dribble(b" " * 1000)


def cut_head(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Ty")


def cut_status(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 20")


def no_http(peer: Peer) -> None:
    peer.request()
    peer.send(b"220 smtp.example ESMTP\r\n")


def cut_body(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(GOOD) + GOOD[:-20])


def cut_chunk(peer: Peer) -> None:
    peer.request()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    peer.send(head + b"%x\r\n%s" % (len(GOOD), GOOD[:-20]))


def no_last_chunk(peer: Peer) -> None:
    peer.request()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    peer.send(head + b"%x\r\n%s\r\n" % (len(GOOD), GOOD))


def promises_more(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(GOOD) + 9) + GOOD)


def promises_less(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(GOOD) - 9) + GOOD)


def promises_two_lengths(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n" + GOOD)


def huge(peer: Peer) -> None:
    peer.request()
    padding = b" " * (LARGEST_ANSWER + 1)
    peer.answer(GOOD + padding)
    peer.until_gone()


def zipped(peer: Peer) -> None:
    peer.request()
    raw = gzip.compress(GOOD)
    peer.answer(
        raw,
        head=("HTTP/1.1 200 OK", "Content-Encoding: gzip", f"Content-Length: {len(raw)}"),
    )


def broken_gateway(peer: Peer) -> None:
    peer.request()
    peer.answer(GOOD, head=("HTTP/1.1 502 Bad Gateway", f"Content-Length: {len(GOOD)}"))


def endless_head(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: 1\r\n" * 500 + b"\r\n")


RUDE: list[Callable[[Peer], None]] = [
    reset_unread, close_unread, reset_read, close_read, hang, never_read, slow_head, slow_body,
    slow_endless_body, cut_head, cut_status, no_http, cut_body, cut_chunk, no_last_chunk,
    promises_less, promises_two_lengths, huge, zipped, broken_gateway, endless_head,
]  # fmt: skip


SLOW = {never_read, slow_head, slow_body, slow_endless_body}


def named(script: Callable[[Peer], None]) -> str:
    return script.__name__.replace("_", " ")


@pytest.mark.parametrize(
    "script",
    [
        *RUDE,
        pytest.param(
            promises_more,
        ),
    ],
    ids=named,
)
def test_sent_byte_with_bad_answer_is_lost(
    script: Callable[[Peer], None],
) -> None:
    with RawServer(script, honest) as server:
        client = gateway(server, call_timeout=SHORT)
        client.connect()
        reply = send(client)
        if script is not never_read:
            assert server.wait_left()  # the script is over, or the client has closed
        assert isinstance(reply, Lost)
        assert server.connections == 1  # nothing was tried again
        assert isinstance(send(client), BatchTaken)  # and the next one starts afresh
        assert server.connections == 2


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("script", [hang, slow_head, slow_body], ids=named)
def test_deadline_holds_over_tls(script: Callable[[Peer], None]) -> None:
    with RawServer(script, tls=True) as server:
        client = gateway(server, call_timeout=SHORT)
        assert isinstance(send(client), Lost)
        assert server.wait_left()


# -- an abandoned call sends nothing more ------------------------------------------------------

#: of a batch of 500, and more than the buffer of a gateway that does not read
LONG = b"x" * 92_000


def reads_late(peer: Peer) -> None:
    """Begin to read when the test lets it, long after the client has given up."""
    if not isinstance(peer.sock, ssl.SSLSocket):
        peer.peek(2000)
    peer.server.buffered.set()
    peer.server.may_read.wait(PATIENCE)
    peer.until_gone()


ABANDONING = """
import sys
from dispatcher.gateway.smspartner.client import SmsPartner

SmsPartner(sys.argv[1], "key", call_timeout=60).bulk_send(b"x" * 92_000)
"""


def test_call_past_its_deadline_leaves_no_byte_in_the_kernel() -> None:
    with RawServer(reads_late, receive_buffer=4096) as server:
        assert isinstance(gateway(server, call_timeout=SHORT).bulk_send(LONG), Lost)
        server.may_read.set()
        assert server.wait_left()
        assert server.resets == 1
        assert len(server.seen) < len(LONG)


def test_killed_process_leaves_no_byte_in_the_kernel() -> None:
    with RawServer(reads_late, receive_buffer=4096) as server:
        worker = subprocess.Popen([sys.executable, "-c", ABANDONING, server.url])
        assert server.buffered.wait(PATIENCE)
        worker.kill()
        worker.wait(PATIENCE)
        server.may_read.set()
        assert server.wait_left()
        assert server.resets == 1
        assert len(server.seen) < len(LONG)


@pytest.mark.usefixtures("trusted")
def test_call_past_its_deadline_leaves_no_byte_in_the_kernel_over_tls() -> None:
    with RawServer(reads_late, receive_buffer=4096, tls=True) as server:
        assert isinstance(gateway(server, call_timeout=SHORT).bulk_send(LONG), Lost)
        server.may_read.set()
        assert server.wait_left()
        assert len(server.seen) < len(LONG)


def test_unread_request_ends_at_deadline() -> None:
    with RawServer(never_read) as server:
        client = gateway(server, call_timeout=SHORT)
        # more than the buffers on both sides hold
        assert isinstance(client.bulk_send(b"x" * 32 * 1024 * 1024), Lost)


@pytest.mark.parametrize(
    "script", [hang, slow_head, slow_body, cut_head, cut_body, huge], ids=named
)
def test_lookup_without_answer_raises(script: Callable[[Peer], None]) -> None:
    with RawServer(script) as server:
        client = gateway(server, call_timeout=SHORT)
        with pytest.raises(GatewayError):
            client.status_by_tag("abcdef")
        assert server.wait_left()


# -- where the key does not go ----------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("elsewhere", ["another host", "the same host"])
def test_redirect_is_not_followed(status: int, elsewhere: str) -> None:
    with RawServer(honest) as other:

        def script(peer: Peer) -> None:
            for _ in range(3):
                peer.request()
                target = f"{other.url}/bulk-send" if elsewhere == "another host" else "/v1/other"
                peer.answer(
                    head=(f"HTTP/1.1 {status} Go", f"Location: {target}", "Content-Length: 0")
                )

        with RawServer(script) as server:
            client = gateway(server)
            assert isinstance(send(client), Lost)
            with pytest.raises(GatewayError):
                client.account()
            with pytest.raises(GatewayError):
                client.multi_status([(PHONE, "1")])
            assert len(server.requests) == 3
        assert other.connections == 0


PROXIES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_proxy_environment_is_ignored(
    tls: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine 127.0.0.1 login me password secret\n"
        "machine localhost login me password secret\n"
        "default login me password secret\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    monkeypatch.setenv("CURL_CA_BUNDLE", "/nowhere/ca.pem")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with RawServer(honest) as proxy, RawServer(honest, tls=tls) as server:
        for variable in PROXIES:
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        assert isinstance(send(gateway(server)), BatchTaken)
        assert proxy.connections == 0
    (_, headers, _), *_ = server.requests
    assert "authorization" not in headers
    assert "proxy-authorization" not in headers


def test_cookies_are_not_sent_back() -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            length = f"Content-Length: {len(GOOD)}"
            peer.answer(GOOD, head=("HTTP/1.1 200 OK", "Set-Cookie: s=1; Path=/", length))

    with RawServer(script) as server:
        client = gateway(server)
        send(client)
        send(client)
    assert [headers.get("cookie") for _, headers, _ in server.requests] == [None, None]


# -- connections ------------------------------------------------------------------------------


def test_connect_sends_no_byte() -> None:
    there = threading.Event()

    def script(peer: Peer) -> None:
        there.set()
        peer.until_gone()

    with RawServer(script) as server:
        client = gateway(server)
        client.connect()
        client.connect()
        assert there.wait(PATIENCE)
    assert server.connections == 1
    assert server.seen == b""


def test_two_sends_share_one_connection() -> None:
    with RawServer(honest) as server:
        client = gateway(server)
        client.connect()
        assert [type(send(client)) for _ in range(3)] == [BatchTaken] * 3
        assert server.connections == 1


def test_long_idle_connection_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport_module, "LONGEST_IDLE", -1.0)
    with RawServer(honest) as server:
        client = gateway(server)
        assert [type(send(client)) for _ in range(2)] == [BatchTaken] * 2
        assert server.connections == 2


@pytest.mark.parametrize("way", ["close", "reset"])
def test_connection_closed_between_sends_is_replaced(way: str) -> None:
    def once(peer: Peer) -> None:
        peer.request()
        peer.answer(SUCCESS)
        if way == "reset":
            peer.reset()

    with RawServer(once) as server:
        client = gateway(server)
        for _ in range(3):
            assert isinstance(send(client), BatchTaken)
            assert server.wait_left()
        assert server.connections == 3
        assert len(server.requests) == 3


def test_connection_closed_after_connect_is_replaced() -> None:
    with RawServer(lambda _: None, honest) as server:
        client = gateway(server)
        client.connect()
        assert server.wait_left()
        assert isinstance(send(client), BatchTaken)


def test_unrequested_bytes_do_not_answer_next_request() -> None:
    forged = json.dumps({**SUCCESS, "message_id": 666}).encode()

    def script(peer: Peer) -> None:
        peer.request()
        length = f"Content-Length: {len(GOOD)}"
        forgery = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(forged) + forged
        peer.answer(GOOD + forgery, head=("HTTP/1.1 200 OK", length))

    with RawServer(script, honest) as server:
        client = gateway(server)
        assert isinstance(send(client), BatchTaken)
        assert server.wait_left()
        second = send(client)
    assert isinstance(second, BatchTaken)
    assert second.message_id == "2254444"


def test_threads_have_own_connections() -> None:
    threads = 4
    both = threading.Barrier(threads)

    def script(peer: Peer) -> None:
        peer.request()
        both.wait(PATIENCE)  # all requests are out at once
        peer.answer(SUCCESS)
        peer.until_gone()

    replies: list[SendReply] = []
    with RawServer(script) as server:
        client = gateway(server)
        senders = [
            threading.Thread(target=lambda: replies.append(send(client))) for _ in range(threads)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(PATIENCE)
        assert server.connections == threads
    assert [type(reply) for reply in replies] == [BatchTaken] * threads


FORKING = """
import os, sys
from dispatcher.gateway import SendOptions
from dispatcher.gateway.smspartner.client import SmsPartner

url, hanging = sys.argv[1:3]
client = SmsPartner(url, "key", call_timeout=60)
rude = SmsPartner(hanging, "key", call_timeout=1)

def send(client):
    made = client.request(["+33639980001"], ["x"], SendOptions(tag="t"))
    return type(client.bulk_send(made)).__name__

first = send(client)
pid = os.fork()
if pid == 0:
    print("child", send(client), send(rude), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print("parent", first, send(client), send(rude), flush=True)
"""


@pytest.fixture
def forked() -> Iterator[tuple[list[str], RawServer]]:
    with RawServer(honest) as server, RawServer(hang) as rude:
        command = [sys.executable, "-W", "ignore", "-c", FORKING, server.url, rude.url]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=2 * PATIENCE
        )
        yield done.stdout.splitlines(), server
    assert done.stderr == ""


def test_forked_child_sends_with_deadlines(
    forked: tuple[list[str], RawServer],
) -> None:
    lines, server = forked
    assert lines == ["child BatchTaken Lost", "parent BatchTaken BatchTaken Lost"]
    assert len(server.requests) == 3


def test_forked_child_opens_own_connection(
    forked: tuple[list[str], RawServer],
) -> None:
    _, server = forked
    assert server.connections == 2


# -- the tag's pages --------------------------------------------------------------------------


def page(total: int, *phones: str) -> dict[str, object]:
    lines = [
        {"phoneNumber": p, "status": "Waiting", "stopSMS": False, "date": "1517934416"}
        for p in phones
    ]
    return {
        "success": True,
        "code": 200,
        "currentPage": 1,
        "total": total,
        "StatutResponse_List": lines,
    }


def failed(*phones: str) -> dict[str, object]:
    """A page of 2 or 3 lines of which one has an error."""
    error: dict[str, object] = {"success": False, "code": 4, "status": "Numéro introuvable"}
    lines = page(0, *phones)["StatutResponse_List"]
    assert isinstance(lines, list)
    total = {} if phones else {"success": True, "code": 200, "total": 3}
    return {**total, "StatutResponse_List": [*lines, error]}


A, B, C, D = (f"+3363998000{digit}" for digit in (1, 2, 3, 4))
UNKNOWN: dict[str, object] = {"success": False, "code": 4, "message": "Message not found"}


@pytest.mark.parametrize(
    ("pages", "found", "complete", "query"),
    [
        pytest.param([page(2, A, B)], [A, B], True, 1, id="one page"),
        pytest.param([page(4, A, B), page(4, C, D)], [A, B, C, D], True, 2, id="two pages"),
        pytest.param([page(3, A, B), page(3, C)], [A, B, C], True, 2, id="a short last page"),
        pytest.param([page(4, A, B), page(4, A, B)], [A, B], False, 2, id="a page repeats"),
        pytest.param([page(4, A, B), page(4)], [A, B], False, 2, id="an empty page"),
        pytest.param([UNKNOWN], [], True, 1, id="an unknown tag"),
        pytest.param([page(0)], [], True, 1, id="an empty list"),
        pytest.param(
            [page(4, A, B), UNKNOWN], [A, B], False, 2, id="a page that is not found",
        ),
        pytest.param(
            [page(3, A, "garbage"), page(2, A, B)], [A, B], False, 2, id="an unreadable line",
        ),
        pytest.param([page(2, A) | failed(A)], [A], True, 1, id="a line with an error"),
        pytest.param([failed(), page(3, A, B)], [A, B], True, 2, id="a page of errors"),
        pytest.param([page(3, A) | failed(A)] * 2, [A], False, 2, id="an error that repeats"),
    ],
)  # fmt: skip
def test_tag_is_read_to_its_end(
    pages: list[dict[str, object]], found: list[str], complete: bool, query: int
) -> None:
    with RawServer(answering(*pages)) as server:
        shown = gateway(server).status_by_tag("abcdef")
        assert isinstance(shown, StatusPage)
        assert [report.phone for report in shown.reports] == found
        assert {report.state for report in shown.reports} <= {MessageState.SENT}
        assert shown.complete is complete
        assert len(server.requests) == query
    for number, (first, _, _) in enumerate(server.requests, 1):
        assert first.startswith("GET /v1/bulk-status-by-tag?")
        assert f"apiKey={KEY}" in first
        assert "tag=abcdef" in first
        assert f"page={number}" in first


def test_error_on_later_page_raises() -> None:
    with (
        RawServer(answering(page(4, A, B), {"success": False, "code": 10})) as server,
        pytest.raises(GatewayError, match="10"),
    ):
        gateway(server).status_by_tag("abcdef")


def test_pairs_are_looked_up_in_one_body() -> None:
    entry = {
        "success": True,
        "code": 200,
        "phoneNumber": A,
        "messageId": 7,
        "status": "Delivered",
    }
    answer: dict[str, object] = {"success": True, "code": 200, "StatutResponse_List": [entry]}
    with RawServer(answering(answer)) as server:
        found = gateway(server).multi_status([(A, "7"), (B, "7")])
    assert [(pair, report.state) for pair, report in found.items()] == [
        ((A, "7"), MessageState.DELIVERED)
    ]
    first, _, body = server.requests[0]
    assert first == "POST /v1/multi-status HTTP/1.1"
    assert [line["phoneNumber"] for line in json.loads(body)["SMSStatut_List"]] == [A, B]


def test_stop_list_is_read() -> None:
    entries = [{"id": 1, "phoneNumber": A, "createdAt": "2015-07-20 10:19:45"}]
    answer: dict[str, object] = {"success": True, "code": 200, "nbData": 1, "data": entries}
    with RawServer(answering(answer)) as server:
        assert list(gateway(server).stop_list()) == [A]
    assert server.requests[0][0] == f"GET /v1/stop-sms/list?apiKey={KEY} HTTP/1.1"


# -- what is said of it -----------------------------------------------------------------------


def bad_header(peer: Peer) -> None:
    peer.request()
    length = f"Content-Length: {len(GOOD)}"
    peer.answer(GOOD, head=("HTTP/1.1 200 OK", "a header without its colon", length))


def words_of(client: SmsPartner) -> str:
    """Everything that the calls return and raise, as a careless caller would log it."""
    words = []
    calls: list[Callable[[], object]] = [
        client.connect,
        lambda: send(client),
        lambda: client.multi_status([(PHONE, "7")]),
        lambda: client.status_by_tag("abcdef"),
        client.stop_list,
        client.account,
        lambda: client.sends.one_text([PHONE], "Bonjour"),
        lambda: client.sends.from_number(PHONE, PHONE, "Bonjour"),
        lambda: client.sends.cancel("7"),
        lambda: client.statuses.of_number(PHONE, "7"),
        lambda: client.stops.add(PHONE),
        lambda: client.checks.lookup([PHONE]),
    ]
    for call in calls:
        try:
            words.append(repr(call()))
        except GatewayError as error:
            words += [str(error), repr(error), *traceback.format_exception(error)]
    return "\n".join(words)


@pytest.mark.parametrize(
    "script",
    [
        *(script for script in RUDE if script not in SLOW and script is not cut_head),
        honest,
        *(
            pytest.param(
                script,
            )
            for script in (bad_header, cut_head)
        ),
    ],
    ids=named,
)
def test_logs_and_errors_show_no_secret(
    script: Callable[[Peer], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawServer(script) as server:
        client = gateway(server, call_timeout=0.2)
        text = words_of(client) + repr(client)
    text += caplog.text
    assert KEY not in text
    assert PHONE.lstrip("+") not in text
    assert "apiKey" not in text
    assert "page=" not in text


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "https://gateway.invalid/v1"])
def test_unreachable_gateway_error_shows_no_secret(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    text = words_of(SmsPartner(url, KEY)) + caplog.text
    assert KEY not in text
    assert PHONE.lstrip("+") not in text
    assert "apiKey" not in text


def test_other_log_records_pass_the_filter(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("urllib3.connectionpool")
    with caplog.at_level(logging.DEBUG, logger=logger.name):
        logger.warning("worth reading")
    assert "worth reading" in caplog.text


GENERIC = {"success": True, "code": 200, "message": "Request queued for processing"}
CANCELLED = {"success": True, "code": 200, "message": "L'envoi du SMS a été annulé."}
LISTED = {
    "success": True,
    "code": 200,
    "nbData": 1,
    "data": [{"id": 7, "phoneNumber": PHONE, "createdAt": "2026-07-20 10:19:45"}],
}


@pytest.mark.parametrize("answer", [GENERIC, CANCELLED], ids=["generic", "in words"])
def test_cancellation_counts_when_asking_again_proves_it(answer: dict[str, object]) -> None:
    with RawServer(answering(answer, {"success": False, "code": 5})) as server:
        assert gateway(server).cancel("1001") is Cancellation.DONE
        assert len(server.requests) == 2
    with RawServer(answering(answer, answer)) as server, pytest.raises(NotAnAnswer):
        gateway(server).cancel("1001")
    with RawServer(answering(answer, {"success": False, "code": 7})) as server:
        assert gateway(server).cancel("1001") is Cancellation.LEFT


def test_deletion_counts_when_the_list_has_the_number_no_more() -> None:
    empty = LISTED | {"nbData": 0, "data": []}
    with RawServer(answering(LISTED, GENERIC, empty)) as server:
        assert gateway(server).delete_stop(PHONE)
    for after in (LISTED, GENERIC):
        with RawServer(answering(LISTED, GENERIC, after)) as server, pytest.raises(NotAnAnswer):
            gateway(server).delete_stop(PHONE)
