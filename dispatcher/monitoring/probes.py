"""A worker's probes over HTTP: ``/healthz``, ``/readyz`` and ``/metrics``.

The first says that the process is alive, the second that it makes progress. A worker whose
database is down is healthy and not ready: restarting it would not help.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIEnvironment

from dispatcher.api import Dispatcher
from dispatcher.api.wsgi_server import Server
from dispatcher.errors import ConfigurationError
from dispatcher.monitoring.cached import cached
from dispatcher.monitoring.doctor import PROGRESS, Finding, examine

log = logging.getLogger(__name__)

#: requests within this many seconds get the same findings
_FRESH = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "application/json"


class Probes:
    """The WSGI application that reports the state of a worker."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._findings = cached(_FRESH, lambda: [*examine(dispatcher, PROGRESS)])
        self._exposition = _exposition(dispatcher, self._findings)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI."""
        method = environ["REQUEST_METHOD"]
        if method in ("GET", "HEAD"):
            answer = self.answer(environ["PATH_INFO"])
        else:
            answer = _json({"error": "there are GET and HEAD"}, HTTPStatus.NOT_IMPLEMENTED)
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", "no-store"),
        ]
        start_response(f"{answer.status.value} {answer.status.phrase}", headers)
        return [] if method == "HEAD" else [answer.body]

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
        ready = all(finding.ok for finding in findings)
        value = {"ready": ready, "checks": [finding.as_json() for finding in findings]}
        return _json(value, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


def serve(probes: Probes, host: str, port: int) -> Server:
    """Serve probes in threads that end with the process.

    Raises ConfigurationError if the address cannot be used.
    """
    try:
        server = Server(probes, host, port)
    except ConfigurationError as error:
        raise ConfigurationError(f"DISPATCHER_METRICS_PORT: {error}") from None
    server.start("probes")
    log.info("metrics, /healthz and /readyz on %s port %d", host, port)
    return server


def _exposition(
    dispatcher: Dispatcher, findings: Callable[[], list[Finding]]
) -> Callable[[], Answer]:
    """What ``/metrics`` answers; without prometheus-client, how to install it."""
    try:
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

        from dispatcher.monitoring.metrics import registry_of
    except ImportError:
        missing = "metrics need pip install 'sms-campaign-dispatcher[metrics]'"
        log.warning("%s", missing)
        return lambda: _json({"error": missing}, HTTPStatus.NOT_IMPLEMENTED)
    registry = registry_of(dispatcher, findings)
    return lambda: Answer(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _json(value: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(json.dumps(value).encode() + b"\n", status)
