"""The evidence of a campaign over HTTP."""

from __future__ import annotations

import io
import zipfile

import pytest
from flask import Flask

from dispatcher.campaigns.evidence_file.verifying import Verification, verify
from tests.integration.bench import people
from tests.integration.flask.test_json_api import refused
from tests.integration.flask.webapp import Caller, MakeApp, library, make_app

__all__ = ["make_app"]

KEY = "a signing key of the tests, 32 characters"


@pytest.fixture
def app(make_app: MakeApp, database_url: str) -> Flask:
    app = make_app(database_url, DISPATCHER_SIGNING_KEY=KEY)
    Caller(app).submit(3)
    return app


def verified(app: Flask, data: bytes) -> Verification:
    return verify(io.BytesIO(data), key=library(app).evidence_writer.key.fingerprint)


def test_evidence_is_a_signed_file_without_whole_numbers(app: Flask) -> None:
    answer = Caller(app).get("/campaigns/1/evidence")
    assert (answer.status_code, answer.content_type) == (200, "application/octet-stream")
    assert answer.headers["Content-Disposition"] == "attachment; filename=evidence-1.zip"
    assert answer.headers["Cache-Control"] == "no-store"
    found = verified(app, answer.data)
    assert (found.problems, found.reference, found.sums["recipients"]) == ((), "soldes", 3)
    unpacked = b"".join(_members(answer.data).values())
    assert not any(phone.encode() in unpacked for phone in people(3))
    [note] = library(app).record.page(verb="export")
    assert (note.actor, note.reason) == ("JSON API", "the evidence of campaign 1, soldes")


def test_evidence_has_whole_numbers_where_they_are_asked_for(app: Flask) -> None:
    answer = Caller(app).get("/campaigns/1/evidence?numbers=true")
    assert verified(app, answer.data).problems == ()
    recipients = _members(answer.data)["recipients.jsonl"]
    assert all(phone.encode() in recipients for phone in people(3))


def test_long_evidence_leaves_in_pieces_and_nobody_need_read_to_its_end(app: Flask) -> None:
    Caller(app).submit(6000, "long")
    answer = Caller(app).get("/campaigns/2/evidence?numbers=true", buffered=False)
    pieces = list(answer.iter_encoded())
    assert len(pieces) > 1
    assert verified(app, b"".join(pieces)).problems == ()
    cut = library(app).evidence_writer.pieces(2)
    next(cut)
    cut.close()
    assert Caller(app).submit(3, "after").status_code == 201


def test_what_is_wrong_is_refused_and_not_on_record(app: Flask) -> None:
    call = Caller(app)
    refused(call.get("/campaigns/2/evidence"), 404, "not_found")
    refused(call.get("/campaigns/1/evidence", auth=None), 401, "unauthorized")
    refused(call.get("/campaigns/1/evidence?numbers=yes"), 422, "unusable_input")
    refused(call.get("/campaigns/1/evidence?state=sent"), 422, "unknown_parameter")
    refused(call.post("/campaigns/1/evidence"), 405, "method_not_allowed")
    assert library(app).record.page(verb="export").total == 0


def test_server_without_a_signing_key_says_that_it_is_not_set_up(
    make_app: MakeApp, fresh_postgres_url: str
) -> None:
    app = make_app(fresh_postgres_url)
    Caller(app).submit(3)
    refused(Caller(app).get("/campaigns/1/evidence"), 500, "misconfigured")
    assert library(app).record.page(verb="export").total == 0


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}
