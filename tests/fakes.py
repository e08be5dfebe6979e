"""A gateway in memory that keeps a ledger of who was texted, and a clock that is set by hand."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from dispatcher.errors import GatewayError
from dispatcher.provider import Account, Found, Line, LineAnswer, Lost, Reply, Report, Taken
from dispatcher.states import MessageState


class HandClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **duration: float) -> None:
        self.at += timedelta(**duration)


class FakeGateway:
    """Takes everything, unless ``behave`` says otherwise for a request.

    ``behave`` gets the tag and the phones of a request, may call ``accept`` and returns the
    reply that the sender sees.
    """

    def __init__(self) -> None:
        self.texted: Counter[str] = Counter()
        self.requests: list[str] = []
        self.tags: dict[str, dict[str, MessageState]] = {}
        self.behave: Callable[[str, list[str]], Reply] = self.take
        self.unreachable = ""
        self.blind = False
        self.final = MessageState.DELIVERED
        self._messages: dict[str, str] = {}
        self._lock = threading.Lock()

    def accept(self, tag: str, phones: Sequence[str]) -> str:
        """Text ``phones`` under ``tag``, as often as asked: there is no de-duplication."""
        with self._lock:
            self.texted.update(phones)
            self.tags.setdefault(tag, {}).update(dict.fromkeys(phones, MessageState.SENT))
            message_id = str(1000 + len(self._messages))
            self._messages[message_id] = tag
        return message_id

    def take(self, tag: str, phones: list[str]) -> Reply:
        message_id = self.accept(tag, phones)
        lines = [LineAnswer(phone, True, 200, 1, Decimal("0.038")) for phone in phones]
        return Taken(message_id, lines)

    def lose(self, tag: str, phones: list[str]) -> Reply:
        """Take the batch and lose the answer."""
        self.accept(tag, phones)
        return Lost("the connection was cut")

    def swallow(self, tag: str, phones: list[str]) -> Reply:
        """Lose the request itself."""
        return Lost("the connection was cut")

    def deliver(self) -> None:
        """Let every message that was taken come to its end."""
        for states in self.tags.values():
            states.update(dict.fromkeys(states, self.final))

    # -- the Gateway protocol

    def connect(self) -> None:
        if self.unreachable:
            raise GatewayError(self.unreachable)

    def request(
        self, lines: Sequence[Line], *, sender: str | None, tag: str, stop: bool, unicode: bool
    ) -> bytes:
        return json.dumps([tag, [line.phone for line in lines]]).encode()

    def bulk_send(self, request: bytes) -> Reply:
        tag, phones = json.loads(request)
        self.requests.append(tag)
        return self.behave(tag, phones)

    def multi_status(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Report]:
        self._look()
        shown = {}
        for phone, message_id in pairs:
            state = self.tags[self._messages[message_id]].get(phone)
            if state is not None:
                shown[phone, message_id] = Report(phone, state)
        return shown

    def status_by_tag(self, tag: str) -> Found:
        self._look()
        return Found([Report(phone, state) for phone, state in self.tags.get(tag, {}).items()])

    def account(self) -> Account:
        self._look()
        return Account(Decimal("100.000"))

    def _look(self) -> None:
        if self.blind:
            raise GatewayError("HTTP 503 with an unreadable body")
