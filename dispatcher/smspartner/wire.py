"""SMS Partner's JSON, both ways: plain values to bodies, answers to plain values. Pure.

The gateway spells the same thing in many ways (``messageId``/``message_id``, ``stopSms``/
``stopSMS``, ``error``/``errors``, numbers as strings): all of that ends here. HTTP status
discriminates nothing by itself; the body does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from dispatcher.errors import GatewayError, InvalidPhone
from dispatcher.phones import normalise
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
from dispatcher.states import MessageState

#: recipients of one call, by the gateway's documentation (its code 50 beyond)
MOST_LINES = 500
_PARIS = ZoneInfo("Europe/Paris")
_DIGITS = re.compile("[0-9]+").fullmatch
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
    return json.dumps(body).encode()


def status_body(pairs: Sequence[tuple[str, str]], *, key: str) -> bytes:
    """The body of ``POST /multi-status`` for (phone, message id) pairs."""
    listed = [
        {"phoneNumber": phone, "messageId": int(number) if _DIGITS(number) else number}
        for phone, number in pairs
    ]
    return json.dumps({"apiKey": key, "SMSStatut_List": listed}).encode()


def read_send(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """The reply to a bulk send. Anything that is not fully understood is ``Lost``."""
    if status == 429:
        return Throttled(_retry_after(headers.get("Retry-After"), headers.get("Date")))
    if status >= 500 or 300 <= status < 400:
        return Lost(f"HTTP {status}")
    answer = _object(body)
    if answer is None:
        return Lost(f"HTTP {status} with an unreadable body")
    if answer.get("success") is False:
        code = _code(answer.get("code"))
        if code is None:
            return Lost(f"HTTP {status}, a refusal without a code")
        return Declined(code)
    if answer.get("success") is not True or status != 200:
        return Lost(f"HTTP {status}, neither success nor refusal")
    if answer.get("code") != 200 or isinstance(answer["code"], bool | str):
        return Lost("a success without code 200")
    message_id = _identifier(answer.get("message_id", answer.get("messageId")))
    listed = answer.get("SMSResponse_List")
    if message_id is None or not isinstance(listed, list):
        return Lost("a success without message id or list")
    return Taken(message_id, [_line(entry) for entry in listed])


def read_multi_status(status: int, body: bytes) -> dict[tuple[str, str], Report]:
    """Reports by (phone, message id); lines that failed are absent.

    Raises GatewayError when the answer brings no information.
    """
    reports = {}
    for entry in _success_list(status, body):
        message_id = _identifier(entry.get("messageId", entry.get("message_id")))
        report = _report(entry)
        if entry.get("success") is True and message_id is not None and report is not None:
            reports[report.phone, message_id] = report
    return reports


def read_tag_page(status: int, body: bytes) -> tuple[Found, int]:
    """One page of what is under a tag and the total that it announces (0 for nothing).

    The gateway's code 4, "message not found", is an empty page. Raises GatewayError when the
    answer brings no information.
    """
    answer = _object(body)
    if answer is not None and answer.get("success") is False and _code(answer.get("code")) == 4:
        return Found(()), 0
    entries = _success_list(status, body)
    assert answer is not None  # noqa: S101 - _success_list has just read it
    # a line that failed has an error text where its status should be
    sound = [entry for entry in entries if entry.get("success", True) is True]
    reports = [report for entry in sound if (report := _report(entry)) is not None]
    total = _integer(answer.get("total"))
    complete = len(reports) == len(entries)
    return Found(reports, complete), len(entries) if total is None else total


def read_account(status: int, headers: Mapping[str, str], body: bytes) -> Account:
    """The answer of ``GET /me``. Raises GatewayError with the gateway's code."""
    answer = _object(body)
    if answer is None:
        raise GatewayError(f"HTTP {status} with an unreadable body")
    if answer.get("success") is not True:
        raise GatewayError(f"the gateway answered code {_code(answer.get('code'))}")
    credit = answer.get("credits")
    credit = credit if isinstance(credit, dict) else {}
    return Account(
        balance=_decimal(credit.get("balance", credit.get("solde"))),
        at=_http_date(headers.get("Date")),
    )


def _success_list(status: int, body: bytes) -> list[dict[str, Any]]:
    answer = _object(body)
    if answer is None:
        raise GatewayError(f"HTTP {status} with an unreadable body")
    if answer.get("success") is not True:
        raise GatewayError(f"the gateway answered code {_code(answer.get('code'))}")
    listed = answer.get("StatutResponse_List", [])
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise GatewayError("the gateway answered without a list of statuses")
    return listed


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body.decode(), parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _line(entry: object) -> LineAnswer:
    if not isinstance(entry, dict):
        return LineAnswer(None, None)
    success = entry.get("success")
    accepted = success if isinstance(success, bool) else None
    code = _code(entry.get("code"))
    if accepted and code != 200 and entry.get("code") is not None:
        accepted = None
    return LineAnswer(
        phone=_phone(entry.get("phoneNumber")),
        accepted=accepted,
        code=code,
        segments=_integer(entry.get("nbSms", entry.get("nbSMS"))) or 0,
        cost=_decimal(entry.get("cost")) or Decimal(0),
    )


def _report(entry: Mapping[str, Any]) -> Report | None:
    phone = _phone(entry.get("phoneNumber", entry.get("number")))
    word = entry.get("status", entry.get("statut"))
    if phone is None or not isinstance(word, str):
        return None
    return Report(
        phone=phone,
        state=_STATES.get(word.strip().lower(), MessageState.SENT),
        at=_instant(entry.get("date")),
        stop=str(entry.get("stopSms", entry.get("stopSMS", ""))).lower() in {"1", "true"},
    )


def _phone(raw: object) -> str | None:
    if not isinstance(raw, str):
        return None
    try:
        return normalise(raw)
    except InvalidPhone:
        return None


def _integer(raw: object) -> int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < 20:
        return int(raw)
    return None


_code = _integer


def _identifier(raw: object) -> str | None:
    if isinstance(raw, str):
        return raw.strip()[:64] or None
    number = _integer(raw)
    return None if number is None else str(number)


def _decimal(raw: object) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, int | str | Decimal):
        return None
    try:
        value = Decimal(raw)
    except InvalidOperation:
        return None
    return value if value.is_finite() and value.adjusted() < 9 else None


def _instant(raw: object) -> datetime | None:
    """Epoch seconds (number or string), or a wall time of Paris, where the gateway lives."""
    number = _integer(raw)
    try:
        if number is not None:
            return datetime.fromtimestamp(number, UTC)
        if isinstance(raw, str):
            return datetime.fromisoformat(raw).replace(tzinfo=_PARIS).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _retry_after(raw: str | None, sent_at: str | None) -> float | None:
    """Seconds asked for by a Retry-After header, in either of its forms."""
    if raw is None:
        return None
    try:
        return float(int(raw))
    except OverflowError:
        return None
    except ValueError:
        until, since = _http_date(raw), _http_date(sent_at)
        return (until - since).total_seconds() if until and since else None


def _http_date(raw: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(raw or "").astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
