"""Long numbers: how they are spelled, asked for and answered."""

from __future__ import annotations

import json

import pytest

from dispatcher.errors import InvalidPayload, InvalidPhone
from dispatcher.gateway import SendOptions
from dispatcher.gateway.smspartner.inbound import calls, read_reply
from dispatcher.gateway.smspartner.wire.requests import virtual_body
from dispatcher.recipients.senders import long_number

PHONE, OURS = "+33639980001", "+33639988888"


@pytest.mark.parametrize(
    ("raw", "e164"),
    [
        ("06 39 98 00 01", "+33639980001"),
        ("+33 1 99 00 00 00", "+33199000000"),
        ("0033199000000", "+33199000000"),
    ],
)
def test_long_number_may_be_a_landline(raw: str, e164: str) -> None:
    assert long_number(raw) == e164
    body = json.loads(virtual_body(PHONE, "Bonjour", raw, SendOptions(), {}))
    assert (body["to"], body["from"]) == (PHONE, e164[1:])


@pytest.mark.parametrize("raw", ["", "01 99 00 00 00", "abc", "+339", "+33" + 14 * "1", "36180"])
def test_other_text_is_no_long_number(raw: str) -> None:
    with pytest.raises(InvalidPhone):
        long_number(raw)


def test_reply_to_landline_long_number_is_read() -> None:
    call = {"msisdn": PHONE[1:], "to": "33199000000", "messageId": "x", "text": "STOP"}
    reply = read_reply(*calls(json.dumps(call).encode()))
    assert (reply.to, reply.stop) == ("+33199000000", True)
    for to in ("06 39 98 88 88", "+33639988888", 33639988888):
        assert read_reply(*calls(json.dumps(call | {"to": to}).encode())).to == OURS
    with pytest.raises(InvalidPayload):
        read_reply(*calls(json.dumps(call | {"to": "nobody"}).encode()))
