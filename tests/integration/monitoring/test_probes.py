"""The small server of a worker, asked as nobody should ask it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import pytest

from dispatcher import ConfigurationError, Dispatcher, Settings
from dispatcher.monitoring.probes import Probes, serve
from tests.fakes import FakeGateway
from tests.ports import free_port
from tests.waiting import PATIENCE


@pytest.fixture
def probes(sqlite_url: str) -> Iterator[Probes]:
    dispatcher = Dispatcher(Settings.of(database_url=sqlite_url), gateway=FakeGateway())
    dispatcher.prepare()
    yield Probes(dispatcher)
    dispatcher.database.close()


@pytest.fixture
def port(probes: Probes) -> Iterator[int]:
    port = free_port()
    server = serve(probes, "127.0.0.1", port)
    yield port
    server.close()


def asked(port: int, method: str, path: str) -> tuple[int, bytes, str | None]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("Content-Type")
    finally:
        connection.close()


def test_other_paths_are_not_found(port: int) -> None:
    for path in ("/", "/metrics/", "/../healthz", "/healthz%00"):
        status, body, kind = asked(port, "GET", path)
        assert (status, kind) == (404, "application/json")
        assert "/healthz" in json.loads(body)["error"]


def test_query_makes_no_difference_and_a_head_has_no_body(port: int) -> None:
    assert asked(port, "GET", "/healthz?x=1")[:2] == (200, b'{"alive": true}\n')
    assert asked(port, "HEAD", "/healthz")[:2] == (200, b"")
    status, body, kind = asked(port, "GET", "/metrics")
    assert status == 200
    assert (kind or "").startswith("text/plain; version=0.0.4")
    assert body.startswith(b"# HELP")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_are_refused(port: int, method: str) -> None:
    assert asked(port, method, "/healthz")[0] == 501


def test_silent_clients_do_not_block_others(port: int) -> None:
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    silent[0].sendall(b"GET /healthz HTTP/1.1\r\nX: ")
    try:
        assert asked(port, "GET", "/healthz")[0] == 200
    finally:
        for one in silent:
            one.close()
    assert asked(port, "GET", "/healthz")[0] == 200


def test_bytes_that_are_not_http_get_400(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert b"400" in client.recv(4096)
    assert asked(port, "GET", "/healthz")[0] == 200


def test_ipv6_address_is_served(probes: Probes) -> None:
    try:
        socket.create_server(("::1", port := free_port()), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    server = serve(probes, "::1", port)
    try:
        with socket.create_connection(("::1", port)) as client:
            client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert b"200 OK" in client.recv(4096)
    finally:
        server.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "x" * 300])
def test_foreign_address_is_refused_in_one_sentence(probes: Probes, host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"METRICS_PORT: \S+ port \d+ cannot be listened"):
        serve(probes, host, free_port())
