"""SMS Partner's JSON, both ways: plain values to bodies, answers to plain values. Pure.

The gateway spells the same thing in many ways (``messageId``/``message_id``, ``stopSms``/
``stopSMS``, ``error``/``errors``, numbers as strings): all of that ends here. HTTP status
discriminates nothing by itself; the body does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

from dispatcher.errors import GatewayError
from dispatcher.provider import (
    Account,
    Declined,
    Found,
    Line,
    LineAnswer,
    Lost,
    Reply,
    Report,
    Taken,
    Throttled,
)
from dispatcher.smspartner import fields
from dispatcher.states import MessageState

#: recipients of one call, by the gateway's documentation (its code 50 beyond)
MOST_LINES = 500
_STATES = {
    "delivered": MessageState.DELIVERED,
    "not delivered": MessageState.UNDELIVERED,
    "ko": MessageState.UNDELIVERED,
}


def bulk_body(
    lines: Sequence[Line], *, key: str, sender: str | None, tag: str, stop: bool, unicode: bool
) -> bytes:
    """The body of ``POST /bulk-send``."""
    body: dict[str, Any] = {
        "apiKey": key,
        "tag": tag,
        "SMSList": [{"phoneNumber": line.phone, "message": line.text} for line in lines],
    }
    if sender:
        body["sender"] = sender
    if stop:
        body["isStopSms"] = 1
    if unicode:
        body["isUnicode"] = 1
    return _encoded(body)


def status_body(pairs: Sequence[tuple[str, str]], *, key: str) -> bytes:
    """The body of ``POST /multi-status`` for (phone, message id) pairs."""
    listed = [{"phoneNumber": phone, "messageId": _as_given(number)} for phone, number in pairs]
    return _encoded({"apiKey": key, "SMSStatut_List": listed})


def _encoded(body: dict[str, Any]) -> bytes:
    """A body in ASCII: it reads the same whatever charset the gateway takes it for."""
    encoded = orjson.dumps(body)
    return encoded if encoded.isascii() else json.dumps(body).encode()


def _as_given(message_id: str) -> int | str:
    """The gateway's id as it came: an id that looks like a number was one."""
    number = fields.integer(message_id)
    return number if number is not None and str(number) == message_id else message_id


def read_send(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """The reply to a bulk send. Anything that is not fully understood is ``Lost``."""
    reply = _judged(status, headers, body)
    return Lost(reply.reason, fields.excerpt(body)) if isinstance(reply, Lost) else reply


def _judged(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """The reply to a bulk send, without an excerpt."""
    if status == 429 and not _claims(body):
        return Throttled(_retry_after(headers.get("Retry-After"), headers.get("Date")))
    if status >= 429 or 300 <= status < 400:
        return Lost(f"HTTP {status}")
    answer = fields.json_object(body)
    if answer is None:
        return Lost(f"HTTP {status} with an unreadable body")
    if answer.get("success") is False:
        code = fields.integer(answer.get("code"))
        if code is None:
            return Lost(f"HTTP {status}, a refusal without a code")
        if answer.get("message_id", answer.get("messageId")) is not None or _accepts(answer):
            return Lost("a refusal that speaks of messages taken")
        return Declined(code)
    if answer.get("success") is not True or status != 200:
        return Lost(f"HTTP {status}, neither success nor refusal")
    if answer.get("code") != 200 or isinstance(answer["code"], bool | str):
        return Lost("a success without code 200")
    message_id = fields.identifier(answer.get("message_id", answer.get("messageId")))
    listed = answer.get("SMSResponse_List")
    if message_id is None or not isinstance(listed, list):
        return Lost("a success without message id or list")
    return Taken(message_id, [_line(entry) for entry in listed])


def _claims(body: bytes) -> bool:
    """Whether a body says, whatever its HTTP status does, that something was taken."""
    answer = fields.json_object(body)
    return answer is not None and (answer.get("success") is True or "message_id" in answer)


def _accepts(answer: Mapping[str, Any]) -> bool:
    """Whether any line of an answer says that it was taken."""
    listed = answer.get("SMSResponse_List", ())
    lines = listed if isinstance(listed, list) else [listed]
    return any(isinstance(line, dict) and line.get("success") is not False for line in lines)


def read_multi_status(status: int, body: bytes) -> dict[tuple[str, str], Report]:
    """Reports by (phone, message id); lines that failed are absent.

    Raises GatewayError when the answer brings no information.
    """
    reports = {}
    for entry in _statuses(_success(status, body)):
        message_id = fields.identifier(entry.get("messageId", entry.get("message_id")))
        report = _report(entry)
        if entry.get("success") is True and message_id is not None and report is not None:
            reports[report.phone, message_id] = report
    return reports


def read_tag_page(status: int, body: bytes) -> tuple[Found, int]:
    """One page of what is under a tag and the total that it announces (0 for nothing).

    The gateway's code 4, "message not found", is an empty page. Raises GatewayError when the
    answer brings no information.
    """
    answer = fields.json_object(body)
    if (
        answer is not None
        and answer.get("success") is False
        and fields.integer(answer.get("code")) == 4
    ):
        return Found(()), 0
    answer = _success(status, body)
    entries = _statuses(answer)
    # a line that failed has an error text where its status should be
    sound = [entry for entry in entries if entry.get("success", True) is True]
    reports = [report for entry in sound if (report := _report(entry)) is not None]
    total = fields.integer(answer.get("total"))
    complete = len(reports) == len(entries)
    return Found(reports, complete), len(entries) if total is None else total


def read_stop_list(status: int, body: bytes) -> list[str]:
    """The numbers (E.164) on the gateway's STOP list; unreadable ones are left out.

    Raises GatewayError when the answer brings no information.
    """
    answer = _success(status, body)
    listed = answer.get("data", [])
    if not isinstance(listed, list):
        raise GatewayError("the gateway answered without a list of numbers")
    numbers = (
        fields.phone(entry.get("phoneNumber")) for entry in listed if isinstance(entry, dict)
    )
    return [number for number in numbers if number is not None]


def read_account(status: int, headers: Mapping[str, str], body: bytes) -> Account:
    """The answer of ``GET /me``. Raises GatewayError with the gateway's code."""
    answer = _success(status, body)
    credit = answer.get("credits")
    credit = credit if isinstance(credit, dict) else {}
    return Account(
        balance=fields.decimal(credit.get("balance", credit.get("solde"))),
        at=fields.http_date(headers.get("Date")),
    )


def _success(status: int, body: bytes) -> dict[str, Any]:
    answer = fields.json_object(body)
    if answer is None:
        raise GatewayError(f"HTTP {status} with an unreadable body")
    if answer.get("success") is not True:
        raise GatewayError(f"the gateway answered code {fields.integer(answer.get('code'))}")
    return answer


def _statuses(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = answer.get("StatutResponse_List", [])
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise GatewayError("the gateway answered without a list of statuses")
    return listed


def _line(entry: object) -> LineAnswer:
    if not isinstance(entry, dict):
        return LineAnswer(None, None)
    get = entry.get
    said = (get("success"), get("code"), get("nbSms", get("nbSMS")), get("cost"))
    try:
        read = _read(*said)
    except TypeError:  # a list or an object, where one value should be
        read = _read.__wrapped__(*said)
    return LineAnswer(fields.phone(get("phoneNumber")), *read)


@lru_cache(maxsize=1024, typed=True)  # most of a batch's lines say the same
def _read(
    success: object, told: object, parts: object, cost: object
) -> tuple[bool | None, int | None, int, Decimal]:
    """What a line says of its message."""
    accepted = success if isinstance(success, bool) else None
    code = fields.integer(told)
    if accepted and code != 200 and told is not None:
        accepted = None
    return accepted, code, fields.count(parts), fields.price(cost)


def _report(entry: Mapping[str, Any]) -> Report | None:
    phone = fields.phone(entry.get("phoneNumber", entry.get("number")))
    word = entry.get("status", entry.get("statut"))
    if phone is None or not isinstance(word, str):
        return None
    return Report(
        phone=phone,
        state=_STATES.get(word.strip().lower(), MessageState.SENT),
        at=fields.instant(entry.get("date")),
        stop=str(entry.get("stopSms", entry.get("stopSMS", ""))).lower() in {"1", "true"},
    )


def _retry_after(raw: str | None, sent_at: str | None) -> float | None:
    """Seconds asked for by a Retry-After header, in either of its forms."""
    if raw is None:
        return None
    try:
        return float(int(raw))
    except OverflowError:
        return None
    except ValueError:
        until, since = fields.http_date(raw), fields.http_date(sent_at)
        return (until - since).total_seconds() if until and since else None
