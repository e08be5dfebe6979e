from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from dispatcher.sandbox.gateway import corruption, ledger
from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.gateway.faults import Fault, FaultScript
from dispatcher.sandbox.gateway.http_server import Request
from dispatcher.sandbox.gateway.numbers import e164
from dispatcher.sandbox.gateway.rendering import leaving
from dispatcher.sandbox.gateway.routes import Answer, Gateway
from dispatcher.sandbox.gateway.state import State

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from pathlib import Path

KEY = "a" * 40
ANNE, BRUNO, CHLOE = "+33639980001", "+33639980002", "+33639980003"
MONDAY_NOON = datetime(2026, 11, 23, 11, tzinfo=UTC).timestamp()
MONDAY_NIGHT = datetime(2026, 11, 23, 21, tzinfo=UTC).timestamp()
SUNDAY_NOON = datetime(2026, 11, 22, 11, tzinfo=UTC).timestamp()


class Bench:
    """A gateway with a clock to turn by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = MONDAY_NOON
        self.state = State(KEY, lambda: self.now, ledger.Ledger(path))
        self.gateway = Gateway(self.state)
        self.number = 0

    def shown(self, message_id: int) -> int | str:
        """A message id as this gateway writes it in the answer to a send."""
        quoted = self.state.behaviour.message_id_type == "str"
        return str(message_id) if quoted else message_id

    def ask(self, request: Request) -> Answer:
        self.number += 1
        return self.gateway.answer(request, number=self.number)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        raw = json.dumps({"apiKey": KEY, **body}).encode()
        document = self.ask(Request("POST", f"/v1/{path}", "", {}, raw)).document
        assert document is not None
        return document

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        raw = urlencode({"apiKey": KEY, **query})
        document = self.ask(Request("GET", f"/v1/{path}", raw, {})).document
        assert document is not None
        return document

    def bulk(self, *phones: str, text: str = "Bonjour", **more: Any) -> dict[str, Any]:
        listed = [{"phoneNumber": phone, "message": text} for phone in phones]
        return self.post("bulk-send", SMSList=listed, **more)

    def texted(self) -> Counter[str]:
        return ledger.texted(self.path)


#: under which the whole suite runs: what they change is told apart where it shows
BEHAVIOURS = {
    "as documented": {},
    "errors with HTTP 200": {"http_status_mode": "200"},
    "errors under error": {"error_key": "error"},
    "ids quoted": {"message_id_type": "str"},
}


@pytest.fixture(params=[pytest.param(behaviour, id=name) for name, behaviour in BEHAVIOURS.items()])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "ledger.jsonl")
    bench.state.configure(request.param)
    yield bench
    bench.state.ledger.close()


def test_bulk_send_answers_documented_shape(bench: Bench) -> None:
    assert bench.bulk("0639980001", BRUNO, tag="soldes1") == {
        "success": True,
        "code": 200,
        "message_id": bench.shown(10001),
        "currency": "EUR",
        "cost": 0.076,
        "nbSMS": 2,
        "SMSResponse_List": [
            {"success": True, "code": 200, "nbSms": 1, "cost": 0.038, "phoneNumber": phone}
            for phone in (ANNE, BRUNO)
        ],
    }
    assert bench.get("me")["credits"]["balance"] == "99999.924"


def test_single_send_answers_one_id_and_totals(bench: Bench) -> None:
    answer = bench.post("send", phoneNumbers=f"{ANNE}, {BRUNO}", message="a" * 161)
    assert answer == {
        "success": True,
        "code": 200,
        "message_id": bench.shown(10001),
        "nb_sms": 4,
        "cost": 0.152,
        "currency": "EUR",
    }


def test_repeated_request_texts_and_debits_twice(bench: Bench) -> None:
    first, second = (bench.bulk(ANNE, tag="same") for _ in range(2))
    assert first["message_id"] != second["message_id"]
    assert bench.state.account.credit == Decimal("99999.924")
    assert bench.texted() == {ANNE: 2}
    assert bench.get("bulk-status-by-tag", tag="same")["total"] == 2


REFUSED_BODIES = [
    pytest.param({"apiKey": ""}, 1, id="no key"),
    pytest.param({"apiKey": "b" * 40}, 10, id="wrong key"),
    pytest.param({"SMSList": None}, 2, id="no list"),
    pytest.param({"SMSList": []}, 55, id="empty list"),
    pytest.param({"SMSList": [{}]}, 55, id="nothing in the only line"),
    pytest.param({"SMSList": [{"phoneNumber": ANNE, "message": "a"}] * 501}, 50, id="501 lines"),
    pytest.param({"sender": "ab"}, 44, id="sender too short"),
    pytest.param({"sender": "abcdefghijkl"}, 44, id="sender too long"),
    pytest.param({"sender": "Ma-Boutique"}, 44, id="sender with a hyphen"),
    pytest.param({"sender": "BLOCKED"}, 992, id="sender of somebody else"),
    pytest.param({"tag": "a" * 21}, 9, id="tag too long"),
    pytest.param({"tag": "Soldes"}, 9, id="tag in upper case"),
    pytest.param({"tag": "les soldes"}, 9, id="tag with a space"),
    pytest.param({"time": 10, "minute": 0}, 45, id="an hour without a date"),
    pytest.param({"scheduledDeliveryDate": "24/11/2026"}, 9, id="a date without an hour"),
    pytest.param(
        {"scheduledDeliveryDate": "24/11/2026", "time": 25, "minute": 0}, 46, id="hour 25"
    ),
    pytest.param(
        {"scheduledDeliveryDate": "24/11/2026", "time": 10, "minute": 60}, 47, id="minute 60"
    ),
    pytest.param(
        {"scheduledDeliveryDate": "24/11/2026", "time": 10, "minute": 3}, 48, id="minute 3"
    ),
    pytest.param(
        {"scheduledDeliveryDate": "2026-11-24", "time": 10, "minute": 0}, 49, id="ISO date"
    ),
    pytest.param(
        {"scheduledDeliveryDate": "23/11/2026", "time": 11, "minute": 55}, 9, id="in the past"
    ),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED_BODIES)
def test_wrong_request_is_refused_whole(bench: Bench, changes: dict[str, Any], code: int) -> None:
    bench.state.configure({"blocked_senders": ["BLOCKED"]})
    body = {"SMSList": [{"phoneNumber": ANNE, "message": "Bonjour"}], **changes}
    answer = bench.post("bulk-send", **body)
    assert (answer["success"], answer["code"]) == (False, code)
    assert bench.texted() == {}
    assert bench.state.account.credit == bench.state.behaviour.credit


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff{}", b""])
def test_broken_json_answers_400_and_code_90_in_every_mode(bench: Bench, raw: bytes) -> None:
    bench.state.configure({"http_status_mode": "200"})
    answer = bench.ask(Request("POST", "/v1/bulk-send", "", {}, raw))
    assert (answer.status, answer.outcome) == (400, "90")


def test_bad_lines_are_refused_and_good_ones_leave(bench: Bench) -> None:
    bench.state.configure({"stopped": [BRUNO], "no_price": ["+212"]})
    lines = [
        {"phoneNumber": ANNE, "message": "Bonjour"},
        {"phoneNumber": "0639980001", "message": "Encore"},
        {"phoneNumber": BRUNO, "message": "Bonjour"},
        {"phoneNumber": "0139980003", "message": "Bonjour"},
        {"phoneNumber": "+212600000000", "message": "Bonjour"},
        {"phoneNumber": CHLOE, "message": "a" * 1531},
        {"phoneNumber": CHLOE, "message": ""},
    ]
    answer = bench.post("bulk-send", SMSList=lines)
    assert [line["code"] for line in answer["SMSResponse_List"]] == [200, 15, 14, "9", 13, 52, 43]
    assert answer["nbSMS"] == 1
    assert bench.texted() == {ANNE: 1}

    bench.state.configure({"failed_lines": "omitted"})
    answer = bench.post("bulk-send", SMSList=lines)
    assert [line["code"] for line in answer["SMSResponse_List"]] == [200]


def test_short_credit_refuses_whole_request_or_rest(bench: Bench) -> None:
    bench.state.configure({"credit": "0.040"})
    assert bench.bulk(ANNE, BRUNO)["error"] == {"message": "NOCREDITS"}
    bench.state.configure({"credit_runs_out": "mid_batch"})
    lines = bench.bulk(ANNE, BRUNO)["SMSResponse_List"]
    assert [line["code"] for line in lines] == [200, 11]
    assert bench.texted() == {ANNE: 1}


def test_message_waits_then_is_reported(bench: Bench) -> None:
    message_id = bench.bulk(ANNE)["message_id"]
    pair = {"phoneNumber": ANNE, "messageId": message_id}

    def line() -> dict[str, Any]:
        answer = bench.post("multi-status", SMSStatut_List=[pair])
        first: dict[str, Any] = answer["StatutResponse_List"][0]
        return first

    assert line()["status"] == "Waiting"
    bench.now += 3
    assert line() == {
        "success": True,
        "code": 200,
        "phoneNumber": ANNE,
        "messageId": int(message_id),
        "status": "Delivered",
        "date": line()["date"],
        "stopSms": "0",
        "isSpam": "0",
    }
    single = bench.get("message-status", messageId=message_id, phoneNumber=ANNE)
    assert (single["statut"], single["messageId"]) == ("Delivered", str(message_id))
    many = bench.get("bulk-status", messageId=message_id)["StatutResponse_List"]
    assert many[0] | {"date": ""} == {
        "phoneNumber": ANNE,
        "status": "Delivered",
        "stopSMS": False,
        "date": "",
    }


def test_unknown_pair_has_error_inside_success(bench: Bench) -> None:
    answer = bench.post("multi-status", SMSStatut_List=[{"phoneNumber": ANNE, "messageId": 7}])
    assert answer["success"] is True
    line = answer["StatutResponse_List"][0]
    assert (line["success"], line["code"], line["status"]) == (False, 4, "Numéro introuvable")


def test_fate_follows_number_end_and_shares(bench: Bench) -> None:
    bench.state.configure({"fates": {"01": "Not delivered", "02": "Waiting"}, "share_ko": 1})
    message_id = bench.bulk(ANNE, BRUNO, CHLOE)["message_id"]
    bench.now += 1000
    lines = bench.get("bulk-status", messageId=message_id)["StatutResponse_List"]
    assert [line["status"] for line in lines] == ["Not delivered", "Waiting", "ko"]


def test_number_that_answers_stop_is_refused_later(bench: Bench) -> None:
    bench.state.configure({"answers_stop": [ANNE]})
    message_id = bench.bulk(ANNE, BRUNO)["message_id"]
    bench.now += 3
    lines = bench.get("bulk-status", messageId=message_id)["StatutResponse_List"]
    assert [line["stopSMS"] for line in lines] == [True, False]
    assert [entry["phoneNumber"] for entry in bench.get("stop-sms/list")["data"]] == [ANNE]
    assert [line["code"] for line in bench.bulk(ANNE, BRUNO)["SMSResponse_List"]] == [14, 200]


def test_stop_list_adds_and_deletes_number(bench: Bench) -> None:
    stop_id = bench.post("stop-sms/add", phoneNumber=ANNE)["stopId"]
    assert bench.post("stop-sms/add", phoneNumber=ANNE)["code"] == 3
    assert bench.get("stop-sms/delete", id=stop_id) == {"success": True, "code": 200}
    assert bench.get("stop-sms/delete", id=stop_id)["code"] == 4
    assert bench.get("stop-sms/list")["nbData"] == 0


def test_tag_is_read_page_by_page(bench: Bench) -> None:
    bench.state.configure({"tag_page_size": 2})
    bench.bulk(ANNE, BRUNO, CHLOE, tag="t1")

    def phones(page: int) -> list[str]:
        answer = bench.get("bulk-status-by-tag", tag="t1", page=page)
        assert (answer["total"], answer["currentPage"]) == (3, page)
        return [line["phoneNumber"] for line in answer["StatutResponse_List"]]

    assert [phones(page) for page in (1, 2, 3)] == [[ANNE, BRUNO], [CHLOE], []]
    bench.state.configure({"tag_ignores_page": True})
    again = bench.get("bulk-status-by-tag", tag="t1", page=2)
    assert [line["phoneNumber"] for line in again["StatutResponse_List"]] == [ANNE, BRUNO]


def test_tag_is_late_missing_or_empty_by_switch(bench: Bench) -> None:
    bench.state.configure({"tag_lag_seconds": 60})
    bench.bulk(ANNE, tag="t1")
    assert bench.get("bulk-status-by-tag", tag="t1")["code"] == 4
    bench.now += 60
    assert bench.get("bulk-status-by-tag", tag="t1")["total"] == 1
    bench.state.configure({"tag_missing": True, "tag_unknown": "empty"})
    assert bench.get("bulk-status-by-tag", tag="t1")["total"] == 0


def test_ignored_tag_lists_the_latest_messages_of_everybody(bench: Bench) -> None:
    bench.bulk(ANNE, tag="t1")
    bench.bulk(BRUNO, tag="t2")
    bench.state.configure({"tag_ignored": True})
    lines = bench.get("bulk-status-by-tag", tag="unused")["StatutResponse_List"]
    assert [line["phoneNumber"] for line in lines] == [ANNE, BRUNO]


@pytest.mark.parametrize(
    ("at", "code"),
    [pytest.param(MONDAY_NIGHT, 22, id="night"), pytest.param(SUNDAY_NOON, 23, id="Sunday")],
)
def test_marketing_hours_refuse_or_hold_by_switch(bench: Bench, at: float, code: int) -> None:
    bench.now = at
    bench.state.configure({"marketing_window": "refuse"})
    assert bench.bulk(ANNE)["code"] == code
    bench.state.configure({"marketing_window": "pause"})
    message_id = bench.bulk(ANNE)["message_id"]
    assert bench.get("me")["credits"]["toSend"] == 1
    bench.now += 3600

    def word() -> Any:
        return bench.get("message-status", messageId=message_id, phoneNumber=ANNE)["statut"]

    assert word() == "Waiting"
    bench.now += 24 * 3600
    assert word() == "Delivered"


def test_scheduled_message_is_cancelled_until_five_minutes_before(bench: Bench) -> None:
    schedule = {"scheduledDeliveryDate": "23/11/2026", "time": "14", "minute": 0}
    first, second = (
        bench.post("send", phoneNumbers=ANNE, message="Bonjour", **schedule) for _ in range(2)
    )
    assert first["scheduledDeliveryDate"] == "2026-11-23 14:00:00"
    assert bench.get("message-cancel", messageId=first["message_id"])["success"] is True
    assert bench.get("message-cancel", messageId=first["message_id"])["code"] == 5
    bench.now += 2 * 3600 - 299
    assert bench.get("message-cancel", messageId=second["message_id"])["code"] == 6
    bench.now += 299
    assert bench.get("message-cancel", messageId=second["message_id"])["code"] == 7
    assert bench.get("message-cancel", messageId=1)["code"] == 4
    assert bench.texted() == {ANNE: 1}


def test_sandbox_send_is_free_textless_and_gone_after_a_day(bench: Bench) -> None:
    message_id = bench.bulk(ANNE, sandbox=1)["message_id"]
    assert bench.texted() == {}
    assert bench.state.account.credit == bench.state.behaviour.credit
    assert bench.get("bulk-status", messageId=message_id)["success"] is True
    bench.now += 24 * 3600
    assert bench.get("bulk-status", messageId=message_id)["code"] == 4


def test_ledger_has_text_as_it_left(bench: Bench) -> None:
    bench.bulk(ANNE, text="Ça coûte 5 € : dès jeudi[!]:br:Garçon", sender="Boutique", tag="t1")
    (entry,) = ledger.entries(bench.path)
    assert (entry.request, entry.tag, entry.sender) == (1, "t1", "Boutique")
    assert entry.at == datetime.fromtimestamp(MONDAY_NOON, UTC)
    assert entry.texts[0].text == "Ça coute 5 € : dès jeudi(!)\nGarÇon"


def test_unfinished_ledger_line_is_not_read(bench: Bench) -> None:
    bench.bulk(ANNE)
    with bench.path.open("ab") as file:
        file.write(b'{"request": 2, "at"')
    assert bench.texted() == {ANNE: 1}


SEGMENTS = [
    pytest.param("a" * 160, False, False, 1, id="one full part"),
    pytest.param("a" * 161, False, False, 2, id="one more character"),
    pytest.param("é" * 306, False, False, 2, id="two full segments"),
    pytest.param("€" * 81, False, False, 2, id="a euro counts two"),
    pytest.param(":br:" + "a" * 159, False, False, 2, id="a break counts two"),
    pytest.param("œ" * 81, False, False, 2, id="oe becomes two letters"),
    pytest.param("^" * 500, False, False, 1, id="dropped characters cost nothing"),
    pytest.param("ê" * 70, True, False, 1, id="one full part in Unicode"),
    pytest.param("😀" * 36, True, False, 2, id="an emoji counts two"),
    pytest.param("a" * 71, True, False, 2, id="plain letters in a call of Unicode"),
    pytest.param("a" * 152 + "€" + "a" * 152, False, False, 3, id="a euro is not split"),
    pytest.param("a" * 66 + "😀" + "a" * 66, True, False, 3, id="an emoji is not split"),
    pytest.param("a" * 150, False, True, 2, id="the STOP mention takes its place"),
]


@pytest.mark.parametrize(("text", "unicode", "stop", "segments"), SEGMENTS)
def test_segments_are_counted_on_what_leaves(
    text: str, unicode: bool, stop: bool, segments: int
) -> None:
    assert leaving(text, unicode, stop)[1] == segments


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("0639980001", ANNE),
        ("+33639980001", ANNE),
        ("0033639980001", ANNE),
        ("33639980001", ANNE),
        ("+262692000000", "+262692000000"),
        ("+33139980001", None),
        (" 33639980001", None),  # an unescaped plus in a query
        ("063998000", None),
        (639980001, None),
    ],
)
def test_number_spellings_are_read_as_by_the_gateway(raw: object, expected: str | None) -> None:
    assert e164(raw) == expected


@pytest.mark.parametrize(
    ("switch", "value"), [("colour", "red"), ("tag_unknown", "maybe"), ("http_status_mode", 200)]
)
def test_unknown_switch_or_value_raises(switch: str, value: object) -> None:
    with pytest.raises(ValueError, match=switch):
        Behaviour().changed({switch: value})


def test_fault_hits_only_its_path_and_request() -> None:
    script = FaultScript()
    script.add(Fault(kind="empty", path="/v1/send", nth=2, times=2))
    picked = [script.pick(path) for path in ["/v1/send", "/v1/me"] + ["/v1/send"] * 3]
    assert [fault is not None for fault in picked] == [False, False, True, True, False]


def test_same_seed_picks_same_requests() -> None:
    def run(seed: int) -> list[bool]:
        script = FaultScript()
        script.add(Fault(kind="empty", probability=0.5, times=None, seed=seed))
        return [script.pick("/v1/me") is not None for _ in range(50)]

    assert run(1) == run(1) != run(2)
    assert 5 < sum(run(1)) < 45


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "explode"},
        {},
        {"kind": "empty", "colour": "red"},
        {"kind": "corrupt", "how": "badly"},
        {"kind": "corrupt", "processed": False},
        {"kind": "empty", "processed": "after"},
    ],
)
def test_contradictory_fault_raises(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"fault|processed"):
        Fault.of(values)


@pytest.mark.parametrize("shape", ["A", "B", "C", "D", "E"])
def test_error_takes_each_known_shape(shape: Any) -> None:
    document = corruption.error(11, shape)
    assert (document["success"], document["code"]) == (False, 11)
    assert [name for name in ("message", "error", "errors") if name in document] == {
        "A": ["message"],
        "B": ["error"],
        "C": ["errors"],
        "D": ["error"],
        "E": ["message", "errors"],
    }[shape]
