"""The status calls: by pair, by message, by tag."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from dispatcher.sandbox.gateway.acceptance import euros
from dispatcher.sandbox.gateway.messages import Message, status
from dispatcher.sandbox.gateway.numbers import country, e164
from dispatcher.sandbox.gateway.send_options import PARIS
from dispatcher.sandbox.gateway.state import Refused, State

#: the most pairs in one multi-status
MOST_PAIRS: Final = 500
#: messages that are listed by a gateway that ignores the tag
LATEST: Final = 3


def message_status(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The status of one number of one message. Raises Refused."""
    raw = parameters.get("phoneNumber")
    if not raw:
        raise Refused(2)
    message = _message(state, parameters)
    phone = e164(raw)
    if phone is None or phone not in message.phones:
        raise Refused(4)
    word, since, stop = _shown(state, message, phone)
    return {
        "success": True,
        "code": 200,
        "number": phone,
        "messageId": str(message.id),
        "stopSms": stop,
        "date": since,
        "statut": word,
        "cost": euros(state, message.segments[message.phones.index(phone)]),
        "countryCode": country(phone)[1],
        "currency": "EUR",
    }


def multi_status(state: State, body: Mapping[str, Any]) -> dict[str, Any]:
    """The status of up to 500 pairs of number and message id. Raises Refused."""
    listed = body.get("SMSStatut_List")
    if not isinstance(listed, list) or not listed:
        raise Refused(5, "La liste de numéros est vide")
    if len(listed) > MOST_PAIRS:
        raise Refused(50)
    lines = [_pair(state, pair if isinstance(pair, dict) else {}) for pair in listed]
    return {"success": True, "code": 200, "StatutResponse_List": lines}


def _pair(state: State, pair: Mapping[str, Any]) -> dict[str, Any]:
    raw_phone, raw_id = pair.get("phoneNumber"), pair.get("messageId")
    message = state.messages.find(raw_id, now=state.clock())
    phone = e164(raw_phone)
    if message is None or phone is None or phone not in message.phones:
        return {
            "success": False,
            "code": 4,
            "phoneNumber": raw_phone,
            "messageId": raw_id,
            "status": "Numéro introuvable",
        }
    word, since, stop = _shown(state, message, phone)
    return {
        "success": True,
        "code": 200,
        "phoneNumber": phone,
        "messageId": message.id,
        "status": word,
        "date": since,
        "stopSms": "1" if stop else "0",
        "isSpam": "0",
    }


def bulk_status(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The status of every number of one message. Raises Refused."""
    message = _message(state, parameters)
    return {
        "success": True,
        "code": 200,
        "message_id": str(message.id),
        "StatutResponse_List": [_line(state, message, phone) for phone in message.phones],
    }


def by_tag(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """One page of everything under a tag, without ids. Raises Refused."""
    tag = parameters.get("tag")
    if not tag:
        raise Refused(3, "Paramètre tag manquant")
    behaviour, now = state.behaviour, state.clock()
    seen = [
        (message, phone)
        for message in _listed(state, str(tag), now)
        if now - message.accepted_at >= behaviour.tag_lag_seconds
        and (behaviour.sandbox_in_tags or not message.sandbox)
        for phone in message.phones
    ]
    if behaviour.tag_missing:
        seen = []
    if not seen and behaviour.tag_unknown == "code4":
        raise Refused(4)
    raw_page = str(parameters.get("page", 1))
    page = int(raw_page) if raw_page.isdecimal() and not behaviour.tag_ignores_page else 1
    first = (max(page, 1) - 1) * behaviour.tag_page_size
    shown = seen[first : first + behaviour.tag_page_size]
    return {
        "success": True,
        "code": 200,
        "currentPage": max(page, 1),
        "total": len(seen) if behaviour.total_type == "int" else str(len(seen)),
        "StatutResponse_List": [_line(state, message, phone) for message, phone in shown],
    }


def _listed(state: State, tag: str, now: float) -> list[Message]:
    """The messages that a tag lists."""
    if state.behaviour.tag_ignored:
        return state.messages.all(now=now)[-LATEST:]
    return state.messages.tagged(tag, now=now)


def _message(state: State, parameters: Mapping[str, Any]) -> Message:
    raw_id = parameters.get("messageId")
    if not raw_id:
        raise Refused(3, "Paramètre messageId manquant")
    message = state.messages.find(raw_id, now=state.clock())
    if message is None:
        raise Refused(4)
    return message


def _line(state: State, message: Message, phone: str) -> dict[str, Any]:
    word, since, stop = _shown(state, message, phone)
    return {"phoneNumber": phone, "status": word, "stopSMS": stop, "date": since}


def _shown(state: State, message: Message, phone: str) -> tuple[str, str, bool]:
    """Status word, instant and STOP of a recipient, in the shapes that the switches choose."""
    behaviour = state.behaviour
    found = status(message, phone, behaviour, now=state.clock())
    word = found.word
    if behaviour.status_case != "title":
        word = word.lower() if behaviour.status_case == "lower" else word.upper()
    since = str(int(found.since))
    if behaviour.status_date == "text":
        since = datetime.fromtimestamp(found.since, PARIS).strftime("%Y-%m-%d %H:%M:%S")
    return word, since, found.stop


def cancel(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Cancel a scheduled message, until five minutes before it leaves. Raises Refused."""
    message, now = _message(state, parameters), state.clock()
    if message.cancelled:
        raise Refused(5, "Message déjà annulé")
    if now >= message.leaves_at:
        raise Refused(7, "Message déjà envoyé")
    if message.leaves_at - now < 300:
        raise Refused(6, "Le message part dans moins de 5 minutes")
    message.cancelled = True
    if state.behaviour.cancel_refunds:
        state.account.credit += message.price
    state.ledger.cancelled(message.id, at=now)
    return {"success": True, "code": 200, "message": "L'envoi du SMS a été annulé."}
