"""A campaign and the project's transactions: wherever the tables are, a rollback leaves none."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.http import HttpResponse
from django.test import Client, TestCase, override_settings
from django.urls import path

from dispatcher.contrib.django import dispatcher
from dispatcher.errors import IllegalMove, InvalidCampaign
from tests import django_project

PEOPLE = ["+33639980001"]


@pytest.fixture(params=["DATABASE", "DATABASE_URL"])
def elsewhere(
    request: pytest.FixtureRequest, sqlite_shop: str, sqlite_url: str
) -> Iterator[dict[str, str]]:
    """The dispatcher's tables are in another database than the project's rows."""
    both = {
        "default": django_project.database(sqlite_shop),
        "sms": django_project.database(sqlite_url),
        "logs": django_project.database(f"{sqlite_url}.logs"),
    }
    django_project.use(both)
    said = {"DATABASE": "sms"} if request.param == "DATABASE" else {"DATABASE_URL": sqlite_url}
    with django_project.said(**said):
        if request.param == "DATABASE":
            call_command("migrate", database="sms", verbosity=0)
        yield said
        dispatcher.database.close()


def references() -> list[str]:
    return [one.reference for one in dispatcher.campaigns()]


def launch(request: Any) -> HttpResponse:
    method = dispatcher.submit_on_commit if "later" in request.GET else dispatcher.submit
    options = {"using": request.GET["using"]} if "using" in request.GET else {}
    method(request.GET["ref"], "Soldes", PEOPLE, **options)
    if "fail" in request.GET:
        raise ValueError("after the campaign")
    return HttpResponse("done")


urlpatterns = [path("", launch)]


def requested(**query: str) -> int:
    """What a request is answered with, in a project that has ATOMIC_REQUESTS."""
    with override_settings(ROOT_URLCONF=__name__):
        answer = Client(raise_request_exception=False).get("/", query)
    return answer.status_code


def atomic_requests(*aliases: str) -> None:
    for alias in aliases:
        connections.settings[alias]["ATOMIC_REQUESTS"] = True


# -- submit_on_commit


def test_stored_campaign_is_submitted_again_after_a_source_of_consents_was_required(
    elsewhere: dict[str, str],
) -> None:
    dispatcher.submit("soldes", "Soldes", PEOPLE)
    with django_project.said(**elsewhere, CONSENT_REQUIRED=True), transaction.atomic():
        dispatcher.submit_on_commit("soldes", "Soldes", PEOPLE)
        with pytest.raises(InvalidCampaign, match="DISPATCHER_CONSENT_REQUIRED"):
            dispatcher.submit_on_commit("noel", "Soldes", PEOPLE)
    assert references() == ["soldes"]


def test_campaign_waits_for_the_open_transaction_wherever_its_tables_are(
    elsewhere: dict[str, str],
) -> None:
    for alias in ("default", "sms", "logs"):
        with transaction.atomic(using=alias):
            dispatcher.submit_on_commit(alias, "Soldes", PEOPLE)
            assert alias not in references()
        assert alias in references()


def test_campaign_of_a_rolled_back_transaction_is_never_submitted(
    elsewhere: dict[str, str],
) -> None:
    for alias in ("default", "sms", "logs"):
        with suppress(KeyError), transaction.atomic(using=alias):
            dispatcher.submit_on_commit("soldes", "Soldes", PEOPLE)
            raise KeyError
    # of a savepoint, too
    with transaction.atomic(), suppress(KeyError), transaction.atomic():
        dispatcher.submit_on_commit("soldes", "Soldes", PEOPLE)
        raise KeyError
    assert references() == []


def test_campaign_without_an_open_transaction_is_submitted_at_once(
    elsewhere: dict[str, str],
) -> None:
    dispatcher.submit_on_commit("soldes", "Soldes", PEOPLE)
    assert references() == ["soldes"]


def test_several_open_transactions_are_asked_about_in_one_sentence(
    elsewhere: dict[str, str],
) -> None:
    sentence = r"^transactions are open on 'default' and 'logs': say using='default' or another"
    with transaction.atomic(), transaction.atomic(using="logs"):
        with pytest.raises(IllegalMove, match=sentence):
            dispatcher.submit_on_commit("soldes", "Soldes", PEOPLE)
        dispatcher.submit_on_commit("soldes", "Soldes", PEOPLE, using="default")
        assert references() == []
    assert references() == ["soldes"]


def test_name_of_a_database_without_a_transaction_is_refused(elsewhere: dict[str, str]) -> None:
    with transaction.atomic():
        for using, sentence in (
            ("logs", r"^a transaction is open on 'default', not on 'logs'$"),
            ("lgos", r"^using='lgos': there is no such entry in DATABASES$"),
        ):
            with pytest.raises(IllegalMove, match=sentence):
                dispatcher.submit_on_commit("soldes", "Soldes", PEOPLE, using=using)
    assert references() == []


def test_transaction_that_is_committed_by_hand_is_refused_in_one_sentence(
    elsewhere: dict[str, str],
) -> None:
    transaction.set_autocommit(False)
    try:
        with pytest.raises(IllegalMove, match=r"commits by hand on 'default': call submit after"):
            dispatcher.submit_on_commit("soldes", "Soldes", PEOPLE)
        with pytest.raises(IllegalMove, match="a transaction is open on 'default'"):
            dispatcher.submit("soldes", "Soldes", PEOPLE)
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    assert references() == []


# -- submit


def test_campaign_beside_a_transaction_that_it_is_no_part_of_is_refused(
    elsewhere: dict[str, str],
) -> None:
    with (
        transaction.atomic(),
        transaction.atomic(using="sms"),
        pytest.raises(IllegalMove, match=r"open on 'default'.*submit_on_commit"),
    ):
        dispatcher.submit("soldes", "Soldes", PEOPLE)
    assert references() == []


# -- ATOMIC_REQUESTS


@pytest.mark.parametrize("aliases", [["default"], ["sms"], ["default", "sms"], ["logs"]])
def test_rolled_back_request_leaves_no_campaign(
    elsewhere: dict[str, str], aliases: list[str]
) -> None:
    atomic_requests(*aliases)
    for query in ({}, {"later": "1"}, {"later": "1", "using": aliases[0]}):
        assert requested(ref="soldes", fail="1", **query) == 500
    assert references() == []


def test_committed_request_leaves_its_campaign(elsewhere: dict[str, str]) -> None:
    atomic_requests("default")
    assert requested(ref="soldes", later="1") == 200
    assert references() == ["soldes"]


def test_request_of_a_project_with_one_database_is_all_or_nothing(shop: str) -> None:
    atomic_requests("default")
    for later in ({}, {"later": "1"}):
        assert requested(ref="soldes", fail="1", **later) == 500
    assert references() == []
    assert requested(ref="soldes") == requested(ref="bis", later="1") == 200
    assert references() == ["bis", "soldes"]


# -- in a TestCase


@pytest.mark.parametrize("said", [{}, {"DATABASE": "sms"}])
def test_campaign_in_a_test_case_is_captured(
    sqlite_shop: str, sqlite_url: str, said: dict[str, str]
) -> None:
    """As the same code in production would submit it, with and without an open transaction."""
    both = {
        "default": django_project.database(sqlite_shop),
        "sms": django_project.database(sqlite_url),
    }
    django_project.use(both)

    class Launch(TestCase):
        databases = {"default", "sms"}  # noqa: RUF012 - as Django has it

        def test(self) -> None:
            with self.captureOnCommitCallbacks(execute=True) as callbacks:
                dispatcher.submit_on_commit("soldes", "Soldes", PEOPLE)
                with transaction.atomic():
                    dispatcher.submit_on_commit("bis", "Soldes", PEOPLE)
                assert references() == []
            assert len(callbacks) == 2
            assert references() == ["bis", "soldes"]

    with django_project.said(**said):
        for alias in both:
            call_command("migrate", database=alias, verbosity=0)
        found = unittest.TestResult()
        unittest.TestSuite([Launch("test")]).run(found)
        assert found.wasSuccessful(), found.errors + found.failures
        assert references() == []
