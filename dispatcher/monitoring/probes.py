"""A worker's own small HTTP server: ``/healthz``, ``/readyz`` and ``/metrics``.

The first says that the process lives, the second that it makes progress. A worker whose
database is down is healthy and not ready: to restart it would mend nothing.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import ClassVar

from dispatcher.api import Dispatcher
from dispatcher.errors import ConfigurationError
from dispatcher.monitoring.cached import kept
from dispatcher.monitoring.doctor import PROGRESS, Finding, examine

log = logging.getLogger(__name__)

#: whoever asks again within this (seconds) gets the same findings
_FRESH = 2.0
#: a client that says nothing for this long (seconds) is hung up on
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told to whoever asked."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "application/json"


class Probes:
    """Answers what is asked about a worker."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._findings = kept(_FRESH, lambda: [*examine(dispatcher, PROGRESS)])
        self._exposition = _exposition(dispatcher, self._findings)

    def answer(self, path: str) -> Answer:
        """The answer to a GET of ``path``."""
        match path:
            case "/healthz":
                return _json({"alive": True})
            case "/readyz":
                return self._ready()
            case "/metrics":
                return self._exposition()
        return _json({"error": "there are /healthz, /readyz and /metrics"}, HTTPStatus.NOT_FOUND)

    def _ready(self) -> Answer:
        findings = self._findings()
        ready = all(finding.well for finding in findings)
        told = {"ready": ready, "checks": [asdict(finding) for finding in findings]}
        return _json(told, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


class Server:
    """Serves probes from threads of its own; they end with the process."""

    def __init__(self, probes: Probes, host: str, port: int) -> None:
        """Listen. Raises ConfigurationError when the address cannot be had."""

        class Handler(_Handler):
            asked = probes

        try:
            self._server = _listener(host)((host, port), Handler)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no address"
            raise ConfigurationError(
                f"DISPATCHER_METRICS_PORT: {host} port {port} cannot be listened on: {reason}"
            ) from None
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()
        log.info("metrics, /healthz and /readyz on %s port %d", host, port)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE
    server_version, sys_version = "dispatcher", ""
    asked: ClassVar[Probes]

    def do_GET(self) -> None:
        self._reply(with_body=True)

    def do_HEAD(self) -> None:
        self._reply(with_body=False)

    def _reply(self, *, with_body: bool) -> None:
        answer = self.asked.answer(self.path.partition("?")[0])
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """A probe every few seconds is no news."""


class _Listener(ThreadingMixIn, TCPServer):
    # not http.server's, which looks its own name up
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hung up is no news either."""


class _Listener6(_Listener):
    address_family = socket.AF_INET6


def _listener(host: str) -> type[_Listener]:
    return _Listener6 if ":" in host else _Listener


def _exposition(
    dispatcher: Dispatcher, findings: Callable[[], list[Finding]]
) -> Callable[[], Answer]:
    """What ``/metrics`` answers; without prometheus-client, how to have it."""
    try:
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

        from dispatcher.monitoring.metrics import registry_of
    except ImportError:
        missing = "metrics need pip install 'sms-campaign-dispatcher[metrics]'"
        log.warning("%s", missing)
        return lambda: _json({"error": missing}, HTTPStatus.NOT_IMPLEMENTED)
    registry = registry_of(dispatcher, findings)
    return lambda: Answer(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _json(told: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(json.dumps(told).encode() + b"\n", status)
