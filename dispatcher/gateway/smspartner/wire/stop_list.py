"""The gateway's STOP list: who it texts no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dispatcher.errors import GatewayRefused, NotAnAnswer
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.wire.answer import Parse, done, success

#: by the newer pages; the page of 2024 prints "message id required" there, of a call without one
_LISTED_ALREADY = 3
_NOT_FOUND = 4


@dataclass(frozen=True, slots=True)
class Stop:
    """One entry: the number in E.164, since when (UTC), and the id to delete it by."""

    phone: str = field(repr=False)
    id: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class StopList:
    """The whole list; ``complete`` when each entry that was announced could be read."""

    entries: tuple[Stop, ...]
    complete: bool = True


def read_stops(status: int, body: bytes, parse: Parse = fields.json_object) -> StopList:
    """The answer of ``GET /stop-sms/list``.

    Raises GatewayError, also for a list of which nothing can be read, as NotAnAnswer.
    """
    answer = success(status, body, parse)
    listed = answer.get("data")
    if not isinstance(listed, list):
        raise NotAnAnswer("the gateway answered without a list of numbers")
    entries = tuple(
        Stop(phone, fields.identifier(entry.get("id")), fields.instant(entry.get("createdAt")))
        for entry in listed
        if isinstance(entry, dict) and (phone := fields.phone(entry.get("phoneNumber")))
    )
    announced = fields.integer(answer.get("nbData"))
    sound = len(entries) == len(listed) and announced in (None, len(listed))
    if not sound and not entries:
        raise NotAnAnswer("the gateway answered with a list of which nothing can be read")
    return StopList(entries, complete=sound)


def read_added(status: int, body: bytes, parse: Parse = fields.json_object) -> str | None:
    """The id of the new entry of ``POST /stop-sms/add``; None when it was listed already.

    Raises GatewayError; a GatewayRefused says that the number is not on the list.
    """
    try:
        answer = done(status, body, parse)
    except GatewayRefused as refused:
        if refused.code == _LISTED_ALREADY:
            return None
        raise
    stop_id = fields.identifier(answer.get("stopId"))
    if stop_id is None:
        raise NotAnAnswer("the gateway answered without the id of the entry")
    return stop_id


def read_deleted(status: int, body: bytes, parse: Parse = fields.json_object) -> bool:
    """Whether ``GET /stop-sms/delete`` found something to delete. Raises GatewayError.

    A success names nothing: only the list, read again, proves that the entry is gone.
    """
    try:
        done(status, body, parse)
    except GatewayRefused as refused:
        if refused.code == _NOT_FOUND:
            return False
        raise
    return True
