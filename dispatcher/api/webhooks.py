"""The WSGI application: ``/<secret>/report``, ``/<secret>/reply`` and ``/<secret>/check``.

It answers 200 once a call is stored, and never calls the gateway.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol
from wsgiref.types import StartResponse, WSGIEnvironment

from dispatcher.api.dispatcher import Dispatcher
from dispatcher.errors import ConfigurationError, InvalidPayload, StorageError
from dispatcher.gateway.smspartner.inbound.payload import LARGEST

log = logging.getLogger(__name__)

_METHODS = ("GET", "POST")


class Body(Protocol):
    """What a request's body is read from."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; empty at the end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: a status, and a sentence for people."""

    status: HTTPStatus
    sentence: str = ""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers, without the length."""
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
        if self.status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", ", ".join(_METHODS)))
        if self.status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append(("Retry-After", "60"))
        return headers

    @property
    def body(self) -> bytes:
        """The sentence."""
        return f"{self.sentence or self.status.phrase}\n".encode()


class Webhooks:
    """Serves the webhooks of one dispatcher as a WSGI application, under any prefix.

    Raises ConfigurationError if the settings have no ``webhook_secret``. The path of a call is a
    secret: keep it out of the access log of the server or proxy in front.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        secret = dispatcher.settings.webhook_secret
        if secret is None:
            raise ConfigurationError("DISPATCHER_WEBHOOK_SECRET is not set: what the address holds")
        self._secret = secret.get_secret_value().encode()
        self._dispatcher = dispatcher

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (WSGI); never raises."""
        answer = self.answer(
            environ["REQUEST_METHOD"],
            environ.get("PATH_INFO", ""),
            environ.get("QUERY_STRING", ""),
            body=environ["wsgi.input"],
            length=environ.get("CONTENT_LENGTH") or None,
            ends=bool(environ.get("wsgi.input_terminated")),
        )
        body = answer.body
        start_response(
            f"{answer.status.value} {answer.status.phrase}",
            [*answer.headers, ("Content-Length", str(len(body)))],
        )
        return [body]

    def answer(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        body: Body,
        length: str | None = None,
        ends: bool = False,
    ) -> Answer:
        """Take one call; never raises.

        ``path`` is the part after the prefix. ``length`` is the header Content-Length; without it
        the body is read only if it ``ends`` by itself.
        """
        take = self._taker(path)
        if take is None:
            return Answer(HTTPStatus.NOT_FOUND)
        if method not in _METHODS:
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            take(_read(body, length, ends=ends), query)
        except InvalidPayload as error:
            log.info("a call to %s is refused: %s", path.rpartition("/")[2], error)
            return Answer(HTTPStatus.BAD_REQUEST, str(error))
        except StorageError as error:
            log.warning("a call cannot be kept: %s", error)
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 - its message may hold a number or a text
            log.error("a call ended in an unexpected %s", type(error).__name__)  # noqa: TRY400
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR)
        return Answer(HTTPStatus.OK, "ok")

    def _taker(self, path: str) -> Callable[[bytes, str], None] | None:
        """The function that takes calls to a path; None for an unknown path."""
        first, _, kind = path.removeprefix("/").partition("/")
        # WSGI gives the bytes of a path as latin-1
        value = first.encode("latin-1", "replace")
        if not hmac.compare_digest(value, self._secret):
            return None
        takers: dict[str, Any] = {
            "report": lambda *call: self._dispatcher.inbox.report(*call),
            "reply": lambda *call: self._dispatcher.inbox.reply(*call),
            "check": lambda *call: self._dispatcher.inbox.check(*call),
        }
        return takers.get(kind)


def _read(body: Body, length: str | None, *, ends: bool) -> bytes:
    """The body, read up to the largest allowed size. Raises InvalidPayload."""
    if length is None and not ends:
        return b""
    promised = None
    if length is not None:
        if not (length.isascii() and length.isdigit() and len(length) < 10):
            raise InvalidPayload("the call's length is no number")
        promised = int(length)
    if promised is not None and promised > LARGEST:
        raise InvalidPayload("the call is too large")
    found = bytearray()
    most = LARGEST + 1 if promised is None else promised
    try:
        while len(found) < most and (piece := body.read(most - len(found))):
            found += piece
    except Exception:  # noqa: BLE001 - each server raises its own error if the client has gone
        raise InvalidPayload("the call ended before its end") from None
    if promised is not None and len(found) < promised:
        raise InvalidPayload("the call ended before its end")
    return bytes(found)
