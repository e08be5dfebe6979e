"""A Flask app with everything that the dispatcher has for one, and clients that know its token."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Authorization
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from dispatcher.api import Dispatcher as Library
from dispatcher.contrib.flask import Dispatcher, api, pages
from tests.integration.bench import OPEN, TEXT, people

TOKEN = "b7e4c1d2a9f80635"
MakeApp = Callable[..., Flask]


def library(app: Flask) -> Library:
    found: Library = app.extensions["dispatcher"]
    return found


def bearer(token: str = TOKEN) -> Authorization:
    return Authorization("bearer", token=token)


class Caller:
    """A program that uses the JSON API."""

    def __init__(self, app: Flask, root: str = "/sms/api") -> None:
        self._client, self._root = app.test_client(), root

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        options.setdefault("auth", bearer())
        return self._client.open(f"{self._root}{path}", method=method, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self("POST", path, **({"json": body} if body is not None else {}), **options)

    def submit(self, count: int = 3, reference: str = "soldes", **more: Any) -> TestResponse:
        return self.post("/campaigns", campaign(count, reference, **more))


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Nothing: callers tell what they asked."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address of the app, served on loopback."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def campaign(count: int = 3, reference: str = "soldes", **more: Any) -> dict[str, Any]:
    """A body that can be submitted."""
    return {"reference": reference, "text": TEXT, "recipients": people(count), **more}


def reader(app: Flask) -> FlaskClient:
    """A browser that knows the password of the pages."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = Authorization(
        "basic", {"username": "ops", "password": TOKEN}
    ).to_header()
    return client


@pytest.fixture
def make_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeApp]:
    """Makes apps as in production, which know nothing of this machine's environment."""
    for name in [name for name in os.environ if name.startswith("DISPATCHER_")]:
        monkeypatch.delenv(name)
    with ExitStack() as opened:

        def make(
            database_url: str,
            *,
            at: datetime = OPEN,
            actor: Callable[[], str | None] | None = None,
            **config: Any,
        ) -> Flask:
            app = Flask("shop")
            app.config.update(
                DISPATCHER_DATABASE_URL=database_url,
                DISPATCHER_API_URL="http://127.0.0.1:9/v1",  # nobody is there
                DISPATCHER_CLOCK_OFFSET=(at - datetime.now(UTC)).total_seconds(),
                DISPATCHER_SENDER="MaBoutique",
                DISPATCHER_WEB_TOKEN=TOKEN,
                **config,
            )
            Dispatcher(app, actor=actor, testing=False)
            opened.callback(library(app).database.close)
            app.register_blueprint(pages(), url_prefix="/sms")
            app.register_blueprint(api(), url_prefix="/sms/api")
            return app

        yield make
