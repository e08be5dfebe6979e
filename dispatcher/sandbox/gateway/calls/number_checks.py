"""The checks of numbers: their format at once, their network later by a webhook call."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from dispatcher.sandbox.gateway.acceptance import MOST_NUMBERS, no_credit
from dispatcher.sandbox.gateway.account import CHECK_PRICE
from dispatcher.sandbox.gateway.numbers import country, e164, formats
from dispatcher.sandbox.gateway.state import Refused, State
from dispatcher.sandbox.gateway.webhook_queue import OutgoingCall

#: seconds until a network answers
_TAKES: Final = 1.0
_GOOD: Final = "NO_ERROR"
#: errors of the user (2) and of the operator (3); all others are of the handset
_HANDSET: Final = 1
_GROUPS: Final = {
    2: {
        "EC_IMSI_BLACKLISTED",
        "EC_BLACKLISTED_DESTINATIONADDRESS",
        "EC_BLACKLISTED_SENDERADDRESS",
        "EC_SOURCE_ADDRESS_BLACKLISTED",
        "EC_INVALID_PDU_FORMAT",
        "EC_MESSAGE_CANCELED",
        "EC_VALIDITYEXPIRED",
        "EC_NOTSUBMITTEDTOSMPPCHANNEL",
        "EC_DESTINATION_FLOODING",
        "EC_DESTINATION_TXT_FLOODING",
    },
    3: {
        "EC_BEARER_SERVICE_NOT_PROVISIONED",
        "EC_SS_INCOMPATIBILITY",
        "EC_RESOURCE_LIMITATION",
        "EC_UNKNOWN_ALPHABET",
        "EC_INVALID_RESPONSE_RECEIVED",
        "EC_TIME_OUT",
        "EC_DEST_ADDRESS_BLACKLISTED",
    },
}


def lookup(state: State, body: Mapping[str, Any]) -> dict[str, Any]:
    """The format of each number. One with a leading space fails, as it was captured."""
    kinds = state.behaviour.lookups
    found = [_format(raw, kinds) for raw in _numbers(body)]
    return {"success": True, "code": 200, "lookup": found}


def _format(raw: str, kinds: Mapping[str, str]) -> dict[str, Any]:
    phone = e164(raw)
    kind = next((kinds[end] for end in kinds if raw.endswith(end)), "Mobile")
    if phone is None or not kind:
        return {"request": raw, "success": False, "message": "Numéro invalide"}
    return {
        "request": raw,
        "success": True,
        "countryCode": "France" if phone.startswith("+33") else "",
        "prefixCode": country(phone)[0],
        "phoneNumber": phone,
        "type": kind,
        "network": "",
        "format": formats(phone),
    }


def hlr(state: State, body: Mapping[str, Any]) -> dict[str, Any]:
    """Accept an order for checks, and plan a webhook call for each. Raises Refused."""
    numbers = [phone for phone in map(e164, _numbers(body)) if phone is not None]
    if not numbers:
        raise Refused(55)
    cost = CHECK_PRICE * len(numbers)
    if cost > state.account.credit:
        raise no_credit(state)
    state.account.debit(cost)
    url, at = body.get("notifyUrl"), state.clock() + _TAKES
    errors = state.behaviour.check_errors
    for phone in numbers if isinstance(url, str) and url else ():
        error = next((errors[end] for end in errors if phone.endswith(end)), _GOOD)
        if not error:
            continue
        call = OutgoingCall("check", str(url), _result(phone, at, error))
        state.webhook_queue.add(call, at=at, copies=state.behaviour.webhook_copies)
    return {
        "success": True,
        "code": 200,
        "campaign_id": f"HLR{state.messages.next_id():06d}",
        "number": len(numbers),
        "cost": float(cost),
        "currency": "EUR",
    }


def _result(phone: str, at: float, error: str) -> dict[str, Any]:
    moment = datetime.fromtimestamp(at, UTC)
    name = error if error == _GOOD else f"EC_{error.removeprefix('EC_')}"
    return {
        "phone": phone,
        "messageId": secrets.token_hex(16),
        "mccMnc": "20815",
        "ported": 1,
        "errorGrpId": _group(name),
        # the blank is in the gateway's sample
        "errorName": f"{name} ",
        "errorDesc": name.removeprefix("EC_").replace("_", " ").title(),
        "date": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000",
    }


def _group(name: str) -> int:
    """The group of an error, by the table of the gateway's page of codes."""
    if name == _GOOD:
        return 0
    return next((group for group, names in _GROUPS.items() if name in names), _HANDSET)


def _numbers(body: Mapping[str, Any]) -> list[str]:
    raw = body.get("phoneNumbers")
    if not raw or not isinstance(raw, str):
        raise Refused(2)
    numbers = raw.split(",")
    if len(numbers) > MOST_NUMBERS:
        raise Refused(50)
    return numbers
