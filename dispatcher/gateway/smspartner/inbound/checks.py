"""The result of a paid number check that the gateway posts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dispatcher.errors import InvalidPayload
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.inbound.payload import payload, phone
from dispatcher.gateway.smspartner.wire.answer import first


@dataclass(frozen=True, slots=True)
class HlrResult:
    """The network's answer about one number."""

    phone: str = field(repr=False)
    id: str | None = None
    #: country and network, five or six digits
    network: str = ""
    ported: bool | None = None
    #: group, name and description of the network's answer
    group: int | None = None
    name: str = ""
    description: str = ""
    at: datetime | None = None


def read_hlr_result(body: bytes, query: str = "") -> HlrResult:
    """Read the result of a number check. Raises InvalidPayload."""
    params = payload(body, query)
    if not params.keys() & {"mccMnc", "errorGrpId", "errorName", "ported"}:
        raise InvalidPayload("the call is no result of a number check")
    network = params.get("mccMnc")
    code = str(network) if isinstance(network, int | str) and not isinstance(network, bool) else ""
    return HlrResult(
        phone=phone(first(params, "phone", "phoneNumber")),
        id=fields.identifier(first(params, "messageId", "msgId")),
        network=code if code.isascii() and code.isdigit() and len(code) <= 6 else "",
        ported=fields.flag(params.get("ported")),
        group=fields.integer(params.get("errorGrpId")),
        # one sample has a blank at its end
        name=fields.text(params.get("errorName")).strip(),
        description=fields.text(params.get("errorDesc")).strip(),
        at=fields.instant(params.get("date")),
    )
