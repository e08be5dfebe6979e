"""The WSGI application: ``/<secret>/report``, ``/<secret>/reply`` and ``/<secret>/check``.

It answers 200 once a call is stored, also one that cannot be read, and never calls the gateway.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol
from wsgiref.types import StartResponse, WSGIEnvironment

from dispatcher.api.dispatcher import Dispatcher
from dispatcher.api.inbox import KINDS
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
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
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
        settings = dispatcher.settings
        if settings.webhook_secret is None:
            raise ConfigurationError("DISPATCHER_WEBHOOK_SECRET is not set: what the address holds")
        secrets = (settings.webhook_secret, settings.webhook_secret_old)
        self._secrets = [one.get_secret_value().encode() for one in secrets if one is not None]
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
        kind = self._kind(path)
        if kind is None:
            return Answer(HTTPStatus.NOT_FOUND)
        if method not in _METHODS:
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            bare = length is None and not ends and (method == "GET" or query)
            posted = b"" if bare else _read(body, length, ends=ends)
            self._dispatcher.inbox.take(kind, posted, query)
        except InvalidPayload as error:
            log.info("a call to %s is refused: %s", kind, error)
            return Answer(HTTPStatus.BAD_REQUEST, str(error))
        except StorageError as error:
            log.warning("a call cannot be kept: %s", error)
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 - its message may hold a number or a text
            log.error("a call ended in an unexpected %s", type(error).__name__)  # noqa: TRY400
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR)
        return Answer(HTTPStatus.OK, "ok")

    def _kind(self, path: str) -> str | None:
        """What is posted to a path; None for an unknown path."""
        first, _, kind = path.removeprefix("/").partition("/")
        # WSGI gives the bytes of a path as latin-1
        value = first.encode("latin-1", "replace")
        known = [hmac.compare_digest(value, secret) for secret in self._secrets]
        kind = kind.rstrip("/")
        return kind if any(known) and kind in KINDS else None


def _read(body: Body, length: str | None, *, ends: bool) -> bytes:
    """The body; of one that is too large a little more than is stored. Raises InvalidPayload.

    That is for a length that is no number, and for a call that ended before its end.
    """
    if length is None and not ends:
        raise InvalidPayload("the call's length is not known")
    if length is not None and not (length.isascii() and length.isdigit() and len(length) < 20):
        raise InvalidPayload("the call's length is no number")
    promised = None if length is None else min(int(length), LARGEST + 1)
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
