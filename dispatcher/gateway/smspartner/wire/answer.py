"""What all answers share: a JSON object with ``success``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dispatcher.errors import GatewayError, GatewayRefused, NotAnAnswer
from dispatcher.gateway.smspartner import fields

#: makes the document of a body, None when it is none; JSON's is ``fields.json_object``
Parse = Callable[[bytes], dict[str, Any] | None]


def success(status: int, body: bytes, parse: Parse = fields.json_object) -> dict[str, Any]:
    """The document of a success with any HTTP status.

    Raises GatewayRefused for a refusal with a code, NotAnAnswer for a document that is neither,
    and GatewayError for anything else. What a success must name besides is for its reader to ask:
    the gateway has answered every call with a success that names nothing.
    """
    answer = parse(body)
    if answer is None:
        raise GatewayError(f"HTTP {status} with an unreadable body")
    succeeded, code = answer.get("success"), fields.integer(answer.get("code"))
    if succeeded is False and code is not None:
        raise GatewayRefused(code)
    if succeeded is not True:
        raise NotAnAnswer("the gateway answered neither success nor a refusal with a code")
    return answer


def done(status: int, body: bytes, parse: Parse = fields.json_object) -> dict[str, Any]:
    """The document of a success of a call that changes something.

    HTTP status and code must both be 200. Raises GatewayRefused, NotAnAnswer or GatewayError as
    ``success`` does; with an HTTP status from 429 on, a refusal does not count as one.
    """
    if status >= _BROKEN or 300 <= status < 400:
        raise GatewayError(f"HTTP {status}")
    answer = success(status, body, parse)
    if status != _OK or fields.integer(answer.get("code")) != _OK:
        raise NotAnAnswer(f"HTTP {status} with a success that is none")
    return answer


#: HTTP status, and code, of a success
_OK = 200
#: from here on (429, and those of a broken gateway) a body proves nothing
_BROKEN = 429


def objects(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The list of objects under ``name``. Raises NotAnAnswer when there is none."""
    listed = answer.get(name)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise NotAnAnswer(f"the gateway answered without a list under {name}")
    return listed


def first(entry: Mapping[str, Any], *names: str) -> Any:
    """The value under the first of the spellings that is there."""
    return next((entry[name] for name in names if name in entry), None)
