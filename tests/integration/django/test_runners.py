"""Under a test runner nothing leaves and no live database is written, whatever is configured."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from dispatcher import Dispatcher, Settings
from tests import django_project
from tests.waiting import PATIENCE

ROOT = django_project.SHOP.parents[1]
RUNNERS = {
    "django": ["-m", "django", "test", "--verbosity", "1"],
    "pytest": ["-m", "pytest", "-q", "-p", "no:cacheprovider"],
    # these know nothing of Django
    "plain pytest": ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:django"],
    "unittest": ["-m", "unittest"],
}
#: how the project says where the dispatcher's tables are: (DATABASES, DISPATCHER)
PLACES = {
    "default": ("{'default': sqlite('live')}", "{}"),
    "alias": ("{'default': sqlite('rows'), 'sms': sqlite('live')}", "{'DATABASE': 'sms'}"),
    "url": ("{'default': sqlite('rows')}", "{'DATABASE_URL': f'sqlite:///{HERE}/live'}"),
    "unsupported": ("{}", "{'DATABASE_URL': f'sqlite:///{HERE}/live'}"),
}
SETTINGS = """
from shop.settings import *
HERE = {here!r}
def sqlite(name):
    return {{"ENGINE": "django.db.backends.sqlite3", "NAME": f"{{HERE}}/{{name}}"}}
DATABASES = {databases}
DISPATCHER = {{
    "SENDER": "MaBoutique",
    "API_KEY": "k" * 40,
    "BROKER_URL": "redis://127.0.0.1:{port}/0",
    "CALLBACK_URL": "http://127.0.0.1:{port}/",
    "CALLBACK_SECRET": "s" * 40,
    **{dispatcher},
}}
"""
TESTS = """
import unittest
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.test import SimpleTestCase, TestCase, TransactionTestCase
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.testing import assert_nothing_submitted, empty, submitted, texts
from dispatcher.errors import GatewayUnreached, IllegalMove

PEOPLE = ["+33639980001"]
UNSUPPORTED = {unsupported}

def submit(case):
    assert_nothing_submitted()  # neither of another test nor of the live database
    dispatcher.submit("soldes", "Soldes", PEOPLE, commercial=False, reason="notice")
    case.assertEqual(texts("soldes"), {{"+33639980001": "Soldes"}})
    with case.assertRaisesRegex(GatewayUnreached, "nothing leaves under a test runner"):
        dispatcher.account()
    with case.assertRaisesRegex(CommandError, "no worker is started"):
        call_command("dispatcher", "run")
    dispatcher.pause("soldes")

class Rolled(SimpleTestCase if UNSUPPORTED else TestCase):
    databases = "__all__"

    def tearDown(self):
        if UNSUPPORTED:
            empty()

    def test_one(self):
        submit(self)

    def test_two(self):
        submit(self)

    @unittest.skipIf(UNSUPPORTED, "no transactions")
    def test_commit(self):
        with submitted() as campaigns, transaction.atomic():
            dispatcher.submit_on_commit("soldes", "Soldes", PEOPLE)
            self.assertEqual(campaigns, [])
        self.assertEqual([one.reference for one in campaigns], ["soldes"])

    @unittest.skipIf(UNSUPPORTED, "no transactions")
    def test_transaction_is_judged_as_in_production(self):
        elsewhere = {elsewhere}
        with transaction.atomic():
            if elsewhere:
                with self.assertRaises(IllegalMove):
                    dispatcher.submit("soldes", "Soldes", PEOPLE)
            else:
                dispatcher.submit("soldes", "Soldes", PEOPLE)

@unittest.skipIf(UNSUPPORTED, "no transactions")
class Committed(TransactionTestCase):
    databases = "__all__"
    test_one = test_two = lambda self: submit(self)
"""
#: a class that Django does not guard, and whose run makes no test database of "sms"
UNGUARDED = """
import unittest
from dispatcher.contrib.django import dispatcher
from dispatcher.errors import StorageError

class Unguarded(unittest.TestCase):
    def test_live_database_is_refused(self):
        with self.assertRaisesRegex(StorageError, "DATABASES..sms...is no test database"):
            dispatcher.submit("soldes", "Soldes", ["+33639980001"])
"""
#: tests of a project whose runner makes no test database; at its import, too, nothing leaves
PLAIN = """
import unittest
import django
django.setup()
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.testing import texts
from dispatcher.errors import GatewayUnreached, StorageError

def submit():
    dispatcher.submit("soldes", "Soldes", ["+33639980001"], commercial=False, reason="notice")

try:
    submit()
except StorageError as error:
    REFUSED = str(error)
else:
    REFUSED = None

class Plain(unittest.TestCase):
    def test_live_database_is_refused(self):
        self.assertRegex(REFUSED, "is no test database: run manage.py test, or pip install pytest")

    def test_gateway_is_not_called(self):
        with self.assertRaisesRegex(GatewayUnreached, "nothing leaves under a test runner"):
            dispatcher.account()
"""


@pytest.fixture
def broker() -> Iterator[socket.socket]:
    """A port that nothing may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def run(directory: Path, runner: str, label: str) -> subprocess.CompletedProcess[str]:
    if runner == "pytest" and find_spec("pytest_django") is None:
        pytest.skip("pip install pytest-django")
    label = f"{label.replace('.', '/')}.py" if "pytest" in runner else label
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    path = os.pathsep.join(map(str, (ROOT, django_project.SHOP, directory)))
    return subprocess.run(
        [sys.executable, *RUNNERS[runner], label],
        cwd=directory,
        env={**kept, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "shop_settings"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def write(directory: Path, place: str, port: int) -> None:
    """A project with these settings, and a live database that has a campaign."""
    databases, dispatcher = PLACES[place]
    settings = SETTINGS.format(
        here=str(directory), databases=databases, dispatcher=dispatcher, port=port
    )
    tests = TESTS.format(unsupported=place == "unsupported", elsewhere=place in ("alias", "url"))
    (directory / "shop_settings.py").write_text(settings)
    (directory / "test_all.py").write_text(tests)
    (directory / "test_unguarded.py").write_text(UNGUARDED)
    (directory / "test_plain.py").write_text(PLAIN)
    live = Dispatcher(Settings.of(database_url=f"sqlite:///{directory / 'live'}", sender="Live"))
    live.submit("hiver", "Live", ["+33639980002"])
    live.database.close()


@pytest.mark.parametrize(
    ("place", "runner"), [*((place, "django") for place in PLACES), ("url", "pytest")]
)
def test_tests_of_a_project_write_no_live_database_and_connect_nowhere(
    tmp_path: Path, broker: socket.socket, place: str, runner: str
) -> None:
    write(tmp_path, place, broker.getsockname()[1])
    before = (tmp_path / "live").read_bytes()

    ran = run(tmp_path, runner, "test_all")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "live").read_bytes() == before
    with pytest.raises(BlockingIOError):
        broker.accept()


def test_live_database_that_no_runner_replaces_is_refused(
    tmp_path: Path, broker: socket.socket
) -> None:
    write(tmp_path, "alias", broker.getsockname()[1])
    before = (tmp_path / "live").read_bytes()

    ran = run(tmp_path, "django", "test_unguarded")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "live").read_bytes() == before


@pytest.mark.parametrize(("place", "runner"), [("default", "plain pytest"), ("url", "unittest")])
def test_live_database_is_refused_to_a_runner_that_makes_no_test_database(
    tmp_path: Path, broker: socket.socket, place: str, runner: str
) -> None:
    write(tmp_path, place, broker.getsockname()[1])
    before = (tmp_path / "live").read_bytes()

    ran = run(tmp_path, runner, "test_plain")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "live").read_bytes() == before
    with pytest.raises(BlockingIOError):
        broker.accept()


@pytest.mark.parametrize("runner", ["django", "pytest"])
def test_tests_of_the_example_pass(tmp_path: Path, runner: str) -> None:
    (tmp_path / "shop_settings.py").write_text("from shop.settings import *\n")
    (tmp_path / "test_shop.py").write_text("from shop.tests import *\n")

    ran = run(tmp_path, runner, "test_shop")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 passed" in ran.stdout or "Ran 2 tests" in ran.stderr
