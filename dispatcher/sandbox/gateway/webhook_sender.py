"""Posts the queued calls to their addresses, and logs the result of each."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from dispatcher.sandbox.gateway.state import State
from dispatcher.sandbox.gateway.webhook_queue import OutgoingCall

#: seconds to wait for an answer
PATIENCE: Final = 30.0
#: only so many of the latest calls are logged
LOGGED: Final = 100_000
#: seconds between two looks at the clock, which a test may set
_GLANCE: Final = 0.2


@dataclass(frozen=True, slots=True)
class PostedCall:
    """A posted call. ``status`` is the HTTP status of its answer, 0 for none."""

    kind: str
    url: str
    fields: dict[str, Any]
    attempt: int
    status: int


class WebhookSender:
    """Posts the due calls, one after the other."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._wake = asyncio.Event()
        self._posted: deque[PostedCall] = deque(maxlen=LOGGED)
        state.webhook_queue.planned = self._wake.set

    def wake(self) -> None:
        """Look at the clock now."""
        self._wake.set()

    def listed(self) -> list[dict[str, Any]]:
        """The posted calls as JSON values."""
        return [asdict(posted) for posted in self._posted]

    async def run(self) -> None:
        """Post calls until it is cancelled."""
        queue = self._state.webhook_queue
        while True:
            self._wake.clear()
            for call in queue.take_due(self._state.behaviour, now=self._state.clock()):
                await self._make(call)
            wait = _until(queue.next_at, self._state.clock)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    async def _make(self, call: OutgoingCall) -> None:
        behaviour = self._state.behaviour
        status = 0
        if urlsplit(call.url).hostname in behaviour.webhook_hosts:
            with suppress(OSError, HTTPException, ValueError):
                as_form = behaviour.webhook_form == "form"
                status = await asyncio.to_thread(_post, call, as_form=as_form)
        self._posted.append(PostedCall(call.kind, call.url, call.fields, call.attempt, status))
        if not 200 <= status < 300:
            self._state.webhook_queue.again(call, behaviour, now=self._state.clock())


def _until(at: float | None, clock: Callable[[], float]) -> float | None:
    return None if at is None else min(max(at - clock(), 0.001), _GLANCE)


def _post(call: OutgoingCall, *, as_form: bool) -> int:
    """Post a call; returns the HTTP status of its answer."""
    parts = urlsplit(call.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if as_form:
        kind, body = "application/x-www-form-urlencoded", urlencode(call.fields)
    else:
        kind, body = "application/json", json.dumps(call.fields)
    opens = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    headers = {"Content-Type": kind, "Connection": "close"}
    with closing(opens(parts.netloc, timeout=PATIENCE)) as connection:
        connection.request("POST", target, body, headers)
        return connection.getresponse().status
