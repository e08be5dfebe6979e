"""A delivery report that the gateway posts (``urlDlr``, or the account's address)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from dispatcher.campaigns.states import MessageState
from dispatcher.errors import InvalidPayload
from dispatcher.gateway.answers import Report
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.inbound.payload import Fields, phone
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


def read_delivery_report(call: Fields) -> DeliveryReport:
    """Read a delivery report. Raises InvalidPayload.

    A word that is not known is "not decided", as it is in the answers.
    """
    message_id = fields.identifier(first(call, "msgid", "messageid"))
    word = first(call, "status", "statut")
    if message_id is None or not isinstance(word, str) or not word.strip():
        raise InvalidPayload("the call names no message or no status")
    report = Report(
        phone=phone(first(call, "phone", "phonenumber", "number")),
        state=STATES.get(word.strip().lower(), MessageState.SENT),
        at=fields.instant(call.get("date")),
        stop=fields.flag(call.get("stopsms")) is True,
    )
    cost = fields.decimal(call.get("cost"))
    return DeliveryReport(report, message_id, cost, fields.text(call.get("currency"), 3))
