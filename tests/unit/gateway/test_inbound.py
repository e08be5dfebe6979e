from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from dispatcher.campaigns.states import MessageState
from dispatcher.errors import InvalidPayload
from dispatcher.gateway import Report
from dispatcher.gateway.smspartner.inbound import (
    DeliveryReport,
    Fields,
    HlrResult,
    Part,
    PersonReply,
    calls,
    join,
    read_delivery_report,
    read_hlr_result,
    read_reply,
)
from dispatcher.gateway.smspartner.inbound.payload import LARGEST
from dispatcher.gateway.smspartner.inbound.replies import LONGEST_TEXT

A, OURS = "+33639980001", "+33639980009"
CAPTURED = {
    "status": "delivered",
    "msgId": "95415616",
    "date": 1771941463,
    "phone": A,
    "cost": "0.049",
    "currency": "EUR",
}
AT = datetime(2026, 2, 24, 13, 57, 43, tzinfo=UTC)
REPORT = DeliveryReport(Report(A, MessageState.DELIVERED, AT), "95415616", Decimal("0.049"), "EUR")
SHORT = {"type": "response", "phone_number": A, "text": "Oui", "message_id": 123}
LONG = {
    "msisdn": A[1:],
    "to": OURS[1:],
    "messageId": "0b5e4c7a-3d35-4c8a-8f0e-1d1e6b8b9f10",
    "text": "Merci beaucoup",
    "type": "text",
    "keyword": "MERCI",
    "message-timestamp": "2016-03-10 09:51:46",
}
HLR = {
    "phone": A,
    "messageId": "0b5e4c7a-3d35-4c8a-8f0e-1d1e6b8b9f10",
    "mccMnc": "20815",
    "ported": 1,
    "errorGrpId": 0,
    "errorName": "NO_ERROR ",
    "errorDesc": "No Error",
    "date": "2018-03-05T10:34:52.355+0000",
}


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def one(posted: bytes, query: str = "") -> Fields:
    """The one call that is posted."""
    (call,) = calls(posted, query) or [{}]
    return call


# -- delivery reports


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="captured"),
        pytest.param({"msgId": 95415616}, id="the id as a number"),
        pytest.param({"date": "1771941463"}, id="the date as text"),
        pytest.param({"date": "2026-02-24 14:57:43"}, id="the date in Paris"),
        pytest.param({"cost": 0.049}, id="the cost as a number"),
        pytest.param({"status": "Delivered"}, id="the status as in the answers"),
        pytest.param({"phone": "0639980001"}, id="a national number"),
        pytest.param({"phone": "33639980001"}, id="a number without its plus"),
        pytest.param({"phone": 33639980001}, id="a number as one"),
        pytest.param({"stopSms": "0", "tag": "t1"}, id="more than was captured"),
    ],
)
def test_delivery_report_is_read(changes: dict[str, Any]) -> None:
    assert read_delivery_report(one(body(CAPTURED | changes))) == REPORT


@pytest.mark.parametrize(
    ("names", "removed"),
    [
        ({"messageId": "95415616"}, "msgId"),
        ({"message_id": 95415616}, "msgId"),
        ({"statut": "delivered"}, "status"),
        ({"phoneNumber": A}, "phone"),
        ({"phone_number": A}, "phone"),
        ({"number": A}, "phone"),
    ],
)
def test_delivery_report_is_read_in_other_spellings(names: dict[str, Any], removed: str) -> None:
    values = {name: value for name, value in CAPTURED.items() if name != removed}
    assert read_delivery_report(one(body(values | names))) == REPORT


def test_delivery_report_is_read_from_form_or_query() -> None:
    form = urlencode(CAPTURED)
    assert read_delivery_report(one(form.encode())) == REPORT
    assert read_delivery_report(one(b"", form)) == REPORT
    # the query of our own address is not taken for the report
    assert read_delivery_report(one(body(CAPTURED), "msgId=1&status=ko")) == REPORT


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("not delivered", MessageState.UNDELIVERED),
        ("ko", MessageState.UNDELIVERED),
        ("waiting", MessageState.SENT),
        ("exploded", MessageState.SENT),
    ],
)
def test_report_word_is_read_as_in_answers(word: str, state: MessageState) -> None:
    assert read_delivery_report(one(body(CAPTURED | {"status": word}))).report.state is state


def test_report_with_stop_is_read() -> None:
    assert read_delivery_report(one(body(CAPTURED | {"stopSms": "1"}))).report.stop


# -- replies


def test_short_code_reply_is_read() -> None:
    assert read_reply(one(body(SHORT))) == PersonReply(A, "Oui", message_id="123")
    assert read_reply(one(urlencode(SHORT | {"message_id": "123"}).encode())) == PersonReply(
        A, "Oui", message_id="123"
    )


def test_stop_type_is_a_stop_with_any_text() -> None:
    for text in ("Stop", "", "laissez-moi"):
        reply = read_reply(one(body(SHORT | {"type": "stop", "text": text})))
        assert reply.stop
        assert reply.text == text


def test_response_type_with_stop_text_is_a_stop() -> None:
    assert read_reply(one(body(SHORT | {"text": "STOP svp"}))).stop


def test_long_number_reply_is_read() -> None:
    assert read_reply(one(body(LONG))) == PersonReply(
        A,
        "Merci beaucoup",
        message_id="0b5e4c7a-3d35-4c8a-8f0e-1d1e6b8b9f10",
        to=OURS,
        at=datetime(2016, 3, 10, 8, 51, 46, tzinfo=UTC),
    )


def test_long_number_stop_is_read_from_text_or_keyword() -> None:
    assert read_reply(one(body(LONG | {"text": "stop", "keyword": "STOP"}))).stop
    assert read_reply(one(body(LONG | {"text": "\u2026", "keyword": "STOP"}))).stop
    assert not read_reply(one(body(LONG | {"text": "ne dites pas stop"}))).stop


def part(number: int, text: str, *, total: int = 3, reference: str = "171") -> PersonReply:
    values = LONG | {
        "text": text,
        "keyword": text.split()[0].upper(),
        "messageId": f"id{number}",
        "message-timestamp": f"2016-03-10 09:51:4{number}",
        "concat": "true",
        "concat-ref": reference,
        "concat-total": str(total),
        "concat-part": str(number),
    }
    return read_reply(one(body(values)))


def test_parts_in_any_order_are_joined() -> None:
    first, second, third = part(1, "Bonjour "), part(2, "je dis "), part(3, "STOP ici")
    for parts in ([first, second, third], [third, first, second, first, third]):
        joined = join(parts)
        assert joined.waiting == ()
        (whole,) = joined.whole
        assert whole.text == "Bonjour je dis STOP ici"
        assert (whole.phone, whole.to, whole.part) == (A, OURS, None)
        assert whole.message_id == "id1"
        assert whole.at == datetime(2016, 3, 10, 8, 51, 41, tzinfo=UTC)
        assert not whole.stop


def test_stop_at_start_of_joined_reply_counts() -> None:
    (whole,) = join([part(2, "suite", total=2), part(1, "STOP ", total=2)]).whole
    assert whole.stop


def test_stop_in_first_part_counts_before_the_rest() -> None:
    joined = join([part(1, "STOP ")])
    assert joined.whole == ()
    assert [(reply.stop, reply.part) for reply in joined.waiting] == [(True, Part("171", 1, 3))]


def test_parts_of_other_people_are_not_mixed() -> None:
    joined = join([part(1, "a ", total=2), part(2, "b ", total=2, reference="172")])
    assert joined.whole == ()
    assert len(joined.waiting) == 2


def test_conflicting_texts_for_one_part_stay_apart() -> None:
    joined = join([part(1, "a ", total=2), part(2, "b ", total=2), part(2, "c ", total=2)])
    assert joined.whole == ()
    assert len(joined.waiting) == 3


def test_whole_reply_is_returned_once() -> None:
    reply = read_reply(one(body(LONG)))
    assert join([reply, reply]).whole == (reply,)


# -- forms and charsets

ARRET = "Arrêtez, s’il vous plaît"
IN_LATIN_1 = "STOP arrêtez"


def multipart(values: dict[str, str], charset: str) -> bytes:
    parts = [
        f'--xYz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in values.items()
    ]
    return ("".join(parts) + "--xYz--\r\n").encode(charset)


def percent(values: dict[str, str], charset: str) -> bytes:
    return urlencode(values, encoding=charset).encode()


def plain_form(values: dict[str, str], charset: str) -> bytes:
    return "&".join(f"{name}={value}" for name, value in values.items()).encode(charset)


def as_json(values: dict[str, str], charset: str) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode(charset)


@pytest.mark.parametrize("encode", [multipart, percent, plain_form, as_json])
@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("utf-8", ARRET),
        ("utf-8-sig", ARRET),
        ("cp1252", ARRET),
        ("latin-1", IN_LATIN_1),
    ],
)
def test_stop_in_any_form_and_charset_is_read(encode: Any, charset: str, text: str) -> None:
    if encode is percent and charset == "utf-8-sig":
        charset = "utf-8"  # a form has no mark within a value
    values = {"type": "STOP", "Phone_Number": A, "TEXT": text, "Message_Id": "123"}
    call = one(encode(values, charset))
    assert read_reply(call) == PersonReply(A, text, stop=True, message_id="123")


def test_json_in_utf_16_is_read() -> None:
    assert read_reply(one(json.dumps(SHORT).encode("utf-16"))).text == "Oui"


def test_json_list_is_one_call_each() -> None:
    found = calls(body([SHORT, SHORT | {"text": "Non"}]))
    assert [read_reply(call).text for call in found] == ["Oui", "Non"]


def test_form_with_an_unescaped_plus_is_read() -> None:
    form = b"type=response&phone_number=+33639980001&text=Non+merci+STOP"
    assert read_reply(one(form)) == PersonReply(A, "Non merci STOP", probable=True)


@pytest.mark.parametrize("kind", ["STOP", "Stop", " stop "])
def test_type_in_any_case_is_read(kind: str) -> None:
    assert read_reply(one(body(SHORT | {"type": kind}))).stop


def test_reply_of_an_unknown_type_is_read_by_its_text() -> None:
    assert read_reply(one(body(SHORT | {"type": "mo", "text": "Stop"}))).stop
    assert read_reply(one(body({"phone": A, "text": 1}))).text == "1"


def test_empty_request_makes_no_call() -> None:
    assert calls(b" \n", "") == []


# -- number checks


def test_check_result_is_read() -> None:
    expected = HlrResult(
        A,
        id="0b5e4c7a-3d35-4c8a-8f0e-1d1e6b8b9f10",
        network="20815",
        ported=True,
        group=0,
        name="NO_ERROR",
        description="No Error",
        at=datetime(2018, 3, 5, 10, 34, 52, 355000, tzinfo=UTC),
    )
    assert read_hlr_result(one(body(HLR))) == expected
    assert read_hlr_result(one(urlencode(HLR).encode())) == expected


# -- what nobody reads

READERS = [read_delivery_report, read_reply, read_hlr_result]
FOREIGN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", ""),
    "blanks": (b" \n", ""),
    "an empty object": (b"{}", ""),
    "a list of lists": (body([[CAPTURED]]), ""),
    "a word": (b'"delivered"', ""),
    "broken JSON": (body(CAPTURED)[:-1], ""),
    "a key twice": (b'{"msgId":1,' + body(CAPTURED)[1:], ""),
    "NaN": (b'{"msgId": NaN}', ""),
    "depth": (b'{"a":' * 3000, ""),
    "HTML": (b"<html></html>", ""),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), ""),
    "not UTF-8": (b"phone=\xff", ""),
    "a form that is not UTF-8": (b"phone=%ff", ""),
    "a name twice in a form": (b"msgId=1&msgId=2", ""),
    "too many fields": (body({f"a{n}": n for n in range(41)} | CAPTURED), ""),
    "too large a body": (body(CAPTURED | {"x": "a" * LARGEST}), ""),
    "too large a query": (b"", "a=" + "b" * LARGEST),
    "no number": (body({"msgId": 1, "status": "ko", "type": "stop", "mccMnc": 1}), ""),
    "a landline": (
        body(
            {"msgId": 1, "status": "ko", "type": "stop", "mccMnc": 1}
            | dict.fromkeys(("phone", "phone_number"), "0139980001")
        ),
        "",
    ),
    "a number that is none": (
        body(
            {"msgId": 1, "status": "ko", "type": "stop", "mccMnc": 1}
            | dict.fromkeys(("phone", "phone_number"), True)
        ),
        "",
    ),
}


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN.keys())
def test_foreign_call_raises(read: Any, foreign: tuple[bytes, str]) -> None:
    with pytest.raises(InvalidPayload):
        read(one(*foreign))


@pytest.mark.parametrize(
    ("read", "values"),
    [
        pytest.param(read_delivery_report, CAPTURED | {"msgId": None}, id="no id"),
        pytest.param(read_delivery_report, CAPTURED | {"msgId": "9" * 65}, id="an endless id"),
        pytest.param(read_delivery_report, CAPTURED | {"status": " "}, id="no status"),
        pytest.param(read_delivery_report, CAPTURED | {"status": 1}, id="a status as a number"),
        pytest.param(read_delivery_report, SHORT, id="a reply for a report"),
        pytest.param(read_reply, CAPTURED, id="a report for a reply"),
        pytest.param(read_reply, {"type": "other", "phone_number": A}, id="another type"),
        pytest.param(read_reply, SHORT | {"text": "a" * (LONGEST_TEXT + 1)}, id="an endless text"),
        pytest.param(read_reply, SHORT | {"text": ["a"]}, id="a text that is none"),
        pytest.param(read_reply, LONG | {"to": "36180x"}, id="to nobody"),
        pytest.param(read_reply, LONG | {"concat": "true"}, id="a part of what"),
        *(
            pytest.param(
                read_reply,
                LONG | {"concat": "true", "concat-ref": "1", "concat-part": at, "concat-total": of},
                id=f"part {at} of {of}",
            )
            for at, of in (("0", "2"), ("3", "2"), ("1", "256"), ("-1", "2"), ("x", "2"))
        ),
        pytest.param(read_hlr_result, CAPTURED, id="a report for a check"),
    ],
)
def test_incomplete_call_raises(read: Any, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidPayload):
        read(one(body(values)))


def test_text_is_made_storable() -> None:
    posted = b'{"type":"response","phone_number":"+33639980001","text":"a\\u0000\\ud800b"}'
    reply = read_reply(one(posted))
    assert reply.text == "a?b"
