"""The servers beside the contenders: the gateway, and a PostgreSQL that flushes its commits."""

from __future__ import annotations

import http.client
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from benchmarks.processes import Failed, Process
from tests.postgres_server import PostgresServer


@dataclass(frozen=True, slots=True)
class Counts:
    """What the gateway has counted since its last reset."""

    #: recipients taken, and those whose answer has left
    accepted: int
    answered: int
    #: recipients taken more than once, each time after the first
    duplicates: int
    #: pairs asked for by multi-status
    pairs: int
    calls: dict[str, int]


class Gateway:
    """The gateway of the benchmarks, in its own process."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="bench-gateway-")
        self._process = Process("gateway", ["benchmarks.gateway"], Path(self._directory.name))
        self.url = self._process.wait_to_say(r"listening on (\S+)\n")
        self._line = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        self._process.stop()
        self._directory.cleanup()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def reset(self, *, latency: float = 0.0, delivered: bool = True) -> None:
        """Forget everything. ``latency`` is in seconds, ``delivered`` is what polls report."""
        self._ask("reset", {"latency": latency, "delivered": delivered})

    def deliver(self) -> None:
        """Report everything as delivered from now on."""
        self._ask("deliver")

    def counts(self) -> Counts:
        """Its counts since the last reset."""
        return Counts(**self._ask("counts"))

    def arrivals(self) -> list[tuple[float, str]]:
        """Of each bulk send: when it came (``time.monotonic()``), and its first number."""
        return [(at, phone) for at, phone in self._ask("arrivals")]

    def check(self, recipients: int) -> None:
        """Raise Failed unless exactly so many were texted, and nobody twice."""
        counts = self.counts()
        if counts.accepted != recipients or counts.duplicates:
            raise Failed(
                f"the gateway took {counts.accepted:,} recipients of {recipients:,},"
                f" {counts.duplicates:,} of them twice"
            )

    def _ask(self, what: str, switches: dict[str, Any] | None = None) -> Any:
        self._line.request("POST", f"/v1/_bench/{what}", json.dumps(switches or {}))
        return json.loads(self._line.getresponse().read())


def durable_postgres() -> PostgresServer:
    """A PostgreSQL (not started) whose commits are on the disk when they return."""
    return PostgresServer(
        fsync="on",
        full_page_writes="on",
        synchronous_commit="on",
        shared_buffers="128MB",
        max_connections="200",
    )
