"""Under a test runner nothing leaves an app, whatever is configured."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from dispatcher.contrib.flask import Dispatcher, testing, webhooks
from dispatcher.contrib.flask.signals import campaign_finished
from dispatcher.dispatch.hints import QUEUES, TICK
from tests.integration.bench import people
from tests.servers import redis_url
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
LIVE = "live.db"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """An app with the settings of production."""
    app = Flask("shop")
    app.config.update(
        DISPATCHER_DATABASE_URL=f"sqlite:///{tmp_path / LIVE}",
        DISPATCHER_BROKER_URL=redis_url(),
        DISPATCHER_API_KEY="k" * 40,
        DISPATCHER_ACCOUNTS="shop",
        DISPATCHER_API_KEY_SHOP="s" * 40,
        DISPATCHER_SENDER="MaBoutique",
        DISPATCHER_WEBHOOK_SECRET="q8Zr4-Tn0_Vb6Hs2Lk",
    )
    dispatcher = Dispatcher(app)
    app.register_blueprint(webhooks(), url_prefix="/sms-in")

    @app.post("/launch/<reference>")
    def launch(reference: str) -> str:
        text = "Bonjour {{ prenom }}"
        numbers = [{"mobile": phone, "prenom": "Zoé"} for phone in people(2)]
        return str(dispatcher.submit(reference, text, numbers, check_numbers=True))

    yield app
    with app.app_context():
        testing.empty()


def test_submission_in_a_test_leaves_database_and_redis_as_they_are(
    app: Flask, tmp_path: Path
) -> None:
    with Redis.from_url(redis_url()) as redis:
        before = redis.llen(QUEUES[TICK])
        assert app.test_client().post("/launch/soldes").status_code == 200
        assert redis.llen(QUEUES[TICK]) == before
    assert list(tmp_path.iterdir()) == []
    with app.app_context():
        assert testing.texts("soldes") == dict.fromkeys(people(2), "Bonjour Zoé")


def test_webhook_in_a_test_leaves_the_database_as_it_is(app: Flask, tmp_path: Path) -> None:
    stop = {"type": "stop", "phone_number": people(1)[0], "text": "STOP", "message_id": 1}
    answer = app.test_client().post("/sms-in/q8Zr4-Tn0_Vb6Hs2Lk/reply", json=stop)
    assert answer.status_code == 200
    assert list(tmp_path.iterdir()) == []
    with app.app_context():
        assert people(1)[0] in Dispatcher().opt_outs


def test_command_in_a_test_leaves_the_database_as_it_is(app: Flask, tmp_path: Path) -> None:
    app.test_client().post("/launch/soldes")
    run = app.test_cli_runner()
    assert run.invoke(args=["dispatcher", "pause", "soldes"]).exit_code == 0
    assert "paused" in run.invoke(args=["dispatcher", "campaigns"]).output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("account", ["", "shop"])
def test_gateway_of_no_account_is_reached_in_a_test(
    app: Flask, account: str, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        dispatcher = Dispatcher()
        assert dispatcher.campaigns() == []
        dispatcher.steps.sync_opt_outs(account)
    assert "cannot be read: nothing leaves under a test runner" in caplog.text


def test_empty_forgets_the_campaigns_of_other_tests(app: Flask) -> None:
    client = app.test_client()
    assert client.post("/launch/soldes").text == "1"
    with app.app_context():
        testing.empty()
        assert Dispatcher().campaigns() == []
    assert client.post("/launch/other").text == "1"


def test_campaigns_of_a_block_are_recorded_and_asserted(app: Flask) -> None:
    client = app.test_client()
    with app.app_context():
        testing.assert_nothing_submitted()
        client.post("/launch/soldes")
        with testing.submitted() as campaigns:
            client.post("/launch/other")
        assert [one.reference for one in campaigns] == ["other"]
        assert testing.assert_submitted("other", recipients=2) == campaigns[0]
        with pytest.raises(AssertionError, match=r"no campaign 'x' .* there is: 'soldes', 'other'"):
            testing.assert_submitted("x")
        with pytest.raises(AssertionError, match="'soldes' has 2 recipients, not 3"):
            testing.assert_submitted("soldes", recipients=3)
        with pytest.raises(AssertionError, match="submitted: 'soldes', 'other'"):
            testing.assert_nothing_submitted()


def test_two_apps_of_tests_do_not_share_campaigns(app: Flask) -> None:
    app.test_client().post("/launch/soldes")
    other = Flask("other")
    Dispatcher(other)
    with other.app_context():
        assert Dispatcher().campaigns() == []
        testing.empty()


def test_received_event_reaches_the_receivers_and_their_error_the_test(app: Flask) -> None:
    heard = []

    @campaign_finished.connect
    def thank(sender: Flask, event: object, **_: object) -> None:
        heard.append((sender.name, event))
        if len(heard) > 1:
            raise LookupError("of a receiver")

    event = testing.event("campaign_finished", campaign="soldes", counts={"delivered": 2})
    with app.app_context():
        testing.receive(event)
        assert heard == [("shop", event)]
        with pytest.raises(LookupError, match="of a receiver"):
            testing.receive(event)


#: a test of a project's, which does not say TESTING
_TEST = """
import unittest
from flask import Flask
from dispatcher.contrib.flask import Dispatcher

app = Flask("shop")
dispatcher = Dispatcher(app)

class LaunchTest(unittest.TestCase):
    def test_launch(self):
        with app.app_context():
            dispatcher.submit("soldes", "Soldes", ["06 39 98 00 01"])
            self.assertEqual(len(dispatcher.campaigns()), 1)

if __name__ == "__main__":
    unittest.main()
"""
#: a program that has loaded what a test needs, but runs none
_PROGRAM = """
import {loads}
import shop_test
with shop_test.app.app_context():
    shop_test.app.testing = {testing}
    shop_test.dispatcher.submit("soldes", "Soldes", ["06 39 98 00 01"])
"""


def ran(folder: Path, *arguments: str, **inherited: str) -> subprocess.CompletedProcess[str]:
    (folder / "shop_test.py").write_text(_TEST)
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    live = {"DISPATCHER_DATABASE_URL": f"sqlite:///{folder / LIVE}"}
    return subprocess.run(
        [sys.executable, *arguments],
        env=kept | inherited | live | {"PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize(
    "runner",
    [
        ("unittest", "shop_test"),
        ("shop_test",),
        ("pytest", "-q", "-p", "no:cacheprovider", "shop_test.py"),
    ],
    ids=["unittest", "script", "pytest"],
)
def test_runner_alone_leaves_the_live_database_as_it_is(
    tmp_path: Path, runner: tuple[str, ...]
) -> None:
    done = ran(tmp_path, "-m", *runner)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / LIVE).exists()


#: what a server inherits from a test that starts it
_INHERITED = {"PYTEST_VERSION": "8.4", "PYTEST_CURRENT_TEST": "test_launch (call)"}


@pytest.mark.parametrize(
    ("loads", "inherited"),
    [("unittest, unittest.mock, pytest", {}), ("unittest", _INHERITED)],
    ids=["libraries", "variables"],
)
def test_program_that_runs_no_test_writes_the_live_database(
    tmp_path: Path, loads: str, inherited: dict[str, str]
) -> None:
    done = ran(tmp_path, "-c", _PROGRAM.format(testing=False, loads=loads), **inherited)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / LIVE).exists()


def test_program_with_testing_on_leaves_the_live_database_as_it_is(tmp_path: Path) -> None:
    done = ran(tmp_path, "-c", _PROGRAM.format(testing=True, loads="unittest"))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / LIVE).exists()
