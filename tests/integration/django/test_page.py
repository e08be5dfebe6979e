"""The code on the page for Django runs, in the shop of the example."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django import VERSION
from django.apps import apps
from django.core import mail
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client, override_settings

from dispatcher import Consent, Person
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.signals import campaign_finished, forward
from dispatcher.contrib.django.testing import event
from tests import django_project
from tests.unit.docs.test_examples import SHOP, blocks, code_lines

Customers = Callable[..., Any]
PAGE = "docs/django.md"
#: as the versions of Django want them
ADMINS = ["zoe@shop.example"] if VERSION >= (6,) else [("zoe", "zoe@shop.example")]


def run(heading: str, position: int = 0, **known: Any) -> dict[str, Any]:
    """Run a block of code under a heading; what it has defined."""
    names = {"__name__": "page", **known}
    exec(blocks(PAGE, "python", heading)[position], names)
    return names


@pytest.fixture
def receivers() -> Iterator[None]:
    """Take the page's receivers away again."""
    before = list(campaign_finished.receivers)
    yield
    campaign_finished.receivers[:] = before
    campaign_finished.sender_receivers_cache.clear()


@pytest.mark.parametrize("position", range(len(blocks(PAGE, "python"))))
def test_every_block_is_python(position: int) -> None:
    compile(blocks(PAGE, "python")[position], PAGE, "exec")


def test_tests_on_the_page_are_those_of_the_example() -> None:
    tests = (SHOP / "shop" / "tests.py").read_text(encoding="utf-8")
    assert code_lines(blocks(PAGE, "python", "Tests")[0]) <= code_lines(tests)


def test_schedule_waits_for_its_hour(sqlite_shop: str, customers: Customers) -> None:
    customers(2)
    run("A schedule")["announce_opening"](date(2027, 1, 16))

    campaign = dispatcher.campaign("opening-2027-01-16")
    assert campaign.not_before == datetime(2027, 1, 16, 8, tzinfo=UTC)
    assert campaign.not_after == datetime(2027, 1, 16, 9, tzinfo=UTC)
    assert dispatcher.progress(campaign.id).recipients == 2


@override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend", ADMINS=ADMINS)
def test_signal_calls_its_receiver(receivers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    run("A signal")

    forward(event("campaign_finished", campaign="soldes", counts={"delivered": 2}))

    assert [one.body for one in mail.outbox] == ["soldes: 2 delivered"]


def test_model_of_consents_answers_for_its_customers(
    sqlite_shop: str, customers: Customers, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = customers(3)
    page = run("Consent", __name__="shop.consents")
    model = page["Consent"]
    try:
        with connection.schema_editor() as editor:
            editor.create_model(model)
        given = {"given_on": date(2026, 5, 3), "form": "Lyon", "wording": "v3"}
        model.objects.create(customer=first, **given)
        model.objects.create(customer=second, withdrawn=True, **given)
        asked = [Person(one.mobile, str(one.pk)) for one in (first, second, third)]

        answer = page["consents"](asked)

        assert list(answer.values()) == [Consent(date(2026, 5, 3), "Lyon", "v3"), None, None]

        page["invite"]("soldes", "Les soldes commencent samedi !")
        progress = dispatcher.progress("soldes")
        assert (progress.recipients, progress.unusable) == (1, 1)

        monkeypatch.setitem(page, "dispatcher", mock.Mock())
        page["announce"]("avis", "Bonjour")
        assert page["dispatcher"].submit.call_args.kwargs == {"key": "pk", "consent": "ask"}
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(model)
        del apps.all_models["shop"]["consent"]
        apps.clear_cache()


def test_webhook_takes_a_reply_in(sqlite_shop: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s" * 20)
    said = run("A webhook", 1)["DISPATCHER"] | {"WEBHOOK_SECRET_FILE": str(secret)}
    urls = type("Urls", (), {"urlpatterns": tuple(run("A webhook")["urlpatterns"])})
    body = json.dumps({"from": "+33639980001", "message": "Merci"})

    with django_project.said(**said), override_settings(ROOT_URLCONF=urls):
        answer = Client().post(f"/sms/{'s' * 20}/reply", body, content_type="application/json")
        assert answer.status_code == 200
        assert Client().post("/sms/wrong/reply", body, content_type="x").status_code == 404


def test_campaign_of_several_databases_is_all_or_nothing(
    sqlite_shop: str, customers: Customers, tmp_path: Path
) -> None:
    databases = {"default": django_project.database(sqlite_shop)}
    said = run("Several databases", DATABASES=databases, HERE=tmp_path)["DISPATCHER"]
    django_project.use(databases)
    welcome = run("Several databases", 1)["welcome"]

    with django_project.said(**said):
        call_command("migrate", database="sms", verbosity=0)
        welcome("Zoé", "06 39 98 00 01")
        with suppress(KeyError), transaction.atomic():
            welcome("Luc", "06 39 98 00 02")
            raise KeyError
        assert len(dispatcher.campaigns()) == 1
    assert customers(0).count() == 1
