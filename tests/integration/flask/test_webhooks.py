"""The gateway's webhooks in a Flask app."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from flask import Flask

from dispatcher.contrib.flask import refuse_foreign_origin, webhooks
from dispatcher.errors import ConfigurationError
from dispatcher.storage import schema
from tests.integration.flask.webapp import MakeApp, library, make_app

__all__ = ["make_app"]

SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
A = "+33639980001"
STOP = {"type": "stop", "phone_number": A, "text": "STOP", "message_id": 1}


@pytest.fixture
def app(make_app: MakeApp, database_url: str) -> Flask:
    return mounted(make_app, database_url)


@pytest.fixture
def lone_app(make_app: MakeApp, prepared_sqlite_url: str) -> Flask:
    """The same where the kind of database does not matter."""
    return mounted(make_app, prepared_sqlite_url)


def mounted(make_app: MakeApp, url: str, **config: Any) -> Flask:
    """An app that has the webhooks beside the pages and the API."""
    app = make_app(url, DISPATCHER_WEBHOOK_SECRET=SECRET, **config)
    app.before_request(refuse_foreign_origin)
    app.register_blueprint(webhooks(), url_prefix="/sms-in")
    schema.prepare(library(app).database)
    return app


def call(app: Flask, kind: str, body: object, *, secret: str = SECRET, **more: Any) -> int:
    data = body if isinstance(body, bytes) else json.dumps(body)
    more = {"method": "POST", "data": data, "content_type": "application/json"} | more
    return app.test_client().open(f"/sms-in/{secret}/{kind}", **more).status_code


def numbers(app: Flask) -> list[str]:
    return [entry.phone for entry in library(app).opt_outs]


def test_stop_posted_twice_is_stored_once_in_the_apps_database(app: Flask) -> None:
    for _ in range(2):
        assert call(app, "reply", STOP) == 200
    assert numbers(app) == [A]
    assert [reply.text for reply in library(app).replies()] == ["STOP"]


def test_parts_of_a_long_reply_are_joined(app: Flask) -> None:
    part = {"msisdn": A[1:], "to": "33639989000", "concat": "true", "concat-ref": "5"}
    for number, text in ((2, "monde"), (1, "bonjour ")):
        about = {"messageId": str(number), "concat-part": str(number), "concat-total": "2"}
        assert call(app, "reply", part | about | {"text": text}) == 200
    assert [reply.text for reply in library(app).replies()] == ["bonjour monde"]


def test_form_body_is_accepted(lone_app: Flask) -> None:
    form = "application/x-www-form-urlencoded"
    body = b"type=stop&phone_number=%2B33639980001&text=STOP&message_id=1"
    assert call(lone_app, "reply", body, content_type=form) == 200
    assert numbers(lone_app) == [A]


def test_body_of_unknown_length_is_read_if_the_server_ends_it(lone_app: Flask) -> None:
    chunked = {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(json.dumps(STOP).encode())}
    assert call(lone_app, "reply", b"", environ_overrides=chunked) == 400
    chunked |= {"wsgi.input_terminated": True}
    assert call(lone_app, "reply", b"", environ_overrides=chunked) == 200
    assert numbers(lone_app) == [A]


MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\nSTOP\r\n--b\r\n'
    b'Content-Disposition: form-data; name="phone_number"\r\n\r\n0639980001\r\n--b--\r\n'
)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"type=STOP&phone_number=0639980001&text=arr%EAtez", "application/x-www-form-urlencoded"),
        (MULTIPART, "multipart/form-data; boundary=b"),
    ],
)
def test_stop_in_any_form_is_heard(lone_app: Flask, body: bytes, content_type: str) -> None:
    assert call(lone_app, "reply/", body, content_type=content_type) == 200
    assert numbers(lone_app) == [A]


@pytest.mark.parametrize("body", [b"", b"{", b"x" * 100_000, b"\xff"])
def test_unreadable_body_is_stored_and_the_secret_is_not_logged(
    lone_app: Flask, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    caplog.set_level("DEBUG")
    # a POST without a body has no length either
    assert call(lone_app, "reply", body) == (200 if body else 400)
    assert len(library(lone_app).inbox.unread()) == bool(body)
    assert call(lone_app, "nothing", STOP) == 404
    assert call(lone_app, "reply", STOP, secret="wrong-" + SECRET) == 404
    assert call(lone_app, "reply", STOP, method="PUT") == 405
    assert numbers(lone_app) == []
    assert ("a call to reply cannot be read" in caplog.text) == bool(body)
    assert SECRET not in caplog.text


def test_body_above_the_limit_of_a_webhook_is_refused_whatever_the_limit_of_the_app(
    make_app: MakeApp, sqlite_url: str
) -> None:
    app = mounted(make_app, sqlite_url, MAX_CONTENT_LENGTH=10)
    endless = io.BytesIO(b" " * 10_000_000)
    unbounded = {
        "CONTENT_LENGTH": "",
        "wsgi.input": endless,
        "wsgi.input_terminated": True,
    }
    assert call(app, "reply", b"", environ_overrides=unbounded) == 200
    assert endless.tell() < 1_000_000
    assert call(app, "reply", STOP) == 200


def test_unreachable_database_makes_the_gateway_retry_and_no_secret_is_logged(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    app = make_app(
        "postgresql+psycopg://me:hunter2@127.0.0.1:9/none", DISPATCHER_WEBHOOK_SECRET=SECRET
    )
    app.register_blueprint(webhooks(), url_prefix="/sms-in")
    assert call(app, "reply", STOP) == 503
    assert SECRET not in caplog.text
    assert A[1:] not in caplog.text


def test_webhook_neither_needs_nor_accepts_the_token_of_the_pages(lone_app: Flask) -> None:
    token = {"Authorization": f"Bearer {lone_app.config['DISPATCHER_WEB_TOKEN']}"}
    assert call(lone_app, "reply", STOP, secret="x" * 20, headers=token) == 404
    assert lone_app.test_client().get("/sms/api/campaigns").status_code == 401
    assert call(lone_app, "reply", STOP) == 200


def test_blueprint_of_several_apps_uses_the_secret_of_each(
    make_app: MakeApp, sqlite_url: str, tmp_path: Any
) -> None:
    shared, other = webhooks(), "another-secret-of-another"
    first = make_app(sqlite_url, DISPATCHER_WEBHOOK_SECRET=SECRET)
    second = make_app(f"sqlite:///{tmp_path / 'second.db'}", DISPATCHER_WEBHOOK_SECRET=other)
    for app in (first, second):
        app.register_blueprint(shared, url_prefix="/sms-in")
        schema.prepare(library(app).database)
    assert call(second, "reply", STOP) == 404
    assert call(second, "reply", STOP, secret=other) == 200
    assert (numbers(first), numbers(second)) == ([], [A])


def test_missing_secret_is_named(make_app: MakeApp, sqlite_url: str) -> None:
    app = make_app(sqlite_url)
    with pytest.raises(ConfigurationError, match="DISPATCHER_WEBHOOK_SECRET is not set"):
        app.register_blueprint(webhooks(), url_prefix="/sms-in")


def test_missing_dispatcher_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"call Dispatcher\.init_app\(app\) first"):
        Flask("shop").register_blueprint(webhooks(), url_prefix="/sms-in")
