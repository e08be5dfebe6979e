"""A delivery report that the gateway posts (``urlDlr``, or the account's address)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dispatcher.campaigns.states import MessageState
from dispatcher.errors import InvalidPayload
from dispatcher.gateway.answers import Report
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.inbound.payload import payload, phone
from dispatcher.gateway.smspartner.wire.answer import first
from dispatcher.gateway.smspartner.wire.statuses import STATES


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A delivery report of one number of one message, as it was posted.

    It has no tag: an address of one's own for each batch is what ties it to a batch before the
    gateway's message id is known.
    """

    report: Report
    message_id: str
    cost: Decimal | None = None
    currency: str = ""


def read_delivery_report(body: bytes, query: str = "") -> DeliveryReport:
    """Read a call. Raises InvalidPayload.

    A word that is not known is "not decided", as it is in the answers.
    """
    params = payload(body, query)
    message_id = fields.identifier(first(params, "msgId", "messageId", "message_id"))
    word = first(params, "status", "statut")
    if message_id is None or not isinstance(word, str) or not word.strip():
        raise InvalidPayload("the call names no message or no status")
    report = Report(
        phone=phone(first(params, "phone", "phoneNumber", "phone_number", "number")),
        state=STATES.get(word.strip().lower(), MessageState.SENT),
        at=fields.instant(params.get("date")),
        stop=_stop(params),
    )
    cost = fields.decimal(params.get("cost"))
    return DeliveryReport(report, message_id, cost, fields.text(params.get("currency"), 3))


def _stop(params: Mapping[str, Any]) -> bool:
    return fields.flag(first(params, "stopSms", "stopSMS")) is True
