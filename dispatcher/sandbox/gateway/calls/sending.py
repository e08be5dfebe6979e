"""The four calls that send."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatcher.sandbox.gateway.acceptance import check, euros, take
from dispatcher.sandbox.gateway.messages import Message
from dispatcher.sandbox.gateway.numbers import long_number
from dispatcher.sandbox.gateway.rendering import MOST_SEGMENTS, leaving
from dispatcher.sandbox.gateway.send_options import PARIS, ReceivedOptions, read_options
from dispatcher.sandbox.gateway.state import Refused, State


def send(state: State, body: Mapping[str, Any], *, request: int) -> dict[str, Any]:
    """One text to up to 500 numbers. Raises Refused."""
    raw, text = body.get("phoneNumbers"), body.get("message")
    if not raw or not isinstance(raw, str):
        raise Refused(2)
    if not text or not isinstance(text, str):
        raise Refused(43)
    options = read_options(body, state.behaviour, now=state.clock())
    return _one_text(state, options, raw, text, path="/v1/send", request=request)


def survey(state: State, body: Mapping[str, Any], *, request: int) -> dict[str, Any]:
    """A survey to up to 500 numbers; every id is accepted. Raises Refused."""
    raw, ident = body.get("phoneNumbers"), body.get("sondageIdent")
    if not raw or not isinstance(raw, str):
        raise Refused(2)
    if not ident:
        raise Refused(3, "Paramètre sondageIdent manquant")
    taken = {
        name: body[name]
        for name in ("tag", "scheduledDeliveryDate", "time", "minute")
        if name in body
    }
    options = read_options(taken, state.behaviour, now=state.clock())
    text = f"Sondage {ident}"
    return _one_text(state, options, raw, text, path="/v1/sondage/to/send", request=request)


def virtual_send(state: State, body: Mapping[str, Any], *, request: int) -> dict[str, Any]:
    """One text from a long number to one number. Raises Refused."""
    raw, sender, text = body.get("to"), body.get("from"), body.get("message")
    if not raw or not isinstance(raw, str):
        raise Refused(2)
    ours = long_number(sender)
    if ours is None:
        raise Refused(44)
    if not text or not isinstance(text, str):
        raise Refused(43)
    known = ("tag", "isStopSms", "sandbox", "urlDlr", "urlResponse")
    taken = {name: body[name] for name in known if name in body}
    options = read_options(taken, state.behaviour, now=state.clock(), long_number=ours)
    return _one_text(state, options, raw.split(",")[0], text, path="/v1/vn/send", request=request)


def _one_text(
    state: State, options: ReceivedOptions, raw: str, text: str, *, path: str, request: int
) -> dict[str, Any]:
    if leaving(text, options.unicode, options.stop_mention)[1] > MOST_SEGMENTS:
        raise Refused(52)
    numbers = [number.strip() for number in raw.split(",") if number.strip()]
    checked = check(state, options, [(number, text) for number in numbers])
    message = take(state, options, checked, path=path, request=request)
    answer = _success(state, message) | {
        "nb_sms": checked.units,
        "cost": euros(state, checked.units),
        "currency": "EUR",
    }
    if message.scheduled:
        answer["scheduledDeliveryDate"] = _wall(message.leaves_at)
    if checked.refused and state.behaviour.failed_lines == "listed":
        answer[state.behaviour.error_key] = checked.refused
    return answer


def bulk_send(state: State, body: Mapping[str, Any], *, request: int) -> dict[str, Any]:
    """Up to 500 numbers with a text each. Raises Refused."""
    listed = body.get("SMSList")
    if not isinstance(listed, list):
        raise Refused(2)
    options = read_options(body, state.behaviour, now=state.clock(), urls=state.behaviour.bulk_urls)
    checked = check(state, options, _pairs(listed))
    message = take(state, options, checked, path="/v1/bulk-send", request=request)
    omitted = state.behaviour.failed_lines == "omitted"
    lines = [line for line in checked.answers if line["success"]] if omitted else checked.answers
    if state.behaviour.reorder_lines:
        random.Random(message.id).shuffle(lines)  # noqa: S311 - the same order in every run
    answer = _success(state, message) | {
        "currency": "EUR",
        "cost": euros(state, checked.units),
        "nbSMS": checked.units,
        "SMSResponse_List": lines,
    }
    if message.scheduled and state.behaviour.bulk_tells_schedule:
        answer["scheduledDeliveryDate"] = _wall(message.leaves_at)
    return answer


def _pairs(listed: list[Any]) -> list[tuple[object, object]]:
    try:
        return [(line["phoneNumber"], line["message"]) for line in listed]
    except (KeyError, TypeError):
        lines = [line if isinstance(line, dict) else {} for line in listed]
        return [(line.get("phoneNumber"), line.get("message")) for line in lines]


def _success(state: State, message: Message) -> dict[str, Any]:
    quoted = state.behaviour.message_id_type == "str"
    shown: int | str = str(message.id) if quoted else message.id
    return {"success": True, "code": 200, "message_id": shown}


def _wall(at: float) -> str:
    return datetime.fromtimestamp(at, PARIS).strftime("%Y-%m-%d %H:%M:%S")
