from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.errors import InvalidFile, InvalidRequest
from dispatcher.sandbox.recording import outlines
from dispatcher.sandbox.recording.comparison import closest, compare
from dispatcher.sandbox.recording.masks import Masks
from dispatcher.sandbox.recording.recorder import check
from dispatcher.sandbox.recording.script import Step, every_call, filled, kept_from, read_script
from dispatcher.sandbox.recording.transcript import Answered, Transcript

A = "+33639980001"


# -- scripts


def script(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def test_script_is_read_step_by_step() -> None:
    steps = read_script(
        script(
            "[[step]]",
            'call = "POST /send"',
            f'body = {{ phoneNumbers = "{A}", message = "Bonjour" }}',
            'keep = { id = "message_id" }',
            "[[step]]",
            'call = "GET /bulk-status"',
            'query = { messageId = "$id" }',
            'key = "wrong"',
            "wait = 2",
        )
    )
    assert [(step.method, step.path, step.key, step.wait) for step in steps] == [
        ("POST", "/send", "right", 0.0),
        ("GET", "/bulk-status", "wrong", 2.0),
    ]
    # a send is only tried out, whatever the script says
    assert steps[0].fields == {"phoneNumbers": A, "message": "Bonjour", "sandbox": 1}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"", "1 to 200 tables", id="empty"),
        pytest.param(b"\xff", "not TOML", id="not UTF-8"),
        pytest.param(b"[[step]", "not TOML", id="not TOML"),
        pytest.param(b'call = "GET /me"', "1 to 200 tables", id="no steps"),
        pytest.param(b"x = 1\n[[step]]", "1 to 200 tables", id="something else"),
        pytest.param(b"[[step]]\n" * 201, "1 to 200 tables", id="201 steps"),
        pytest.param(b"#" * 300_000, "too large", id="too large"),
        pytest.param(script("[[step]]", "x = 1"), "step 1: a step has", id="a strange key"),
        pytest.param(script("[[step]]", 'call = "GET"'), "step 1: a call is", id="no address"),
        pytest.param(
            script("[[step]]", 'call = "PUT /me"'), "step 1: a call is", id="a strange method"
        ),
        pytest.param(
            script("[[step]]", 'call = "GET /me?x=1"'), "step 1: a call is", id="a query in it"
        ),
        pytest.param(
            script("[[step]]", 'call = "GET /me"', 'query = "x"'), "tables", id="query a text"
        ),
        pytest.param(
            script("[[step]]", 'call = "GET /me"', 'query = { apiKey = "x" }'),
            "key is never in a script",
            id="a key",
        ),
        pytest.param(
            script("[[step]]", 'call = "GET /me"', 'key = "mine"'), "right, wrong", id="whose key"
        ),
        pytest.param(
            script("[[step]]", 'call = "GET /me"', "wait = 601"), "600 seconds", id="a long wait"
        ),
        pytest.param(
            script("[[step]]", 'call = "GET /me"', "wait = true"), "600 seconds", id="wait yes"
        ),
        pytest.param(
            script("[[step]]", 'call = "GET /me"', 'keep = { "a b" = "c" }'), "keep", id="names"
        ),
        pytest.param(
            script(
                "[[step]]",
                'call = "GET /me"',
                "[[step]]",
                'call = "GET /bulk-status"',
                'query = { messageId = "$id" }',
            ),
            "step 2: it uses a name",
            id="a name that nobody kept",
        ),
    ],
)
def test_unplayable_script_raises(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidFile, match=re.escape(why)):
        read_script(raw)


def test_kept_names_are_filled_in_everywhere() -> None:
    query = {"a": "$id", "b": [{"c": "$id"}, 1, "$no"], "d": "x"}
    assert filled(query, {"id": 7}) == {"a": 7, "b": [{"c": 7}, 1, None], "d": "x"}


@pytest.mark.parametrize(
    ("path", "value"),
    [("id", 7), ("list.1.id", "x"), ("list.9.id", None), ("id.more", None), ("list", None)],
)
def test_kept_path_reads_value_or_none(path: str, value: object) -> None:
    kept: dict[str, Any] = {}
    answer = {"id": 7, "list": [{"id": "w"}, {"id": "x"}]}
    kept_from(Step("GET /me", keep={"name": path}), answer, kept)
    assert kept == {"name": value}
    kept_from(Step("GET /me", keep={"name": path}), None, kept)
    assert kept == {"name": None}


@pytest.mark.parametrize(
    ("step", "changes"),
    [
        (Step("POST /send", body={}), False),
        (Step("POST /bulk-send", body={}), False),
        (Step("GET /me"), False),
        (Step("GET /message-cancel", query={"messageId": "$later"}), False),
        (Step("GET /message-cancel", query={"messageId": "123"}), True),
        (Step("POST /sondage/to/send", body={}), True),
        (Step("POST /hlr/notify", body={}), True),
        (Step("POST /stop-sms/add", body={}), True),
        (Step("GET /stop-sms/delete"), True),
        (Step("POST /subaccount/create", body={}), True),
        (Step("POST /unheard/of", body={}), True),
        (Step("POST /stop-sms/add", body={}, key="wrong"), False),
    ],
    ids=lambda value: value.call if isinstance(value, Step) else None,
)
def test_changing_step_needs_changes_flag(step: Step, changes: bool) -> None:
    check([step], changes=True)
    if changes:
        with pytest.raises(InvalidRequest, match="step 1"):
            check([step], changes=False)
    else:
        check([step], changes=False)


def test_shipped_script_changes_nothing() -> None:
    check(every_call(), changes=False)
    assert {step.path for step in every_call()} >= {"/send", "/bulk-send", "/message-cancel"}


# -- masks


@pytest.mark.parametrize(
    ("fields", "masked"),
    [
        ({"phoneNumbers": "+33639981234"}, {"phoneNumbers": A}),
        ({"phoneNumbers": "0639981234, 0639985678"}, {"phoneNumbers": "0639980001, 0639980002"}),
        ({"to": "33639981234"}, {"to": "33639980001"}),
        ({"phoneNumber": "+33145000000"}, {"phoneNumber": "+33199000001"}),
        ({"phoneNumber": "+44000"}, {"phoneNumber": "+11111"}),
        ({"message": "Bonjour Zoé, -20 %"}, {"message": "Xxxxxxx Xxé, -11 %"}),
        ({"tag": "soldes2027"}, {"tag": "tag1"}),
        ({"tag": "Trop De Mots"}, {"tag": "Xxxx Xx Xxxx"}),
        ({"sender": "MaBoutique"}, {"sender": "Sender1"}),
        ({"sender": "a"}, {"sender": "x"}),
        ({"urlDlr": "https://shop.example/x?k=1"}, {"urlDlr": "https://example.org/1"}),
        (
            {"parameters": {"email": "zoe@shop.example"}},
            {"parameters": {"email": "someone1@example.org"}},
        ),
        ({"messageId": "$id", "_format": "xml"}, {"messageId": "$id", "_format": "xml"}),
        (
            {"scheduledDeliveryDate": "01/01/2020", "time": 10},
            {"scheduledDeliveryDate": "01/01/2020", "time": 10},
        ),
        ({"messageId": 95415616, "page": 2}, {"messageId": 1, "page": 2}),
        ({"messageId": "95415616"}, {"messageId": "11111111"}),
        (
            {"credit": 12.34, "isBuyer": True, "x": None},
            {"credit": 1.5, "isBuyer": True, "x": None},
        ),
        (
            {"SMSList": [{"phoneNumber": "+33639981234"}, {"phoneNumber": "0639981234"}]},
            {"SMSList": [{"phoneNumber": A}, {"phoneNumber": "0639980001"}]},
        ),
    ],
)
def test_request_is_masked(fields: dict[str, Any], masked: dict[str, Any]) -> None:
    # the numbers above are checked by nothing but this: they are never dialled
    assert Masks().request(fields) == masked


def test_same_number_is_masked_alike() -> None:
    masks = Masks()
    first = masks.request({"phoneNumber": "0639981234"})
    masks.request({"phoneNumber": "0639985678"})
    assert masks.request({"phoneNumber": "+33639981234"}) == {"phoneNumber": A}
    assert first == {"phoneNumber": "0639980001"}


# -- outlines


@pytest.mark.parametrize(
    ("body", "outline"),
    [
        pytest.param(
            b'{"success":true,"code":200}', {"success": "true", "code": "int 200"}, id="a success"
        ),
        pytest.param(
            b'{"success":false,"code":"9"}',
            {"success": "false", "code": "text 9"},
            id="a code as text",
        ),
        pytest.param(
            b'{"code":123456,"stop":true}', {"code": "int", "stop": "boolean"}, id="no code"
        ),
        pytest.param(
            b'{"a":null,"b":1,"c":1.5,"d":""}',
            {"a": "null", "b": "int", "c": "number", "d": "text: empty"},
            id="kinds",
        ),
        pytest.param(
            b'{"p":"+33639980001","q":"0639980001","r":"33639980001"}',
            {"p": "text: number with plus", "q": "text: national number", "r": "text: digits"},
            id="numbers",
        ),
        pytest.param(
            b'{"d":"2018-08-18 20:00:00","e":"2018-03-05T10:34:52.355+0000","f":"1534615206"}',
            {"d": "text: wall time", "e": "text: instant", "f": "text: digits"},
            id="dates",
        ),
        pytest.param(
            b'{"a":"Delivered","b":"not delivered","c":"KO","d":"Exploded"}',
            {
                "a": "text: status in title case",
                "b": "text: status in lower case",
                "c": "text: status in upper case",
                "d": "text",
            },
            id="statuses",
        ),
        pytest.param(b'{"c":"EUR","e":"Zoe"}', {"c": "text: currency", "e": "text"}, id="words"),
        pytest.param(
            b'{"l":[{"a":1},{"a":2},{"a":"x"}]}', {"l": [{"a": "int"}, {"a": "text"}]}, id="a list"
        ),
        pytest.param(
            b'{"+33639980001":{"a":1},"cle 1":2}', {"?": "int"}, id="names that are values"
        ),
        pytest.param(b" \n", "nothing", id="nothing"),
        pytest.param(b"<html><br></html>", "a page", id="a page"),
        pytest.param(b"OK", "something else", id="a word"),
        pytest.param(b"\xff\xfe", "something else", id="bytes"),
        pytest.param(
            b"<result><entry>true</entry><entry><![CDATA[EUR]]></entry><entry/></result>",
            {"xml": {"entry 1": "boolean", "entry 2": "text: currency", "entry 3": "text: empty"}},
            id="XML",
        ),
        pytest.param(
            b"<result><entry><entry><entry>1</entry></entry><entry><entry>2</entry></entry></entry></result>",
            {"xml": [[{"entry 1": "int"}]]},
            id="rows in XML",
        ),
    ],
)
def test_outline_has_kinds_without_values(body: bytes, outline: object) -> None:
    assert outlines.of_body(body) == outline


SECRET = st.text(alphabet="secrt0123456789", min_size=6).filter(lambda text: not text.isdigit())
VALUES: st.SearchStrategy[Any] = st.recursive(
    SECRET, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SECRET, inner, max_size=3)
)


@given(st.dictionaries(st.sampled_from(["success", "code", "phone", "text"]), VALUES, max_size=4))
def test_outline_has_no_text(document: dict[str, Any]) -> None:
    result = json.dumps(outlines.of_value(document))
    for text in re.findall(r"[secrt0-9]{6,}", json.dumps(list(document.values()))):
        if re.search(r"\d{5}", text) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,39}", text):
            assert text not in result


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        pytest.param({"a": "int"}, {"a": "int"}, [], id="the same"),
        pytest.param({"a": "int"}, {"a": "text"}, [("a", "int", "text")], id="another kind"),
        pytest.param({"a": "int"}, {}, [("a", "int", "absent")], id="absent"),
        pytest.param({}, {"a": {}}, [("a", "absent", "an object")], id="new"),
        pytest.param(
            {"a": {"b": "int"}}, {"a": {"b": "null"}}, [("a.b", "int", "null")], id="deep"
        ),
        pytest.param({"a": ["int"]}, {"a": ["text"]}, [("a[]", "int", "text")], id="in a list"),
        pytest.param({"a": []}, {"a": ["text"]}, [], id="an empty list shows nothing"),
        pytest.param({"a": "text: empty"}, {"a": "text"}, [], id="an empty text shows nothing"),
        pytest.param(
            {"a": "text: empty"}, {"a": "int"}, [("a", "text: empty", "int")], id="or little"
        ),
        pytest.param({"a": ["int"]}, {"a": {}}, [("a", "a list", "an object")], id="other sorts"),
        pytest.param("a page", {"a": "int"}, [("the answer", "a page", "an object")], id="a page"),
        pytest.param(
            {"a": [{"b": "int"}, {"c": "int"}]},
            {"a": [{"c": "int"}, {"b": "int", "d": "null"}]},
            [("a[].d", "absent", "null")],
            id="entries are matched to the most alike",
        ),
    ],
)
def test_outlines_are_compared(one: Any, other: Any, found: object) -> None:
    assert outlines.differences(one, other) == found


# -- transcripts, made up


def transcript(*steps: tuple[Step, Answered]) -> Transcript:
    return Transcript(steps)


CREDIT = {
    "success": "true",
    "code": "int 200",
    "user": {"username": "text", "firstname": "text", "lastname": "text"},
    "credits": {
        "creditSms": "int",
        "creditSmsECO": "int",
        "creditHlr": "int",
        "toSend": "int",
        "solde": "text: decimal",
        "currency": "text: currency",
        "balance": "text: decimal",
    },
}
ME = (Step("GET /me"), Answered(200, "application/json", CREDIT))
SEND = Step("POST /send", body={"phoneNumbers": A, "message": "Xxxxxxx"}, keep={"id": "message_id"})
SENT = {
    "success": "true",
    "code": "int 200",
    "message_id": "int",
    "nb_sms": "int",
    "cost": "number",
    "currency": "text: currency",
}
TAKEN = (SEND, Answered(200, "application/json", SENT))
STATUS = Step("GET /bulk-status", query={"messageId": "$id"})
REPORTS = {
    "success": "true",
    "code": "int 200",
    "message_id": "text: digits",
    "StatutResponse_List": [
        {
            "phoneNumber": "text: number with plus",
            "status": "text: status in title case",
            "stopSMS": "boolean",
            "date": "text: digits",
        }
    ],
}
SEEN = (STATUS, Answered(200, "application/json", REPORTS))
WRONG = Step("GET /me", key="wrong")
REFUSED = {"success": "false", "code": "int 10", "message": "text"}


def test_transcript_round_trips_through_file() -> None:
    made = transcript(ME, TAKEN, SEEN, (WRONG, Answered(400, "application/json", REFUSED)))
    assert Transcript.loads(made.dumps().encode()) == made


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"", "not JSON", id="nothing"),
        pytest.param(b"[" * 100_000, "not JSON", id="deep"),
        pytest.param(b"[]", "no transcript", id="a list"),
        pytest.param(b'{"transcript": 2}', "no transcript", id="another version"),
        pytest.param(b'{"transcript": 1}', "no list", id="no steps"),
        pytest.param(b'{"transcript": 1, "steps": [1]}', "no list", id="steps that are none"),
        pytest.param(b'{"transcript": 1, "steps": [{}]}', "step 1", id="an empty step"),
        pytest.param(
            b'{"transcript": 1, "steps": [{"call": "GET /me"}]}', "has no answer", id="no answer"
        ),
        pytest.param(
            b'{"transcript": 1, "steps": [{"call": "GET /me", "answer": {"outline": 1}}]}',
            "no status",
            id="no status",
        ),
        pytest.param(b" " * (4 * 1024 * 1024 + 1), "too large", id="too large"),
    ],
)
def test_other_file_is_refused_as_transcript(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidFile, match=why):
        Transcript.loads(raw)


def test_transcript_of_fake_gateway_has_no_difference() -> None:
    made = transcript(ME, TAKEN, SEEN, (WRONG, Answered(400, "application/json", REFUSED)))
    assert compare(made) == []


def test_difference_names_its_place() -> None:
    other = SENT | {"message_id": "text: digits", "more": "null"}
    made = transcript(ME, (SEND, Answered(201, "text/html", other)))
    assert [(each.step, each.where, each.recorded, each.fake) for each in compare(made)] == [
        (2, "the HTTP status", "201", "200"),
        (2, "the content type", "text/html", "application/json"),
        (2, "message_id", "text: digits", "int"),
        (2, "more", "null", "absent"),
    ]
    assert str(compare(made)[2]) == (
        "step 2, POST /send: message_id is text: digits in the transcript, int in the fake gateway"
    )


def test_unanswered_step_has_no_difference() -> None:
    assert compare(transcript((SEND, Answered(0, "", "no answer: it was cut")))) == []


def test_switches_that_explain_transcript_are_found() -> None:
    status = {**REPORTS["StatutResponse_List"][0], "date": "text: wall time"}  # type: ignore[dict-item]
    made = transcript(
        (WRONG, Answered(200, "application/json", REFUSED)),
        (SEND, Answered(200, "application/json", SENT | {"message_id": "text: digits"})),
        (STATUS, Answered(200, "application/json", REPORTS | {"StatutResponse_List": [status]})),
        (Step("GET /me"), Answered(200, "application/json", CREDIT | {"news": "text"})),
    )
    found, left = closest(made)
    assert found == {
        "http_status_mode": "200",
        "message_id_type": "str",
        "status_date": "text",
    }
    assert [(each.step, each.where) for each in left] == [(4, "news")]


def test_unknown_switch_raises() -> None:
    with pytest.raises(ValueError, match="mood"):
        compare(transcript(ME), {"mood": "bad"})
