"""Drafts in the JSON API: the token writes them, and a person whom the app names approves."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.integration.bench import people
from tests.integration.flask.test_json_api import refused
from tests.integration.flask.webapp import TOKEN, Caller, MakeApp, library, make_app

__all__ = ["make_app"]
TEXT = "Bonjour {{ prenom }}"
ROWS = [{"mobile": phone, "prenom": "Zoé"} for phone in people(2)]


class Person:
    """Who is signed in to the app; empty for nobody."""

    name = ""


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def app(make_app: MakeApp, database_url: str, person: Person) -> Flask:
    return make_app(database_url, actor=lambda: person.name, DISPATCHER_APPROVAL="required")


@pytest.fixture
def call(app: Flask) -> Caller:
    return Caller(app)


def body(**more: Any) -> dict[str, Any]:
    return {"reference": "soldes", "text": TEXT, "recipients": ROWS, **more}


def handed_in(call: Caller) -> dict[str, Any]:
    draft = call.post("/drafts", body()).json or {}
    planned = call.post(f"/drafts/{draft['id']}/plan", {"version": draft["version"]}).json or {}
    path = f"/drafts/{draft['id']}/hand-in"
    answer = call.post(path, {"version": planned["version"]})
    assert answer.status_code == 200, answer.text
    return answer.json or {}


def test_draft_is_written_planned_handed_in_and_approved(
    call: Caller, app: Flask, person: Person
) -> None:
    person.name = "zoe"
    written = call.post("/drafts", body(not_before="2026-11-25T09:00:00+01:00"))
    assert written.status_code == 201
    draft = written.json or {}
    assert written.headers["Location"].endswith(f"/drafts/{draft['id']}")
    assert (draft["author"], draft["state"], draft["rows"]) == ("zoe", "draft", 2)
    assert draft["options"] == {"not_before": "2026-11-25T08:00:00+00:00"}
    path = f"/drafts/{draft['id']}"
    planned = call.post(f"{path}/plan", {"version": draft["version"]}).json or {}
    assert planned["plan"]["kept"] == 2
    assert "warnings" in planned
    handed = call.post(f"{path}/hand-in", {"version": planned["version"]}).json or {}

    approval = {"fingerprint": handed["fingerprint"]}
    assert "somebody else" in refused(call.post(f"{path}/approve", approval), 403, "not_allowed")
    person.name = "luc"
    approved = call.post(f"{path}/approve", approval).json or {}

    assert (approved["state"], approved["decided_by"]) == ("submitted", "luc")
    assert library(app).progress(approved["campaign"]).recipients == 2
    assert call.get(path).json == approved
    assert (call.get("/drafts").json or {})["drafts"] == [approved]


def test_token_alone_approves_nothing(call: Caller) -> None:
    draft = handed_in(call)
    assert draft["author"] == "JSON API (token)"
    path = f"/drafts/{draft['id']}"

    approval = {"fingerprint": draft["fingerprint"]}
    assert "token" in refused(call.post(f"{path}/approve", approval), 403, "not_allowed")
    refused(call.post(f"{path}/refuse", {"reason": "non"}), 403, "not_allowed")


def test_name_that_comes_with_the_token_approves_nothing(
    make_app: MakeApp, database_url: str
) -> None:
    """A view of the app's own, behind the password of the pages: any user name goes with it."""
    app = make_app(database_url, DISPATCHER_APPROVAL="required")
    drafts = library(app).drafts

    @app.post("/write")
    def write() -> str:
        draft = drafts.create("soldes", "Bonjour")
        draft = drafts.set_list("soldes", ROWS, version=draft.version)
        draft, _ = drafts.plan("soldes", version=draft.version)
        return drafts.hand_in("soldes", version=draft.version).author

    @app.post("/approve")
    def approve() -> str:
        return str(drafts.approve("soldes").campaign)

    client = app.test_client()
    assert client.post("/write", auth=("zoe", TOKEN)).text == "zoe (token)"
    assert client.post("/approve", auth=("luc", TOKEN)).status_code == 403
    assert client.post("/approve").status_code == 403


def test_no_field_says_who_acts(call: Caller) -> None:
    draft = handed_in(call)
    approval = {"fingerprint": draft["fingerprint"]}
    for forged in ("by", "approver", "author", "actor"):
        answer = call.post(f"/drafts/{draft['id']}/approve", approval | {forged: "luc"})
        refused(answer, 422, "unknown_field")
        refused(call.post("/drafts", body(reference="x", **{forged: "luc"})), 422, "unknown_field")


def test_older_version_is_refused_and_saves_nothing(call: Caller, person: Person) -> None:
    person.name = "zoe"
    draft = call.post("/drafts", body()).json or {}
    path, change = f"/drafts/{draft['id']}", {"text": "Autre", "recipients": ROWS[:1]}
    person.name = "luc"
    saved = call("PUT", path, json=change | {"version": draft["version"]})
    assert (saved.json or {})["writers"] == ["zoe", "luc"]

    again = call("PUT", path, json={**change, "text": "Trois", "version": draft["version"]})

    assert "saved by luc" in refused(again, 409, "draft_changed")
    assert (call.get(path).json or {})["text"] == "Autre"


def test_rejected_rows_are_named(call: Caller) -> None:
    draft = call.post("/drafts", body(recipients=[*ROWS, "12"])).json or {}

    [row] = (call.get(f"/drafts/{draft['id']}/rejected").json or {})["rejected"]

    assert (row["row"], row["code"]) == (3, "too_short")


def upload(call: Caller, path: str, file: bytes | str, **fields: str) -> TestResponse:
    content = file.encode() if isinstance(file, str) else file
    return call("PUT", f"{path}/list", data={"file": (BytesIO(content), "clients.csv"), **fields})


def test_file_becomes_the_list_of_a_draft(call: Caller) -> None:
    draft = call.post("/drafts", body()).json or {}
    path, version = f"/drafts/{draft['id']}", str(draft["version"])
    file = f"Export\nprénom;mobile;vu\nZoé;{people(1)[0]};03/02/2026\nLuc;12;\n".encode("cp850")
    said = {"encoding": "cp850", "skip_lines": "1", "last_contact_column": "vu"}

    saved = upload(call, path, file, version=version, column="mobile", **said).json or {}

    assert (saved["rows"], saved["source"], saved["version"]) == (
        2,
        "clients.csv",
        int(version) + 1,
    )
    assert saved["columns"] == ["prénom", "mobile", "vu", "last_contact"]
    assert len((call.get(f"{path}/rejected").json or {})["rejected"]) == 1
    refused(upload(call, path, file, version=version, **said), 409, "draft_changed")


@pytest.mark.parametrize(
    ("file", "fields"),
    [
        ("nom\nZoé\n", {}),
        (b"\0\1\2", {}),
        ("mobile\n0639980001\n", {"version": "une"}),
        ("mobile\n0639980001\n", {"column": "portable"}),
        ("mobile\n0639980001\n", {"encoding": "klingon"}),
        ("mobile\n0639980001\n", {"skip_lines": "-1"}),
        ("mobile\n0639980001\n", {"hidden": "perhaps"}),
    ],
)
def test_unusable_file_leaves_the_draft_as_it_was(
    call: Caller, file: bytes | str, fields: dict[str, str]
) -> None:
    draft = call.post("/drafts", body()).json or {}
    path = f"/drafts/{draft['id']}"

    answer = upload(call, path, file, **{"version": str(draft["version"]), **fields})

    assert answer.status_code == 422
    assert (answer.json or {})["code"] in {"unusable_input", "invalid_file"}
    assert call.get(path).json == draft


def test_form_without_a_file_is_refused(call: Caller) -> None:
    draft = call.post("/drafts", body()).json or {}
    path = f"/drafts/{draft['id']}/list"
    fields = {"version": str(draft["version"])}
    for more, status, code in (
        ({"data": fields, "content_type": "multipart/form-data"}, 422, "unusable_input"),
        ({"data": {**fields, "phone": "x", "file": (BytesIO(b""), "a.csv")}}, 422, "unknown_field"),
        ({"data": fields}, 415, "unsupported_media_type"),
        ({"json": fields}, 415, "unsupported_media_type"),
    ):
        refused(call("PUT", path, **more), status, code)


def test_unusable_list_leaves_no_draft_behind(call: Caller) -> None:
    refused(call.post("/drafts", body(recipients=[])), 422, "unusable_input")

    assert call.get("/drafts").json == {"drafts": []}


def test_submitting_is_refused_where_approval_is_required(call: Caller) -> None:
    sentence = refused(call.submit(), 403, "not_allowed")

    assert "DISPATCHER_APPROVAL" in sentence
    draft = call.post("/drafts", body()).json or {}
    planned = call.post(f"/drafts/{draft['id']}/plan", {"version": draft["version"]}).json or {}
    answer = call.post(f"/drafts/{draft['id']}/submit", {"version": planned["version"]})
    refused(answer, 403, "not_allowed")


def test_refused_draft_says_by_whom_and_why(call: Caller, person: Person) -> None:
    person.name = "zoe"
    draft = handed_in(call)
    person.name = "luc"

    answer = call.post(f"/drafts/{draft['id']}/refuse", {"reason": "trop cher"}).json or {}

    assert (answer["state"], answer["refusal"], answer["decided_by"]) == (
        "draft",
        "trop cher",
        "luc",
    )


def test_draft_is_taken_back_and_discarded(call: Caller) -> None:
    draft = handed_in(call)
    path = f"/drafts/{draft['id']}"

    back = call.post(f"{path}/take-back", {"version": draft["version"]}).json or {}
    refused(call("DELETE", path), 422, "unusable_input")
    gone = call("DELETE", f"{path}?version={back['version']}")

    assert gone.status_code == 200
    refused(call.get(path), 404, "not_found")
