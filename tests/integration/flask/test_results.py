"""The results of a campaign over HTTP."""

from __future__ import annotations

import io
import json

import pytest
from flask import Flask
from sqlalchemy import update

from dispatcher import DispatcherError
from dispatcher.contrib.flask.openapi import RESULT_TYPES
from dispatcher.storage.tables import BATCH
from tests.integration.bench import people
from tests.integration.flask.test_json_api import refused
from tests.integration.flask.webapp import Caller, MakeApp, library, make_app

__all__ = ["make_app"]


@pytest.fixture
def app(make_app: MakeApp, database_url: str) -> Flask:
    app = make_app(database_url)
    Caller(app).submit(3)
    return app


@pytest.fixture
def lone_app(make_app: MakeApp, prepared_sqlite_url: str) -> Flask:
    """The same where the kind of database does not matter."""
    app = make_app(prepared_sqlite_url)
    Caller(app).submit(3)
    return app


def test_results_are_json_lines_that_end_with_the_sums(app: Flask) -> None:
    answer = Caller(app).get("/campaigns/1/results?numbers=true")
    assert (answer.status_code, answer.content_type) == (200, "application/jsonl")
    assert answer.headers["Content-Disposition"] == "attachment; filename=results-1.jsonl"
    assert answer.headers["Cache-Control"] == "no-store"
    *rows, last = map(json.loads, answer.text.splitlines())
    assert [row["phone"] for row in rows] == people(3)
    assert last["sums"]["messages"] == library(app).progress(1).messages


@pytest.mark.parametrize("form", RESULT_TYPES)
def test_format_comes_from_the_query_or_from_accept(lone_app: Flask, form: str) -> None:
    call, kind = Caller(lone_app), RESULT_TYPES[form]
    asked = call.get(f"/campaigns/1/results?format={form}", headers={"Accept": "text/csv"})
    accepted = call.get("/campaigns/1/results", headers={"Accept": f"{kind}, */*;q=0.1"})
    for answer in (asked, accepted):
        assert answer.status_code == 200
        assert answer.mimetype == kind
        assert b"63998" not in answer.data
    if form == "xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        assert openpyxl.load_workbook(io.BytesIO(asked.data)).sheetnames == ["Results", "Sums"]


def test_export_is_on_record(lone_app: Flask) -> None:
    call = Caller(lone_app)
    call.get("/campaigns/1/results")
    call.get("/campaigns/1/results?numbers=true")
    latest, first = library(lone_app).record.page(verb="export")
    assert (first.actor, first.reason) == (
        "JSON API",
        "results of campaign 1, soldes: masked numbers",
    )
    assert latest.reason == "results of campaign 1, soldes: whole numbers"


def test_what_cannot_be_answered_is_refused_before_anything_is_sent(lone_app: Flask) -> None:
    call = Caller(lone_app)
    refused(call.get("/campaigns/2/results"), 404, "not_found")
    refused(call.get("/campaigns/1/results", auth=None), 401, "unauthorized")
    for query in ("state=gone", "format=pdf", "numbers=yes", "numbers=true&numbers=false"):
        refused(call.get(f"/campaigns/1/results?{query}"), 422, "unusable_input")
    refused(call.get("/campaigns/1/results?offset=3"), 422, "unknown_parameter")
    refused(call("TRACE", "/campaigns/1/results?format=csv"), 405, "method_not_allowed")
    assert library(lone_app).record.page(verb="export").total == 0


def test_sums_that_differ_from_progress_are_refused_or_cut_the_answer_off(
    lone_app: Flask,
) -> None:
    call = Caller(lone_app)
    call.submit(3000, "long")
    with library(lone_app).database.write() as session:
        session.execute(update(BATCH).where(BATCH.c.id == 1).values(states="sds"))
        session.execute(update(BATCH).where(BATCH.c.campaign_id == 2).values(states="s" * 500))
    said = refused(call.get("/campaigns/1/results"), 503, "unavailable")
    assert "do not add up" in said
    with pytest.raises(DispatcherError, match="do not add up"):
        _ = call.get("/campaigns/2/results").data
