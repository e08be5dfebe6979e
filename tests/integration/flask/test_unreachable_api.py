"""Unreachable numbers in the JSON API: listed, masked, and lifted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from dispatcher.contrib.flask.unreachable_api import Lifted, UnreachableNumbers
from tests.integration.bench import TEXT, people
from tests.integration.flask.webapp import Caller, MakeApp, library, make_app
from tests.statements import end_undelivered

__all__ = ["make_app"]
ANNE, BRUNO, CHLOE = people(3)


@pytest.fixture
def app(make_app: MakeApp, prepared_sqlite_url: str) -> Flask:
    app = make_app(prepared_sqlite_url, DISPATCHER_UNREACHABLE_AFTER=1)
    library(app).submit("soldes", TEXT, people(3))
    end_undelivered(library(app), "soldes", library(app).clock() - timedelta(days=2))
    return app


@pytest.fixture
def call(app: Flask) -> Caller:
    return Caller(app)


def listed(call: Caller, query: str = "") -> dict[str, Any]:
    answer = call.get(f"/unreachable{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json or {}
    UnreachableNumbers.model_validate(found)
    return found


def test_list_has_pages_and_masks_numbers(call: Caller, app: Flask) -> None:
    found = listed(call, "?limit=1&offset=1")
    assert (len(found["numbers"]), found["total"]) == (1, 3)
    assert BRUNO[-8:] not in found["numbers"][0]["phone"]
    assert [one["campaign"] for one in found["numbers"][0]["reports"]] == ["soldes"]
    assert not library(app).record.page(verb="see numbers").total
    whole = listed(call, "?numbers=true")
    assert [one["phone"] for one in whole["numbers"]] == people(3)
    assert library(app).record.page(verb="see numbers").total == 1


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "offset=-1", "numbers=yes", "state=x"])
def test_query_that_cannot_be_used_is_refused(call: Caller, query: str) -> None:
    assert call.get(f"/unreachable?{query}").status_code == 422


def test_number_is_lifted_once(call: Caller, app: Flask) -> None:
    body = {"phone": "06 39 98 00 00", "reason": "she called"}
    for lifted in (True, False):
        answer = call.post("/unreachable/lift", body)
        assert (answer.status_code, answer.json) == (200, {"lifted": lifted})
        Lifted.model_validate(answer.json)
    assert listed(call)["total"] == 2
    [entry] = library(app).record.page(verb="lift")
    assert entry.reason == "she called"
    assert "JSON API" in entry.actor


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"phone": "12", "reason": "x"}, 422),
        ({"phone": ANNE, "reason": " "}, 422),
        ({"phone": ANNE}, 422),
        ({"phone": 33639980000, "reason": "x"}, 422),
        ({"phone": "9" * 101, "reason": "x"}, 422),
        ({"phone": ANNE, "reason": "x" * 501}, 422),
    ],
)
def test_lift_that_cannot_be_used_is_refused_without_its_number(
    call: Caller, app: Flask, body: dict[str, Any], status: int
) -> None:
    answer = call.post("/unreachable/lift", body)
    assert answer.status_code == status, answer.text
    assert "63998" not in answer.text
    assert listed(call)["total"] == 3


def test_progress_counts_them(call: Caller) -> None:
    answer = call.get("/campaigns/1")
    assert (answer.json or {})["unreachable"] == 0
