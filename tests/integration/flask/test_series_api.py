"""Series in the JSON API."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.integration.bench import people
from tests.integration.flask.test_json_api import refused
from tests.integration.flask.webapp import Caller, MakeApp, library, make_app

__all__ = ["make_app"]
RULE = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10"
TEXT = "Bonjour, la boutique ouvre samedi"


@pytest.fixture
def listed(tmp_path: Path) -> str:
    path = tmp_path / "list.csv"
    path.write_text("\n".join(people(2)), encoding="utf-8")
    return str(path)


class Person:
    """Who is signed in to the app; empty for nobody."""

    name = ""


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def app(make_app: MakeApp, sqlite_url: str, listed: str, person: Person) -> Flask:
    return make_app(
        sqlite_url,
        actor=lambda: person.name,
        DISPATCHER_SERIES_LISTS=listed,
        DISPATCHER_PRICES="metropole=0.04",
        DISPATCHER_APPROVAL="required",
    )


@pytest.fixture
def call(app: Flask) -> Caller:
    return Caller(app)


def added(call: Caller, listed: str, **more: Any) -> dict[str, Any]:
    body = {"name": "hebdo", "rule": RULE, "text": TEXT, "list": listed, **more}
    answer = call.post("/series", body)
    assert answer.status_code == 201, answer.json
    found: dict[str, Any] = answer.json or {}
    assert answer.headers["Location"].endswith(f"/series/{found['id']}")
    return found


def said(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return answer.json or {}


@pytest.mark.parametrize("source", ["/etc/passwd", "os:getcwd", "subprocess:run", "list.csv"])
def test_list_that_the_settings_do_not_name_is_neither_opened_nor_called(
    call: Caller, app: Flask, listed: str, source: str
) -> None:
    body = {"name": "hebdo", "rule": RULE, "text": TEXT, "list": source}
    answer = call.post("/series", body)
    assert answer.status_code == 422
    assert "DISPATCHER_SERIES_LISTS" in answer.text
    assert library(app).series.all() == ()
    added(call, listed)
    assert call.post("/series/1/change", {"list": source}).status_code == 422
    assert library(app).series.get(1).source == listed


def test_options_that_a_change_names_change_and_the_others_stay(
    call: Caller, app: Flask, listed: str
) -> None:
    added(call, listed, sender="MaBoutique", tags=["lyon"], priority="high")
    changed = said(call.post("/series/1/change", {"tags": ["paris"], "priority": "normal"}))
    assert changed["options"] == {"sender": "MaBoutique", "tags": ["paris"]}
    changed = said(call.post("/series/1/change", {"sender": None}))
    assert changed["options"] == {"tags": ["paris"]}
    assert changed["text"] == TEXT


def test_reading_that_a_change_does_not_name_stays(call: Caller, listed: str) -> None:
    phone, other = people(2)
    Path(listed).write_text(f"portable;autre;cle\n{phone};{other};a\n", encoding="utf-8")
    added(call, listed, reading={"column": "portable"})
    changed = said(call.post("/series/1/change", {"reading": {"key_column": "cle"}}))
    assert changed["reading"] == {"column": "portable", "key_column": "cle"}
    body = {"reading": {"key_column": None, "encoding": "utf-8"}}
    changed = said(call.post("/series/1/change", body))
    assert changed["reading"] == {"column": "portable", "encoding": "utf-8"}


def test_account_of_a_series_cannot_be_changed(call: Caller, listed: str) -> None:
    added(call, listed)
    said(call.post("/series/1/change", {"account": "lyon"}), 422)


def test_change_of_another_version_is_refused(call: Caller, listed: str) -> None:
    added(call, listed)
    assert said(call.post("/series/1/change", {"text": "Un", "version": 1}))["version"] == 2
    said(call.post("/series/1/change", {"text": "Deux", "version": 1}), 409)
    assert said(call.get("/series/1"))["text"] == "Un"


def test_skip_that_is_sent_twice_skips_one_occurrence(call: Caller, listed: str) -> None:
    first = added(call, listed)["next_at"]
    body = {"at": first, "reason": "grève"}
    second = said(call.post("/series/1/skip", body))["next_at"]
    assert second > first
    said(call.post("/series/1/skip", body), 409)
    shown = said(call.get("/series/1"))
    assert shown["next_at"] == second
    assert [one["at"] for one in shown["occurrences"]] == [first]


def test_series_is_approved_as_the_page_says_by_somebody_else(
    call: Caller, app: Flask, listed: str, person: Person
) -> None:
    page = (Path(__file__).parents[3] / "docs/series.md").read_text(encoding="utf-8")
    [path] = re.findall(r"`POST (/series/1/approve)`", page)
    [body] = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    person.name = "zoe"
    added(call, listed)
    answer = call.post(path, json.loads(body))
    assert "zoe has written in this series" in refused(answer, 403, "not_allowed")
    person.name = "luc"
    approval = said(call.post(path, json.loads(body)))["approval"]
    assert (approval["by"], approval["recipients"], approval["euros"]) == ("luc", 500, "30.50")
    assert said(call.get("/series/1"))["approval"] == approval
    [entry] = library(app).record.page(verb="approve series")
    assert entry.actor == "luc"
    assert "up to 500 recipients and 30.50 €; text and list read; written by zoe" in entry.reason


def test_token_alone_approves_no_series(call: Caller, listed: str) -> None:
    added(call, listed)
    answer = call.post("/series/1/approve", {"version": 1, "recipients": 5})
    assert "token" in refused(answer, 403, "not_allowed")
    assert said(call.get("/series/1"))["approval"] is None


def test_no_field_says_who_approves_a_series(call: Caller, listed: str, person: Person) -> None:
    added(call, listed)
    person.name = "luc"
    for forged in ("by", "approver", "actor"):
        answer = call.post("/series/1/approve", {"version": 1, "recipients": 5, forged: "zoe"})
        refused(answer, 422, "unknown_field")


def test_approval_of_another_version_than_was_read_is_refused(
    call: Caller, listed: str, person: Person
) -> None:
    added(call, listed)
    said(call.post("/series/1/change", {"text": "Autre"}))
    person.name = "luc"
    answer = call.post("/series/1/approve", {"version": 1, "recipients": 5})
    assert "changed" in refused(answer, 409, "illegal_move")
    refused(call.post("/series/1/approve", {"recipients": 5}), 422, "unusable_input")
    assert said(call.post("/series/1/approve", {"version": 2, "recipients": 5}))["version"] == 3


@pytest.mark.parametrize(
    "cap", [{}, {"recipients": None}, {"recipients": 0}, {"euros": 0}, {"euros": "1,000"}]
)
def test_cap_that_cannot_be_kept_is_refused(
    call: Caller, listed: str, person: Person, cap: dict[str, Any]
) -> None:
    added(call, listed)
    person.name = "luc"
    answer = call.post("/series/1/approve", {"version": 1, **cap})
    assert said(answer, 422)["code"] in {"unusable_input", "invalid_field"}
    assert said(call.get("/series/1"))["approval"] is None


def test_approval_is_ended_by_the_token_once(call: Caller, listed: str, person: Person) -> None:
    added(call, listed)
    person.name = "luc"
    said(call.post("/series/1/approve", {"version": 1, "recipients": 5}))
    person.name = ""
    assert said(call.post("/series/1/end-approval", {"reason": "grève"}))["approval"] is None
    refused(call.post("/series/1/end-approval"), 409, "illegal_move")
