"""The calls of the fake gateway beyond sending in bulk, one request at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from dispatcher.sandbox.gateway import ledger
from dispatcher.sandbox.gateway.http_server import Request
from dispatcher.sandbox.gateway.routes import Answer, Gateway
from dispatcher.sandbox.gateway.state import State

KEY = "a" * 40
ANNE, BRUNO, OURS = "+33639980001", "+33639980002", "+33639980009"
MONDAY_NOON = datetime(2026, 11, 23, 11, tzinfo=UTC).timestamp()
URL = "http://127.0.0.1:9/hook?batch=1"


class Bench:
    """A gateway with a clock to turn by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = MONDAY_NOON
        self.state = State(KEY, lambda: self.now, ledger.Ledger(path))
        self.gateway = Gateway(self.state)

    def ask(self, method: str, path: str, query: str = "", body: bytes = b"") -> Answer:
        return self.gateway.answer(Request(method, f"/v1/{path}", query, {}, body), number=1)

    def post(self, path: str, *, method: str = "POST", **body: Any) -> dict[str, Any]:
        answer = self.ask(method, path, body=json.dumps({"apiKey": KEY, **body}).encode())
        assert answer.document is not None
        return answer.document

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.ask("GET", path, urlencode({"apiKey": KEY, **query}))
        assert answer.document is not None
        return answer.document

    def due(self) -> list[dict[str, Any]]:
        """The fields of the calls that are due now."""
        calls = self.state.webhook_queue.take_due(self.state.behaviour, now=self.now)
        return [call.fields for call in calls]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "ledger.jsonl")
    yield bench
    bench.state.ledger.close()


# -- sends


def test_bulk_body_at_send_is_refused(bench: Bench) -> None:
    listed = [{"phoneNumber": ANNE, "message": "Bonjour"}]
    assert bench.post("send", SMSList=listed)["code"] == 2
    assert ledger.texted(bench.path) == {}


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        pytest.param("vn/send", {}, 2, id="nobody"),
        pytest.param("vn/send", {"to": ANNE}, 44, id="from nothing"),
        pytest.param("vn/send", {"to": ANNE, "from": "Boutique"}, 44, id="from a name"),
        pytest.param("vn/send", {"to": ANNE, "from": OURS}, 43, id="no text"),
        pytest.param("sondage/to/send", {}, 2, id="a survey to nobody"),
        pytest.param("sondage/to/send", {"phoneNumbers": ANNE}, 3, id="no survey"),
        pytest.param("lookup", {}, 2, id="nothing to look up"),
        pytest.param("lookup", {"phoneNumbers": ",".join([ANNE] * 501)}, 50, id="501 look-ups"),
        pytest.param("hlr/notify", {"phoneNumbers": "x"}, 55, id="nothing to check"),
    ],
)
def test_missing_field_is_refused_with_code(
    bench: Bench, path: str, body: dict[str, Any], code: int
) -> None:
    answer = bench.post(path, **body)
    assert (answer["success"], answer["code"]) == (False, code)


def test_long_number_send_ignores_schedule(bench: Bench) -> None:
    schedule: dict[str, Any] = {"scheduledDeliveryDate": "24/11/2026", "time": 10, "minute": 0}
    answer = bench.post(
        "vn/send", to="0639980001", message="Bonjour", tag="t", **schedule, **{"from": OURS[1:]}
    )
    assert (answer["nb_sms"], answer["cost"]) == (1, 0.038)
    assert "scheduledDeliveryDate" not in answer
    (entry,) = ledger.entries(bench.path)
    assert (entry.path, entry.sender, entry.tag) == ("/v1/vn/send", OURS, "t")


def test_refused_numbers_are_listed_beside_success(bench: Bench) -> None:
    bench.state.configure({"stopped": [BRUNO], "error_key": "error"})
    answer = bench.post("send", phoneNumbers=f"{ANNE},{BRUNO}", message="Bonjour")
    assert answer["success"] is True
    assert [line["code"] for line in answer["error"]] == [14]
    bench.state.configure({"failed_lines": "omitted"})
    answer = bench.post("send", phoneNumbers=f"{ANNE},{BRUNO}", message="Bonjour")
    assert "error" not in answer


# -- addresses and formats


def test_get_multi_status_answers_405_or_ignores_body(bench: Bench) -> None:
    assert bench.ask("GET", "multi-status").status == 405
    bench.state.configure({"multi_status_get": "code1"})
    refused = bench.ask("GET", "multi-status", body=json.dumps({"apiKey": KEY}).encode())
    assert refused.outcome == "1"
    assert bench.get("multi-status")["code"] == 5


def test_unescaped_plus_in_query_is_a_space(bench: Bench) -> None:
    message_id = bench.post("send", phoneNumbers=ANNE, message="Bonjour")["message_id"]
    query = f"apiKey={KEY}&messageId={message_id}&phoneNumber="
    assert bench.ask("GET", "message-status", query + ANNE).outcome == "4"
    assert bench.ask("GET", "message-status", query + "%2B" + ANNE[1:]).outcome == "200"


def test_xml_has_entries_in_the_order_of_the_json(bench: Bench) -> None:
    body = {"apiKey": KEY, "_format": "xml", "phoneNumbers": ANNE, "message": "Bonjour"}
    response = bench.ask("POST", "send", body=json.dumps(body).encode()).response()
    assert dict(response.headers)["Content-Type"] == "application/xml"
    root = ElementTree.fromstring(response.body)
    assert root.tag == "result"
    assert [entry.text for entry in root] == ["true", "200", "10001", "1", "0.038", "EUR"]
    assert {entry.tag for entry in root} == {"entry"}
    assert b"<![CDATA[EUR]]>" in response.body


def test_errors_are_in_xml_too_and_keep_their_status(bench: Bench) -> None:
    answer = bench.ask("GET", "me", "apiKey=x&_format=xml")
    response = answer.response()
    assert response.status == 400
    root = ElementTree.fromstring(response.body)
    assert [entry.text for entry in root] == ["false", "10", "Clé API incorrecte"]


# -- money


def test_old_counters_have_names_and_types_of_2018(bench: Bench) -> None:
    bench.state.configure(
        {"credit": "2.5", "old_counters": True, "amounts": "number", "balance_names": "solde"}
    )
    assert bench.get("me")["credits"] == {
        "creditSms": 65,
        "creditSmsLowCost": 65,
        "creditHlr": 500,
        "toSend": 0,
        "solde": 2.5,
        "currency": "EUR",
    }


def test_costs_are_summed_by_paris_month(bench: Bench) -> None:
    bench.now = datetime(2026, 10, 31, 22, 59, tzinfo=UTC).timestamp()  # 23:59 in Paris
    bench.post("send", phoneNumbers=ANNE, message="Octobre")
    bench.now += 120
    for _ in range(2):
        bench.post("send", phoneNumbers=ANNE, message="Novembre")
    bench.post("send", phoneNumbers=ANNE, message="Pour voir", sandbox=1)
    answer = bench.get("statistics/cost-resume", interval="last_twelve_months")
    assert "code" not in answer
    assert [
        (month["month"], month["year"], month["m"], month["cost"], month["nb_send"])
        for month in answer["datas"]
    ] == [("october", "2026", "10", "0.038", "1"), ("november", "2026", "11", "0.076", "2")]
    assert answer["datas"][1]["date"] == datetime(2026, 10, 31, 23, tzinfo=UTC).timestamp()
    one_day = {"interval": "custom", "from": "31-10-2026", "to": "31-10-2026"}
    assert len(bench.get("statistics/cost-resume", **one_day)["datas"]) == 1
    assert bench.get("statistics/cost-resume", interval="ever")["code"] == 9
    assert bench.get("statistics/cost-resume", interval="custom")["code"] == 49


def test_cancelled_message_is_refunded_by_switch(bench: Bench) -> None:
    schedule: dict[str, Any] = {"scheduledDeliveryDate": "24/11/2026", "time": 10, "minute": 0}
    for on, back in ((False, 0), (True, 1)):
        bench.state.configure({"cancel_refunds": on})
        sent = bench.post("send", phoneNumbers=ANNE, message="x", **schedule)
        before = bench.state.account.credit
        bench.get("message-cancel", messageId=sent["message_id"])
        assert (bench.state.account.credit - before) / bench.state.behaviour.price == back


# -- number checks


def test_number_after_space_is_invalid(bench: Bench) -> None:
    good, bad = bench.post("lookup", phoneNumbers=f"{ANNE}, {BRUNO}")["lookup"]
    assert (good["success"], good["phoneNumber"], good["format"]["national"]) == (
        True,
        ANNE,
        "06 39 98 00 01",
    )
    assert (bad["success"], bad["request"]) == (False, f" {BRUNO}")


def test_hlr_check_is_paid_and_reported_later(bench: Bench) -> None:
    before = bench.state.account.credit
    answer = bench.post("hlr/notify", phoneNumbers=f"{ANNE},{BRUNO}", notifyUrl=URL)
    assert (answer["number"], answer["cost"]) == (2, 0.01)
    assert str(before - bench.state.account.credit) == "0.010"
    assert bench.due() == []
    bench.now += 1
    assert [call["phone"] for call in bench.due()] == [ANNE, BRUNO]
    bench.state.configure({"credit": "0"})
    assert bench.post("hlr/notify", phoneNumbers=ANNE)["code"] == 11


# -- what real clients saw


@pytest.mark.parametrize("sender", ["33937000001", "+33970000001", "33199000001", "0033970000001"])
def test_any_international_long_number_may_send(bench: Bench, sender: str) -> None:
    answer = bench.post("vn/send", to=ANNE, message="x", **{"from": sender})
    assert answer["success"] is True


@pytest.mark.parametrize(
    ("phone", "prefix", "international", "national"),
    [
        ("+212620123456", 212, "+212620123456", "0620123456"),
        ("+590690000001", 590, "+590690000001", "0690000001"),
        (ANNE, 33, ANNE, "0639980001"),
    ],
)
def test_lookup_formats_number_as_its_country_does(
    bench: Bench, phone: str, prefix: int, international: str, national: str
) -> None:
    (found,) = bench.post("lookup", phoneNumbers=phone)["lookup"]
    assert found["prefixCode"] == prefix
    # where the blanks and hyphens stand depends on the release of phonenumbers
    bare = {name: re.sub("[ -]", "", value) for name, value in found["format"].items()}
    assert (bare["international"], bare["national"]) == (international, national)


@pytest.mark.parametrize("key", ["errors", "error"])
@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"phoneNumbers": ANNE}, "message"),
        ({"phoneNumbers": ANNE, "message": "x", "sender": "é"}, "sender"),
        ({"phoneNumbers": "01", "message": "x"}, "phoneNumbers"),
    ],
)
def test_wrong_field_is_listed_under_code_9_by_switch(
    bench: Bench, key: str, body: dict[str, Any], name: str
) -> None:
    bench.state.configure({"field_refusals": "list", "error_key": key})
    answer = bench.post("send", **body)
    assert (answer["success"], answer["code"]) == (False, 9)
    assert [entry["elementId"] for entry in answer[key]] == [f"children[{name}].data"]


@pytest.mark.parametrize(("line_code", "code"), [("text", "9"), ("number", 9)])
def test_line_code_is_text_or_number_by_switch(bench: Bench, line_code: str, code: object) -> None:
    bench.state.configure({"line_code": line_code})
    listed = [{"phoneNumber": phone, "message": "x"} for phone in (ANNE, "01")]
    lines = bench.post("bulk-send", SMSList=listed)["SMSResponse_List"]
    assert lines[1]["code"] == code


def test_message_status_has_country_and_whole_cost(bench: Bench) -> None:
    phone = "+590690000001"
    listed = [{"phoneNumber": ANNE, "message": "x"}, {"phoneNumber": phone, "message": "x" * 400}]
    sent = bench.post("bulk-send", SMSList=listed)["message_id"]
    answer = bench.get("message-status", messageId=sent, phoneNumber=phone)
    assert (answer["countryCode"], answer["cost"]) == ("GP", 0.114)


def test_to_send_leaves_out_sandbox_sends(bench: Bench) -> None:
    later: dict[str, Any] = {"scheduledDeliveryDate": "24/11/2026", "time": 10, "minute": 0}
    bench.post("send", phoneNumbers=ANNE, message="x", sandbox=1, **later)
    assert bench.get("me")["credits"]["toSend"] == 0
    bench.post("send", phoneNumbers=ANNE, message="x", **later)
    assert bench.get("me")["credits"]["toSend"] == 1


def test_answer_has_date_of_the_gateways_clock(bench: Bench) -> None:
    headers = dict(bench.ask("GET", "me", urlencode({"apiKey": KEY})).response().headers)
    assert headers["Date"] == "Mon, 23 Nov 2026 11:00:00 GMT"


@pytest.mark.parametrize("path", ["me", "bulk-send", "message-cancel", "stop-sms/add", "nowhere"])
def test_generic_acknowledgement_is_answered_on_every_path(bench: Bench, path: str) -> None:
    bench.state.configure({"generic_acknowledgement": True})
    answer = bench.post(path, SMSList=[{"phoneNumber": ANNE, "message": "x"}], phoneNumber=ANNE)
    assert answer == {"success": True, "code": 200, "message": "Request queued for processing"}
    assert ledger.texted(bench.path) == {}
    assert bench.state.account.stops() == []


# -- several accounts


def test_second_account_has_its_own_credit_and_messages(bench: Bench) -> None:
    key = "b" * 40
    bench.state.set_account(key, credit=Decimal(10))
    raw = {"apiKey": key, "phoneNumbers": ANNE, "message": "x", "tag": "t"}
    sent = bench.ask("POST", "send", body=json.dumps(raw).encode()).document
    assert sent is not None
    assert bench.get("bulk-status", messageId=sent["message_id"])["code"] == 4
    assert bench.get("bulk-status-by-tag", tag="t")["code"] == 4
    assert str(bench.state.others[key].account.credit) == "9.962"
    assert str(bench.state.account.credit) == "100000"
    ours = bench.post("send", phoneNumbers=ANNE, message="x")["message_id"]
    assert ours != sent["message_id"]


# -- calls to others


def test_report_is_due_when_network_decides(bench: Bench) -> None:
    bench.state.configure({"fates": {"02": "Not delivered", "03": "Waiting"}})
    phones = f"{ANNE},{BRUNO},+33639980003"
    sent = bench.post("send", phoneNumbers=phones, message="x", urlDlr=URL)
    assert bench.due() == []
    bench.now += 3
    calls = sorted(bench.due(), key=lambda call: str(call["phone"]))
    assert [(call["phone"], call["status"], call["msgId"]) for call in calls] == [
        (ANNE, "delivered", str(sent["message_id"])),
        (BRUNO, "not delivered", str(sent["message_id"])),
    ]
    assert {call["cost"] for call in calls} == {"0.038"}
    assert all(isinstance(call["date"], int) for call in calls)


def test_cancelled_message_is_not_reported(bench: Bench) -> None:
    schedule: dict[str, Any] = {"scheduledDeliveryDate": "23/11/2026", "time": 14, "minute": 0}
    sent = bench.post("send", phoneNumbers=ANNE, message="x", urlDlr=URL, **schedule)
    assert bench.get("message-cancel", messageId=sent["message_id"])["success"] is True
    bench.now += 24 * 3600
    assert bench.due() == []


def test_bulk_send_uses_its_urls_by_switch(bench: Bench) -> None:
    listed = [{"phoneNumber": ANNE, "message": "x"}]
    bench.state.configure({"delivery_seconds": [0, 0], "account_reports_to": "http://account/"})
    for on, url in ((True, URL), (False, "http://account/")):
        bench.state.configure({"bulk_urls": on})
        bench.post("bulk-send", SMSList=listed, urlDlr=URL)
        (call,) = bench.state.webhook_queue.take_due(bench.state.behaviour, now=bench.now)
        assert call.url == url


def test_stop_is_posted_to_url_of_message(bench: Bench) -> None:
    bench.state.configure({"answers_stop": [ANNE], "delivery_seconds": [0, 0]})
    sent = bench.post("send", phoneNumbers=f"{ANNE},{BRUNO}", message="x", urlResponse=URL)
    (call,) = bench.due()
    assert call == {
        "type": "stop",
        "phone_number": ANNE,
        "text": "Stop",
        "message_id": sent["message_id"],
    }


def test_sandbox_send_is_reported_by_switch(bench: Bench) -> None:
    bench.state.configure({"delivery_seconds": [0, 0]})
    for on, calls in ((False, 0), (True, 1)):
        bench.state.configure({"sandbox_webhooks": on})
        bench.post("send", phoneNumbers=ANNE, message="x", urlDlr=URL, sandbox=1)
        assert len(bench.due()) == calls
