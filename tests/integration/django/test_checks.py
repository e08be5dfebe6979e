"""What does not do what somebody meant is said when the project starts."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.core import checks
from django.test import override_settings
from django.urls import include, path

from tests import django_project

SECRET = {"WEBHOOK_SECRET": "s" * 16}


@pytest.fixture(autouse=True)
def _no_variables(sqlite_shop: str) -> None:
    """The environment says nothing; the database is SQLite."""


class Urls:
    """Patterns that include the webhooks."""

    urlpatterns = (path("sms/", include("dispatcher.contrib.django.webhooks")),)


def told() -> list[str]:
    return [
        f"{str(one.id).removeprefix('dispatcher.')} {one.msg}"
        for one in checks.run_checks()
        if str(one.id).startswith("dispatcher")
    ]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            {"WEBHOOK_URL": "https://shop.example/sms"},
            'E004 DISPATCHER["WEBHOOK_URL"] needs DISPATCHER["WEBHOOK_SECRET"], which is part',
        ),
        (
            {"RECEIVERS": "shop.models,shop.receivres"},
            "E006 DISPATCHER[\"RECEIVERS\"]: there is no module 'shop.receivres'",
        ),
        (
            {"RECEIVERS": ["shpo.receivers"]},
            "E006 DISPATCHER[\"RECEIVERS\"]: there is no module 'shpo.receivers'",
        ),
        (
            {"SNEDER": "MaBoutique"},
            "E004 unknown setting 'sneder': did you mean DISPATCHER[\"SENDER\"]?",
        ),
        (
            {"DISPATCHER_SENDER": "MaBoutique"},
            "E004 unknown setting 'dispatcher_sender': did you mean DISPATCHER[\"SENDER\"]?",
        ),
    ],
)
def test_setting_that_cannot_work_is_an_error(said: dict[str, Any], sentence: str) -> None:
    with django_project.said(**said):
        [found] = told()
    assert found.startswith(sentence)


def test_webhooks_among_the_urls_need_a_secret() -> None:
    with override_settings(ROOT_URLCONF=Urls):
        [sentence] = told()
        assert sentence.startswith("E007 the URLs include dispatcher.contrib.django.webhooks, and")
        with django_project.said(**SECRET):
            assert told() == []


def test_setting_outside_of_the_dict_is_warned_of() -> None:
    with override_settings(DISPATCHER_RATE=3):
        assert told() == ['W001 DISPATCHER_RATE is not read: write DISPATCHER["RATE"]']


def test_setting_that_the_dict_takes_up_is_not_warned_of() -> None:
    with override_settings(DISPATCHER_SENDER="Ours", DISPATCHER={"SENDER": "Ours"}):
        assert told() == []


def test_misspelt_dict_is_warned_of() -> None:
    with override_settings(DISPATCHR={"SENDER": "Ours"}):
        del settings.DISPATCHER
        assert told() == ["W003 DISPATCHR is not read: did you mean DISPATCHER?"]


def test_receivers_of_the_environment_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCHER_RECEIVERS", "shop.receivres")
    assert told() == ["E006 DISPATCHER[\"RECEIVERS\"]: there is no module 'shop.receivres'"]


def test_variable_that_a_setting_overrides_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCHER_SENDER", "Elsewhere")
    monkeypatch.setenv("DISPATCHER_RATE", "3")
    with django_project.said(SENDER="Here", RATE=3):
        assert told() == [
            'I001 DISPATCHER_SENDER of the environment is not read: DISPATCHER["SENDER"] is set'
        ]


def test_other_database_of_the_environment_is_warned_of(
    sqlite_shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPATCHER_DATABASE_URL", sqlite_shop)
    assert told() == []
    monkeypatch.setenv("DISPATCHER_DATABASE_URL", "sqlite:////elsewhere.db")
    [sentence] = told()
    assert sentence.startswith("W002 DISPATCHER_DATABASE_URL of the environment is not read: the")
