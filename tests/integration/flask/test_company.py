"""The dispatcher beside other extensions: Flask-Login names who acts, CSRFProtect lets it in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask_login import LoginManager, UserMixin, login_user
from flask_wtf import CSRFProtect

from dispatcher import ConfigurationError
from dispatcher.contrib.flask import Dispatcher, api, webhooks
from tests.integration.bench import TEXT, people
from tests.integration.flask.webapp import Caller, MakeApp, bearer, library, make_app
from tests.waiting import PATIENCE

__all__ = ["make_app"]
ROOT = Path(__file__).parents[3]
SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
STOP = {"type": "stop", "phone_number": "+33639980001", "text": "STOP", "message_id": 1}


class User(UserMixin):  # type: ignore[misc]
    """Who signs in by Flask-Login."""

    def __init__(self, name: str) -> None:
        self.id = name


@pytest.fixture
def login_app(make_app: MakeApp, sqlite_url: str) -> Flask:
    app = make_app(sqlite_url, SECRET_KEY="of this test")
    manager = LoginManager(app)
    manager.user_loader(User)

    @app.post("/login/<name>")
    def login(name: str) -> str:
        login_user(User(name))
        return "done"

    @app.post("/launch/<reference>")
    def launch(reference: str) -> str:
        library(app).submit(reference, TEXT, people(1), by=request.args.get("by"))
        library(app).pause(reference)
        return "done"

    return app


@pytest.mark.parametrize(
    ("signs_in", "query", "recorded"),
    [
        ("zoe", "", {"zoe"}),
        (None, "", {"nobody signed in"}),
        ("zoe", "?by=luc", {"zoe", "luc (signed in: zoe)"}),
    ],
)
def test_user_of_flask_login_is_on_record(
    login_app: Flask, signs_in: str | None, query: str, recorded: set[str]
) -> None:
    client = login_app.test_client()
    if signs_in:
        client.post(f"/login/{signs_in}")
    assert client.post(f"/launch/soldes{query}").status_code == 200

    assert {one.actor for one in library(login_app).actions("soldes")} == recorded


def test_function_of_the_app_comes_before_flask_login(make_app: MakeApp, sqlite_url: str) -> None:
    app = make_app(sqlite_url, SECRET_KEY="of this test", actor=lambda: "the shop")
    LoginManager(app).user_loader(User)
    app.add_url_rule("/", "go", lambda: str(library(app).submit("soldes", TEXT, people(1))))
    app.test_client().get("/")
    assert library(app).actions("soldes")[0].actor == "the shop"


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_api_and_webhooks_work_beside_csrf_protect_and_forms_stay_protected(
    make_app: MakeApp, sqlite_url: str, *, first: bool
) -> None:
    def protect(app: Flask) -> None:
        CSRFProtect(app)

    app = make_app(sqlite_url, SECRET_KEY="of this test", DISPATCHER_WEBHOOK_SECRET=SECRET)
    steps: list[Callable[[Flask], Any]] = [
        protect,
        lambda app: app.register_blueprint(api(), url_prefix="/other", name="other"),
        lambda app: app.register_blueprint(webhooks(), url_prefix="/sms-in"),
    ]
    for step in steps if first else reversed(steps):
        step(app)
    app.add_url_rule("/form", "form", lambda: "done", methods=["POST"])

    assert Caller(app).submit(2).status_code == 201
    assert Caller(app, "/other").post("/campaigns/1/pause").status_code == 200
    client = app.test_client()
    assert client.post(f"/sms-in/{SECRET}/reply", json=STOP).status_code == 200
    assert client.post("/form").status_code == 400
    assert client.post("/sms/api/campaigns", auth=bearer("wrong")).status_code == 401


_APP = """
from flask import Flask
from dispatcher.contrib.flask import Dispatcher, api, pages, webhooks

app = Flask("shop")
Dispatcher(app)
app.register_blueprint(pages(), url_prefix="/sms")
app.register_blueprint(api(), url_prefix="/sms/api")
app.register_blueprint(webhooks(), url_prefix="/sms-in")
"""


def flask(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "shop.py").write_text(_APP)
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    url = f"sqlite:///{folder / 'shop.db'}"
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "shop", *arguments],
        env=kept | {"PYTHONPATH": str(ROOT), "DISPATCHER_DATABASE_URL": url},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize("arguments", [("routes",), ("dispatcher", "campaigns")])
def test_command_needs_neither_web_token_nor_webhook_secret(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    for command in (("dispatcher", "migrate"), arguments):
        ran = flask(tmp_path, *command)
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr


def test_server_without_a_web_token_does_not_start(tmp_path: Path) -> None:
    ran = flask(tmp_path, "run", "--port", "0")
    assert ran.returncode != 0
    assert "DISPATCHER_WEB_TOKEN is not set: the password of the pages" in ran.stderr


# -- what is said when the app is made


def told(app: Flask, caplog: pytest.LogCaptureFixture) -> list[str]:
    Dispatcher(app, testing=False)
    library(app).database.close()
    return [one.getMessage() for one in caplog.records]


def test_variable_that_the_config_overrides_is_told(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DISPATCHER_SENDER", "Ailleurs")
    monkeypatch.setenv("DISPATCHER_RATE", "2.5")
    monkeypatch.setenv("DISPATCHER_TICK", "3")
    app = Flask("shop")
    app.config.update(DISPATCHER_SENDER="MaBoutique", DISPATCHER_RATE=2.5)
    [sentence] = told(app, caplog)
    assert sentence.startswith("DISPATCHER_SENDER of the environment is not read here: app.config")


def test_receivers_that_no_worker_can_load_are_told(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = Flask("shop")
    app.config["DISPATCHER_RECEIVERS"] = "shop.receivers,dispatcher.contrib.flask.receivers"
    [sentence] = told(app, caplog)
    assert sentence == (
        "DISPATCHER_RECEIVERS: there is no module shop.receivers; no worker will start"
    )


def test_dict_of_settings_as_in_django_is_refused(make_app: MakeApp) -> None:
    app = Flask("shop")
    app.config["DISPATCHER"] = {"SENDER": "MaBoutique"}
    with pytest.raises(ConfigurationError, match=r'such as app\.config\["DISPATCHER_SENDER"\]'):
        Dispatcher(app)
