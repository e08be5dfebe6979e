"""The answers that the gateway documents, or that clients have captured, with made-up people.

Each is its shape and its types, as it was seen; numbers are of the block kept for fiction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from dispatcher.campaigns.states import MessageState
from dispatcher.errors import GatewayRefused
from dispatcher.gateway import Accepted, BatchTaken, Declined, LineAnswer, Report, StatusPage
from dispatcher.gateway.smspartner.wire.account import Credit, MonthCost, read_costs, read_credit
from dispatcher.gateway.smspartner.wire.answer import Parse
from dispatcher.gateway.smspartner.wire.cancellations import Cancellation, read_cancellation
from dispatcher.gateway.smspartner.wire.checks import read_lookup, read_order
from dispatcher.gateway.smspartner.wire.sending import read_send, read_single
from dispatcher.gateway.smspartner.wire.statuses import (
    NumberStatus,
    read_message,
    read_multi_status,
    read_status,
    read_tag_page,
)
from dispatcher.gateway.smspartner.wire.stop_list import (
    Stop,
    StopList,
    read_added,
    read_deleted,
    read_stops,
)
from dispatcher.recipients.number_checks import HlrOrder, NumberCheck

A, B = "+33639980001", "+33639980002"
OK = {"success": True, "code": 200}
PRICE = Decimal("0.038")
READ_AT = datetime(2018, 2, 6, 16, 26, 56, tzinfo=UTC)
DELIVERED = MessageState.DELIVERED

Read = Callable[[int, bytes, Parse], object]


def send(status: int, body: bytes, parse: Parse) -> object:
    return read_send(status, {}, body, parse)


def single(status: int, body: bytes, parse: Parse) -> object:
    return read_single(status, {}, body, parse)


def credit(status: int, body: bytes, parse: Parse) -> object:
    return read_credit(status, {}, body, parse)


@dataclass(frozen=True)
class Sample:
    """An answer to a call, and what it says: a value, or the code that is raised."""

    name: str
    path: str
    read: Read
    document: dict[str, Any]
    says: object
    status: int = 200


SINGLE = {**OK, "message_id": 307, "nb_sms": 1, "cost": 0.038, "currency": "EUR"}
LINE = {"success": True, "code": 200, "nbSms": 1, "cost": 0.038, "phoneNumber": A}
BULK = {
    **OK,
    "message_id": 2254444,
    "currency": "EUR",
    "cost": 0.076,
    "nbSMS": 2,
    "SMSResponse_List": [LINE, {**LINE, "phoneNumber": B}],
}
TAKEN = BatchTaken("2254444", [LineAnswer(phone, True, 200, 1, PRICE) for phone in (A, B)])
STATUS = {
    **OK,
    "number": A,
    "messageId": "1111",
    "stopSms": False,
    "date": "1517934416",
    "statut": "Delivered",
    "cost": 0.045,
    "countryCode": "FR",
    "currency": "EUR",
}
PAIR = {
    **OK,
    "phoneNumber": A,
    "messageId": 111,
    "status": "Delivered",
    "date": "1517934416",
    "stopSms": "0",
    "isSpam": "0",
}
UNKNOWN_PAIR = {
    "success": False,
    "code": 4,
    "phoneNumber": B,
    "messageId": 222,
    "status": "Numéro introuvable",
}
REPORT = {"phoneNumber": A, "status": "Delivered", "stopSMS": False, "date": "1517934416"}
FOUND = StatusPage([Report(A, DELIVERED, READ_AT), Report(B, DELIVERED, READ_AT, stop=True)])
REPORTS = [REPORT, {**REPORT, "phoneNumber": B, "stopSMS": True}]
ME = {
    **OK,
    "user": {"username": "me@example.org", "firstname": "Zoé", "lastname": "Martin"},
    "credits": {
        "creditSms": 20,
        "creditSmsECO": 25,
        "creditHlr": 180,
        "toSend": 3,
        "solde": "0.900",
        "currency": "EUR",
        "balance": "0.900",
    },
}
CREDIT = Credit(
    balance=Decimal("0.900"),
    currency="EUR",
    sms=20,
    low_cost=25,
    checks=180,
    to_send=3,
    username="me@example.org",
    first_name="Zoé",
    last_name="Martin",
)
MONTH = {
    "month": "october",
    "year": "2021",
    "m": "10",
    "date": 1633039200,
    "type": "month",
    "cost": "49.174",
    "nb_send": "1210",
}
NUMBER = {
    "request": "0639980001",
    "success": True,
    "countryCode": "France",
    "prefixCode": 33,
    "phoneNumber": A,
    "type": "Mobile",
    "network": "",
    "format": {
        "e164": A,
        "international": "+33 6 39 98 00 01",
        "national": "06 39 98 00 01",
        "rfc3966": "tel:+33-6-39-98-00-01",
    },
}
NO_NUMBER = {"request": " 063998", "success": False, "message": "Numéro invalide"}
CHECKED = NumberCheck("0639980001", True, A, "France", 33, "Mobile", "")


def refused(code: int, message: str = "Erreur") -> dict[str, Any]:
    return {"success": False, "code": code, "message": message}


SAMPLES = [
    Sample("one text", "/send", single, SINGLE, Accepted("307", 1, PRICE, "EUR")),
    Sample(
        "one text, scheduled (captured)",
        "/send",
        single,
        {**SINGLE, "scheduledDeliveryDate": "2018-08-18 20:00:00"},
        Accepted("307", 1, PRICE, "EUR", datetime(2018, 8, 18, 18, tzinfo=UTC)),
    ),
    Sample("from a long number", "/vn/send", single, SINGLE, Accepted("307", 1, PRICE, "EUR")),
    Sample("a survey", "/sondage/to/send", single, SINGLE, Accepted("307", 1, PRICE, "EUR")),
    Sample("many texts", "/bulk-send", send, BULK, TAKEN),
    Sample(
        "many texts, the id quoted", "/bulk-send", send, {**BULK, "message_id": "2254444"}, TAKEN
    ),
    Sample(
        "many texts, one refused with its code as text",
        "/bulk-send",
        send,
        {
            **BULK,
            "SMSResponse_List": [
                LINE,
                {"success": False, "code": "9", "message": "pas un mobile", "phoneNumber": B},
            ],
        },
        BatchTaken("2254444", [LineAnswer(A, True, 200, 1, PRICE), LineAnswer(B, False, 9)]),
    ),
    Sample("error A (captured)", "/send", single, refused(10, "Clef API incorrecte"), Declined(10)),
    Sample(
        "error B",
        "/send",
        single,
        {
            "success": False,
            "code": 9,
            "error": [
                {"elementId": "children[phoneNumber].data", "message": "invalide (922264)"},
                {"elementId": "children[scheduledDeliveryDate].data", "message": "antérieure"},
            ],
        },
        Declined(9),
        400,
    ),
    Sample(
        "error C",
        "/bulk-send",
        send,
        {
            "success": False,
            "code": 9,
            "errors": [{"elementId": "children[phoneNumbers].data", "message": "invalide"}],
        },
        Declined(9),
        400,
    ),
    Sample(
        "error D (captured)",
        "/send",
        single,
        {
            "success": False,
            "code": 11,
            "error": {"message": "NOCREDITS"},
            "credits": {"creditSms": 0, "creditSmsLowCost": 0, "toSend": 0, "solde": 0},
        },
        Declined(11),
    ),
    Sample(
        "error E (captured)",
        "/send",
        single,
        {
            "success": False,
            "code": 55,
            "message": "Aucun prix par défaut",
            "errors": [{"success": False, "code": "9", "message": "pas un mobile"}],
        },
        Declined(55),
    ),
    Sample(
        "cancelled",
        "/message-cancel",
        read_cancellation,
        {**OK, "message": "L'envoi du SMS a été annulé."},
        Cancellation.DONE,
    ),
    *(
        Sample(f"cancel, code {code}", "/message-cancel", read_cancellation, refused(code), says)
        for code, says in {
            1: GatewayRefused(1),
            3: GatewayRefused(3),
            4: Cancellation.UNKNOWN,
            5: Cancellation.ALREADY,
            6: Cancellation.TOO_LATE,
            7: Cancellation.LEFT,
            10: GatewayRefused(10),
            11: GatewayRefused(11),
        }.items()
    ),
    Sample(
        "status, captured",
        "/message-status",
        read_status,
        STATUS,
        NumberStatus(Report(A, DELIVERED, READ_AT), "1111", Decimal("0.045"), "EUR", "FR"),
    ),
    Sample(
        "status, documented",
        "/message-status",
        read_status,
        {**STATUS, "number": "0639980001", "date": "2018-02-06 17:26:56"},
        NumberStatus(Report(A, DELIVERED, READ_AT), "1111", Decimal("0.045"), "EUR", "FR"),
    ),
    Sample("status, unknown", "/message-status", read_status, refused(4), GatewayRefused(4)),
    Sample(
        "statuses of pairs",
        "/multi-status",
        read_multi_status,
        {**OK, "StatutResponse_List": [PAIR, UNKNOWN_PAIR]},
        {(A, "111"): Report(A, DELIVERED, READ_AT)},
    ),
    Sample(
        "statuses of a message",
        "/bulk-status",
        read_message,
        {**OK, "message_id": "111", "StatutResponse_List": REPORTS},
        FOUND,
    ),
    Sample("statuses of no message", "/bulk-status", read_message, refused(4), StatusPage(())),
    Sample(
        "statuses under a tag",
        "/bulk-status-by-tag",
        read_tag_page,
        {**OK, "currentPage": 1, "total": 2, "StatutResponse_List": REPORTS},
        (FOUND, 2),
    ),
    Sample(
        "nothing under a tag",
        "/bulk-status-by-tag",
        read_tag_page,
        {**OK, "currentPage": 1, "total": 0, "StatutResponse_List": []},
        (StatusPage([]), 0),
    ),
    Sample(
        "costs",
        "/statistics/cost-resume",
        read_costs,
        {"success": True, "datas": [MONTH]},
        (
            MonthCost(
                datetime(2021, 9, 30, 22, tzinfo=UTC), Decimal("49.174"), 1210, date(2021, 10, 1)
            ),
        ),
    ),
    Sample("credit", "/me", credit, ME, CREDIT),
    Sample("credit, no key", "/me", credit, refused(1), GatewayRefused(1)),
    Sample(
        "the STOP list",
        "/stop-sms/list",
        read_stops,
        {
            **OK,
            "nbData": 1,
            "data": [{"id": 1, "phoneNumber": A, "createdAt": "2015-07-20 10:19:45"}],
        },
        StopList((Stop(A, "1", datetime(2015, 7, 20, 8, 19, 45, tzinfo=UTC)),)),
    ),
    Sample("STOP added", "/stop-sms/add", read_added, {**OK, "stopId": 7}, "7"),
    Sample("STOP known", "/stop-sms/add", read_added, refused(3), None),
    Sample("STOP of no mobile", "/stop-sms/add", read_added, refused(9), GatewayRefused(9)),
    Sample("STOP deleted", "/stop-sms/delete", read_deleted, OK, True),
    Sample("STOP not there", "/stop-sms/delete", read_deleted, refused(4), False),
    Sample("STOP without id", "/stop-sms/delete", read_deleted, refused(3), GatewayRefused(3)),
    Sample(
        "lookup",
        "/lookup",
        read_lookup,
        {**OK, "lookup": [NUMBER, NO_NUMBER]},
        (CHECKED, NumberCheck(" 063998", False, refused=True)),
    ),
    Sample(
        "check ordered",
        "/hlr/notify",
        read_order,
        {**OK, "campaign_id": "HLR000000", "number": 1, "cost": 0.005, "currency": "EUR"},
        HlrOrder("HLR000000", 1, Decimal("0.005"), "EUR"),
    ),
]

#: their XML is not documented
JSON_ONLY = [
    Sample(
        "credit in 2018",
        "/me",
        credit,
        {
            **OK,
            "user": {"username": "me@example.org", "id": 3},
            "credits": {
                "creditSms": 20,
                "creditSmsLowCost": 25,
                "creditHlr": 180,
                "toSend": 0,
                "currency": "EUR",
                "solde": "0.900",
                "balance": "0.900",
            },
        },
        Credit(Decimal("0.900"), "EUR", 20, 25, 180, 0, "me@example.org"),
    ),
]
