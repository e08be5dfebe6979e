"""A gateway in memory that keeps a ledger of who was texted, and a clock that is set by hand."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from dispatcher.campaigns.hand_over import Cancellation
from dispatcher.campaigns.states import MessageState
from dispatcher.errors import GatewayError
from dispatcher.gateway import (
    Accepted,
    Account,
    BatchTaken,
    LineAnswer,
    Lost,
    Report,
    SendOptions,
    SendReply,
    SingleReply,
    StatusPage,
    Unless,
    Unsent,
)
from dispatcher.recipients.number_checks import HlrOrder, NumberCheck
from dispatcher.window.slots import NOTICE


class HandClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **duration: float) -> None:
        self.at += timedelta(**duration)


@dataclass(frozen=True)
class Body:
    """What a request said."""

    tag: str
    texts: Mapping[str, str]
    sender: str | None
    stop: bool
    unicode: bool
    #: until when it is to be held, in ISO 8601
    at: str | None = None


def sum_of(reply: BatchTaken) -> Decimal:
    return sum((line.cost for line in reply.lines), Decimal(0))


def mobile(phone: str) -> NumberCheck:
    """What the gateway says of a number that is as it should be."""
    country, prefix = ("France", 33) if phone.startswith("+33") else ("", int(phone[1:3]))
    return NumberCheck(phone, True, phone, country, prefix, "Mobile")


class FakeGateway:
    """Takes everything, unless ``behave`` says otherwise for a request.

    ``behave`` gets the tag and the phones of a request, may call ``accept`` and returns the
    reply that the sender sees.
    """

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self._clock = clock
        #: who was texted under which tag, in order, and when by ``clock``
        self.ledger: list[tuple[str, str, datetime | None]] = []
        self.texted: Counter[str] = Counter()
        self.requests: list[str] = []
        self.bodies: list[Body] = []
        self.tags: dict[str, dict[str, MessageState]] = {}
        self.behave: Callable[[str, list[str]], SendReply] = self.take
        self.unreachable = ""
        #: called while a connection is opened
        self.on_connect: Callable[[], object] = lambda: None
        self.blind = False
        #: tags of which no lookup shows anything: the lag of the tag query
        self.hidden: set[str] = set()
        #: whether lookups by tag are told that there was a page more than they could read
        self.cut = False
        #: numbers that answered STOP
        self.stopped: set[str] = set()
        #: numbers that were to be put on the STOP list, in order
        self.stop_calls: list[str] = []
        #: tags looked up, and the sizes of multi-status calls, in order
        self.lookups: list[str] = []
        self.calls: list[int] = []
        self.final = MessageState.DELIVERED
        #: numbers looked up by each call, and what is said of those that are no mobiles
        self.number_checks: list[list[str]] = []
        self.forms: dict[str, NumberCheck] = {}
        #: numbers of each order of checks with its tag and address; what becomes of the next ones
        self.orders: list[tuple[list[str], str, str]] = []
        self.order_fails: list[Exception | None] = []
        self.check_price = Decimal("0.005")
        #: euros that the account says it has
        self.balance: Decimal | None = Decimal("100.000")
        #: message id -> until when it is held; cancelled ids; ids asked for, in order
        self.schedule: dict[str, datetime] = {}
        self.cancelled: set[str] = set()
        self.cancel_calls: list[str] = []
        #: what a cancellation answers, in turn, whatever is true; an error is raised
        self.cancel_answers: list[Cancellation | GatewayError] = []
        #: what the gateway says of a schedule, if not what it was asked for
        self.says_hour: datetime | None = None
        #: cancellations whose answer is lost after they were heeded
        self.lost_cancels = 0
        self._messages: dict[str, str] = {}
        self._lock = threading.Lock()

    def accept(self, tag: str, phones: Sequence[str]) -> str:
        """Text ``phones`` under ``tag``, as often as asked: there is no de-duplication."""
        with self._lock:
            at = self._clock() if self._clock else None
            self.ledger.extend((tag, phone, at) for phone in phones)
            self.texted.update(phones)
            self.tags.setdefault(tag, {}).update(dict.fromkeys(phones, MessageState.SENT))
            message_id = str(1000 + len(self._messages))
            self._messages[message_id] = tag
        return message_id

    def take(self, tag: str, phones: list[str]) -> SendReply:
        message_id = self.accept(tag, phones)
        lines = [LineAnswer(phone, True, 200, 1, Decimal("0.038")) for phone in phones]
        return BatchTaken(message_id, lines)

    def lose(self, tag: str, phones: list[str]) -> SendReply:
        """Take the batch and lose the answer."""
        self.accept(tag, phones)
        return Lost("the connection was cut")

    def swallow(self, tag: str, phones: list[str]) -> SendReply:
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
        self.on_connect()

    def request(self, phones: Sequence[str], texts: Sequence[str], options: SendOptions) -> bytes:
        text = dict(zip(phones, texts, strict=True))
        hour = None if options.at is None else options.at.isoformat()
        body = Body(options.tag, text, options.sender, options.stop, options.unicode, hour)
        return json.dumps(astuple(body)).encode()

    def bulk_send(self, request: bytes, *, unless: Unless = None) -> SendReply:
        if unless is not None and (reason := unless()):
            return Unsent(reason)
        body = Body(*json.loads(request))
        self.bodies.append(body)
        self.requests.append(body.tag)
        known = len(self._messages)
        reply = self.behave(body.tag, list(body.texts))
        if body.at is not None:
            at = datetime.fromisoformat(body.at)
            for message_id in list(self._messages)[known:]:
                self.schedule[message_id] = at
            if isinstance(reply, BatchTaken):
                reply = replace(reply, leaves_at=self.says_hour)
        return reply

    def single_request(self, phones: Sequence[str], text: str, options: SendOptions) -> bytes:
        return self.request(phones, [text] * len(phones), options)

    def single_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        reply = self.bulk_send(request, unless=unless)
        if not isinstance(reply, BatchTaken):
            return reply
        segments = sum(line.segments for line in reply.lines)
        return Accepted(reply.message_id, segments, sum_of(reply), leaves_at=reply.leaves_at)

    def cancel(self, message_id: str) -> Cancellation:
        self.cancel_calls.append(message_id)
        self._look()
        if self.cancel_answers:
            answer = self.cancel_answers.pop(0)
            if isinstance(answer, GatewayError):
                raise answer
            return answer
        assert self._clock is not None
        answer = self._cancelled(message_id, self._clock())
        if self.lost_cancels:
            self.lost_cancels -= 1
            raise GatewayError("the answer was lost")
        return answer

    def _cancelled(self, message_id: str, now: datetime) -> Cancellation:
        if message_id in self.cancelled:
            return Cancellation.ALREADY
        if message_id not in self.schedule:
            return Cancellation.UNKNOWN
        left = self.schedule[message_id] - now
        if left <= timedelta(0):
            return Cancellation.LEFT
        if left < NOTICE:
            return Cancellation.TOO_LATE
        self.cancelled.add(message_id)
        phones = self.tags[self._messages[message_id]]
        self.texted.subtract(list(phones))
        return Cancellation.DONE

    def number_request(self, phone: str, text: str, number: str, options: SendOptions) -> bytes:
        return self.request([phone], [text], replace(options, sender=number))

    def number_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        return self.single_send(request, unless=unless)

    def survey_request(self, phone: str, survey: str, options: SendOptions) -> bytes:
        return self.request([phone], [f"survey {survey}"], options)

    def survey_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        return self.single_send(request, unless=unless)

    def multi_status(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Report]:
        self._look()
        self.calls.append(len(pairs))
        shown = {}
        for phone, message_id in pairs:
            state = self.tags[self._messages[message_id]].get(phone)
            if state is not None:
                shown[phone, message_id] = self._report(phone, state)
        return shown

    def status_by_tag(self, tag: str) -> StatusPage:
        self._look()
        self.lookups.append(tag)
        states = {} if tag in self.hidden else self.tags.get(tag, {})
        reports = [self._report(phone, state) for phone, state in states.items()]
        return StatusPage(reports, complete=not self.cut)

    def stop_list(self) -> Sequence[str]:
        self._look()
        return sorted(self.stopped)

    def add_stop(self, phone: str) -> bool:
        self._look()
        self.stop_calls.append(phone)
        new = phone not in self.stopped
        self.stopped.add(phone)
        return new

    def delete_stop(self, phone: str) -> bool:
        self._look()
        there = phone in self.stopped
        self.stopped.discard(phone)
        return there

    def account(self) -> Account:
        self._look()
        return Account(self.balance)

    def lookup(self, phones: Sequence[str]) -> Sequence[NumberCheck]:
        self.number_checks.append(list(phones))
        self._look()
        return [self.forms.get(phone, mobile(phone)) for phone in reversed(phones)]

    def order_checks(self, phones: Sequence[str], *, results_to: str, tag: str) -> HlrOrder:
        self.orders.append((list(phones), tag, results_to))
        error = self.order_fails.pop(0) if self.order_fails else None
        if error is not None:
            raise error
        cost = self.check_price * len(phones)
        return HlrOrder(f"HLR{len(self.orders):06}", len(phones), cost, "EUR")

    def _report(self, phone: str, state: MessageState) -> Report:
        return Report(phone, state, stop=phone in self.stopped)

    def _look(self) -> None:
        if self.blind:
            raise GatewayError("HTTP 503 with an unreadable body")
