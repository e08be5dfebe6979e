"""Blinker's receivers in a Flask app hear what a worker tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
_SHOP = """
from flask import Flask, current_app
from dispatcher.contrib.flask import Dispatcher
from dispatcher.contrib.flask.signals import campaign_paused, campaign_finished

def create_app():
    app = Flask("shop")
    app.config["MOTTO"] = "bonjour"
    Dispatcher(app)
    return app

@campaign_paused.connect
def broken(app, event, **_):
    raise ValueError("of a receiver, 06 39 98 00 01")

@campaign_paused.connect
def told(app, event, **_):
    print(event.kind, event.campaign, app.name, current_app.config["MOTTO"])

@campaign_paused.connect
def broken_as_well(app, event, **_):
    raise LookupError("of another receiver")

@campaign_finished.connect
def not_this_one(app, event, **_):
    print("a campaign that has not finished")
"""
#: what a worker does with events, in a process that knows no Flask app
_WORKER = """
import logging
from dispatcher import Dispatcher, Settings
logging.basicConfig()
dispatcher = Dispatcher(Settings.from_env())
dispatcher.migrate()
dispatcher.submit("soldes", "Soldes", ["06 39 98 00 01"])
dispatcher.pause("soldes")
print(dispatcher.steps.deliver_events(), dispatcher.tick().events)
"""


def worked(
    folder: Path, database_url: str, flask_app: str | None
) -> subprocess.CompletedProcess[str]:
    (folder / "shop_app.py").write_text(_SHOP)
    (folder / "no_app.py").write_text("")
    (folder / "inner_app.py").write_text("import not_installed")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]),
        "DISPATCHER_DATABASE_URL": database_url,
        "DISPATCHER_API_KEY": "k" * 40,
        "DISPATCHER_API_URL": "http://127.0.0.1:9/v1",
        "DISPATCHER_RECEIVERS": "dispatcher.contrib.flask.receivers",
    }
    if flask_app is not None:
        environment["FLASK_APP"] = flask_app
    return subprocess.run(
        [sys.executable, "-c", _WORKER],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_worker_loads_the_app_and_calls_its_receivers_in_its_context(
    database_url: str, tmp_path: Path
) -> None:
    ran = worked(tmp_path, database_url, "shop_app")
    assert ran.stdout == "campaign_paused soldes shop bonjour\n1 False\n", ran.stderr
    assert ran.returncode == 0
    assert "campaign_paused: receiver broken: ValueError" in ran.stderr
    assert "campaign_paused: receiver broken_as_well: LookupError" in ran.stderr
    assert "06 39 98" not in ran.stderr


@pytest.mark.parametrize(
    ("flask_app", "sentence"),
    [
        (None, "FLASK_APP is not set: the app whose receivers a worker calls"),
        (
            "inner_app",
            "FLASK_APP names no Flask app that can be loaded: No module named 'not_installed'",
        ),
        ("no_app", "FLASK_APP names no Flask app that can be loaded"),
        ("nowhere", "FLASK_APP names no Flask app that can be loaded: No module named 'nowhere'"),
    ],
)
def test_worker_without_an_app_logs_it_and_keeps_the_event(
    sqlite_url: str, tmp_path: Path, flask_app: str | None, sentence: str
) -> None:
    ran = worked(tmp_path, sqlite_url, flask_app)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == f"dispatcher.errors.ConfigurationError: {sentence}"
    assert worked_again(tmp_path, sqlite_url) == "campaign_paused soldes shop bonjour\n1 False\n"


def worked_again(folder: Path, database_url: str) -> str:
    """The same submission and pause over again are no news: what is told was kept."""
    return worked(folder, database_url, "shop_app").stdout
