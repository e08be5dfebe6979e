"""One call to SMS Partner over HTTP: tried once, bounded in time and in size."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

import requests
from urllib3.util import Timeout

from dispatcher.errors import GatewayError, GatewayUnreached
from dispatcher.gateway.answers import Lost, Unsent
from dispatcher.gateway.http import connection, deadline
from dispatcher.gateway.protocol import Unless
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.wire.answer import Parse
from dispatcher.gateway.smspartner.wire.xml_shapes import READERS

#: an answer for 500 numbers has some 60 kB; more than this is not an answer
LARGEST_ANSWER = 4 * 1024 * 1024
_CHUNK = 256 * 1024
#: a connection idle for longer may be closed by the gateway just as a request leaves
LONGEST_IDLE = 2.0

Format = Literal["json", "xml"]
Call = deadline.TimedCall
_Reply = TypeVar("_Reply")
_TOO_LONG: Final = "the call took too long"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and the whole body of an answer, and the parser of its format."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    parse: Parse

    @classmethod
    def of(cls, response: requests.Response, parse: Parse) -> Answer:
        """The answer, read whole. Raises GatewayError for one that is too large."""
        body = b""
        # to the very end: only there does a body shorter than announced show itself
        while chunk := response.raw.read(_CHUNK, decode_content=False):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise GatewayError("the answer is too large")
        return cls(response.status_code, response.headers, body, parse)

    def read(self, reader: Callable[[int, bytes, Parse], _Reply]) -> _Reply:
        """The value that ``reader`` makes of it. Raises as the reader does."""
        return reader(self.status, self.body, self.parse)


class Transport:
    """The way to the gateway, for any number of threads; each thread has its connection.

    ``answers`` is the format that is asked for; calls whose XML is unknown are made in JSON.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        call_timeout: float = 30,
        connect_timeout: float = 5,
        answers: Format = "json",
    ) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self._call_timeout = call_timeout
        self._timeout = Timeout(connect=min(connect_timeout, call_timeout), read=call_timeout)
        self._xml = answers == "xml"
        self._own = threading.local()

    def base(self, path: str) -> dict[str, object]:
        """The fields of every request: the key, and the format of the answer unless it is JSON."""
        format_param = {"_format": "xml"} if self._xml and path in READERS else {}
        return {"apiKey": self.key, **format_param}

    def connect(self) -> None:
        """Open this thread's connection. Raises GatewayUnreached; nothing is sent."""
        with deadline.watchdog.limit(self._call_timeout) as call:
            try:
                self._connection().warm(call)
                self._own.used_at = time.monotonic()
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing left
                raise GatewayUnreached(_reason(error)) from None

    def send(
        self,
        path: str,
        data: bytes,
        read: Callable[[int, Mapping[str, str], bytes, Parse], _Reply],
        *,
        unless: Unless = None,
    ) -> _Reply | Unsent | Lost:
        """Post a send once, unless there is a reason not to. Never raises."""
        with deadline.watchdog.limit(self._call_timeout) as call:
            try:
                answer = self._call(call, "POST", path, data=data, unless=unless)
                if call.expired:
                    return Lost(_TOO_LONG)
                return read(answer.status, answer.headers, answer.body, answer.parse)
            except Exception as error:  # noqa: BLE001 - sorted by what is known, not by type
                if not call.touched:
                    return Unsent(_reason(error))
                return Lost(_TOO_LONG if call.expired else _reason(error))

    def get(self, path: str, params: Mapping[str, object] | None = None) -> Answer:
        """Ask with a query. Raises GatewayUnreached if nothing was sent, else GatewayError."""
        return self._ask("GET", path, params={**self.base(path), **(params or {})})

    def post(self, path: str, data: bytes, *, method: str = "POST") -> Answer:
        """Ask with a body. Raises GatewayUnreached if nothing was sent, else GatewayError."""
        return self._ask(method, path, data=data)

    def _ask(self, method: str, path: str, **content: Any) -> Answer:
        with deadline.watchdog.limit(self._call_timeout) as call:
            try:
                answer = self._call(call, method, path, **content)
            except Exception as error:  # noqa: BLE001 - its text may hold the key
                kind = GatewayError if call.touched else GatewayUnreached
                raise kind(_TOO_LONG if call.expired else _reason(error)) from None
            if call.expired:
                raise GatewayError(_TOO_LONG)
            return answer

    def _call(
        self,
        call: Call,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        params: dict[str, Any] | None = None,
        unless: Unless = None,
    ) -> Answer:
        held = self._connection()
        try:
            held.warm(call)
            if unless is not None and (reason := unless()):
                raise GatewayError(reason)  # noqa: TRY301 - closes the connection as any failure does
            with held.ask(method, self.url + path, data=data, params=params) as response:
                answer = Answer.of(response, self._parser(path))
        except BaseException:
            held.close()
            self._own.connection = None
            raise
        self._own.used_at = time.monotonic()
        return answer

    def _parser(self, path: str) -> Parse:
        return READERS[path] if self._xml and path in READERS else fields.json_object

    def _connection(self) -> connection.Connection:
        """The thread's connection; never one that a parent process, or long idleness, has left."""
        held: connection.Connection | None = getattr(self._own, "connection", None)
        if held is not None and self._own.pid == os.getpid():
            if time.monotonic() - self._own.used_at <= LONGEST_IDLE:
                return held
            held.close()
        held = connection.Connection(self.url, self._timeout)
        self._own.connection, self._own.pid, self._own.used_at = held, os.getpid(), time.monotonic()
        return held


def _reason(error: Exception) -> str:
    """The error as a sentence without URL or key."""
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
