"""The WSGI server: limits for slow clients, and nothing of a request in the log."""

from __future__ import annotations

import http.client
import logging
import resource
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from dispatcher.api import wsgi_server
from dispatcher.api.wsgi_server import Server
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/fails":
        raise LookupError("+33639980001")
    body: bytes = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(application, "127.0.0.1", 0)
    server.start("server")
    yield server
    server.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client has so little time that one on a busy machine may be cut: for slow ones alone."""
    monkeypatch.setattr(wsgi_server, "PATIENCE", 1)
    monkeypatch.setattr(wsgi_server, "LONGEST", 2.5)
    monkeypatch.setattr(wsgi_server, "_TICK", 0.1)


def answer_to(server: Server, path: str, body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request("POST", path, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def trickle_until_closed(client: socket.socket) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            client.sendall(b"a")
        except OSError:
            return
        time.sleep(0.1)
    raise AssertionError("the server waits for whoever trickles")


@pytest.mark.usefixtures("impatient")
def test_silent_client_is_disconnected(server: Server) -> None:
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab")
        assert client.recv(4096) == b""
    assert time.monotonic() - begun > 0.9 * wsgi_server.PATIENCE


@pytest.mark.usefixtures("impatient")
def test_trickling_client_is_disconnected(server: Server) -> None:
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n")
        trickle_until_closed(client)
    assert time.monotonic() - begun > 0.9 * wsgi_server.LONGEST


def test_slow_clients_occupy_no_thread(server: Server) -> None:
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    for client in slow:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab")
    assert answer_to(server, "/", b"hello") == (200, b"hello")
    for client in slow:
        client.close()


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"])
@pytest.mark.parametrize("count", [32, 1000])
def test_silent_or_slow_clients_keep_nobody_out(
    monkeypatch: pytest.MonkeyPatch, count: int, sent: bytes
) -> None:
    monkeypatch.setattr(wsgi_server, "PATIENCE", 600)  # none of them is cut for its silence
    monkeypatch.setattr(wsgi_server, "LONGEST", 600)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3 * count:
        pytest.skip("this user may not open so many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3 * count), hard))
    server = Server(application, "127.0.0.1", 0)
    server.start("server")
    with ExitStack() as clients:
        clients.callback(server.close)
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", server.port))
            clients.enter_context(client)
            client.sendall(sent)
        for _ in range(3):
            assert answer_to(server, "/", b"hello") == (200, b"hello")


def test_connection_ends_with_the_answer(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")
        answer = b""
        while piece := client.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"Connection: close" in answer


def test_failing_request_leaves_nothing_in_the_log(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    status, body = answer_to(server, "/fails")
    assert status == 500
    assert b"3363998" not in body
    assert not caplog.records
    captured = capfd.readouterr()
    assert not captured.out + captured.err


def test_server_that_ends_while_it_is_stopped_is_closed_without_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wsgi_server, "_TICK", 0.01)
    server = Server(application, "127.0.0.1", 0)

    class Ended(threading.Event):
        def set(self) -> None:
            super().set()
            thread.join()

    server._stopping = Ended()
    thread = threading.Thread(target=server.serve)
    thread.start()
    server.stop()
    assert not thread.is_alive()


def test_stopping_server_answers_what_is_under_way() -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        entered.set()
        leave.wait(PATIENCE)
        return application(environ, start_response)

    server = Server(slow, "127.0.0.1", 0)
    server.start("server")
    answers: list[tuple[int, bytes]] = []
    client = threading.Thread(target=lambda: answers.append(answer_to(server, "/", b"late")))
    client.start()
    assert entered.wait(PATIENCE)
    server.stop()
    leave.set()
    client.join(PATIENCE)
    server.close()
    assert answers == [(200, b"late")]
