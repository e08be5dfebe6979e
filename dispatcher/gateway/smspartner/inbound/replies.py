"""A person's reply that the gateway posts, to its short code or to a long number of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dispatcher.errors import InvalidPayload
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.inbound.payload import own, payload, phone
from dispatcher.gateway.smspartner.wire.answer import first

#: characters of one call; ten segments have 1,530
LONGEST_TEXT: Final = 2000
_MOST_PARTS: Final = 255
#: STOP at the beginning of a reply, also with the digits of a short code after it
_STOP: Final = re.compile(r"\W*(?:stop|arr[eê]t)(?=\W|\d|_|sms|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a long reply: ``number`` of ``total``, counted from 1."""

    reference: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class PersonReply:
    """What somebody answered; ``stop`` when it says to text them no more.

    ``message_id`` is the message that was answered, for the short code; for a long number it is
    the reply's own id, which tells a call that is made again.
    """

    phone: str = field(repr=False)
    text: str = field(repr=False)
    stop: bool = False
    message_id: str | None = None
    #: our long number (E.164); None for the short code
    to: str | None = None
    at: datetime | None = None
    part: Part | None = None


def read_reply(body: bytes, query: str = "") -> PersonReply:
    """Read a reply. Raises InvalidPayload."""
    params = payload(body, query)
    if "msisdn" in params:
        return _to_long_number(params)
    kind = params.get("type")
    if kind not in ("response", "stop"):
        raise InvalidPayload("the call is neither a reply nor a STOP")
    text = _text(params)
    return PersonReply(
        phone=phone(first(params, "phone_number", "phoneNumber")),
        text=text,
        stop=kind == "stop" or says_stop(text),
        message_id=fields.identifier(first(params, "message_id", "messageId")),
        at=fields.instant(params.get("date")),
    )


def says_stop(text: str) -> bool:
    """Whether a reply begins with STOP in any spelling."""
    return _STOP.match(text) is not None


def _to_long_number(params: Mapping[str, Any]) -> PersonReply:
    text = _text(params)
    keyword = params.get("keyword")
    part = _part(params)
    # the first word of a later part is in the middle of a text
    begins = part is None or part.number == 1
    stops = says_stop(text) or (isinstance(keyword, str) and says_stop(keyword))
    return PersonReply(
        phone=phone(params["msisdn"]),
        text=text,
        stop=begins and stops,
        message_id=fields.identifier(first(params, "messageId", "message_id")),
        to=own(params["to"]) if params.get("to") else None,
        at=fields.instant(params.get("message-timestamp")),
        part=part,
    )


def _text(params: Mapping[str, Any]) -> str:
    raw = params.get("text", "")
    if raw is None:
        raw = ""
    if not isinstance(raw, str) or len(raw) > LONGEST_TEXT:
        raise InvalidPayload("the call's text is none, or too long for one")
    # a database stores no NUL, and UTF-8 has no lone surrogates
    return raw.replace("\0", "").encode("utf-8", "replace").decode()


def _part(params: Mapping[str, Any]) -> Part | None:
    if fields.flag(params.get("concat")) is not True:
        return None
    reference = fields.identifier(params.get("concat-ref"))
    number, total = (
        fields.integer(params.get("concat-part")),
        fields.integer(params.get("concat-total")),
    )
    if reference is None or number is None or total is None:
        raise InvalidPayload("the call is a part of a text, and does not say which")
    if not 1 <= number <= total <= _MOST_PARTS:
        raise InvalidPayload("the call is a part of a text that has no such part")
    return Part(reference, number, total)
