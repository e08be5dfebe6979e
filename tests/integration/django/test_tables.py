"""The tables come with ``migrate``, are emptied by ``flush``, and users' own tests just work."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from dispatcher.contrib.django import dispatcher, lazy
from tests import django_project
from tests.waiting import PATIENCE

#: what a user writes; nothing in it knows of the dispatcher's tables
USERS_TESTS = """
from django.contrib.auth.models import User
from django.db import transaction
from django.test import LiveServerTestCase, SimpleTestCase, TestCase, TransactionTestCase
from django.urls import reverse

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.testing import texts
from shop.models import Customer

TEXT = "Bonjour {{ prenom }}"


def add():
    Customer.objects.create(first_name="Zoé", mobile="06 39 98 00 01", consented=True)


class InATransaction(TestCase):
    @classmethod
    def setUpTestData(cls):
        add()

    def test_one(self):
        self.client.force_login(User.objects.create_user("zoe"))
        self.client.post("/", {"reference": "soldes", "text": TEXT})
        self.assertEqual(texts("soldes"), {"+33639980001": "Bonjour Zoé"})

    def test_another_sees_nothing_of_it(self):
        self.assertEqual(dispatcher.campaigns(), [])
        dispatcher.submit("soldes", "Other words", Customer.objects.all())

    def test_on_commit(self):
        with self.captureOnCommitCallbacks(execute=True):
            with transaction.atomic():
                dispatcher.submit_on_commit("soldes", "Soldes", Customer.objects.all())
        self.assertEqual(dispatcher.progress("soldes").recipients, 1)


class WithRealCommits(TransactionTestCase):
    def test_one(self):
        add()
        dispatcher.submit("soldes", "Soldes", Customer.objects.all())
        dispatcher.opt_out("06 39 98 00 02")

    def test_another_sees_nothing_of_it(self):
        self.assertEqual(dispatcher.campaigns(), [])
        self.assertNotIn("06 39 98 00 02", dispatcher.opt_outs)
        add()
        self.assertEqual(dispatcher.submit("soldes", "Other", Customer.objects.all()), 1)


class WithAServer(LiveServerTestCase):
    def test_page_of_another_thread(self):
        from urllib.request import Request, urlopen

        add()
        self.client.force_login(User.objects.create_user("zoe"))
        session = self.client.cookies["sessionid"].value
        dispatcher.submit("soldes", "Soldes", Customer.objects.all())
        url = f"{self.live_server_url}/campaigns/soldes/"
        with urlopen(Request(url, headers={"Cookie": f"sessionid={session}"})) as page:
            self.assertIn("0 of 1 delivered", page.read().decode())


class WithoutADatabase(SimpleTestCase):
    def test_it_is_kept_from_the_database(self):
        from django.test.testcases import DatabaseOperationForbidden

        with self.assertRaises(DatabaseOperationForbidden):
            dispatcher.campaigns()
"""


def test_project_tests_need_no_setup(
    shop: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    tests = tmp_path / "users_tests"
    tests.mkdir()
    (tests / "test_users.py").write_text(USERS_TESTS)
    # a test's database on a file, or in memory; and on a PostgreSQL server
    one = django_project.database(shop)
    if "sqlite" in one["ENGINE"]:
        one["NAME"] = str(tmp_path / "shop.db")
    (tests / "users_settings.py").write_text(
        f"from shop.settings import *\nDATABASES = {{'default': {one!r}}}\n"
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ran = subprocess.run(
        [
            sys.executable, "-W", "error::RuntimeWarning", str(django_project.SHOP / "manage.py"),
            "test", "--settings", "users_settings", "--pythonpath", str(tests), str(tests),
        ],
        cwd=tests,
        env=kept,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "Ran 7 tests" in ran.stderr


def test_migrate_creates_the_tables_once_and_prints_it(
    shop: str, fresh_postgres_url: str, sqlite_url: str
) -> None:
    url = sqlite_url if shop.startswith("sqlite") else fresh_postgres_url
    django_project.use({"default": django_project.database(url)})
    out = io.StringIO()
    call_command("migrate", verbosity=1, stdout=out)
    assert "The dispatcher's tables have schema" in out.getvalue()
    out = io.StringIO()
    call_command("migrate", verbosity=1, stdout=out)
    assert "The dispatcher's tables" not in out.getvalue()
    assert dispatcher.campaigns() == []


def test_makemigrations_finds_no_change(shop: str) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_flush_empties_our_tables(shop: str, customers: Callable[..., Any]) -> None:
    dispatcher.submit("soldes", "Soldes", customers(2))
    dispatcher.opt_out("06 39 98 00 99")
    call_command("flush", interactive=False, verbosity=0)
    assert dispatcher.campaigns() == []
    assert list(dispatcher.opt_outs) == []
    assert dispatcher.submit("soldes", "Other words", customers(2)) == 1


def test_dumpdata_skips_our_models(shop: str, customers: Callable[..., Any]) -> None:
    dispatcher.submit("soldes", "Soldes", customers(2))
    out = io.StringIO()
    call_command("dumpdata", "dispatcher", stdout=out)
    assert out.getvalue().strip() == "[]"


def test_database_of_another_version_is_refused_with_what_to_do(shop: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE dispatcher_version SET version_num = '9999'")
    lazy.forget()
    try:
        from dispatcher import StorageError

        with pytest.raises(StorageError, match="schema 9999 is of a later version"):
            dispatcher.campaigns()
    finally:
        from dispatcher.storage import schema

        head = schema.revisions()[-1]
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE dispatcher_version SET version_num = '{head}'")


def test_check_names_a_table_of_another_application(
    shop: str, fresh_postgres_url: str, sqlite_url: str
) -> None:
    url = sqlite_url if shop.startswith("sqlite") else fresh_postgres_url
    django_project.use({"default": django_project.database(url)})
    call_command("check", databases=["default"])
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE dispatcher_event (id INTEGER)")
    for command in ("check", "migrate"):
        options = {"databases": ["default"]} if command == "check" else {"skip_checks": False}
        with pytest.raises(
            SystemCheckError, match=r"E010.*dispatcher_event of another application"
        ):
            call_command(command, verbosity=0, **options)
    assert connection.introspection.table_names() == ["dispatcher_event"]
