"""Row 53 of the fault matrix: variables of the environment that HTTP libraries read.

Real workers with these variables. SQLite: the database reads none of them.
"""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

from tests.acceptance.installation import Installation, people
from tests.integration.gateway.rawserver import CERTIFICATE, Peer, RawServer
from tests.waiting import PATIENCE

PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def test_worker_ignores_proxies_and_netrc(tmp_path: Path, sqlite_url: str) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\ndefault login me password s\n")
    netrc.chmod(0o600)
    with RawServer(Peer.until_gone) as proxy, Installation(tmp_path, sqlite_url) as site:
        wire = Wiretap(site.gateway.url)
        with RawServer(wire) as tapped:
            worker = site.worker(
                DISPATCHER_API_URL=tapped.url,
                NETRC=str(netrc),
                HOME=str(tmp_path),  # where requests looks for a .netrc, too
                REQUESTS_CA_BUNDLE="no-such-file.pem",
                CURL_CA_BUNDLE="no-such-file.pem",
                **dict.fromkeys(PROXIES, f"http://127.0.0.1:{proxy.port}"),
            )
            site.beat()
            site.submit("soldes", people(3))
            assert site.wait_finished("soldes").messages["delivered"] == 3
            assert b"POST /v1/bulk-send" in tapped.seen
            assert b"POST /v1/multi-status" in tapped.seen
            assert b"authorization" not in tapped.seen.lower()
            worker.stop()
        assert proxy.connections == 0
        site.check()


def test_worker_ignores_certificate_bundles_of_the_environment(
    tmp_path: Path, sqlite_url: str
) -> None:
    """Otherwise a variable would be enough to send the key to another server."""
    trusting = dict.fromkeys(
        ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), str(CERTIFICATE)
    )
    with (
        RawServer(Peer.until_gone, tls=True) as impostor,
        Installation(tmp_path, sqlite_url) as site,
    ):
        site.worker(DISPATCHER_API_URL=impostor.url, **trusting)
        site.submit("soldes", people(3))
        site.wait(lambda: site.batch().checks > 0, "the worker to try")
        assert site.batch().why == "the gateway's certificate or TLS is not valid"
        assert impostor.connections
        assert impostor.seen == b""
        assert site.outcomes() == []
        site.check()


class Wiretap:
    """A script of ``RawServer`` that passes every byte to the gateway and back."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)

    def __call__(self, peer: Peer) -> None:
        with socket.create_connection(self._address, PATIENCE) as gateway:
            while peer.request():
                gateway.sendall(_as_sent(*peer.server.requests[-1]))
                peer.send(_whole_answer(gateway))


def _as_sent(first: str, headers: dict[str, str], body: bytes) -> bytes:
    head = "\r\n".join([first, *(f"{name}: {text}" for name, text in headers.items()), "", ""])
    return head.encode("latin-1") + body


def _whole_answer(gateway: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += gateway.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    [length] = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while len(body) < length:
        received = gateway.recv(65536)
        answer, body = answer + received, body + received
    return answer
