"""An answer whose lines differ in their numbers alone says what the strict reader reads in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.campaigns.outcome import Sent
from dispatcher.gateway.answers import BatchTaken, SameAnswers, SendReply
from dispatcher.gateway.outcomes import verdict
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.wire.same_lines import same_lines
from dispatcher.gateway.smspartner.wire.sending import read_send

PHONES = [f"+336399800{n:02d}" for n in range(4)]
LINE = {"success": True, "code": 200, "nbSms": 1, "cost": 0.045}


def answer(*, line: dict[str, Any] | None = None, phone_first: bool = False, **more: Any) -> bytes:
    """The usual answer to a send to ``PHONES``, without blanks."""
    each = LINE if line is None else line
    listed = [
        {"phoneNumber": phone, **each} if phone_first else {**each, "phoneNumber": phone}
        for phone in PHONES
    ]
    document = {"success": True, "code": 200, "message_id": 7, "SMSResponse_List": listed, **more}
    return json.dumps(document, separators=(",", ":")).encode()


def strict(body: bytes) -> SendReply:
    """What the strict reader reads: a parser of another name takes no short cut."""
    return read_send(200, {}, body, lambda raw: fields.json_object(raw))


def plain(reply: SendReply) -> SendReply | tuple[object, ...]:
    """A reply that can be compared, however its lines are held."""
    if isinstance(reply, BatchTaken):
        return reply.message_id, list(reply.lines), reply.leaves_at
    return reply


@pytest.mark.parametrize("phone_first", [True, False])
def test_usual_answer_is_read_by_comparison(phone_first: bool) -> None:
    body = answer(phone_first=phone_first, cost=0.18, currency="EUR")
    reply = read_send(200, {}, body)
    assert isinstance(reply, BatchTaken)
    assert isinstance(reply.lines, SameAnswers)
    assert plain(reply) == plain(strict(body))
    assert [line.phone for line in reply.lines[1:3]] == PHONES[1:3]
    outcome = verdict(reply, PHONES)
    assert isinstance(outcome, Sent)
    assert outcome == verdict(strict(body), PHONES)


LINE_OF_A = '{"success":true,"phoneNumber":"+33639980000"}'
BOTH = LINE_OF_A + "," + LINE_OF_A.replace("0000", "0001")
ODD = {
    "list named twice": f'"SMSResponse_List":[{BOTH}],"SMSResponse_List":[{LINE_OF_A}]',
    "name escaped": f'"SMSResponse_List":[{BOTH}],"SMSResponse_\\u004cist":[{LINE_OF_A}]',
    "list of an inner object": f'"x":{{"SMSResponse_List":[{BOTH}]}}',
    "inner and outer list": f'"x":{{"SMSResponse_List":[{BOTH}]}},"SMSResponse_List":[{LINE_OF_A}]',
    "list of lists": f'"SMSResponse_List":[[{BOTH}]]',
    "list within a text": f'"x":"{json.dumps(BOTH)[1:-1]}","SMSResponse_List":[]',
    "list in a key": f'"a\\"SMSResponse_List":[{BOTH}],"SMSResponse_List":[{LINE_OF_A}]',
    "comma at the end": f'"SMSResponse_List":[{BOTH},]',
    "two lines without comma": f'"SMSResponse_List":[{LINE_OF_A}{LINE_OF_A}]',
    "empty list": '"SMSResponse_List":[]',
    "line in a line": '"SMSResponse_List":[{"success":true,"x":{"phoneNumber":"+33639980000"}}]',
    "brace in a text": '"SMSResponse_List":[{"phoneNumber":"+33639980000","x":"}","success":true}]',
    "number longer": f'"SMSResponse_List":[{BOTH.replace("0001", "00011")}]',
    "number goes on": f'"SMSResponse_List":[{BOTH.replace("""0000""", "0000,+33639980009")}]',
    "key twice in each line": f'"SMSResponse_List":[{BOTH.replace("{", """{"success":false,""")}]',
    "phone twice in each line": '"SMSResponse_List":[{"phoneNumber":"+33639980000","phoneNumber":"'
    '+33639980009","success":true}]',
    "last line refused": f'"SMSResponse_List":[{BOTH},{LINE_OF_A.replace("true", "false")}]',
    "same number twice": f'"SMSResponse_List":[{LINE_OF_A},{LINE_OF_A}]',
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_answer_says_what_strict_reader_reads(odd: str) -> None:
    body = ('{"success":true,"code":200,"message_id":7,' + odd + "}").encode()
    assert plain(read_send(200, {}, body)) == plain(strict(body))


COSTS: list[Any] = ["0.1", -1, 1e9, None, [], {}, "1e-30"]
PIECES = st.sampled_from(
    [
        b"", b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"0", b"1", b" ", b"\n", b"}]",
        b"},{",
        b"false", b"true", b"null", b'"success":false,', b'"code":9,', b'"phoneNumber":"',
        b'"SMSResponse_List":[', b'"message_id":8,', b"\xff", "é".encode(), b"\0", b'\\"',
    ]
)  # fmt: skip


@given(
    line=st.sampled_from(
        [LINE, {"success": False, "code": 9}, {"success": "true"}, {}, {"success": True, "x": "}"}]
        + [{**LINE, "cost": cost} for cost in COSTS]
    ),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60), PIECES), max_size=3),
    phone_first=st.booleans(),
    repeat=st.booleans(),
)
@settings(max_examples=2000)
def test_mutated_answer_says_what_strict_reader_reads(
    line: dict[str, Any], changes: list[tuple[int, int, bytes]], phone_first: bool, repeat: bool
) -> None:
    body = answer(line=line, phone_first=phone_first)
    for at, length, piece in changes:
        cut = length if length < 4 or repeat else 0
        kept = body[at : at + cut] if repeat else b""
        body = body[:at] + kept + piece + body[at + (0 if repeat else cut) :]
    found, read = read_send(200, {}, body), strict(body)
    assert plain(found) == plain(read)
    assert verdict(found, PHONES) == verdict(read, PHONES)


def test_shortened_answer_shows_no_number() -> None:
    same = same_lines(answer())
    assert same is not None
    assert "639980" not in repr(same)
    reply = read_send(200, {}, answer())
    assert "639980" not in repr(reply)
