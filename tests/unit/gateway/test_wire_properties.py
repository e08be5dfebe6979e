"""Answers varied as they were seen to vary say the same; spoilt ones never say more."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatcher.campaigns.states import MessageState
from dispatcher.errors import GatewayError, GatewayRefused, InvalidPayload
from dispatcher.gateway import Declined, Lost, Report, StatusPage, Throttled, Unsent, merged
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.inbound import (
    calls,
    join,
    read_delivery_report,
    read_hlr_result,
    read_reply,
)
from dispatcher.gateway.smspartner.wire.cancellations import Cancellation
from dispatcher.gateway.smspartner.wire.xml_shapes import READERS
from dispatcher.sandbox.gateway import xml as fake_xml
from tests.unit.gateway.test_wire_samples import assert_says, told
from tests.unit.samples import JSON_ONLY, SAMPLES, Sample

EVERY = [*SAMPLES, *JSON_ONLY]
NAMED = [pytest.param(sample, id=sample.name) for sample in EVERY]
IN_XML = [pytest.param(sample, id=sample.name) for sample in SAMPLES]

#: spellings under which the same value was seen
SPELLINGS = {
    "message_id": ("messageId",),
    "messageId": ("message_id",),
    "statut": ("status",),
    "status": ("statut",),
    "stopSms": ("stopSMS",),
    "stopSMS": ("stopSms",),
    "nb_sms": ("nbSMS", "nbSms"),
    "nbSms": ("nbSMS",),
    "number": ("phoneNumber",),
    "error": ("errors",),
    "errors": ("error",),
    "creditSmsECO": ("creditSmsLowCost",),
    "balance": ("solde",),
}
#: what is a text somewhere and a number elsewhere
NUMBERS = {
    "message_id", "messageId", "date", "stopSms", "stopSMS", "total", "stopId", "nbData", "cost",
    "nbSms", "nb_sms", "id", "balance", "solde", "nb_send", "m", "year", "number", "prefixCode",
}  # fmt: skip
NATIONAL = {"phoneNumber", "number"}
MISSING = object()


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document, the document first."""
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from objects(each)


def respelt(name: str, value: Any, draw: st.DrawFn) -> Any:
    """A value in another of the types in which it was seen."""
    if name in NATIONAL and isinstance(value, str):
        if not value.startswith("+33"):
            return value
        return draw(st.sampled_from([value, "0" + value[3:], value[1:]]))
    if name in ("stopSms", "stopSMS"):
        yes = value in (True, 1, "1")
        return draw(st.sampled_from([yes, int(yes), str(int(yes))]))
    if name in NUMBERS and isinstance(value, str) and value.isdigit():
        return draw(st.sampled_from([value, int(value)]))
    if name in NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return draw(st.sampled_from([value, str(value)]))
    if name in ("status", "statut") and isinstance(value, str):
        return draw(st.sampled_from([value, value.lower(), value.upper()]))
    return value


@st.composite
def varied(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """The same answer in other spellings, types and orders, with fields that nobody knows."""
    answer = copy.deepcopy(document)
    for each in list(objects(answer)):
        for name, value in list(each.items()):
            each[name] = respelt(name, value, draw)
            others = [other for other in SPELLINGS.get(name, ()) if other not in each]
            if name == "number" and not isinstance(value, str):
                others = []  # how many, and not whose
            other = draw(st.sampled_from([name, *others]))
            each[other] = each.pop(name)
        if draw(st.booleans()):
            each["unheardOf"] = draw(st.sampled_from([None, 1, "x", [], {}]))
        shuffled = draw(st.permutations(list(each.items())))
        each.clear()
        each.update(shuffled)
    return answer


@pytest.mark.parametrize("sample", NAMED)
@given(data=st.data())
@settings(max_examples=25)
def test_answer_in_other_spelling_reads_alike(sample: Sample, data: st.DataObject) -> None:
    document = data.draw(varied(sample.document))
    found = told(sample, json.dumps(document).encode(), fields.json_object)
    assert_says(sample, found)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from([200, "200", 0, 1, "1", "true", "false", "+33639980001", "9", 4, 2**63, "É"])
)
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=2)
    | st.dictionaries(st.sampled_from(["success", "code", "message_id", "x"]), SCALARS, max_size=2)
)


@st.composite
def spoilt(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """The answer with one to three things dropped, replaced, quoted or wrapped."""
    answer = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        holders = [each for each in objects(answer) if each]
        if not holders:
            break
        holder = draw(st.sampled_from(holders))
        name = draw(st.sampled_from(sorted(holder)))
        match draw(st.sampled_from(["drop", "replace", "quote", "wrap", "case"])):
            case "drop":
                del holder[name]
            case "quote":
                holder[name] = json.dumps(holder[name])
            case "wrap":
                holder[name] = [holder[name]]
            case "case":
                holder[name.upper()] = holder.pop(name)
            case _:
                holder[name] = draw(VALUES)
    return answer


def is_success(found: object) -> bool:
    """Whether something read says that the gateway did, or told, what it was asked for."""
    if isinstance(found, Declined | Throttled | Lost | GatewayError) or found is False:
        return False
    if isinstance(found, Cancellation):
        return found is Cancellation.DONE
    empty = isinstance(found, StatusPage) and not found.reports
    return found is not None and not empty and found != (StatusPage(()), 0)


def says(sample: Sample, body: bytes, parse: Callable[[bytes], dict[str, Any] | None]) -> object:
    """What is read, or what of our own error tree is raised."""
    try:
        return sample.read(200, body, parse)
    except GatewayError as error:
        return error


@pytest.mark.parametrize("sample", NAMED)
@given(data=st.data())
@settings(max_examples=40)
def test_spoilt_answer_claims_no_more(sample: Sample, data: st.DataObject) -> None:
    document = data.draw(spoilt(sample.document))
    found = says(sample, json.dumps(document).encode(), fields.json_object)
    assert not isinstance(found, Unsent)
    if is_success(found):
        assert document.get("success", MISSING) is True
    if isinstance(found, GatewayRefused | Declined):
        assert document.get("success") is False
        assert str(found.code) == str(document["code"])


@pytest.mark.parametrize("sample", IN_XML)
@given(data=st.data())
@settings(max_examples=40)
def test_spoilt_xml_claims_no_more(sample: Sample, data: st.DataObject) -> None:
    body = fake_xml.dumps(data.draw(spoilt(sample.document)))
    cut = data.draw(st.integers(0, len(body)))
    odd = data.draw(st.sampled_from([b"", b"<", b"\0", b"<entry/>", b"]]>", b"&x;"]))
    for each in (body, body[:cut] + odd + body[cut:], body[:cut]):
        found = says(sample, each, READERS[sample.path])
        if is_success(found):
            assert b"<result><entry>true</entry>" in each


@given(st.binary(max_size=300))
@settings(max_examples=100)
@example(b"[" * 10_000)
@example(b"<a>" * 10_000)
def test_any_bytes_raise_only_own_errors(body: bytes) -> None:
    for sample in EVERY:
        for parse in (fields.json_object, READERS.get(sample.path, fields.json_object)):
            assert not is_success(says(sample, body, parse))


# -- what comes in ----------------------------------------------------------------------------

INBOUND = st.dictionaries(
    st.sampled_from(
        [
            "type", "phone_number", "text", "message_id", "msgId", "status", "date", "phone",
            "cost", "currency", "msisdn", "to", "messageId", "keyword", "message-timestamp",
            "concat", "concat-ref", "concat-total", "concat-part", "mccMnc", "ported",
            "errorGrpId", "errorName", "stopSms", "x",
        ]
    ),
    VALUES
    | st.sampled_from(["response", "stop", "delivered", "33639980001", "0639980001", "2", "1"]),
    max_size=9,
)  # fmt: skip


@given(INBOUND.map(json.dumps).map(str.encode) | st.binary(max_size=200), st.text(max_size=60))
@settings(max_examples=300)
@example(b'{"type":"stop","phone_number":"+33639980001","text":"\\ud800","message_id":1}', "")
@example(b'{"status":"delivered","msgId":1e400,"phone":"+33639980001"}', "")
@example(b'{"phone":' + b"9" * 4000 + b',"mccMnc":1}', "")
@example(b"phone=%ff&mccMnc=1", "")
@example(b"a=1&" * 41, "")
def test_hostile_call_is_read_or_refused(body: bytes, query: str) -> None:
    for read in (read_delivery_report, read_reply, read_hlr_result):
        refusal = ""
        try:
            for call in calls(body, query):
                read(call)
        except InvalidPayload as error:
            refusal = repr(error)
        assert "63998" not in refusal


REPORTS = st.builds(
    Report,
    phone=st.just("+33639980001"),
    state=st.sampled_from([MessageState.SENT, MessageState.UNDELIVERED, MessageState.DELIVERED]),
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
    stop=st.booleans(),
)


@given(st.lists(REPORTS, min_size=1, max_size=5), st.randoms())
def test_reports_merge_alike_in_any_order(reports: list[Report], luck: Any) -> None:
    def all_of(ordered: list[Report]) -> Report:
        whole = ordered[0]
        for report in ordered[1:]:
            whole = merged(whole, report)
        return whole

    shuffled = list(reports)
    luck.shuffle(shuffled)
    found = all_of(reports)
    assert found == all_of(shuffled) == all_of(reports + shuffled)
    states = {report.state for report in reports}
    best = [MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.SENT]
    assert found.state == next(state for state in best if state in states)
    assert found.stop == any(report.stop for report in reports)


PARTS = st.lists(
    st.builds(
        lambda person, ref, total, part, text: {
            "msisdn": f"3363998000{person}",
            "to": "33639980009",
            "messageId": f"id-{person}-{ref}-{part}",
            "text": text,
            "type": "text",
            "concat": "true",
            "concat-ref": str(ref),
            "concat-total": str(total),
            "concat-part": str(min(part, total)),
        },
        st.integers(1, 2),
        st.integers(0, 2),
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from(["Bonjour ", "STOP", "et merci"]),
    ),
    max_size=8,
)


@given(PARTS, st.randoms())
def test_parts_join_alike_in_any_order(parts: list[dict[str, str]], luck: Any) -> None:
    replies = [read_reply(*calls(json.dumps(part).encode())) for part in parts]
    shuffled = replies * 2
    luck.shuffle(shuffled)
    assert join(replies) == join(shuffled)
    for whole in join(replies).whole:
        assert whole.part is None


@given(st.decimals(allow_nan=True, allow_infinity=True) | st.text() | st.integers())
def test_amount_is_finite_or_none(raw: Decimal | str | int) -> None:
    amount = fields.decimal(raw)
    assert amount is None or amount.is_finite()
