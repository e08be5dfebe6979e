"""Changes of messages in the JSON API."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from dispatcher.contrib.flask.message_api import MessageChanges
from dispatcher.storage import message_trigger
from tests.integration.flask.webapp import Caller, MakeApp, library, make_app

__all__ = ["make_app"]


@pytest.fixture
def app(make_app: MakeApp, database_url: str) -> Flask:
    app = make_app(database_url, DISPATCHER_MESSAGE_EVENTS="true")
    library(app).prepare()
    with library(app).database.write() as session:
        message_trigger.switch(session, on=True)
    return app


@pytest.fixture
def call(app: Flask) -> Caller:
    return Caller(app)


def page(call: Caller, query: str = "") -> dict[str, Any]:
    answer = call.get(f"/messages{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json or {}
    MessageChanges.model_validate(found)
    return found


def test_pages_follow_each_other(call: Caller, app: Flask) -> None:
    empty = {"changes": [], "cursor": 0, "missed": 0, "recorded": True}
    assert page(call) == empty
    call.submit(3)
    library(app).cancel("soldes")
    first = page(call, "?limit=2")
    assert [one["number"] for one in first["changes"]] == [1, 2]
    rest = page(call, f"?after={first['cursor']}&limit=2")
    assert [one["state"] for one in rest["changes"]] == ["cancelled"]
    assert page(call, f"?after={rest['cursor']}") == empty | {"cursor": 3}
    assert page(call, "?account=")["changes"] == page(call)["changes"]


@pytest.mark.parametrize(
    "query", ["after=-1", "after=1", "after=x", "limit=0", "limit=1001", "state=sent", "account=x"]
)
def test_query_that_cannot_be_used_is_refused(call: Caller, query: str) -> None:
    assert call.get(f"/messages?{query}").status_code == 422


def test_log_that_is_off_says_so(make_app: MakeApp, database_url: str) -> None:
    app = make_app(database_url)
    library(app).prepare()
    assert page(Caller(app))["recorded"] is False


def test_token_is_asked_for(call: Caller) -> None:
    assert call.get("/messages", auth=None).status_code == 401
