"""Every answer that is documented or was captured, in JSON and in XML, and what is made of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dispatcher.errors import GatewayError, GatewayRefused
from dispatcher.gateway import Lost, Throttled
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.wire import xml
from dispatcher.gateway.smspartner.wire.answer import Parse
from dispatcher.gateway.smspartner.wire.xml_shapes import READERS
from dispatcher.sandbox.gateway import xml as fake_xml
from tests.unit.samples import JSON_ONLY, SAMPLES, Sample


def told(sample: Sample, body: bytes, parse: Parse) -> object:
    """What is read, or the refusal that is raised."""
    try:
        return sample.read(sample.status, body, parse)
    except GatewayRefused as refused:
        return refused


def assert_says(sample: Sample, found: object) -> None:
    if isinstance(sample.says, GatewayRefused):
        assert isinstance(found, GatewayRefused)
        assert found.code == sample.says.code
    else:
        assert found == sample.says


@pytest.mark.parametrize("sample", [*SAMPLES, *JSON_ONLY], ids=lambda sample: sample.name)
def test_documented_answer_is_read(sample: Sample) -> None:
    body = json.dumps(sample.document).encode()
    assert_says(sample, told(sample, body, fields.json_object))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_xml_gives_values_of_json(sample: Sample) -> None:
    body = fake_xml.dumps(sample.document)
    assert_says(sample, told(sample, body, READERS[sample.path]))


def test_every_xml_reader_has_a_sample() -> None:
    assert {sample.path for sample in SAMPLES} == set(READERS)


@pytest.mark.parametrize("sample", [*SAMPLES, *JSON_ONLY], ids=lambda sample: sample.name)
def test_repr_shows_no_person(sample: Sample) -> None:
    text = repr(told(sample, json.dumps(sample.document).encode(), fields.json_object))
    for secret in ("3998", "example.org", "Martin"):
        # the keys of a dictionary of reports are numbers, and meant to be
        assert secret not in text or sample.path == "/multi-status"


#: calls that change something
CHANGING = {
    "/send", "/vn/send", "/sondage/to/send", "/bulk-send", "/message-cancel", "/stop-sms/add",
    "/stop-sms/delete", "/hlr/notify",
}  # fmt: skip


@pytest.mark.parametrize("status", [201, 202, 204, 301, 307, 429, 500, 502, 503])
@pytest.mark.parametrize(
    "sample",
    [each for each in [*SAMPLES, *JSON_ONLY] if each.path in CHANGING],
    ids=lambda sample: sample.name,
)
def test_change_is_done_only_with_http_200(sample: Sample, status: int) -> None:
    refusal = sample.document["success"] is False
    try:
        found = sample.read(status, json.dumps(sample.document).encode(), fields.json_object)
    except GatewayRefused:
        assert refusal
        assert status < 300
    except GatewayError:
        assert not refusal or status >= 300
    else:
        unknown = Lost | Throttled
        assert isinstance(found, unknown) or (refusal and status < 300)


# -- XML written by hand, as the gateway's pages show it ---------------------------------------

HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
SENT = (
    HEAD + b"<result>\n  <entry>true</entry>\n  <entry>200</entry>\n  <entry>307</entry>\n"
    b"  <entry>1</entry>\n  <entry>0.038</entry>\n  <entry><![CDATA[EUR]]></entry>\n</result>\n"
)
CREDIT = HEAD + (
    b"<result><entry>true</entry><entry>200</entry>"
    b"<user><username><![CDATA[me@example.org]]></username>"
    b"<firstname><![CDATA[Zo\xc3\xa9]]></firstname><lastname><![CDATA[Martin]]></lastname></user>"
    b"<entry><entry>20</entry><entry>25</entry><entry>180</entry><entry>3</entry>"
    b"<entry><![CDATA[0.900]]></entry><entry><![CDATA[EUR]]></entry>"
    b"<entry><![CDATA[0.900]]></entry></entry></result>"
)
INVALID = HEAD + (
    b"<result><entry>false</entry><entry>9</entry><entry><entry>"
    b"<entry><![CDATA[children[phoneNumbers].data]]></entry>"
    b"<entry><![CDATA[invalide]]></entry></entry></entry></result>"
)


def test_send_reads_alike_in_xml() -> None:
    assert READERS["/send"](SENT) == {
        "success": True,
        "code": 200,
        "message_id": 307,
        "nb_sms": 1,
        "cost": fields.decimal("0.038"),
        "currency": "EUR",
    }


def test_account_user_has_named_xml_elements() -> None:
    found = READERS["/me"](CREDIT)
    assert found is not None
    assert found["user"] == {
        "username": "me@example.org",
        "firstname": "Zoé",
        "lastname": "Martin",
    }
    assert found["credits"]["balance"] == "0.900"


def test_field_errors_in_xml_differ_from_message() -> None:
    found = READERS["/send"](INVALID)
    assert found is not None
    assert (found["success"], found["code"]) == (False, 9)
    assert found["errors"] == [{"elementId": "children[phoneNumbers].data", "message": "invalide"}]


def test_xml_nil_is_none() -> None:
    body = b'<result xmlns:xsi="x"><entry>true</entry><entry xsi:nil="true"/></result>'
    assert xml.reader(("success", "code"))(body) == {"success": True, "code": None}


# -- XML that nobody should read --------------------------------------------------------------


def doctype(inside: str, use: str = "200") -> bytes:
    return (
        f'<?xml version="1.0"?><!DOCTYPE result [{inside}]>'
        f"<result><entry>true</entry><entry>{use}</entry></result>"
    ).encode()


LAUGHS = '<!ENTITY a0 "ha">' + "".join(
    f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
)
HOSTILE: dict[str, Any] = {
    "a billion laughs": doctype(LAUGHS, "&a9;"),
    "a quadratic blowup": doctype(f'<!ENTITY a "{"a" * 50_000}">', "&a;" * 1000),
    "an external entity": doctype('<!ENTITY a SYSTEM "file:///etc/hostname">', "&a;"),
    "a parameter entity": doctype('<!ENTITY % a SYSTEM "http://127.0.0.1:1/x"> %a;'),
    "an external document type": b'<!DOCTYPE result SYSTEM "http://127.0.0.1:1/x">'
    b"<result><entry>true</entry><entry>200</entry></result>",
    "an empty document type": doctype(""),
    "an unknown entity": b"<result><entry>true</entry><entry>&nbsp;</entry></result>",
    "depth": b"<result>" + b"<entry>" * 100_000,
    "nothing": b"",
    "cut": SENT[:-5],
    "two documents": SENT + SENT,
    "HTML": b"<html><body><h1>502</h1></body></html>",
    "half a page": b"<html><br>",
    "JSON": b'{"success": true, "code": 200}',
    "another root": b"<answer><entry>true</entry><entry>200</entry></answer>",
    "an empty root": b"<result/>",
    "too few places": b"<result><entry>true</entry></result>",
    "too many places": b"<result>" + b"<entry>true</entry>" * 3 + b"</result>",
    "a list in the place of a code": b"<result><entry>true</entry><entry><entry/></entry></result>",
    "another name in a place": b"<result><entry>true</entry><id>200</id></result>",
    "a name twice": b"<result><code>1</code><code>2</code></result>",
    "Latin-1 that says UTF-8": HEAD + b"<result><entry>\xe9</entry><entry>2</entry></result>",
    "a NUL": b"<result><entry>true</entry><entry>\0</entry></result>",
    "UTF-16 that is none": b"\xff\xfe<result>",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_or_foreign_xml_is_unreadable(body: bytes) -> None:
    assert xml.reader(("success", "code"))(body) is None


def test_ambiguous_xml_shape_is_unreadable() -> None:
    reader = xml.reader(("success", "code"), ("success", "stopId"))
    assert reader(b"<result><entry>true</entry><entry>200</entry></result>") is None


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("false", False),
        (" 12 ", 12),
        ("-3", -3),
        ("0.038", fields.decimal("0.038")),
        ("1.0E-5", fields.decimal("0.000010")),
        ("", ""),
        ("NaN", "NaN"),
        ("9" * 30, "9" * 30),
        ("<![CDATA[12]]>", "12"),
        ("<![CDATA[ a ]]>", " a "),
        ("<![CDATA[]]>", ""),
        ("a &lt; b", "a < b"),
    ],
)
def test_only_cdata_is_text(written: str, value: object) -> None:
    body = f"<result><entry>true</entry><entry>{written}</entry></result>".encode()
    found = xml.reader(("success", "value"))(body)
    assert found is not None
    assert found["value"] == value
    assert type(found["value"]) is type(value)
