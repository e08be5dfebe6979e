"""The fake SMS Partner as a child process, for tests, demonstrations and users' own tests."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from dispatcher.local.tied_process import tied_to_parent
from dispatcher.sandbox.gateway import ledger

_STARTS_WITHIN: Final = 60.0
_STOPS_WITHIN: Final = 5.0


class Sandbox:
    """A fake gateway in its own process, which ends with this one.

    Use it as a context manager, or call ``start`` and ``stop``. ``switches`` are those of
    ``dispatcher.sandbox.gateway.behaviour``; ``latency`` and ``clock_offset`` are seconds. A
    ledger whose path is given remains after ``stop``. The thread that starts it must live as
    long as the sandbox.
    """

    def __init__(
        self,
        ledger_path: str | Path | None = None,
        *,
        key: str | None = None,
        port: int = 0,
        latency: float = 0.0,
        clock_offset: float = 0.0,
        **switches: Any,
    ) -> None:
        self.key: Final = key or secrets.token_hex(20)
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._ledger = Path(ledger_path) if ledger_path else None
        self._port = port
        self._latency, self._clock_offset = latency, clock_offset
        self._switches = {"delivery_seconds": [1.0, 3.0], **switches}
        self._process: subprocess.Popen[str] | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """The base address, ``http://127.0.0.1:PORT/v1``."""
        return self._url

    @property
    def ledger_path(self) -> Path:
        """The file of the texts that were really sent. Raises RuntimeError before ``start``."""
        if self._ledger is None:
            raise RuntimeError("the sandbox was not started")
        return self._ledger

    def start(self) -> Self:
        """Start the process and wait until it listens. Raises RuntimeError if it does not."""
        if self._ledger is None:
            self._directory = tempfile.TemporaryDirectory(prefix="sandbox-")
            self._ledger = Path(self._directory.name) / "ledger.jsonl"
        options = {
            "port": self._port,
            "ledger": self._ledger,
            "key": self.key,
            "latency": self._latency,
            "clock_offset": self._clock_offset,
            "switches": self._switches,
        }
        argv = [sys.executable, "-m", "dispatcher.sandbox.gateway.server"]
        argv.append(json.dumps(options, default=_plain))
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            tied_to_parent(argv), stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._url = self._await_address(self._process)
        return self

    def _await_address(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        ready, _, _ = select.select([process.stdout], [], [], _STARTS_WITHIN)
        line = process.stdout.readline() if ready else ""
        if not line.startswith("listening on "):
            self.stop()
            raise RuntimeError("the sandbox did not start")
        return line.removeprefix("listening on ").strip()

    def stop(self) -> None:
        """End the process, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = self._ledger = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def entries(self) -> list[ledger.Entry]:
        """The accepted sends, oldest first."""
        return ledger.entries(self.ledger_path)

    def texted(self) -> Counter[str]:
        """How many times each number (E.164) was texted; cancelled messages do not count."""
        return ledger.texted(self.ledger_path)

    def requests(self, path: str | None = None) -> list[dict[str, Any]]:
        """The requests to one path ("/v1/bulk-send") or to all; fields as in ``LoggedRequest``."""
        logged: list[dict[str, Any]] = self._call("GET", "requests")["requests"]
        return [request for request in logged if path in (None, request["path"])]

    def state(self) -> dict[str, Any]:
        """The present ``credit``, ``stopped`` numbers, ``ledger`` path and ``clock_offset``."""
        return self._call("GET", "state")

    def configure(self, **switches: Any) -> None:
        """Change switches. Raises ValueError for an unknown one."""
        self._call("POST", "configure", switches)

    def set_account(self, key: str, *, credit: Decimal | int) -> None:
        """Set the credit (euros) of another account; a new ``key`` adds one."""
        self._call("POST", "account", {"key": key, "credit": credit})

    def set_keys(self, *keys: str) -> None:
        """Set the keys of the account that count, such as a new one beside the first."""
        self._call("POST", "keys", {"keys": keys})

    def set_clock(self, offset: float) -> None:
        """Set the gateway's clock ``offset`` seconds ahead of the system's."""
        self._call("POST", "clock", {"offset": offset})

    def fault(self, kind: str, path: str = "/v1/bulk-send", **fields: Any) -> None:
        """Add a fault; fields as in ``faults.Fault``. Raises ValueError for an impossible one."""
        self._call("POST", "fault", {"kind": kind, "path": path, **fields})

    def clear_faults(self) -> None:
        """Remove every fault. Requests that a hang holds stay held."""
        self._call("POST", "clear-faults")

    def hold(self, path: str = "/v1/bulk-send", *, processed: bool | str = "after") -> None:
        """Hold every request to ``path`` until ``release``.

        The request is processed on release ("after", even if its client has gone), before it is
        held (True), or never (False).
        """
        self.fault("hang", path, processed=processed, times=None)

    def release(self) -> None:
        """Answer the held requests, and hold no more."""
        self._call("POST", "release")

    def reply(
        self, phone: str, text: str, *, to: str = "", message_id: int | None = None, url: str = ""
    ) -> None:
        """Let a recipient reply now; arguments as in ``replies.reply``. Raises ValueError."""
        values = {"phone": phone, "text": text, "to": to, "message_id": message_id, "url": url}
        self._call("POST", "reply", values)

    def webhooks(self, kind: str = "") -> list[dict[str, Any]]:
        """The webhook calls that were made, oldest first; fields as in ``PostedCall``."""
        made: list[dict[str, Any]] = self._call("GET", "webhooks")["webhooks"]
        return [call for call in made if not kind or call["kind"] == kind]

    def held(self) -> int:
        """How many requests are held now."""
        return sum(request["outcome"] == "held" for request in self.requests())

    def wait_until(self, condition: Callable[[Self], bool], *, within: float = 60.0) -> None:
        """Wait until a condition is true, at most ``within`` seconds. Raises TimeoutError."""
        deadline = time.monotonic() + within
        while not condition(self):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the condition was not true within {within} s")
            time.sleep(0.01)

    def _call(self, method: str, control: str, values: Any = None) -> dict[str, Any]:
        address = urlsplit(self._url)
        connection = http.client.HTTPConnection(address.netloc, timeout=60)
        try:
            body = None if values is None else json.dumps(values, default=_plain)
            connection.request(method, f"/_sandbox/{control}", body)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(answer["error"])
        return answer

    @property
    def pid(self) -> int:
        """The id of the process. Raises RuntimeError before ``start``."""
        if self._process is None:
            raise RuntimeError("the sandbox was not started")
        return self._process.pid

    def suspend(self) -> None:
        """Suspend the process (SIGSTOP): its connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a suspended process."""
        os.kill(self.pid, signal.SIGCONT)


def _plain(value: Any) -> Any:
    # decimals travel as text, sets and tuples as lists
    return list(value) if isinstance(value, (set, frozenset)) else str(value)
