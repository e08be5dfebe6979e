"""The answers to sends. An answer that is not fully understood is ``Lost``.

The HTTP status alone decides nothing: the gateway's errors come with 400 and with 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import Any

from dispatcher.gateway.answers import (
    Accepted,
    BatchTaken,
    Declined,
    LineAnswer,
    Lost,
    SameAnswers,
    SendReply,
    SingleReply,
    Throttled,
)
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.wire.answer import Parse, first
from dispatcher.gateway.smspartner.wire.field_errors import field_errors
from dispatcher.gateway.smspartner.wire.same_lines import same_lines


def read_send(
    status: int, headers: Mapping[str, str], body: bytes, parse: Parse = fields.json_object
) -> SendReply:
    """The reply to a bulk send."""
    same = same_lines(body) if parse is fields.json_object else None
    if same is not None:  # nearly always
        reply = _send_reply(status, headers, same.shortened, parse)
        if isinstance(reply, BatchTaken) and len(reply.lines) == 1:
            return replace(reply, lines=SameAnswers(same.phones, reply.lines[0]))
    return _send_reply(status, headers, body, parse)


def _send_reply(status: int, headers: Mapping[str, str], body: bytes, parse: Parse) -> SendReply:
    answer = _success(status, headers, body, parse)
    if not isinstance(answer, dict):
        return _shown(answer, body)
    message_id = fields.identifier(answer.get("message_id", answer.get("messageId")))
    listed = answer.get("SMSResponse_List")
    if message_id is None or not isinstance(listed, list):
        return _shown(Lost("a success without message id or list"), body)
    return BatchTaken(
        message_id, _lines(listed), fields.instant(answer.get("scheduledDeliveryDate"))
    )


def read_single(
    status: int, headers: Mapping[str, str], body: bytes, parse: Parse = fields.json_object
) -> SingleReply:
    """The reply to ``/send``, ``/vn/send`` and ``/sondage/to/send``.

    Whether a success may name numbers that it refused is undocumented; when it does, under
    ``errors`` or ``error``, it is believed on both counts.
    """
    answer = _success(status, headers, body, parse)
    if not isinstance(answer, dict):
        return _shown(answer, body)
    message_id = fields.identifier(first(answer, "message_id", "messageId"))
    if message_id is None:
        return _shown(Lost("a success without message id"), body)
    refusals = first(answer, "errors", "error") or ()
    listed = refusals if isinstance(refusals, list) else [refusals]
    return Accepted(
        message_id,
        segments=fields.count(first(answer, "nb_sms", "nbSMS", "nbSms")),
        cost=fields.price(answer.get("cost")),
        currency=fields.text(answer.get("currency"), 3),
        leaves_at=fields.instant(answer.get("scheduledDeliveryDate")),
        refused=tuple(_line(entry) for entry in listed) if refusals else (),
        partial=bool(refusals),
    )


def _success(
    status: int, headers: Mapping[str, str], body: bytes, parse: Parse
) -> dict[str, Any] | Declined | Throttled | Lost:
    """The document of a success, or the reply that the answer is instead."""
    if status == 429 and not _claims(body, parse):
        return Throttled(_retry_after(headers.get("Retry-After"), headers.get("Date")))
    if status >= 429 or 300 <= status < 400:
        return Lost(f"HTTP {status}")
    answer = parse(body)
    if answer is None:
        return Lost(f"HTTP {status} with an unreadable body")
    if answer.get("success") is False:
        code = fields.integer(answer.get("code"))
        if code is None:
            return Lost(f"HTTP {status}, a refusal without a code")
        if answer.get("message_id", answer.get("messageId")) is not None or _accepts(answer):
            return Lost("a refusal that speaks of messages taken")
        return Declined(code, field_errors(answer))
    if answer.get("success") is not True or status != 200:
        return Lost(f"HTTP {status}, neither success nor refusal")
    if answer.get("code") != 200 or isinstance(answer["code"], bool | str):
        return Lost("a success without code 200")
    return answer


def _shown(reply: Declined | Throttled | Lost, body: bytes) -> Declined | Throttled | Lost:
    """The same reply; a ``Lost`` one gets an excerpt of the answer."""
    return Lost(reply.reason, fields.excerpt(body)) if isinstance(reply, Lost) else reply


def _claims(body: bytes, parse: Parse) -> bool:
    """Whether the body says that something was taken, whatever the HTTP status."""
    answer = parse(body)
    return answer is not None and (answer.get("success") is True or "message_id" in answer)


def _accepts(answer: Mapping[str, Any]) -> bool:
    """Whether any line of an answer was taken."""
    listed = answer.get("SMSResponse_List", ())
    lines = listed if isinstance(listed, list) else [listed]
    return any(isinstance(line, dict) and line.get("success") is not False for line in lines)


#: a line as it is usually spelled
_USUAL = itemgetter("phoneNumber", "success", "code", "nbSms", "cost")


def _lines(listed: list[Any]) -> list[LineAnswer]:
    """The answers to the lines."""
    try:
        phones, *values = zip(*map(_USUAL, listed), strict=True)
        # JSON's 1, 1.0 and true are equal to each other, and mean different things
        usual = all(len(set(map(type, column))) == 1 for column in values)
        usual = usual and fields.are_french(phones)
        read = {line: _read(*line) for line in set(zip(*values, strict=True))} if usual else {}
    except (TypeError, KeyError, ValueError):  # another spelling, or something that is no line
        usual = False
    if not usual:
        return [_line(entry) for entry in listed]
    if len(read) > 1:
        lines = zip(phones, zip(*values, strict=True), strict=True)
        return [LineAnswer(phone, *read[line]) for phone, line in lines]
    [answer] = read.values()
    return list(map(LineAnswer._make, zip(phones, *map(repeat, answer), strict=False)))


def _line(entry: object) -> LineAnswer:
    if not isinstance(entry, dict):
        return LineAnswer(None, None)
    get = entry.get
    values = (get("success"), get("code"), get("nbSms", get("nbSMS")), get("cost"))
    try:
        read = _read(*values)
    except TypeError:  # a list or an object, where one value should be
        read = _read.__wrapped__(*values)
    return LineAnswer(fields.phone(get("phoneNumber")), *read)


@lru_cache(maxsize=1024, typed=True)  # most of a batch's lines say the same
def _read(
    success: object, raw_code: object, segments: object, cost: object
) -> tuple[bool | None, int | None, int, Decimal]:
    """Accepted, code, segments and cost of a line."""
    accepted = success if isinstance(success, bool) else None
    code = fields.integer(raw_code)
    if accepted and code != 200 and raw_code is not None:
        accepted = None
    return accepted, code, fields.count(segments), fields.price(cost)


def _retry_after(raw: str | None, sent_at: str | None) -> float | None:
    """The seconds of a Retry-After header, a number or a date."""
    if raw is None:
        return None
    try:
        return float(int(raw))
    except OverflowError:
        return None
    except ValueError:
        until, since = fields.http_date(raw), fields.http_date(sent_at)
        return (until - since).total_seconds() if until and since else None
