"""SMS Partner over HTTP: each call is tried once, bounded in time and in size."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests
from urllib3.util import Timeout

from dispatcher.errors import GatewayError
from dispatcher.provider import Account, Found, Line, Lost, Reply, Report, Unsent
from dispatcher.smspartner import connection, deadline, wire

#: an answer for 500 numbers has some 60 kB; more than this is not an answer
LARGEST_ANSWER = 4 * 1024 * 1024
_CHUNK = 256 * 1024
#: a connection idle for longer may be closed by the gateway just as a request leaves
LONGEST_IDLE = 2.0


class _Answer:
    """Status, headers and the whole body of an answer."""

    def __init__(self, response: requests.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.body = b""
        # to the very end: only there does a body shorter than announced show itself
        while chunk := response.raw.read(_CHUNK, decode_content=False):
            self.body += chunk
            if len(self.body) > LARGEST_ANSWER:
                raise GatewayError("the answer is too large")


class SmsPartner:
    """The gateway, for any number of threads and processes; each thread has its connection."""

    def __init__(
        self, url: str, key: str, *, call_timeout: float = 30, connect_timeout: float = 5
    ) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._call_timeout = call_timeout
        self._timeout = Timeout(connect=connect_timeout, read=call_timeout)
        self._own = threading.local()

    def __repr__(self) -> str:
        return f"SmsPartner({self._url!r})"

    def connect(self) -> None:
        """Open this thread's connection. Raises GatewayError; nothing is sent."""
        with deadline.watchdog.limit(self._call_timeout) as call:
            try:
                self._line().warm(call)
                self._own.used_at = time.monotonic()
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing left
                raise GatewayError(_reason(error)) from None

    def request(
        self, lines: Sequence[Line], *, sender: str | None, tag: str, stop: bool, unicode: bool
    ) -> bytes:
        """The bytes of a bulk send."""
        return wire.bulk_body(
            lines, key=self._key, sender=sender, tag=tag, stop=stop, unicode=unicode
        )

    def bulk_send(self, request: bytes, *, unless: Callable[[], str] | None = None) -> Reply:
        """Send what ``request`` made, once, unless there is a reason not to. Never raises."""
        with deadline.watchdog.limit(self._call_timeout) as call:
            try:
                answer = self._call(call, "POST", "/bulk-send", data=request, unless=unless)
                if call.expired:
                    return Lost("the call took too long")
                return wire.read_send(answer.status, answer.headers, answer.body)
            except Exception as error:  # noqa: BLE001 - sorted by what is known, not by type
                if not call.touched:
                    return Unsent(_reason(error))
                return Lost("the call took too long" if call.expired else _reason(error))

    def multi_status(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Report]:
        """Reports by (phone, message id). Raises GatewayError when nothing was learnt."""
        answer = self._ask("POST", "/multi-status", data=wire.status_body(pairs, key=self._key))
        return wire.read_multi_status(answer.status, answer.body)

    def status_by_tag(self, tag: str) -> Found:
        """Everything that the gateway shows under ``tag``, page by page.

        The paging is undocumented: it ends when the announced total is reached or a page
        brings nothing new. Raises GatewayError when nothing was learnt.
        """
        reports: dict[str, Report] = {}
        announced, complete = 0, True
        for page in range(1, wire.MOST_LINES + 1):
            answer = self._ask("GET", "/bulk-status-by-tag", params={"tag": tag, "page": page})
            found, total = wire.read_tag_page(answer.status, answer.body)
            before = len(reports)
            reports.update({report.phone: report for report in found.reports})
            announced = max(announced, total)
            complete = complete and found.complete
            if len(reports) == before or len(reports) >= total:
                break
        return Found(tuple(reports.values()), complete and len(reports) >= announced)

    def stop_list(self) -> Sequence[str]:
        """The numbers on the gateway's STOP list. Raises GatewayError when nothing was learnt."""
        answer = self._ask("GET", "/stop-sms/list")
        return wire.read_stop_list(answer.status, answer.body)

    def account(self) -> Account:
        """The account behind the key. Raises GatewayError with the gateway's reason."""
        answer = self._ask("GET", "/me")
        return wire.read_account(answer.status, answer.headers, answer.body)

    def _ask(self, method: str, path: str, **content: Any) -> _Answer:
        with deadline.watchdog.limit(self._call_timeout) as call:
            try:
                answer = self._call(call, method, path, **content)
            except Exception as error:  # noqa: BLE001 - its text may hold the key
                reason = "the call took too long" if call.expired else _reason(error)
                raise GatewayError(reason) from None
            if call.expired:
                raise GatewayError("the call took too long")
            return answer

    def _call(
        self,
        call: deadline.Call,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        params: dict[str, Any] | None = None,
        unless: Callable[[], str] | None = None,
    ) -> _Answer:
        line = self._line()
        if method == "GET":
            params = {"apiKey": self._key, **(params or {})}
        try:
            line.warm(call)
            if unless is not None and (reason := unless()):
                raise GatewayError(reason)  # noqa: TRY301 - ends the line like any failure
            with line.ask(method, self._url + path, data=data, params=params) as response:
                answer = _Answer(response)
        except BaseException:
            line.close()
            self._own.line = None
            raise
        self._own.used_at = time.monotonic()
        return answer

    def _line(self) -> connection.Line:
        """The thread's connection; never one that a parent process, or long idleness, has left."""
        line: connection.Line | None = getattr(self._own, "line", None)
        if line is not None and self._own.pid == os.getpid():
            if time.monotonic() - self._own.used_at <= LONGEST_IDLE:
                return line
            line.close()
        line = connection.Line(self._url, self._timeout)
        self._own.line, self._own.pid, self._own.used_at = line, os.getpid(), time.monotonic()
        return line


def _reason(error: Exception) -> str:
    """What happened, in words that hold neither URL nor key."""
    if isinstance(error, GatewayError):
        return str(error)
    if isinstance(error, requests.RequestException) and error.args:
        inner = error.args[0]
        error = getattr(inner, "reason", None) or (inner if isinstance(inner, Exception) else error)
    for known, words in _WORDS.items():
        if known in type(error).__name__:
            return words
    return f"the connection failed ({type(error).__name__})"


_WORDS = {
    "NewConnection": "the gateway cannot be reached",
    "ConnectionRefused": "the gateway cannot be reached",
    "NameResolution": "the gateway's name cannot be resolved",
    "ConnectTimeout": "the gateway cannot be reached in time",
    "ReadTimeout": "no answer in time",
    "SSL": "the gateway's certificate or TLS is not valid",
    "Certificate": "the gateway's certificate or TLS is not valid",
    "IncompleteRead": "the answer was cut",
    "Protocol": "the connection was cut",
    "Connection": "the connection was cut",
}
