"""A person's reply that the gateway posts, to its short code or to a long number of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dispatcher.errors import InvalidPayload
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.inbound.payload import Fields, own, phone
from dispatcher.gateway.smspartner.wire.answer import first
from dispatcher.recipients.refusals import Refusal, refusal_of

#: characters of one call; ten segments have 1,530
LONGEST_TEXT: Final = 2000
_MOST_PARTS: Final = 255
_TYPES: Final = frozenset({"response", "stop"})


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a long reply: ``number`` of ``total``, counted from 1."""

    reference: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class PersonReply:
    """What somebody answered: ``stop`` is a refusal, ``probable`` what only looks like one.

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
    probable: bool = False


def read_reply(call: Fields) -> PersonReply:
    """Read a reply. Raises InvalidPayload."""
    if "msisdn" in call:
        return _to_long_number(call)
    kind = _kind(call)
    if kind not in _TYPES and "text" not in call:
        raise InvalidPayload("the call is neither a reply nor a STOP")
    text = _text(call)
    refusal = Refusal.CLEAR if kind == "stop" else refusal_of(text)
    return PersonReply(
        phone=phone(first(call, "phonenumber", "phone", "number", "from", "mobile")),
        text=text,
        stop=refusal is Refusal.CLEAR,
        message_id=fields.identifier(first(call, "messageid", "msgid")),
        at=fields.instant(call.get("date")),
        probable=refusal is Refusal.PROBABLE,
    )


def _kind(call: Fields) -> str:
    return str(call.get("type") or "").strip().casefold()


def _to_long_number(call: Fields) -> PersonReply:
    text = _text(call)
    part = _part(call)
    refusal = Refusal.CLEAR if _kind(call) == "stop" else Refusal.NONE
    # the first word of a later part is in the middle of a text
    if refusal is Refusal.NONE and (part is None or part.number == 1):
        refusal = refusal_of(text)
        if refusal is Refusal.NONE:
            refusal = refusal_of(str(call.get("keyword") or ""))
    return PersonReply(
        phone=phone(call["msisdn"]),
        text=text,
        stop=refusal is Refusal.CLEAR,
        message_id=fields.identifier(first(call, "messageid", "msgid")),
        to=own(call["to"]) if call.get("to") else None,
        at=fields.instant(call.get("messagetimestamp")),
        part=part,
        probable=refusal is Refusal.PROBABLE,
    )


def _text(call: Fields) -> str:
    raw = call.get("text", "")
    if raw is None:
        raw = ""
    if type(raw) is int:  # JSON of a reply like "1"
        raw = str(raw)
    if not isinstance(raw, str) or len(raw) > LONGEST_TEXT:
        raise InvalidPayload("the call's text is none, or too long for one")
    # a database stores no NUL, and UTF-8 has no lone surrogates
    return raw.replace("\0", "").encode("utf-8", "replace").decode()


def _part(call: Fields) -> Part | None:
    if fields.flag(call.get("concat")) is not True:
        return None
    reference = fields.identifier(call.get("concatref"))
    number, total = (
        fields.integer(call.get("concatpart")),
        fields.integer(call.get("concattotal")),
    )
    if reference is None or number is None or total is None:
        raise InvalidPayload("the call is a part of a text, and does not say which")
    if not 1 <= number <= total <= _MOST_PARTS:
        raise InvalidPayload("the call is a part of a text that has no such part")
    return Part(reference, number, total)
