"""The gateway of the protocol machine: what it does with each request, and what it shows later.

Lookups go through the product's own readers: the answers below are JSON, page by page.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from urllib3 import HTTPResponse

from dispatcher.campaigns.states import MessageState
from dispatcher.gateway import (
    Account,
    BatchTaken,
    Declined,
    LineAnswer,
    Report,
    SendReply,
    StatusPage,
    Throttled,
    Unless,
    Unsent,
)
from dispatcher.gateway.smspartner.client import SmsPartner
from tests.fakes import FakeGateway, HandClock

#: what the gateway does with one request, and what its answer says
ANSWERS = (
    "take",
    "lose",
    "swallow",
    "code 9",
    "code 11",
    "code 15",
    "code 22",
    "code 90",
    "unsent",
    "throttle",
    "throttle and take",
    "throttle and take",
    "answer a part",
    "take a part",
    "die before the bytes",
    "die after the bytes",
    "sleep, then take",
    "sleep, then lose",
    "sleep, then unsent",
    "sleep, then throttle and take",
)
#: how soon a tag shows what was taken under it
LAGS = ("shows", "shows", "late", "in part")
#: how every call is answered, beside what is taken
MOODS = (
    *["well"] * 6,
    "blind",
    "unreachable",
    #: a success that names nothing, whatever was asked
    "generic",
    #: any tag shows the latest messages of everybody
    "foreign",
    #: reports are older than their attempt
    "old",
    #: one line of each page is an error
    "spoilt",
    #: more is announced than is ever shown
    "cut",
    #: pages of one line
    "paged",
)
GENERIC = {"success": True, "code": 200, "message": "Request queued for processing"}
_NOT_FOUND = {"success": False, "code": 4, "message": "message not found"}
_ERROR_LINE = {"success": False, "code": 4, "errors": "message not found"}
_STRANGER = "+33639989999"
_WORDS = {
    MessageState.SENT: "Waiting",
    MessageState.DELIVERED: "Delivered",
    MessageState.UNDELIVERED: "Not delivered",
}


class Crash(BaseException):
    """The process dies here."""


class Wire:
    """A connection on which ``document`` answers each call, by its path and its query."""

    def __init__(self, document: Callable[[str, Mapping[str, Any]], object]) -> None:
        self._document = document

    def warm(self, _call: object) -> None:
        pass

    def close(self) -> None:
        pass

    @contextmanager
    def ask(
        self, _method: str, url: str, *, data: bytes | None, params: Mapping[str, Any] | None
    ) -> Iterator[SimpleNamespace]:
        document = self._document(urlsplit(url).path, params or {})
        body = BytesIO(json.dumps(document).encode())
        raw = HTTPResponse(body, status=200, preload_content=False)
        yield SimpleNamespace(status_code=200, headers={}, raw=raw)


class ScriptedGateway(FakeGateway):
    """Answers as a script says, and shows what it took as its mood and the lag of tags allow."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(clock)
        self.hand = clock
        self.behave = self.answer
        #: how the next requests are answered; then all are taken
        self.script: deque[str] = deque()
        self.lag = "shows"
        self.mood = "well"
        #: called while a worker sleeps with its request under way
        self.meanwhile: Callable[[], object] = lambda: None
        #: called with tag and phones when the bytes leave
        self.judge: Callable[[str, list[str]], object] = lambda tag, phones: None
        #: tags of which only the first number shows yet
        self.in_part: set[str] = set()
        #: tag -> the answer said that nobody was texted, and no tag contradicted it at once
        self.lies: Counter[str] = Counter()
        self.ids: dict[str, str] = {}
        self.client = SmsPartner("http://127.0.0.1:9", "key")
        wire = Wire(self._document)
        self.client._transport._connection = lambda: wire  # type: ignore[assignment,method-assign,return-value]

    def show_all(self) -> None:
        """Every tag shows all that was taken under it."""
        self.hidden.clear()
        self.in_part.clear()

    # -- sending

    def accept(self, tag: str, phones: Sequence[str]) -> str:
        if self.lag == "late":
            self.hidden.add(tag)
        elif self.lag == "in part":
            self.in_part.add(tag)
        message_id = super().accept(tag, phones)
        self.ids[message_id] = tag
        return message_id

    def bulk_send(self, request: bytes, *, unless: Unless = None) -> SendReply:
        if self.mood == "generic" and not (unless and unless()):
            return self.client.bulk_send(request)
        return super().bulk_send(request, unless=unless)

    def connect(self) -> None:
        self.unreachable = "no route" if self.mood == "unreachable" else ""
        super().connect()

    def answer(self, tag: str, phones: list[str]) -> SendReply:
        self.judge(tag, phones)
        how = self.script.popleft() if self.script else "take"
        return self._answer(how, tag, phones)

    def _answer(self, how: str, tag: str, phones: list[str]) -> SendReply:
        if how.startswith("sleep, then "):
            reply = self._answer(how.removeprefix("sleep, then "), tag, phones)
            self.hand.forward(seconds=self.lease + 1)
            self.meanwhile()
            return reply
        if how.startswith("code "):
            return Declined(int(how.removeprefix("code ")))
        if how.startswith("die"):
            if how == "die after the bytes":
                self.accept(tag, phones)
            raise Crash
        if how == "throttle and take":
            self.accept(tag, phones)
            self.lies[tag] += self.lag != "shows"
        if how in {"answer a part", "take a part"}:
            taken = phones if how == "answer a part" else phones[:1]
            line = LineAnswer(phones[0], True, 200, 1)
            return BatchTaken(self.accept(tag, taken), [line])
        if how.startswith("throttle"):
            return Throttled(3.0)
        if how == "unsent":
            return Unsent("connection refused")
        acts = {"take": self.take, "lose": self.lose, "swallow": self.swallow}
        return acts[how](tag, phones)

    #: seconds after which a worker that sleeps has lost its batch
    lease = 60.0

    # -- lookups, through the product's own readers

    def status_by_tag(self, tag: str) -> StatusPage:
        self._look()
        self.lookups.append(tag)
        return self.client.status_by_tag(tag)

    def multi_status(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Report]:
        if self.mood == "generic":
            return self.client.multi_status(pairs)
        return super().multi_status(pairs)

    def stop_list(self) -> Sequence[str]:
        return self.client.stop_list() if self.mood == "generic" else super().stop_list()

    def account(self) -> Account:
        return self.client.account() if self.mood == "generic" else super().account()

    def _look(self) -> None:
        self.blind = self.mood in {"blind", "unreachable"}
        super()._look()

    def _document(self, path: str, params: Mapping[str, Any]) -> object:
        if self.mood == "generic":
            return GENERIC
        assert path == "/bulk-status-by-tag"
        return self._page(params["tag"], params["page"])

    def _page(self, tag: str, page: int) -> dict[str, object]:
        shown = self._shown(tag)
        if self.mood == "foreign":
            shown = {_STRANGER: MessageState.DELIVERED}
            shown |= {p: state for states in self.tags.values() for p, state in states.items()}
        lines = [self._line(phone, state) for phone, state in shown.items()]
        if self.mood == "spoilt" and lines:
            lines[-1] = {"phoneNumber": lines[-1]["phoneNumber"], **_ERROR_LINE}
        total = len(lines) + (self.mood == "cut")
        if self.mood == "paged":
            lines = lines[page - 1 : page]
        return {**GENERIC, "total": total, "StatutResponse_List": lines} if lines else _NOT_FOUND

    def _shown(self, tag: str) -> dict[str, MessageState]:
        shown = {} if tag in self.hidden else self.tags.get(tag, {})
        return dict(list(shown.items())[:1]) if tag in self.in_part else shown

    def _line(self, phone: str, state: MessageState) -> dict[str, object]:
        at = self.hand() - timedelta(days=30) if self.mood == "old" else self.hand()
        return {
            "success": True,
            "phoneNumber": phone,
            "status": _WORDS[state],
            "date": int(at.timestamp()),
            "stopSms": int(phone in self.stopped),
        }
