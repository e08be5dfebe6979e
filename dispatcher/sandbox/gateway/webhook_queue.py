"""The queue of webhook calls: reports, replies, STOPs, results of checks.

``webhook_sender`` posts them.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Literal

from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.gateway.messages import WAITING, Message, reported_at, says_stop, status

Kind = Literal["report", "reply", "stop", "check"]


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """One call: the fields to post to ``url``, and the number of this attempt, from 1."""

    kind: Kind
    url: str
    fields: dict[str, Any]
    attempt: int = 1


@dataclass(frozen=True, slots=True, order=True)
class _Planned:
    at: float
    serial: int
    #: makes the call when it is due; None if there is nothing to post by then
    make: Callable[[], OutgoingCall | None] = field(compare=False)


class WebhookQueue:
    """Planned calls, by the gateway's clock."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self._serial = count()
        #: called after each planning
        self.planned: Callable[[], object] = lambda: None

    @property
    def next_at(self) -> float | None:
        """When the next call is due, in epoch seconds."""
        return self._planned[0].at if self._planned else None

    def add(self, call: OutgoingCall, *, at: float, copies: int = 1) -> None:
        """Plan a call ``at`` an epoch second."""
        for _ in range(copies):
            self._plan(at, lambda: call)

    def again(self, call: OutgoingCall, behaviour: Behaviour, *, now: float) -> None:
        """Plan a failed call once more, unless it has had all its attempts."""
        if call.attempt <= behaviour.webhook_retries:
            later = replace(call, attempt=call.attempt + 1)
            self.add(later, at=now + behaviour.webhook_retry_seconds)

    def expect(self, message: Message, behaviour: Behaviour) -> None:
        """Plan the reports on an accepted message, and the STOPs in reply to it."""
        if not (message.reports_to or message.replies_to):
            return
        if message.sandbox and not behaviour.sandbox_webhooks:
            return
        for phone in message.phones:
            at = reported_at(message, phone, behaviour)
            for turn in range(behaviour.webhook_copies if message.reports_to else 0):
                self._plan(at, _report(message, phone, behaviour, at))
                if behaviour.webhook_late_waiting and turn == 0:
                    late = {**_fields(message, phone, WAITING, at), "date": int(at) - 1}
                    self.add(OutgoingCall("report", message.reports_to, late), at=at)
            if message.replies_to and says_stop(phone, behaviour):
                stop = stop_fields(phone, "Stop", message.id)
                copies = behaviour.webhook_copies
                self.add(OutgoingCall("stop", message.replies_to, stop), at=at, copies=copies)

    def take_due(self, behaviour: Behaviour, *, now: float) -> list[OutgoingCall]:
        """Remove and return the calls that are due, in the order of their posting."""
        due: list[OutgoingCall] = []
        while self._planned and self._planned[0].at <= now:
            call = heapq.heappop(self._planned).make()
            if call is not None:
                due.append(call)
        if behaviour.webhook_shuffled:
            random.Random(len(due)).shuffle(due)  # noqa: S311 - the same order in every run
        return due

    def _plan(self, at: float, make: Callable[[], OutgoingCall | None]) -> None:
        heapq.heappush(self._planned, _Planned(at, next(self._serial), make))
        self.planned()


def _report(
    message: Message, phone: str, behaviour: Behaviour, at: float
) -> Callable[[], OutgoingCall | None]:
    def make() -> OutgoingCall | None:
        found = status(message, phone, behaviour, now=at)
        if message.cancelled or found.word == WAITING:
            return None
        return OutgoingCall(
            "report", message.reports_to, _fields(message, phone, found.word, found.since)
        )

    return make


def _fields(message: Message, phone: str, word: str, at: float) -> dict[str, Any]:
    price = message.price / max(len(message.phones), 1)
    return {
        "status": word.lower(),
        "msgId": str(message.id),
        "date": int(at),
        "phone": phone,
        "cost": f"{price:.3f}",
        "currency": "EUR",
    }


def stop_fields(phone: str, text: str, message_id: int | None) -> dict[str, Any]:
    """The fields of a STOP to the short code."""
    return {"type": "stop", "phone_number": phone, "text": text, "message_id": message_id}
