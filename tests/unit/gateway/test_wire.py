from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatcher.campaigns.states import MessageState
from dispatcher.errors import GatewayError, NotAnAnswer
from dispatcher.gateway import (
    BatchTaken,
    Declined,
    LineAnswer,
    Lost,
    Report,
    SendOptions,
    SendReply,
    Throttled,
    Unsent,
)
from dispatcher.gateway.smspartner.wire.account import read_costs, read_credit
from dispatcher.gateway.smspartner.wire.checks import read_lookup, read_order
from dispatcher.gateway.smspartner.wire.options import fields_of
from dispatcher.gateway.smspartner.wire.requests import bulk_body
from dispatcher.gateway.smspartner.wire.sending import read_send
from dispatcher.gateway.smspartner.wire.statuses import (
    read_message,
    read_multi_status,
    read_status,
    read_tag_page,
    status_body,
)
from dispatcher.gateway.smspartner.wire.stop_list import read_added, read_stops

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"
A, B = "+33639980001", "+33639980002"


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def line(phone: str = A, **changes: object) -> dict[str, object]:
    """One accepted line of a bulk answer, as documented."""
    return {"success": True, "code": 200, "nbSms": 1, "cost": 0.038, "phoneNumber": phone} | changes


def success(*lines: object, **changes: object) -> dict[str, Any]:
    """A bulk answer as documented."""
    return {
        "success": True,
        "code": 200,
        "message_id": 2254444,
        "currency": "EUR",
        "cost": 0.076,
        "nbSMS": 2,
        "SMSResponse_List": list(lines) or [line(A), line(B)],
    } | changes


def read(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> SendReply:
    return read_send(status, headers or {}, body(value))


# -- what is sent -----------------------------------------------------------------------------


def test_request_has_documented_fields() -> None:
    options = SendOptions(sender="MaBoutique", tag="abcdefghijklmnopqrst", stop=True, unicode=True)
    more = {"apiKey": KEY, **fields_of(options)}
    made = bulk_body([A, B], ["Soldes :br: -50 %", "été"], more)
    assert json.loads(made) == {
        "apiKey": KEY,
        "sender": "MaBoutique",
        "tag": "abcdefghijklmnopqrst",
        "isStopSms": 1,
        "isUnicode": 1,
        "SMSList": [
            {"phoneNumber": A, "message": "Soldes :br: -50 %"},
            {"phoneNumber": B, "message": "été"},
        ],
    }
    assert made.isascii()  # whatever charset the gateway reads


def test_request_leaves_out_unset_options() -> None:
    made = bulk_body([A], ["x"], {"apiKey": KEY, **fields_of(SendOptions(tag="t"))})
    assert set(json.loads(made)) == {"apiKey", "tag", "SMSList"}


@given(st.lists(st.text() | st.sampled_from(["\0", r"\u0000", "\\", '"', "\ud83d", "é\n"])))
def test_any_text_round_trips_in_bulk_body(texts: list[str]) -> None:
    phones = [f"+336399800{number:02}" for number in range(len(texts))]
    made = bulk_body(phones, texts, {"apiKey": KEY})
    lines = json.loads(made)["SMSList"]
    assert [(line["phoneNumber"], line["message"]) for line in lines] == list(
        zip(phones, texts, strict=True)
    )
    assert made.isascii()


@given(st.text(min_size=1))
def test_strange_phone_cannot_change_request(phone: str) -> None:
    made = bulk_body([phone], ["x"], {"apiKey": KEY})
    assert json.loads(made)["SMSList"] == [{"phoneNumber": phone, "message": "x"}]


@pytest.mark.parametrize(
    ("known", "sent"),
    [
        pytest.param("95415616", 95415616, id="a number goes as a number"),
        pytest.param("msg-7", "msg-7", id="any other id as it came"),
        pytest.param("²", "²", id="a digit that is no number"),
        pytest.param("٣", "٣", id="digits of another script"),
    ],
)
def test_status_request_has_documented_fields(known: str, sent: object) -> None:
    assert json.loads(status_body([(A, known)], {"apiKey": KEY})) == {
        "apiKey": KEY,
        "SMSStatut_List": [{"phoneNumber": A, "messageId": sent}],
    }


# -- a success --------------------------------------------------------------------------------


def test_documented_success_is_taken() -> None:
    answered = LineAnswer(A, True, 200, 1, Decimal("0.038"))
    assert read(success()) == BatchTaken(
        "2254444", [answered, LineAnswer(B, True, 200, 1, Decimal("0.038"))]
    )


@pytest.mark.parametrize(
    ("changes", "message_id"),
    [
        pytest.param({"message_id": 2254444}, "2254444", id="int"),
        pytest.param({"message_id": "2254444"}, "2254444", id="string"),
        pytest.param({"message_id": " 2254444 "}, "2254444", id="string with blanks"),
        pytest.param({"message_id": "HLR-000a"}, "HLR-000a", id="no number"),
        pytest.param({"messageId": 9, "message_id": 8}, "8", id="both spellings"),
        pytest.param(
            {"unheardOf": [1], "scheduledDeliveryDate": "2018-08-18"}, "2254444", id="more"
        ),
    ],
)
def test_message_id_of_either_type_is_read(changes: dict[str, object], message_id: str) -> None:
    reply = read(success(**changes))
    assert isinstance(reply, BatchTaken)
    assert reply.message_id == message_id


def test_message_id_in_other_spelling_is_read() -> None:
    answer = success(messageId="77")
    del answer["message_id"]
    reply = read(answer)
    assert isinstance(reply, BatchTaken)
    assert reply.message_id == "77"


@pytest.mark.parametrize(
    ("entry", "answer"),
    [
        pytest.param(line(), LineAnswer(A, True, 200, 1, Decimal("0.038")), id="documented"),
        pytest.param(line("0639980001"), LineAnswer(A, True, 200, 1, Decimal("0.038")), id="06"),
        pytest.param(line("33639980001"), LineAnswer(A, True, 200, 1, Decimal("0.038")), id="33"),
        pytest.param(
            line(code="200", nbSms="2", cost="0.076"),
            LineAnswer(A, True, 200, 2, Decimal("0.076")),
            id="numbers as strings",
        ),
        pytest.param(
            {"success": True, "phoneNumber": A, "nbSMS": 3},
            LineAnswer(A, True, None, 3),
            id="no code, nbSMS",
        ),
        pytest.param(
            {"success": False, "code": "9", "message": "pas un mobile", "phoneNumber": A},
            LineAnswer(A, False, 9),
            id="rejected, code as a string",
        ),
        pytest.param(
            {"success": False, "code": 14, "phoneNumber": A}, LineAnswer(A, False, 14), id="STOP"
        ),
        pytest.param(
            {"success": False, "phoneNumber": A}, LineAnswer(A, False), id="rejected, no code"
        ),
        pytest.param(
            line(success="true"), LineAnswer(A, None, 200, 1, Decimal("0.038")), id="'true'"
        ),
        pytest.param(line(success=1), LineAnswer(A, None, 200, 1, Decimal("0.038")), id="1"),
        pytest.param(line(success=None), LineAnswer(A, None, 200, 1, Decimal("0.038")), id="null"),
        pytest.param(
            line(code=9), LineAnswer(A, None, 9, 1, Decimal("0.038")), id="accepted with an error"
        ),
        pytest.param(
            line(code="lost"),
            LineAnswer(A, None, None, 1, Decimal("0.038")),
            id="accepted with an unreadable code",
        ),
        pytest.param(
            line(cost=-1, nbSms=-1),
            LineAnswer(A, True, 200),
            id="negative amounts",
        ),
        pytest.param(
            line(nbSms=10**30),
            LineAnswer(A, True, 200, 0, Decimal("0.038")),
            id="absurd segments",
        ),
        pytest.param(
            line(nbSms=True, cost=True), LineAnswer(A, True, 200), id="booleans are no numbers"
        ),
        pytest.param(
            line(nbSms=None, cost="free"), LineAnswer(A, True, 200), id="unreadable amounts"
        ),
        pytest.param(line(cost=1e300), LineAnswer(A, True, 200, 1), id="an absurd cost"),
        pytest.param(
            line("garbage"), LineAnswer(None, True, 200, 1, Decimal("0.038")), id="no number"
        ),
        pytest.param(
            line(phoneNumber=639980001),
            LineAnswer(None, True, 200, 1, Decimal("0.038")),
            id="a number as a number",
        ),
        pytest.param("ok", LineAnswer(None, None), id="no object"),
        pytest.param(None, LineAnswer(None, None), id="null entry"),
        pytest.param([line()], LineAnswer(None, None), id="a list in the list"),
    ],
)
def test_success_line_is_read(entry: object, answer: LineAnswer) -> None:
    reply = read(success(entry))
    assert isinstance(reply, BatchTaken)
    assert reply.lines == [answer]


def test_empty_list_is_taken() -> None:
    assert read(success(SMSResponse_List=[])) == BatchTaken("2254444", [])


# -- refusals ---------------------------------------------------------------------------------

VALIDATION = [{"elementId": "children[phoneNumber].data", "message": "invalide"}]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param(
            {"success": False, "code": 10, "message": "Clé API incorrecte"}, 10, id="A: message"
        ),
        pytest.param({"success": False, "code": 9, "error": VALIDATION}, 9, id="B: error list"),
        pytest.param({"success": False, "code": 9, "errors": VALIDATION}, 9, id="C: errors list"),
        pytest.param(
            {
                "success": False,
                "code": 11,
                "error": {"message": "NOCREDITS"},
                "credits": {"creditSms": 0, "creditSmsLowCost": 0, "toSend": 0, "solde": 0},
            },
            11,
            id="D: error object",
        ),
        pytest.param(
            {
                "success": False,
                "code": 55,
                "message": "Aucun prix par défaut",
                "errors": [{"success": False, "code": "9", "message": "pas un mobile"}],
            },
            55,
            id="E: errors by line",
        ),
        pytest.param(
            {"success": False, "code": 4, "status": "Numéro introuvable"}, 4, id="F: status text"
        ),
        pytest.param({"success": False, "code": "96", "message": "IP"}, 96, id="code as a string"),
    ],
)
def test_refusal_of_any_shape_gives_code(answer: dict[str, object], code: int, status: int) -> None:
    assert read(answer, status) == Declined(code)


def test_refusal_shows_no_numbers() -> None:
    reply = read({"success": False, "code": 55, "message": f"Aucun prix ({A})", "errors": [A]})
    assert A not in repr(reply)


# -- everything else --------------------------------------------------------------------------


def without(name: str) -> dict[str, Any]:
    answer = success()
    del answer[name]
    return answer


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="empty object"),
        pytest.param([success()], id="a list"),
        pytest.param("success", id="a string"),
        pytest.param(None, id="null"),
        pytest.param(without("success"), id="no success"),
        pytest.param(without("code"), id="no code"),
        pytest.param(without("message_id"), id="no message id"),
        pytest.param(without("SMSResponse_List"), id="no list"),
        pytest.param(success(success="true"), id="success 'true'"),
        pytest.param(success(success=1), id="success 1"),
        pytest.param(success(success=None), id="success null"),
        pytest.param(success(code="200"), id="code '200'"),
        pytest.param(success(code=2), id="code 2"),
        pytest.param(success(code=True), id="code true"),
        pytest.param(success(code=None), id="code null"),
        pytest.param(success(code=[200]), id="code in a list"),
        pytest.param(success(message_id=None), id="message id null"),
        pytest.param(success(message_id=""), id="message id empty"),
        pytest.param(success(message_id="  "), id="message id blank"),
        pytest.param(success(message_id=True), id="message id true"),
        pytest.param(success(message_id=1.5), id="message id a fraction"),
        pytest.param(success(message_id=[1]), id="message id a list"),
        pytest.param(success(SMSResponse_List={}), id="list an object"),
        pytest.param(success(SMSResponse_List=None), id="list null"),
        pytest.param(success(SMSResponse_List="[]"), id="list a string"),
        pytest.param({"success": False}, id="a refusal without a code"),
        pytest.param({"success": False, "code": None}, id="a refusal with code null"),
        pytest.param({"success": False, "code": "x"}, id="a refusal with a word for a code"),
        pytest.param({"success": False, "code": True}, id="a refusal with code true"),
        pytest.param({"success": False, "code": 11.5}, id="a refusal with a fraction"),
        pytest.param({"success": "false", "code": 11}, id="success 'false'"),
        pytest.param({"success": 0, "code": 11}, id="success 0"),
        pytest.param({"code": 11, "message": "credit"}, id="a code alone"),
        pytest.param(
            success(message_id="9" * 65),
            id="message id too long to keep",
        ),
        pytest.param(
            success(message_id="a\0b"),
            id="message id with a NUL",
        ),
        pytest.param(
            success(message_id="\ud800"),
            id="message id with half a character",
        ),
        pytest.param(
            success(success=False, code=11),
            id="a refusal that shows a message id and its lines",
        ),
    ],
)
def test_neither_success_nor_refusal_is_lost(answer: object) -> None:
    assert isinstance(read(answer), Lost)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>502</html>", id="HTML"),
        pytest.param(b"\x1f\x8b\x08\x00", id="gzip"),
        pytest.param(body(success())[:-1], id="cut by one byte"),
        pytest.param(body(success()) + b"x", id="one byte more"),
        pytest.param(body(success()) * 2, id="twice"),
        pytest.param(b"\xef\xbb\xbf" + body(success()), id="BOM"),
        pytest.param(json.dumps(success()).encode("utf-16"), id="UTF-16"),
        pytest.param(json.dumps(success()).encode("utf-32-le"), id="UTF-32"),
        pytest.param(
            json.dumps(success(currency="é"), ensure_ascii=False).encode("latin-1"), id="latin-1"
        ),
        pytest.param(body(success(cost=float("nan"))), id="NaN"),
        pytest.param(body(success(cost=float("inf"))), id="Infinity"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 100_000, id="deep objects"),
        pytest.param(b'{"success":true,"code":' + b"9" * 5000 + b"}", id="an endless number"),
        pytest.param(b'{"success":true,"cost":1e' + b"9" * 30 + b"}", id="an endless exponent"),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_foreign_json_is_lost(raw: bytes, status: int) -> None:
    assert isinstance(read_send(status, {}, raw), Lost)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("answer", [success(), {"success": False, "code": 11}, None])
def test_broken_gateway_or_redirect_is_lost(answer: object, status: int) -> None:
    assert isinstance(read(answer, status), Lost)


@pytest.mark.parametrize("status", [100, 103, 201, 202, 204, 206, 400, 403])
def test_success_with_other_status_is_lost(status: int) -> None:
    assert isinstance(read(success(), status), Lost)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"success":false,"code":11,' + body(success())[1:],
        body(success())[:-1] + b',"success":false,"code":11}',
    ],
)
def test_contradictory_answer_is_lost(raw: bytes) -> None:
    assert isinstance(read_send(200, {}, raw), Lost)


NOW = "Wed, 13 Jan 2027 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        pytest.param({}, None, id="no header"),
        pytest.param({"Retry-After": "120"}, 120.0, id="seconds"),
        pytest.param({"Retry-After": "0"}, 0.0, id="zero"),
        pytest.param({"Retry-After": "-5"}, -5.0, id="negative, for the verdict to bound"),
        pytest.param(
            {"Retry-After": "Wed, 13 Jan 2027 10:02:00 GMT", "Date": NOW}, 120.0, id="a date"
        ),
        pytest.param({"Retry-After": "Wed, 13 Jan 2027 10:02:00 GMT"}, None, id="a date, no Date"),
        pytest.param({"Retry-After": "soon", "Date": NOW}, None, id="a word"),
        pytest.param({"Retry-After": "", "Date": NOW}, None, id="empty"),
        pytest.param({"Retry-After": "9" * 5000, "Date": NOW}, None, id="endless"),
        pytest.param({"Retry-After": "9" * 400, "Date": NOW}, None, id="beyond floats"),
        pytest.param(
            {"Retry-After": "Wed, 13 Jan 2027 10:02:00 +" + "9" * 20, "Date": NOW},
            None,
            id="an absurd zone",
        ),
    ],
)
@pytest.mark.parametrize("raw", [b"", b"<html>", b'{"code": 429}'], ids=["empty", "html", "json"])
def test_http_429_is_throttled(headers: dict[str, str], after: float | None, raw: bytes) -> None:
    assert read_send(429, headers, raw) == Throttled(after)


def test_lost_answer_keeps_redacted_excerpt() -> None:
    page = f"<html>\r\n<b>502</b> {'a1' * 20} to +33639980001".encode()
    reply = read_send(502, {}, page + b"x" * 1000)
    assert isinstance(reply, Lost)
    assert reply.excerpt.startswith("<html> <b>•</b> • to +•xxx")
    assert len(reply.excerpt) == 200


def test_http_429_with_success_is_lost() -> None:
    assert isinstance(read_send(429, {"Retry-After": "5"}, body(success())), Lost)


def test_http_date_without_zone_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Noumea")
    time.tzset()
    try:
        # the form of asctime, which HTTP still allows
        headers = {"Retry-After": "Wed Jan 13 10:02:00 2027", "Date": NOW}
        assert read_send(429, headers, b"") == Throttled(120)
    finally:
        monkeypatch.undo()
        time.tzset()


# -- properties of the reader -----------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([200, "200", 200.0, 0, 1, "true", A, "9", 9, 11])
)
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=3)
    | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)
)
NAMES = st.sampled_from(
    [
        "success",
        "code",
        "message_id",
        "messageId",
        "SMSResponse_List",
        "phoneNumber",
        "nbSms",
        "cost",
        "total",
        "StatutResponse_List",
        "status",
        "credits",
        "balance",
        "date",
        "stopSms",
    ]
)
LINES = st.lists(st.dictionaries(NAMES, SCALARS, max_size=5), max_size=3)
ANSWERS = st.dictionaries(NAMES, VALUES | LINES, max_size=6)
STATUSES = st.sampled_from([200, 200, 200, 201, 302, 400, 404, 429, 500, 502])
HEADERS = st.dictionaries(st.sampled_from(["Retry-After", "Date"]), st.text() | st.just(NOW))


@given(st.binary(max_size=200) | st.text().map(str.encode), STATUSES, HEADERS)
@settings(max_examples=200)
def test_any_bytes_do_not_raise(raw: bytes, status: int, headers: dict[str, str]) -> None:
    reply = read_send(status, headers, raw)
    assert isinstance(reply, Lost | Throttled)


@given(ANSWERS, STATUSES, HEADERS)
@settings(max_examples=200)
@example({"success": True, "credits": {"balance": "1e9999999"}}, 200, {})
@example({"success": True, "StatutResponse_List": [{"date": "1e400"}]}, 200, {})
def test_any_json_does_not_raise(
    answer: dict[str, Any], status: int, headers: dict[str, str]
) -> None:
    raw = body(answer)
    reply = read_send(status, headers, raw)
    assert not isinstance(reply, Unsent)
    lookups: list[Callable[[], object]] = [
        lambda: read_multi_status(status, raw),
        lambda: read_tag_page(status, raw),
        lambda: read_stops(status, raw),
        lambda: read_credit(status, headers, raw),
    ]
    for lookup in lookups:
        with suppress(GatewayError):
            lookup()


def fully_valid(status: int, raw: bytes) -> bool:
    """Whether an answer is a success in every respect that is documented."""
    if status != 200:
        return False
    try:
        answer = json.loads(raw.decode("utf-8"))
    except ValueError:
        return False
    if not isinstance(answer, dict) or answer.get("success") is not True:
        return False
    message_id = answer.get("message_id", answer.get("messageId"))
    named = (isinstance(message_id, int) and not isinstance(message_id, bool)) or (
        isinstance(message_id, str)
        and 0 < len(message_id.strip()) <= 64
        and message_id.strip().isascii()
        and message_id.strip().isprintable()
    )
    code = answer.get("code")
    finite = "NaN" not in json.dumps(answer) and "Infinity" not in json.dumps(answer)
    return (
        named
        and isinstance(code, int | float)
        and not isinstance(code, bool)
        and code == 200
        and isinstance(answer.get("SMSResponse_List"), list)
        and finite
    )


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid success with one to three things changed, dropped, renamed or moved in it."""
    answer: Any = success()
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = answer
        where = draw(st.sampled_from(["top", "top", "line", "list"]))
        if where != "top" and isinstance(answer.get("SMSResponse_List"), list):
            holder = answer["SMSResponse_List"]
            if where == "line" and holder and isinstance(holder[0], dict):
                holder = holder[0]
        places = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not places:
            continue
        place = draw(st.sampled_from(places))
        act = draw(st.sampled_from(["drop", "replace", "quote", "wrap", "rename"]))
        value = holder[place]
        if act == "drop":
            del holder[place]
        elif act == "quote":
            holder[place] = json.dumps(value)
        elif act == "wrap":
            holder[place] = [value]
        elif act == "rename" and isinstance(holder, dict):
            holder[place.swapcase()] = holder.pop(place)
        else:
            holder[place] = draw(VALUES)
    raw = json.dumps(answer).encode()
    if draw(st.integers(0, 3)) == 0:
        position = draw(st.integers(0, len(raw) - 1))
        cut = [
            raw[:position],
            raw[:position] + raw[position + 1 :],
            raw[:position] + b"\x00" + raw[position + 1 :],
        ]
        raw = draw(st.sampled_from(cut))
    return raw


@example(json.dumps(success() | {"message_id": "\xa1"}).encode(), 200)
@given(mutated(), STATUSES)
@settings(max_examples=300)
def test_only_valid_success_is_taken(raw: bytes, status: int) -> None:
    reply = read_send(status, {}, raw)
    assert isinstance(reply, BatchTaken) == fully_valid(status, raw)
    if isinstance(reply, BatchTaken):
        listed = json.loads(raw)["SMSResponse_List"]
        assert len(reply.lines) == len(listed)
        for entry, answer in zip(listed, reply.lines, strict=True):
            if answer.accepted is not None:
                assert entry["success"] is answer.accepted
            if answer.accepted:
                assert entry.get("code") in (None, 200, "200")


# -- delivery reports -------------------------------------------------------------------------


def statuses(*entries: object, **changes: object) -> dict[str, object]:
    return {"success": True, "code": 200, "StatutResponse_List": list(entries)} | changes


def status_line(**changes: object) -> dict[str, object]:
    """A line of a multi-status answer, as documented."""
    return {
        "success": True,
        "code": 200,
        "phoneNumber": A,
        "messageId": 111,
        "status": "Delivered",
        "date": "1517934416",
        "stopSms": "0",
        "isSpam": "0",
    } | changes


AT = datetime(2018, 2, 6, 16, 26, 56, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "report"),
    [
        pytest.param({}, Report(A, MessageState.DELIVERED, AT), id="documented"),
        pytest.param({"messageId": "111"}, Report(A, MessageState.DELIVERED, AT), id="id quoted"),
        pytest.param(
            {"status": "delivered"}, Report(A, MessageState.DELIVERED, AT), id="lower case"
        ),
        pytest.param(
            {"status": "Not delivered"}, Report(A, MessageState.UNDELIVERED, AT), id="not delivered"
        ),
        pytest.param({"status": "KO"}, Report(A, MessageState.UNDELIVERED, AT), id="ko"),
        pytest.param({"status": "Waiting"}, Report(A, MessageState.SENT, AT), id="waiting"),
        pytest.param(
            {"status": "Exploded"}, Report(A, MessageState.SENT, AT), id="an unknown word"
        ),
        pytest.param({"status": ""}, Report(A, MessageState.SENT, AT), id="an empty word"),
        pytest.param({"date": 1517934416}, Report(A, MessageState.DELIVERED, AT), id="epoch int"),
        pytest.param(
            {"date": "2018-02-06 17:26:56"}, Report(A, MessageState.DELIVERED, AT), id="Paris time"
        ),
        pytest.param({"date": None}, Report(A, MessageState.DELIVERED), id="no date"),
        pytest.param({"date": "soon"}, Report(A, MessageState.DELIVERED), id="an unreadable date"),
        pytest.param({"date": 10**18}, Report(A, MessageState.DELIVERED), id="an absurd date"),
        pytest.param(
            {"date": "0001-01-01 00:00:00"}, Report(A, MessageState.DELIVERED), id="year 1"
        ),
        pytest.param(
            {"date": "2018-02-06T17:26:56+01:00"}, Report(A, MessageState.DELIVERED, AT), id="ISO"
        ),
        pytest.param(
            {"date": "2018-02-06T16:26:56+00:00"},
            Report(A, MessageState.DELIVERED, AT),
            id="ISO in another zone",
        ),
        pytest.param(
            {"stopSms": "1"}, Report(A, MessageState.DELIVERED, AT, stop=True), id="stop '1'"
        ),
        pytest.param({"stopSms": 1}, Report(A, MessageState.DELIVERED, AT, stop=True), id="stop 1"),
        pytest.param(
            {"stopSms": True}, Report(A, MessageState.DELIVERED, AT, stop=True), id="stop true"
        ),
        pytest.param({"stopSms": False}, Report(A, MessageState.DELIVERED, AT), id="stop false"),
        pytest.param({"stopSms": 0}, Report(A, MessageState.DELIVERED, AT), id="stop 0"),
        pytest.param({"stopSms": None}, Report(A, MessageState.DELIVERED, AT), id="stop null"),
        pytest.param({"phoneNumber": "0639980001"}, Report(A, MessageState.DELIVERED, AT), id="06"),
    ],
)
def test_multi_status_line_is_read(changes: dict[str, object], report: Report) -> None:
    raw = body(statuses(status_line(**changes)))
    assert read_multi_status(200, raw) == {(A, "111"): report}


def test_status_line_in_other_spelling_is_read() -> None:
    entry = {
        "success": True,
        "number": A,
        "message_id": "5",
        "statut": "Delivered",
        "stopSMS": True,
    }
    found = read_multi_status(200, body(statuses(entry)))
    assert found == {(A, "5"): Report(A, MessageState.DELIVERED, None, stop=True)}


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(
            status_line(success=False, code=4, status="Numéro introuvable"), id="number not found"
        ),
        pytest.param(status_line(success=False), id="a failed line"),
        pytest.param(status_line(success="true"), id="success 'true'"),
        pytest.param(status_line(messageId=None), id="no message id"),
        pytest.param(status_line(phoneNumber="?"), id="no number"),
        pytest.param(status_line(status=None), id="no status"),
    ],
)
def test_empty_status_line_is_absent(entry: object) -> None:
    other = status_line(phoneNumber=B)
    found = read_multi_status(200, body(statuses(entry, other)))
    assert set(found) == {(B, "111")}


def test_lines_equal_only_in_python_are_distinct() -> None:
    phones = [f"+336399800{n:02d}" for n in range(6)]
    succeeded: list[object] = [True, 1, 1.0, "true", True, True]
    stops: list[object] = ["0", "0", "0", "0", 1, True]
    lines = [
        status_line(phoneNumber=phone, success=done, stopSms=stop)
        for phone, done, stop in zip(phones, succeeded, stops, strict=True)
    ]
    found = read_multi_status(200, body(statuses(*lines)))
    assert {phone: report.stop for (phone, _), report in found.items()} == {
        phones[0]: False,
        phones[4]: True,
        phones[5]: True,
    }


@pytest.mark.parametrize("changes", [{}, {"stopSms": False}, {"phoneNumber": "0639980099"}])
def test_many_lines_read_as_each_alone(changes: dict[str, object]) -> None:
    words = ["Delivered", "Not delivered", "KO", "Waiting", "delivered"]
    lines = [
        status_line(
            phoneNumber=f"+336399800{n:02d}",
            messageId=100 + n % 3,
            status=words[n % 5],
            date=str(1_790_000_000 + n % 4),
            stopSms="01"[n % 7 == 0],
        )
        for n in range(40)
    ]
    lines[13] |= changes
    alone = [read_multi_status(200, body(statuses(line))) for line in lines]
    assert read_multi_status(200, body(statuses(*lines))) == {
        pair: report for found in alone for pair, report in found.items()
    }


def tag_line(**changes: object) -> dict[str, object]:
    """A line under a tag, as documented: it has neither success nor message id."""
    return {
        "phoneNumber": A,
        "status": "Delivered",
        "stopSMS": False,
        "date": "1517934416",
    } | changes


def test_tag_page_gives_reports_and_total() -> None:
    answer = statuses(tag_line(), tag_line(phoneNumber=B, stopSMS=True), currentPage=1, total=7)
    found, total = read_tag_page(200, body(answer))
    assert found.reports == [
        Report(A, MessageState.DELIVERED, AT),
        Report(B, MessageState.DELIVERED, AT, stop=True),
    ]
    assert found.complete
    assert total == 7


@pytest.mark.parametrize(
    ("answer", "total"),
    [
        pytest.param(statuses(tag_line(), total="2"), 2, id="total quoted"),
        pytest.param(statuses(tag_line()), 1, id="no total"),
        pytest.param(statuses(tag_line(), total="many"), 1, id="an unreadable total"),
        pytest.param(statuses(total=0), 0, id="an empty list"),
        pytest.param({"success": False, "code": 4, "message": "Message not found"}, 0, id="code 4"),
        pytest.param({"success": False, "code": "4"}, 0, id="code '4'"),
    ],
)
def test_tag_total_is_read(answer: object, total: int) -> None:
    assert read_tag_page(200, body(answer))[1] == total


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(tag_line(phoneNumber="?"), id="a number of another spelling"),
        pytest.param(tag_line(phoneNumber=None), id="no number"),
    ],
)
def test_line_without_a_readable_number_makes_page_incomplete(entry: object) -> None:
    found, _ = read_tag_page(200, body(statuses(entry, tag_line(phoneNumber=B))))
    assert [report.phone for report in found.reports] == [B]
    assert not found.complete


@pytest.mark.parametrize(
    "entry",
    [
        tag_line(success=False, code=4, status="Numéro introuvable"),
        tag_line(success=False, code="4", message="Numéro introuvable", status=None),
        tag_line(success="false", phoneNumber=None),
        tag_line(success=0, phoneNumber="?"),
    ],
)
def test_line_with_an_error_is_counted_and_leaves_the_page_complete(entry: object) -> None:
    found, _ = read_tag_page(200, body(statuses(entry, tag_line(phoneNumber=B))))
    assert [report.phone for report in found.reports] == [B]
    assert (found.complete, found.failed) == (True, 1)


def test_number_listed_without_a_status_counts_as_taken() -> None:
    found, _ = read_tag_page(200, body(statuses(tag_line(status=None))))
    assert [(report.phone, report.state) for report in found.reports] == [(A, MessageState.SENT)]
    assert found.complete


@pytest.mark.parametrize("lookup", [read_multi_status, read_tag_page])
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="HTML"),
        pytest.param(body([]), id="a list"),
        pytest.param(body({"success": False, "code": 10}), id="wrong key"),
        pytest.param(body({"success": False}), id="no code"),
        pytest.param(body({"success": "true"}), id="success 'true'"),
        pytest.param(body(statuses(StatutResponse_List={"0": tag_line()})), id="an object"),
        pytest.param(body(statuses("Delivered")), id="a word in the list"),
    ],
)
def test_uninformative_answer_raises(lookup: Callable[[int, bytes], object], raw: bytes) -> None:
    with pytest.raises(GatewayError):
        lookup(200, raw)


# -- the STOP list ----------------------------------------------------------------------------


def test_stop_list_gives_numbers() -> None:
    answer = {
        "success": True,
        "code": 200,
        "nbData": 4,
        "data": [
            {"id": 1, "phoneNumber": A, "createdAt": "2015-07-20 10:19:45"},
            {"id": 2, "phoneNumber": "0639980002"},
            {"id": 3, "phoneNumber": "?"},
            {"id": 4},
            "garbage",
        ],
    }
    assert [stop.phone for stop in read_stops(200, body(answer)).entries] == [A, B]


@pytest.mark.parametrize(
    "answer",
    [None, [], {"success": False, "code": 10}, {"success": True, "data": {"0": A}}],
    ids=["null", "a list", "wrong key", "an object"],
)
def test_uninformative_stop_list_raises(answer: object) -> None:
    with pytest.raises(GatewayError):
        read_stops(200, body(answer))


# -- the account ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credit", "balance"),
    [
        pytest.param({"balance": "10225.119", "solde": "10225.119"}, "10225.119", id="both names"),
        pytest.param({"solde": "0.900", "creditSmsLowCost": 20}, "0.900", id="the old name"),
        pytest.param({"solde": 0}, "0", id="a number"),
        pytest.param({"balance": 12.5}, "12.5", id="a fraction"),
        pytest.param({"balance": None, "solde": "3"}, "3", id="one of two"),
    ],
)
def test_balance_is_read(credit: object, balance: str) -> None:
    raw = body({"success": True, "code": 200, "user": {"username": "a"}, "credits": credit})
    assert read_credit(200, {}, raw).balance == Decimal(balance)


@pytest.mark.parametrize(
    "credit",
    [
        pytest.param({}, id="none"),
        pytest.param({"balance": "much"}, id="a word"),
        pytest.param({"balance": "1e12"}, id="more than anybody has"),
        pytest.param([], id="a list"),
        pytest.param(None, id="null"),
    ],
)
def test_account_without_balance_is_no_answer(credit: object) -> None:
    with pytest.raises(NotAnAnswer):
        read_credit(200, {}, body({"success": True, "code": 200, "credits": credit}))


GENERIC = body({"success": True, "code": 200, "message": "Request queued for processing"})
READERS: dict[str, Callable[[], object]] = {
    "multi-status": lambda: read_multi_status(200, GENERIC),
    "message-status": lambda: read_status(200, GENERIC),
    "bulk-status": lambda: read_message(200, GENERIC),
    "tag": lambda: read_tag_page(200, GENERIC),
    "me": lambda: read_credit(200, {}, GENERIC),
    "costs": lambda: read_costs(200, GENERIC),
    "stops": lambda: read_stops(200, GENERIC),
    "stop added": lambda: read_added(200, GENERIC),
    "lookup": lambda: read_lookup(200, GENERIC),
    "hlr": lambda: read_order(200, GENERIC),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_generic_acknowledgement_is_no_answer(read: Callable[[], object]) -> None:
    with pytest.raises(NotAnAnswer):
        read()


def test_stop_list_of_which_nothing_can_be_read_is_no_answer() -> None:
    with pytest.raises(NotAnAnswer):
        read_stops(200, body({"success": True, "code": 200, "nbData": 3, "data": []}))


@pytest.mark.parametrize("raw", [b"", b"null", body({"success": False, "code": 10})])
def test_refused_account_raises(raw: bytes) -> None:
    with pytest.raises(GatewayError):
        read_credit(401, {}, raw)


@pytest.mark.parametrize(
    ("headers", "at"),
    [
        ({"Date": NOW}, datetime(2027, 1, 13, 10, tzinfo=UTC)),
        ({"Date": "soon"}, None),
        ({}, None),
    ],
)
def test_account_has_clock_of_answer(headers: dict[str, str], at: datetime | None) -> None:
    assert read_credit(200, headers, body({"success": True, "credits": {"solde": 1}})).at == at


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("DELIVRD", MessageState.DELIVERED),
        ("UNDELIV", MessageState.UNDELIVERED),
        ("EXPIRED", MessageState.UNDELIVERED),
        ("REJECTD", MessageState.UNDELIVERED),
        ("ENROUTE", MessageState.SENT),
        ("ACCEPTD", MessageState.SENT),
        ("PENDING", MessageState.SENT),
        ("UNKNOWN", MessageState.SENT),
    ],
)
def test_operator_code_is_read_as_a_status(word: str, state: MessageState) -> None:
    answer = {"success": True, "code": 200, "StatutResponse_List": [tag_line(status=word)]}
    page, _ = read_tag_page(200, body(answer))
    assert [report.state for report in page.reports] == [state]
