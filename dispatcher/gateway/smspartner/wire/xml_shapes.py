"""The order of the values of each answer, by which alone its XML can be read.

It is the order of the gateway's JSON samples. Where an answer was seen with and without a value,
both are here.
"""

from __future__ import annotations

from typing import Final

from dispatcher.gateway.smspartner.wire.answer import Parse
from dispatcher.gateway.smspartner.wire.xml import LINE_REFUSALS, Inner, Rows, Shape, reader

_OK: Final[Shape] = ("success", "code")
_AT: Final = "scheduledDeliveryDate"
_SINGLE: Final[Shape] = (*_OK, "message_id", "nb_sms", "cost", "currency")
_LINES: Final = Rows(
    "SMSResponse_List", (("success", "code", "nbSms", "cost", "phoneNumber"), *LINE_REFUSALS)
)
_BULK: Final[Shape] = (*_OK, "message_id", "currency", "cost", "nbSMS", _LINES)
_STATUS_LINE: Final[Shape] = ("phoneNumber", "status", "stopSMS", "date")
_PAIRS: Final = Rows(
    "StatutResponse_List",
    (
        (*_OK, "phoneNumber", "messageId", "status", "date", "stopSms", "isSpam"),
        (*_OK, "phoneNumber", "messageId", "status"),
    ),
)
_REPORTS: Final = Rows("StatutResponse_List", (_STATUS_LINE,))
_USER: Final = Inner("user", (("username", "firstname", "lastname"), ("username",)))
_COUNTS: Final[Shape] = ("creditSms", "creditSmsECO", "creditHlr", "toSend")
# the balance comes twice here, also where the JSON gives it once
_CREDITS: Final = Inner("credits", ((*_COUNTS, "solde", "currency", "balance"),))
_MONTHS: Final = Rows("datas", (("month", "year", "m", "date", "type", "cost", "nb_send"),))
_NUMBERS: Final = Rows(
    "lookup",
    (
        (
            "request",
            "success",
            "countryCode",
            "prefixCode",
            "phoneNumber",
            "type",
            "network",
            Inner("format", (("e164", "international", "national", "rfc3966"),)),
        ),
        ("request", "success", "message"),
    ),
)
_ENTRIES: Final = Rows("data", (("id", "phoneNumber", "createdAt"),))
_SINGLES: Final = reader(_SINGLE, (*_SINGLE, _AT))

#: path of a call -> the reader of its answer in XML; the other calls are JSON only
READERS: Final[dict[str, Parse]] = {
    "/send": _SINGLES,
    "/vn/send": _SINGLES,
    "/sondage/to/send": _SINGLES,
    "/bulk-send": reader(_BULK, (*_BULK, _AT)),
    "/message-cancel": reader((*_OK, "message")),
    "/message-status": reader(
        (
            *_OK,
            "number",
            "messageId",
            "stopSms",
            "date",
            "statut",
            "cost",
            "countryCode",
            "currency",
        )
    ),
    "/multi-status": reader((*_OK, _PAIRS)),
    "/bulk-status": reader((*_OK, "message_id", _REPORTS)),
    "/bulk-status-by-tag": reader((*_OK, "currentPage", "total", _REPORTS)),
    "/statistics/cost-resume": reader(("success", _MONTHS)),
    "/me": reader((*_OK, _USER, _CREDITS)),
    "/stop-sms/list": reader((*_OK, "nbData", _ENTRIES)),
    "/stop-sms/add": reader((*_OK, "stopId")),
    "/stop-sms/delete": reader(_OK),
    "/lookup": reader((*_OK, _NUMBERS)),
    "/hlr/notify": reader((*_OK, "campaign_id", "number", "cost", "currency")),
}
