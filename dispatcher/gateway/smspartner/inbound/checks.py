"""The result of a paid number check that the gateway posts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dispatcher.errors import InvalidPayload
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.inbound.payload import Fields, phone
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


def read_hlr_result(call: Fields) -> HlrResult:
    """Read the result of a number check. Raises InvalidPayload."""
    if not call.keys() & {"mccmnc", "errorgrpid", "errorname", "ported"}:
        raise InvalidPayload("the call is no result of a number check")
    network = call.get("mccmnc")
    code = str(network) if isinstance(network, int | str) and not isinstance(network, bool) else ""
    return HlrResult(
        phone=phone(first(call, "phone", "phonenumber")),
        id=fields.identifier(first(call, "messageid", "msgid")),
        network=code if code.isascii() and code.isdigit() and len(code) <= 6 else "",
        ported=fields.flag(call.get("ported")),
        group=fields.integer(call.get("errorgrpid")),
        # one sample has a blank at its end
        name=fields.text(call.get("errorname")).strip(),
        description=fields.text(call.get("errordesc")).strip(),
        at=fields.instant(call.get("date")),
    )
