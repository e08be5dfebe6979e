"""The extension: settings, factories, commands, and the company of other libraries."""

from __future__ import annotations

import json
import socket
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import celery
import click
import pytest
from flask import Flask
from redis import Redis

from dispatcher import ConfigurationError, NotFound, UnusableInput
from dispatcher.contrib.flask import Dispatcher, pages, refuse_foreign_origin
from dispatcher.dispatch.hints import QUEUES, TICK
from tests.integration.bench import TEXT, people
from tests.integration.flask.test_json_api import NOWHERE
from tests.integration.flask.webapp import MakeApp, library, make_app
from tests.servers import redis_url

__all__ = ["make_app"]


@pytest.fixture
def app(make_app: MakeApp, sqlite_url: str) -> Flask:
    return make_app(sqlite_url)


def bare(**config: Any) -> Flask:
    app = Flask("shop")
    app.config.update({f"DISPATCHER_{name.upper()}": value for name, value in config.items()})
    return app


# -- settings


def test_setting_may_be_typed_or_text(make_app: MakeApp) -> None:
    app = bare(
        database_url="sqlite:///a.db",
        rate=2.5,
        tick="0.5",
        stop_budget=0,
        poll_intervals=[5, 10],
        settle_intervals="7,8",
        prices={"metropole": Decimal("0.045")},
        window_closes=time(19),
        sender=None,
    )
    settings = library_of(app).settings
    assert (settings.rate, settings.tick, settings.stop_budget) == (2.5, 0.5, 0)
    assert (settings.poll_intervals, settings.settle_intervals) == ((5, 10), (7, 8))
    assert settings.prices == {"metropole": Decimal("0.045")}
    assert (settings.window_closes, settings.sender) == (time(19), None)


def library_of(app: Flask) -> Any:
    Dispatcher(app, testing=False)
    return library(app)


def test_environment_fills_missing_settings(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("a-key", encoding="utf-8")
    monkeypatch.setenv("DISPATCHER_API_KEY_FILE", str(file))
    monkeypatch.setenv("DISPATCHER_SENDER", "Ailleurs")
    monkeypatch.setenv("DISPATCHER_RATE", "3")
    settings = library_of(bare(sender="MaBoutique")).settings
    assert (settings.sender, settings.rate) == ("MaBoutique", 3)
    assert settings.api_key.get_secret_value() == "a-key"


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"rate": "quick"}, "DISPATCHER_RATE: "),
        ({"rate": []}, "DISPATCHER_RATE: "),
        ({"database_url": "mysql://app@db/app"}, "DISPATCHER_DATABASE_URL must be SQLite or"),
        ({"sender": "Ma Boutique"}, "DISPATCHER_SENDER: "),
        ({"web_token": "short"}, "DISPATCHER_WEB_TOKEN: "),
        ({"databse_url": "sqlite:///a.db"}, "unknown setting DISPATCHER_DATABSE_URL"),
    ],
)
def test_wrong_setting_fails_when_the_app_is_created(
    make_app: MakeApp, config: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        Dispatcher(bare(**config))


# -- factories


def test_extension_connects_at_its_first_use(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("connected")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    make_app(NOWHERE, DISPATCHER_BROKER_URL="redis://127.0.0.1:9/0")
    make_app(f"sqlite:///{tmp_path / 'a.db'}")
    assert list(tmp_path.iterdir()) == []


def test_extension_of_several_apps_uses_the_settings_of_each(
    make_app: MakeApp, tmp_path: Path
) -> None:
    dispatcher = Dispatcher(testing=False)
    apps = [bare(database_url=f"sqlite:///{tmp_path / name}.db") for name in "ab"]
    for app in apps:
        dispatcher.init_app(app)
    with apps[0].app_context():
        dispatcher.submit("soldes", TEXT, people(2))
        assert dispatcher.progress("soldes").recipients == 2
        assert dispatcher.settings.database_url.get_secret_value().endswith("a.db")
        with apps[1].app_context():
            assert dispatcher.campaigns() == []
    for app in apps:
        library(app).database.close()


def test_extension_has_every_method_of_the_library(app: Flask) -> None:
    dispatcher = Dispatcher()
    with app.app_context():
        plan = dispatcher.plan(TEXT, people(3))
        assert plan.kept == 3
        dispatcher.submit("soldes", TEXT, people(3))
        assert dispatcher.pause("soldes").state == "paused"
        assert dispatcher.resume("soldes").state == "running"
        assert dispatcher.batches("soldes").total == 1
        assert dispatcher.opt_out(people(1)[0])
        assert people(1)[0] in dispatcher.opt_outs
        assert dispatcher.doubts() == []
        assert dispatcher.cancel("soldes").state == "cancelled"
        with pytest.raises(NotFound):
            dispatcher.progress("other")
        with pytest.raises(AttributeError):
            dispatcher.progres("soldes")  # type: ignore[attr-defined]


def test_use_outside_an_app_or_before_init_app_raises_one_sentence() -> None:
    dispatcher = Dispatcher()
    with pytest.raises(RuntimeError, match="application context"):
        dispatcher.campaigns()
    with Flask("other").app_context(), pytest.raises(RuntimeError, match="init_app"):
        dispatcher.campaigns()
    assert not hasattr(dispatcher, "__wrapped__")


# -- the app's own views


@pytest.fixture
def shop(app: Flask) -> Flask:
    dispatcher = Dispatcher()
    app.before_request(refuse_foreign_origin)

    @app.post("/launch/<reference>/<count>")
    def launch(reference: str, count: str) -> str:
        dispatcher.submit(reference, TEXT, people(int(count)))
        return str(dispatcher.progress(reference).recipients)

    return app


def test_double_click_is_one_campaign(shop: Flask) -> None:
    client = shop.test_client()
    assert [client.post("/launch/soldes/3").text for _ in range(2)] == ["3", "3"]
    assert library(shop).page().total == 1


def test_error_in_a_view_is_answered_as_page_or_problem(shop: Flask) -> None:
    client = shop.test_client()
    client.post("/launch/soldes/3")
    taken = client.post("/launch/soldes/4")
    assert (taken.status_code, taken.content_type) == (409, "text/html; charset=utf-8")
    assert "Reference &#39;soldes&#39; was submitted with another body." in taken.text
    problem = client.post("/launch/other/0", headers={"Accept": "application/json"})
    assert (problem.status_code, problem.content_type) == (422, "application/problem+json")
    assert (problem.json or {})["detail"] == "no recipients"


def test_unreachable_database_in_a_view_is_answered_without_a_stack_trace(
    make_app: MakeApp,
) -> None:
    app = make_app(NOWHERE)
    dispatcher = Dispatcher()
    app.add_url_rule("/", "index", lambda: str(dispatcher.campaigns()))
    for debug in (False, True):
        app.debug = debug
        answer = app.test_client().get("/")
        assert answer.status_code == 503
        assert "The database is out of reach" in answer.text
        assert "Traceback" not in answer.text


def test_error_handler_of_the_app_comes_first(make_app: MakeApp) -> None:
    from dispatcher import DispatcherError

    app = bare(database_url=NOWHERE)
    app.register_error_handler(DispatcherError, lambda error: (type(error).__name__, 418))
    dispatcher = Dispatcher(app, testing=False)
    app.register_error_handler(UnusableInput, lambda error: ("ours", 419))
    app.add_url_rule("/", "index", lambda: str(dispatcher.campaigns()))
    app.add_url_rule("/plan", "plan", lambda: str(dispatcher.plan("", people(1))))
    assert app.test_client().get("/").status_code == 418
    assert app.test_client().get("/plan").status_code == 419


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://localhost:8080"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_form_of_another_site_is_refused(shop: Flask, headers: dict[str, str], status: int) -> None:
    answer = shop.test_client().post("/launch/soldes/3", headers=headers)
    assert answer.status_code == status
    assert library(shop).page().total == (status == 200)
    assert shop.test_client().get("/launch/soldes/3", headers=headers).status_code == 405


# -- commands


def test_flask_has_every_command_with_the_settings_of_the_app(app: Flask) -> None:
    run = app.test_cli_runner()
    library(app).submit("soldes", TEXT, people(3))
    result = run.invoke(args=["dispatcher", "progress", "soldes", "--json"])
    assert json.loads(result.output)["recipients"] == 3
    assert run.invoke(args=["dispatcher", "pause", "soldes"]).exit_code == 0
    assert library(app).progress("soldes").state == "paused"
    shown = json.loads(run.invoke(args=["dispatcher", "settings", "--json"]).output)
    assert shown["DISPATCHER_SENDER"] == "MaBoutique"
    from dispatcher.cli import cli

    context = click.Context(cli)
    assert cli.list_commands(context) == app.cli.commands["dispatcher"].list_commands(context)  # type: ignore[attr-defined]


def test_failing_command_ends_with_one_sentence(app: Flask) -> None:
    library(app).prepare()
    result = app.test_cli_runner().invoke(args=["dispatcher", "progress", "other"])
    assert (result.exit_code, result.stderr) == (1, "dispatcher: no campaign 'other'\n")


def app_of_command(module: str, name: str) -> None:
    """Make an app with pages and without a web token, as a command of a module does."""

    def load() -> None:
        app = Flask("shop")
        app.config["DISPATCHER_DATABASE_URL"] = NOWHERE
        Dispatcher(app)
        app.register_blueprint(pages())

    load.__module__ = module
    click.Command(name, callback=load).main([], standalone_mode=False)


@pytest.mark.parametrize("module", ["uvicorn.main", "granian.cli"])
def test_app_that_a_server_made_with_click_loads_is_served(module: str) -> None:
    with pytest.raises(ConfigurationError, match="DISPATCHER_WEB_TOKEN is not set"):
        app_of_command(module, "serve")


@pytest.mark.parametrize("module", ["celery.bin.worker", "shop.tools"])
def test_app_that_another_command_loads_needs_no_web_token(module: str) -> None:
    app_of_command(module, "migrate")


# -- in the company of other libraries


def test_celery_of_the_app_stays_the_current_one(make_app: MakeApp, sqlite_url: str) -> None:
    default = celery.Celery("default", set_as_current=False)
    project = celery.Celery("project", broker="memory://", set_as_current=True)
    try:
        app = make_app(sqlite_url, DISPATCHER_BROKER_URL=redis_url())

        @celery.shared_task
        def theirs() -> None:
            """A task of the project's own."""

        library(app).submit("soldes", TEXT, people(1))
        assert celery.current_app.main == "project"
        assert theirs.app is project
        assert TICK not in project.tasks
        with Redis.from_url(redis_url()) as redis:
            assert redis.llen(QUEUES[TICK]) == 1
            redis.delete(QUEUES[TICK])
    finally:
        project.close()
        default.set_current()
