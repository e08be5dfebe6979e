from __future__ import annotations

import io
import json
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from dispatcher import ConfigurationError, Dispatcher, StorageError
from dispatcher.contrib.flask import Dispatcher as Extension
from dispatcher.contrib.flask import api
from dispatcher.contrib.flask.answers import Spend
from dispatcher.contrib.flask.budget_bodies import Budget
from dispatcher.storage import credit
from tests.integration.bench import people
from tests.integration.flask.webapp import (
    TOKEN,
    Caller,
    MakeApp,
    bearer,
    campaign,
    library,
    make_app,
    reader,
)

__all__ = ["make_app"]
#: nobody listens there
NOWHERE = "postgresql+psycopg://app:hunter2@127.0.0.1:9/app"


@pytest.fixture
def app(make_app: MakeApp, database_url: str) -> Flask:
    return make_app(database_url)


@pytest.fixture
def lone_app(make_app: MakeApp, prepared_sqlite_url: str) -> Flask:
    """The same where the kind of database does not matter."""
    return make_app(prepared_sqlite_url)


@pytest.fixture
def call(lone_app: Flask) -> Caller:
    return Caller(lone_app)


def refused(response: TestResponse, status: int, code: str) -> str:
    """The one sentence of a problem, which repeats nothing of what was given."""
    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    result = response.json
    assert result is not None
    assert result.keys() - {"rejected"} == {
        "type", "title", "status", "code", "detail", "row",
    }  # fmt: skip
    assert (result["status"], result["code"]) == (status, code)
    assert "Traceback" not in response.text
    assert "63998" not in response.text
    sentence: str = result["detail"]
    assert sentence
    assert "\n" not in sentence
    return sentence


# -- doing


def test_campaign_with_hand_over_is_handed_over(app: Flask) -> None:
    call = Caller(app)
    refused(call.submit(3, hand_over=True), 422, "unusable_input")
    stored = call.submit(3, not_before="2026-11-25T09:00:00+01:00", hand_over=True)
    assert stored.status_code == 201
    # no worker has read the balance yet
    assert (stored.json or {})["why"] == "the balance is read first"
    with library(app).database.write() as session:
        credit.release_all(session)
    why = library(app).progress("soldes").why
    assert why.startswith("to be handed over to the gateway")
    [batch] = library(app).batches("soldes")
    assert batch.leaves_at is not None
    assert batch.leaves_at.isoformat() == "2026-11-25T08:00:00+00:00"
    assert (stored.json or {})["batches"]["handed_over"] == 0


def test_campaign_can_be_submitted_read_paused_resumed_and_cancelled(app: Flask) -> None:
    call = Caller(app)
    stored = call.submit(3, not_before="2026-11-25T09:00:00+01:00")
    assert stored.status_code == 201
    assert stored.json is not None
    assert stored.json["recipients"] == 3
    assert stored.json["waits_until"] == "2026-11-25T08:00:00+00:00"
    assert stored.headers["Location"] == f"/sms/api/campaigns/{stored.json['id']}"
    at = stored.headers["Location"].removeprefix("/sms/api")
    for verb, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        moved = call.post(f"{at}/{verb}")
        assert (moved.status_code, (moved.json or {})["state"]) == (200, state)
        assert call.get(at).json == moved.json
    actions = library(app).actions("soldes")
    assert [action.verb for action in actions] == ["cancel", "resume", "pause", "submit"]
    assert {action.actor for action in actions} == {"JSON API"}


def test_campaign_posted_twice_is_stored_once(app: Flask) -> None:
    call = Caller(app)
    first, second = call.submit(), call.submit()
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert first.headers["Location"] == second.headers["Location"]
    assert library(app).page().total == 1


def test_campaign_posted_twice_at_once_is_stored_once(app: Flask) -> None:
    answers: list[TestResponse] = []
    together = threading.Barrier(4)

    def submit() -> None:
        together.wait()
        answers.append(Caller(app).submit(500))

    callers = [threading.Thread(target=submit) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({(answer.json or {})["id"] for answer in answers}) == 1
    assert library(app).page().total == 1
    assert library(app).progress("soldes").recipients == 500


def test_long_number_becomes_the_sender_of_the_campaign(app: Flask) -> None:
    call = Caller(app)
    assert call.submit(3, from_number="06 39 98 88 88").status_code == 201
    stored = library(app).campaign("soldes")
    assert (stored.from_number, stored.sender) == ("+33639988888", None)
    assert library(app).batches("soldes").total == 3
    assert call.submit(3, from_number="+33639988888").status_code == 200
    both = call.submit(3, "both", from_number="+33639988888", sender="Boutique")
    assert "not both" in refused(both, 422, "unusable_input")


def test_survey_is_submitted_without_a_text(call: Caller) -> None:
    body = campaign(2, survey="a1b2")
    assert "give none" in refused(call.post("/campaigns", body), 422, "unusable_input")
    del body["text"]
    assert call.post("/campaigns", body).status_code == 201
    del body["survey"]
    refused(call.post("/campaigns", body | {"reference": "b"}), 422, "unusable_input")


def test_pause_records_its_reason(call: Caller) -> None:
    call.submit()
    assert (call.post("/campaigns/1/pause").json or {})["why"] == "paused: by hand"
    call.post("/campaigns/1/resume")
    paused = call.post("/campaigns/1/pause", {"reason": "the shop is closed"})
    assert (paused.json or {})["why"] == "paused: the shop is closed"


def test_refusal_of_a_whole_list_names_each_row_with_its_reason(call: Caller) -> None:
    answer = call.submit(recipients=["0139980907", "abc"])
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["detail"].startswith("none of 2 rows can be texted: 1 × landline (")
    assert [(one["row"], one["code"], one["value"]) for one in answer.json["rejected"]] == [
        (1, "landline", "01••••••07"),
        (2, "not_a_number", "abc"),
    ]


@pytest.mark.parametrize(
    ("bad", "code", "value"),
    [
        (639980009, "not_a_recipient", "63•••••09"),
        (None, "not_a_recipient", ""),
        (["0639980009"], "not_a_recipient", ""),
        ({"mobile": ["0639980009"]}, "unusable_value", ""),
        ({"mobile": "0639980009", "prenom": {"a": 1}}, "unusable_value", ""),
    ],
)
def test_recipient_that_cannot_be_used_does_not_stop_the_others(
    call: Caller, bad: object, code: str, value: str
) -> None:
    answer = call.submit(recipients=[people(1)[0], bad])
    assert answer.status_code == 201
    assert answer.json is not None
    assert answer.json["recipients"] == 1
    (rejected,) = answer.json["rejected"]
    assert (rejected["row"], rejected["code"], rejected["value"]) == (2, code, value)


def test_answer_lists_rejected_rows_without_the_number(call: Caller) -> None:
    values = ["0140000000", people(1)[0], {"mobile": "", "prenom": "Zoé"}, *people(1)]
    answer = call.submit(recipients=values)
    assert answer.json is not None
    assert answer.json["rejected"] == [
        {
            "code": "landline",
            "detail": "a landline gets no SMS: give a mobile number",
            "row": 1,
            "column": None,
            "value": "01••••••00",
        },
        {
            "code": "empty",
            "detail": "there is no number: give one",
            "row": 3,
            "column": None,
            "value": "",
        },
    ]
    counted = {name: answer.json[name] for name in ("rows", "recipients", "duplicates", "unusable")}
    assert counted == {"rows": 4, "recipients": 1, "duplicates": 1, "unusable": 2}
    assert "63998" not in answer.text
    assert "014000" not in answer.text


def test_answer_has_the_warnings_without_values(call: Caller) -> None:
    values = [{"mobile": people(1)[0], "prenom": "Noël"}]
    answer = call.submit(recipients=values, text="Bonjour {{ prenom }}")
    assert answer.json is not None
    assert answer.json["warnings"] == [
        "1 of 1 loses an accent (line 1)",
        "no price is set for metropole (DISPATCHER_PRICES)",
    ]


def test_campaigns_are_listed_newest_first(call: Caller) -> None:
    for number in range(5):
        call.submit(1, f"soldes-{number}")
    result = call.get("/campaigns?limit=2&offset=1").json
    assert result is not None
    assert result["total"] == 5
    assert [one["reference"] for one in result["campaigns"]] == ["soldes-3", "soldes-2"]


def test_campaign_is_found_by_any_reference(call: Caller) -> None:
    for reference in ("soldes/été 2027 & ?=#", "12", ".."):
        call.submit(1, reference)
        found = call.get("/campaigns", query_string={"reference": reference}).json
        assert found is not None
        assert [one["reference"] for one in found["campaigns"]] == [reference]
    assert call.get("/campaigns?reference=other").json == {"campaigns": [], "total": 0}


# -- refusing


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        "Bearer caf\xe9",
        f"Basic {TOKEN}",
        f"Token {TOKEN}",
        TOKEN,
    ],
)
def test_request_without_token_is_refused(call: Caller, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (
        ("GET", "/campaigns"),
        ("POST", "/campaigns"),
        ("GET", "/campaigns/1"),
        ("POST", "/campaigns/1/cancel"),
        ("GET", "/nothing"),
        ("OPTIONS", "/campaigns"),
    ):
        answer = call(method, path, auth=None, headers=headers)
        assert TOKEN not in refused(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer realm=dispatcher"


def test_token_in_the_address_is_refused(call: Caller) -> None:
    refused(call.get(f"/campaigns?token={TOKEN}", auth=None), 401, "unauthorized")


def test_api_without_a_token_is_not_registered(sqlite_url: str) -> None:
    app = Flask("shop")
    app.config["DISPATCHER_DATABASE_URL"] = sqlite_url
    Extension(app)
    with pytest.raises(ConfigurationError, match="DISPATCHER_WEB_TOKEN is not set"):
        app.register_blueprint(api())
    with pytest.raises(RuntimeError, match="init_app"):
        Flask("other").register_blueprint(api())


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[bad"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
    ],
)
def test_request_of_another_site_is_refused(call: Caller, headers: dict[str, str]) -> None:
    call.submit()
    for method, path in (("POST", "/campaigns/1/cancel"), ("GET", "/campaigns"), ("GET", "/x")):
        refused(call(method, path, headers=headers), 403, "forbidden")
    assert (call.get("/campaigns/1").json or {})["state"] == "running"


def test_request_of_the_same_site_is_accepted(call: Caller) -> None:
    call.submit()
    for headers in ({"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}):
        assert call.get("/campaigns/1", headers=headers).status_code == 200


def test_body_is_not_read_beyond_its_limit(make_app: MakeApp, sqlite_url: str) -> None:
    app = make_app(sqlite_url)
    app.register_blueprint(api(body_limit=1000), url_prefix="/small", name="small")
    call = Caller(app, "/small")
    assert call.submit(10).status_code == 201
    refused(call.submit(1000, "large"), 413, "request_entity_too_large")
    # nor one that does not say how long it is
    endless = Endless()
    answer = call.post(
        "/campaigns",
        headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": endless, "wsgi.input_terminated": True},
    )
    refused(answer, 413, "request_entity_too_large")
    assert endless.read_so_far < 10_000
    # what needs no body is refused one that is too large, as well
    refused(call.post("/campaigns/1/cancel", data=b"x" * 1001), 413, "request_entity_too_large")


class Endless(io.RawIOBase):
    """A body that goes on for ever."""

    read_so_far = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.read_so_far += len(buffer)
        buffer[:] = b" " * len(buffer)
        return len(buffer)


def test_limit_of_the_app_holds_as_well(make_app: MakeApp, sqlite_url: str) -> None:
    call = Caller(make_app(sqlite_url, MAX_CONTENT_LENGTH=500))
    refused(call.submit(1000), 413, "request_entity_too_large")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1,", b"\xff\xfe", b'{"text": "\\ud800"}', b"[" * 9999]
)
def test_body_that_is_not_json_is_refused(call: Caller, body: bytes) -> None:
    answer = call.post("/campaigns", data=body, headers={"Content-Type": "application/json"})
    assert refused(answer, 400, "bad_request").startswith("the body is not JSON")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/campaigns", 200), ("/campaigns/9", 404), ("/x", 404), ("/campaigns/1", 200)],
)
def test_answer_is_stored_by_no_cache_and_read_as_what_it_is(
    call: Caller, path: str, status: int
) -> None:
    call.submit()

    answer = call.get(path)

    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_body_without_the_json_content_type_is_refused(call: Caller, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = call.post("/campaigns", data=b'{"reference": "r"}', headers=headers)
    refused(answer, 415, "unsupported_media_type")
    call.submit()
    refused(call.post("/campaigns/1/pause", data=b"{}"), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"reference": ""}, "reference: "),
        ({"reference": "a\nb"}, "a reference has 1 to 200 printable characters"),
        ({"reference": 12}, "reference: input should be a valid string"),
        ({"reference": "x" * 201}, "reference: "),
        ({"text": ""}, "The text is empty."),
        ({"text": "  "}, "The text is empty."),
        ({"text": "a\0b"}, "Position 2 holds a control character (U+0000)."),
        ({"text": None}, "text: "),
        ({"recipients": []}, "recipients: "),
        ({"recipients": "+33639980001"}, "recipients: "),
        ({"recipients": [33639980001]}, "none of 1 rows can be texted: 1 × not_a_recipient"),
        ({"recipients": [{"mobile": ["+33639980001"]}]}, "none of 1 rows can be texted: 1 × unus"),
        (
            {"recipients": [{"+33639980001": {}}]},
            "none of 1 rows can be texted: 1 × unusable_value",
        ),
        ({"recipients": [{"nom": "Zoé"}]}, "none of 1 rows can be texted: 1 × no_number"),
        ({"recipients": ["06 39 98 00 01x"]}, "none of 1 rows can be texted"),
        ({"sender": "Ma Boutique"}, "the sender is not 3 to 11 letters"),
        ({"territory": "corse"}, "territory: "),
        ({"commercial": "no"}, "commercial: "),
        ({"commercial": 0}, "commercial: "),
        ({"strict": True, "recipients": [*people(1), "0140000000"]}, "1 of 2 rows"),
        ({"not_before": "2027-01-01T00:00"}, "not_before: "),
        ({"not_before": 1790000000}, "not_before: "),
        ({"not_before": "0001-01-01T00:00:00+05:00"}, "not_before "),
        ({"not_before": "9999-12-31T23:00:00-05:00"}, "not_before "),
        ({"not_after": "2001-01-01T00:00:00Z"}, "not_after, Monday 2001-01-01 01:00 in Paris"),
    ],
)
def test_invalid_campaign_is_refused_in_one_sentence(
    lone_app: Flask, more: dict[str, Any], sentence: str
) -> None:
    answer = Caller(lone_app).post("/campaigns", campaign(**more))
    assert refused(answer, 422, "unusable_input").startswith(sentence)
    assert library(lone_app).page().total == 0


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("recipents", "unknown field 'recipents': did you mean recipients?"),
        ("zz", "unknown field 'zz': there is reference, text, recipients, account, sender"),
        ("06 39 98 00 01", "unknown field '06••••••01': there is reference"),
        ("a\n" * 90, "unknown field 'a\\na\\n"),
    ],
)
def test_unknown_field_is_named_before_what_its_absence_causes(
    call: Caller, field: str, sentence: str
) -> None:
    answer = call.post("/campaigns", {"reference": "soldes", "text": "Bonjour", field: ["x"]})

    assert refused(answer, 422, "unknown_field").startswith(sentence)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/campaigns?limt=3", "unknown query parameter 'limt': did you mean limit?"),
        ("/campaigns?status=paused", "unknown query parameter 'status': did you mean state?"),
        ("/campaigns?q=06+39+98+00+01&0639980001=", "unknown query parameter 'q': there is limit"),
        ("/campaigns/1?verbose=1", "unknown query parameter 'verbose': there is none"),
        ("/openapi.json?x", "unknown query parameter 'x': there is none"),
    ],
)
def test_unknown_query_parameter_is_named(call: Caller, path: str, sentence: str) -> None:
    assert refused(call.get(path), 422, "unknown_parameter").startswith(sentence)


def test_query_parameter_of_an_action_is_refused_and_does_nothing(call: Caller) -> None:
    call.submit()

    refused(call.post("/campaigns/1/pause?reason=closed"), 422, "unknown_parameter")

    assert (call.get("/campaigns/1").json or {})["state"] == "running"


@pytest.mark.parametrize("query", [
    "state=paused", "state=paused&state=cancelled", "since=2026-09-01&reference_prefix=sol",
    "reference=soldes-2", "reference=soldes-2&state=paused&account="])  # fmt: skip
def test_filters_select_what_holds_them_all(call: Caller, query: str) -> None:
    call.submit(reference="autre")
    call.submit(reference="soldes-2")
    call.post("/campaigns/2/pause")

    answer = call.get(f"/campaigns?{query}").json or {}

    assert [one["reference"] for one in answer["campaigns"]] == ["soldes-2"]
    assert answer["total"] == 1


def test_campaign_is_smoothed(call: Caller) -> None:
    answer = call.submit(reference="slow", per_hour=2000).json or {}
    assert answer["per_hour"] == 2000
    people_an_hour = (call.submit(reference="evenly", over=3600).json or {})["per_hour"]
    assert people_an_hour == answer["recipients"]
    assert (call.submit(reference="plain").json or {})["per_hour"] is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"per_hour": 5, "over": 3600}, "by per_hour or by over, not by both"),
        ({"per_hour": 0}, "per_hour: input should be greater than or equal to 1"),
        ({"over": "6h"}, "over: input should be a valid integer"),
    ],
)
def test_campaign_that_cannot_be_smoothed_is_refused(
    call: Caller, options: dict[str, Any], sentence: str
) -> None:
    assert sentence in refused(call.submit(**options), 422, "unusable_input")


def test_tags_are_submitted_shown_and_filtered_by(call: Caller) -> None:
    call.submit(reference="plain")
    answer = call.submit(reference="soldes", tags=["Shop-Lyon", "sale", "sale"])

    assert (answer.json or {})["tags"] == ["sale", "shop-lyon"]
    assert (call.get("/campaigns/1").json or {})["tags"] == []
    for query in ("tag=sale", "tag=nice&tag=SHOP-lyon"):
        listed = call.get(f"/campaigns?{query}").json or {}
        assert [one["reference"] for one in listed["campaigns"]] == ["soldes"]
    assert call.get("/campaigns?tag=nice").json == {"campaigns": [], "total": 0}


def test_spend_is_answered_as_it_is_described(call: Caller) -> None:
    call.submit(reference="soldes", tags=["lyon", "sale"])

    answer = call.get("/spend?by=tag&from=2020-01&to=2099-12-31&tag=lyon&tag=sale&account=").json
    months = call.get("/spend").json

    assert Spend.model_validate_json(json.dumps(answer)).several_tags == 1
    assert [row["name"] for row in (answer or {})["rows"]] == ["lyon", "sale"]
    assert (answer or {})["from"] == "2020-01-01T00:00:00+01:00"
    total = (answer or {})["total"]
    assert total["messages"] == {"planned": 3, "reserved": 3, "charged": 0, "difference": 0}
    assert (months or {})["total"] == total


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("by=week", "spend is added up by one of month, account, tag, territory"),
        ("from=2027-13", "from '2027-13' is no month, no day and no instant"),
        ("to=", "to '' is no month, no day and no instant"),
        ("from=2027-03&to=2027-02", "the period ends before it begins"),
        ("tag=a%20b", "a campaign tag has 1 to 50"),
        ("from=2027-03&from=2027-04", "from is given 2 times: give it once"),
        ("account=nobody", "there is no account "),
    ],
)
def test_spend_that_cannot_be_asked_for_is_refused(call: Caller, query: str, sentence: str) -> None:
    assert refused(call.get(f"/spend?{query}"), 422, "unusable_input").startswith(sentence)


def test_budget_is_set_listed_and_removed(make_app: MakeApp, prepared_sqlite_url: str) -> None:
    call = Caller(make_app(prepared_sqlite_url, DISPATCHER_PRICES="metropole=0.04"))
    first = call("PUT", "/budgets/rhône/lyon", json={"euros": 500}).json
    again = call(
        "PUT", "/budgets/Rhône/Lyon", json={"euros": "40,5", "reason": "a poor month"}
    ).json
    listed = call.get("/budgets").json
    removed = call("DELETE", "/budgets/rhône/lyon")

    assert (first or {})["euros"] == "500.0000"
    assert (again or {})["tag"] == "rhône/lyon"
    assert listed == {"budgets": [again]}
    assert Budget.model_validate_json(json.dumps(again)).left == "40.5000"
    assert removed.json == again
    assert call.get("/budgets").json == {"budgets": []}
    assert refused(call("DELETE", "/budgets/rhône/lyon"), 404, "not_found").startswith("no budget")


@pytest.mark.parametrize(
    ("tag", "euros", "sentence"),
    [
        ("lyon", 10, "a budget of 10 € is below one batch: 500 messages"),
        ("lyon", "0", "a budget is an amount of euros a month"),
        ("lyon", "x", "euros: "),
        ("lyon", 20.5, "euros: "),
        ("lyon", True, "euros: "),
        ("lyon", None, "euros: "),
        ("a%20b", 500, "a campaign tag has 1 to 50 letters"),
    ],
)
def test_budget_that_cannot_be_kept_is_refused(
    make_app: MakeApp, prepared_sqlite_url: str, tag: str, euros: object, sentence: str
) -> None:
    call = Caller(make_app(prepared_sqlite_url, DISPATCHER_PRICES="metropole=0.04"))
    answer = call("PUT", f"/budgets/{tag}", json={"euros": euros})
    assert refused(answer, 422, "unusable_input").startswith(sentence)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        (["shop lyon"], "a campaign tag has 1 to 50 letters"),
        (["06 39 98 00 01"], "a campaign tag has 1 to 50 letters"),
        (["0639980001"], "a campaign tag has at most 8 digits"),
        ([f"t{n}" for n in range(11)], "a campaign has at most 10 tags, and these are 11"),
        (["t"] * 11, "a campaign has at most 10 tags, and these are 11"),
        ("sale", "tags: input should be a valid"),
        ([1], "tags.0: input should be a valid string"),
    ],
)
def test_tags_that_cannot_be_used_are_refused(call: Caller, tags: object, sentence: str) -> None:
    answer = call.submit(reference="soldes", tags=tags)

    assert refused(answer, 422, "unusable_input").startswith(sentence)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("tag=a%20b", "a campaign tag has 1 to 50 letters"),
        ("state=held", "a state is one of running, paused, finished, cancelled"),
        ("since=yesterday", "since 'yesterday' is no day and no instant with an offset; write it"),
        ("since=2027-03-27T20:00", "since '2027-03-27T20:00' is no day and no instant with an"),
        ("since=2027-02-31", "since '2027-02-31' is no day and no instant with an offset; write"),
        ("since=0001-01-01T00:00%2B05:00", "since '0001-01-01T00:00+05:00' is no day and no"),
        ("limit=1&limit=2", "limit is given 2 times: give it once"),
        ("reference=a&reference=b", "reference is given 2 times: give it once"),
    ],
)
def test_unusable_filter_is_refused(call: Caller, query: str, sentence: str) -> None:
    answer = call.get(f"/campaigns?{query}")

    assert refused(answer, 422, "unusable_input").startswith(sentence)


@pytest.mark.parametrize("query", [
    "since=2999-01-01", "state=finished", "reference_prefix=SOL", "reference_prefix=%25",
    "reference_prefix=%00", "reference=%00", "reference_prefix=s_"])  # fmt: skip
def test_filter_that_nothing_matches_gives_an_empty_list(call: Caller, query: str) -> None:
    call.submit(reference="soldes")

    assert call.get(f"/campaigns?{query}").json == {"campaigns": [], "total": 0}


@pytest.mark.parametrize(
    ("recipients", "sentence"),
    [
        (b"[]", "recipient 1: expected a number, or an object of text and numbers"),
        (b"[[[[]]]]", "recipient 1: expected a number, or an object of text and numbers"),
        (b"{}", "the body: more than 2,097,152 values; submit larger lists in Python"),
        (b"1", "recipient 1: expected a number, or an object of text and numbers"),
        (b'{"a": {"b": [1, [2]]}}', "recipient 1: expected a number, or an object of text and"),
        (b'"x"', "the body: more than 2,097,152 values; submit larger lists in Python"),
    ],
)
def test_garbage_of_megabytes_is_refused_at_its_beginning(
    call: Caller, recipients: bytes, sentence: str
) -> None:
    count = 16_000_000 // (len(recipients) + 1)
    body = b'{"reference": "r", "text": "x", "recipients": [%s]}' % b",".join([recipients] * count)

    with at_most(cpu_seconds=30, megabytes=600):
        answer = call.post("/campaigns", data=body, content_type="application/json")

    assert refused(answer, 422, "unusable_input").startswith(sentence)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"reference": "r", "text": [%s], "recipients": ["a"]}' % b",".join([b"[]"] * 10**6),
         "the body: lists within lists"),
        (b'{"recipients": [{%s}]}' % b",".join(b'"%d":0' % n for n in range(10**6)),
         "the body: an object of more than 1,000 members"),
        (b"{%s}" % b",".join(b'"%d":0' % n for n in range(10**6)),
         "the body: an object of more than 1,000 members"),
        (b'{"reference": "r", "text": "%s", "recipients": ["a"]}' % (b"x" * 10**7),
         "the text has over 65,536 characters: no SMS has"),
    ],
    ids=["nested text", "wide recipient", "wide body", "long text"],
)  # fmt: skip
def test_body_of_a_wrong_shape_is_refused(call: Caller, body: bytes, sentence: str) -> None:
    with at_most(cpu_seconds=30, megabytes=600):
        answer = call.post("/campaigns", data=body, content_type="application/json")

    assert refused(answer, 422, "unusable_input").startswith(sentence)


def test_body_with_a_reason_is_small(call: Caller) -> None:
    call.submit()

    answer = call.post("/campaigns/1/pause", {"reason": "x" * 70_000})

    refused(answer, 413, "request_entity_too_large")


def test_reason_has_at_most_the_characters_that_the_record_takes(call: Caller) -> None:
    schemas = (call.get("/openapi.json").json or {})["components"]["schemas"]
    bodies = [
        body
        for path in (call.get("/openapi.json").json or {})["paths"].values()
        if (body := path.get("post", {}).get("requestBody"))
    ]
    names = {name for name in schemas if f'schemas/{name}"' in json.dumps(bodies)}
    reasons = [schemas[name]["properties"].get("reason") for name in names]
    assert {one["maxLength"] for one in reasons if one} == {500}
    call.submit()
    refused(call.post("/campaigns/1/pause", {"reason": "x" * 501}), 422, "unusable_input")


def test_commas_quotes_and_brackets_in_texts_count_for_nothing(call: Caller) -> None:
    people = [{"mobile": f"06399800{n:02}", "ville": '[{"\\,' * 100} for n in range(100)]

    assert call.submit(0, recipients=people).status_code == 201


def test_first_rejected_rows_of_many_are_told(call: Caller) -> None:
    answer = call.submit(1, recipients=["+33639980001", *["x"] * 10_001])

    body = answer.json or {}
    assert (answer.status_code, len(body["rejected"]), body["unusable"]) == (201, 10_000, 10_001)


@contextmanager
def at_most(*, cpu_seconds: int, megabytes: int) -> Iterator[None]:
    """End the test run if the block takes more memory than this beyond what is in use, or ever
    so much time of the processor: both are far from what is right.
    """
    own = resource.getrusage(resource.RUSAGE_SELF)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = {
        resource.RLIMIT_CPU: int(own.ru_utime + own.ru_stime) + cpu_seconds,
        resource.RLIMIT_AS: used + megabytes * 2**20,
    }
    before = {kind: resource.getrlimit(kind) for kind in limits}
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, before[kind][1]))
    try:
        yield
    finally:
        for kind, limit in before.items():
            resource.setrlimit(kind, limit)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=", "offset=-1",
                                   "offset=1.0", "limit=1_0", "offset=99999999999999"])  # fmt: skip
def test_invalid_page_query_is_refused(call: Caller, query: str) -> None:
    assert "must be a whole number" in refused(
        call.get(f"/campaigns?{query}"), 422, "unusable_input"
    )


@pytest.mark.parametrize(
    "name", ["99", "0", "-1", "1.0", "x", "१", str(2**63), "9" * 19, "9" * 5000]
)
@pytest.mark.parametrize(("method", "verb"), [("GET", ""), ("POST", "/pause"), ("POST", "/cancel")])
def test_unknown_campaign_is_not_found(call: Caller, name: str, method: str, verb: str) -> None:
    refused(call(method, f"/campaigns/{name}{verb}"), 404, "not_found")


def test_forbidden_change_of_state_is_refused(call: Caller) -> None:
    call.submit()
    call.post("/campaigns/1/cancel")
    for verb in ("resume", "pause"):
        answer = call.post(f"/campaigns/1/{verb}")
        assert "a cancelled campaign cannot become" in refused(answer, 409, "illegal_move")


def test_different_content_under_the_same_reference_is_refused(call: Caller) -> None:
    call.submit()
    refused(call.submit(4), 409, "reference_taken")
    assert (call.get("/campaigns/1").json or {})["recipients"] == 3


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/campaigns", "GET, HEAD, OPTIONS, POST"),
        ("PUT", "/campaigns/1", "GET, HEAD, OPTIONS"),
        ("POST", "/campaigns/1", "GET, HEAD, OPTIONS"),
        ("GET", "/campaigns/1/pause", "OPTIONS, POST"),
        ("TRACE", "/campaigns/1/cancel", "OPTIONS, POST"),
    ],
)
def test_wrong_method_is_refused_with_the_allowed_ones(
    call: Caller, method: str, path: str, allow: str
) -> None:
    answer = call(method, path)
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == allow
    assert call("OPTIONS", path).headers["Allow"] == allow


@pytest.mark.parametrize("path", ["/", "/nothing", "/campaigns/", "/campaigns/1/delete"])
def test_unknown_address_is_not_found(call: Caller, path: str) -> None:
    refused(call.get(path), 404, "not_found")


def test_safe_method_changes_nothing(lone_app: Flask) -> None:
    call = Caller(lone_app)
    call.submit()
    before = library(lone_app).progress("soldes"), library(lone_app).actions("soldes")
    for path in ("/campaigns", "/campaigns/1", "/campaigns/1/pause", "/campaigns/1/cancel"):
        for method in ("GET", "HEAD", "OPTIONS"):
            call(method, path)
    assert (library(lone_app).progress("soldes"), library(lone_app).actions("soldes")) == before


# -- what is down


def test_unreachable_database_is_answered_without_its_address(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    call = Caller(make_app(NOWHERE))
    for answer in (call.submit(), call.get("/campaigns"), call.post("/campaigns/1/pause")):
        sentence = refused(answer, 503, "unavailable")
        assert sentence.startswith("the database is out of reach")
    # whoever runs it reads why, and not the password
    assert "the database cannot be used" in caplog.text
    assert "hunter2" not in caplog.text


def test_campaign_is_stored_while_redis_is_down(make_app: MakeApp, sqlite_url: str) -> None:
    app = make_app(sqlite_url, DISPATCHER_BROKER_URL="redis://:hunter3@127.0.0.1:9/0")
    assert Caller(app).submit().status_code == 201
    assert library(app).progress("soldes").messages["pending"] == 3


def test_unexpected_error_is_answered_without_its_message(
    lone_app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError(f"what is {people(1)[0]}?")

    monkeypatch.setattr(Dispatcher, "submit", fails)
    refused(Caller(lone_app).submit(), 500, "internal_error")
    assert "ValueError" in caplog.text
    assert "line " in caplog.text
    assert people(1)[0] not in caplog.text


def test_database_lost_in_a_request_is_answered_with_503(
    lone_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise StorageError("the connection to the database was lost")

    monkeypatch.setattr(Dispatcher, "submit", fails)
    refused(Caller(lone_app).submit(), 503, "unavailable")


def test_each_app_has_its_own_token(make_app: MakeApp, sqlite_url: str) -> None:
    first = make_app(sqlite_url)
    other = make_app(sqlite_url.replace("test.db", "other.db"))
    assert Caller(first).submit().status_code == 201
    assert Caller(other).get("/campaigns").json == {"campaigns": [], "total": 0}
    refused(Caller(first).get("/campaigns", auth=bearer("x" * 16)), 401, "unauthorized")


def test_campaign_shows_its_account_and_the_list_filters_by_account(
    make_app: MakeApp, sqlite_url: str
) -> None:
    call = Caller(make_app(sqlite_url, DISPATCHER_ACCOUNTS="shop,news"))
    stored = call.submit(2, "mine", account="shop")
    assert stored.json is not None
    assert (stored.status_code, stored.json["account"]) == (201, "shop")
    assert call.submit(2, "mine", account="shop").status_code == 200
    assert call.submit(2, "mine", account="news").status_code == 409
    call.submit(3, "theirs", account="news")
    call.submit(3, "plain")

    def listed(query: str) -> tuple[list[str], int]:
        result = call.get(f"/campaigns?{query}").json
        assert result is not None
        return [one["reference"] for one in result["campaigns"]], result["total"]

    assert listed("") == (["plain", "theirs", "mine"], 3)
    assert listed("account=shop") == (["mine"], 1)
    assert listed("account=") == (["plain"], 1)
    assert listed("account=shop&reference=theirs") == ([], 0)
    known = "there are shop, news, and the default account"
    for response in (
        call.submit(2, "other", account="shoes"),
        call.get("/campaigns?account=shoes"),
    ):
        assert known in refused(response, 422, "unusable_input")


def test_page_shows_the_account(make_app: MakeApp, sqlite_url: str) -> None:
    app = make_app(sqlite_url, DISPATCHER_ACCOUNTS="shop")
    library(app).submit("mine", "Soldes", people(2), account="shop")
    for path in ("/sms/", "/sms/campaigns/1"):
        assert "shop" in reader(app).get(path).text
