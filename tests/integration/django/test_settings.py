"""The setting DISPATCHER: checked when Django starts, with each wrong value named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.db import connections
from sqlalchemy import make_url

from dispatcher import ConfigurationError
from dispatcher.contrib.django import conf, dispatcher
from dispatcher.contrib.django.database_url import url_of
from tests import django_project


@pytest.fixture(autouse=True)
def _no_variables(sqlite_shop: str) -> None:
    """The environment says nothing; the database is SQLite."""


def told() -> list[tuple[str | None, str]]:
    return [
        (one.id, one.msg) for one in checks.run_checks() if str(one.id).startswith("dispatcher")
    ]


def test_project_without_settings_starts(sqlite_shop: str) -> None:
    with django_project.said():
        assert told() == []
    assert conf.settings().database_url.get_secret_value() == sqlite_shop


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ({"SENDER": "é"}, [("dispatcher.E004", 'DISPATCHER["SENDER"]: is not 3 to 11')]),
        (
            {"RATE": -1, "colour": 1, "tick": "no"},
            [
                ("dispatcher.E004", 'DISPATCHER["RATE"]: input should be greater than 0'),
                ("dispatcher.E004", 'DISPATCHER["TICK"]: input should be a valid number'),
                ("dispatcher.E004", "unknown setting 'colour'"),
            ],
        ),
        ({"tick": 1, "TICK": 2}, [("dispatcher.E001", "DISPATCHER names a setting twice")]),
        ({"DATABASE": "x"}, [("dispatcher.E002", "DISPATCHER[\"DATABASE\"]: there is no 'x'")]),
        (
            {"DATABASE": "default", "DATABASE_URL": "sqlite://"},
            [("dispatcher.E002", 'set DISPATCHER["DATABASE"] or DISPATCHER["DATABASE_URL"]')],
        ),
        (
            {"API_KEY_FILE": "/does/not/exist"},
            [("dispatcher.E005", 'DISPATCHER["API_KEY_FILE"] cannot be read')],
        ),
        (
            {"ACCOUNTS": "shop2", "RATE_SHOP2": 0, "SENDER_NEWS": "Nouvelles"},
            [
                ("dispatcher.E004", 'DISPATCHER["RATE_SHOP2"]: input should be greater than 0'),
                ("dispatcher.E004", "unknown setting 'sender_news'"),
            ],
        ),
        ({"LEASE": 1}, [("dispatcher.E004", 'DISPATCHER["LEASE"] must be at least')]),
    ],
)
def test_each_wrong_setting_is_named(text: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    with django_project.said(**text):
        found = told()
    assert len(found) == len(problems)
    for (ident, message), (expected, beginning) in zip(found, problems, strict=True):
        assert (ident, message[: len(beginning)]) == (expected, beginning)


def test_setting_that_is_not_a_dict_is_refused() -> None:
    from django.test import override_settings

    with override_settings(DISPATCHER=["SENDER"]):
        assert told() == [("dispatcher.E001", "DISPATCHER is not a dict of settings")]


def test_message_of_a_wrong_setting_hides_secrets() -> None:
    with django_project.said(SENDER="a-key-pasted-here", API_KEY="hunter2", BROKER_URL=5):
        assert "hunter2" not in str(told())
        assert "a-key-pasted-here" not in str(told())


def test_lower_case_keys_and_typed_values_are_accepted(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("hunter2\n")
    with django_project.said(
        sender="Chez Nous".replace(" ", ""),
        prices={"metropole": "0.045"},
        POLL_INTERVALS=[1, 2],
        API_KEY_FILE=secret,
    ):
        settings = dispatcher.settings
        assert (settings.sender, settings.poll_intervals) == ("ChezNous", (1, 2))
        assert settings.api_key is not None
        assert settings.api_key.get_secret_value() == "hunter2"
    assert dispatcher.settings.sender == "MaBoutique"  # as the shop says


def test_environment_fills_missing_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCHER_SENDER", "Elsewhere")
    monkeypatch.setenv("DISPATCHER_RATE", "3")
    with django_project.said(SENDER="Here"):
        assert (dispatcher.settings.sender, dispatcher.settings.rate) == ("Here", 3)


def test_database_url_of_the_environment_is_ignored(
    sqlite_shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPATCHER_DATABASE_URL", "sqlite:///elsewhere.db")
    with django_project.said():
        assert dispatcher.settings.database_url.get_secret_value() == sqlite_shop


def test_wrong_setting_is_named_at_the_first_use() -> None:
    with (
        django_project.said(SENDER="é"),
        pytest.raises(ConfigurationError, match=r'^DISPATCHER\["SENDER"\]'),
    ):
        dispatcher.campaigns()


# -- the URL that processes of their own get


def url(**settings: Any) -> str:
    django_project.use({"default": settings})
    return url_of(connections["default"])


@pytest.mark.parametrize("values", [Path("/var/shop.db"), "/var/shop.db"])
def test_sqlite_url_names_the_same_file(values: object) -> None:
    assert url(ENGINE="django.db.backends.sqlite3", NAME=values) == "sqlite:////var/shop.db"


def test_relative_file_is_found_from_any_directory() -> None:
    got = make_url(url(ENGINE="django.db.backends.sqlite3", NAME="shop.db"))
    assert got.database == str(Path("shop.db").absolute())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"NAME": "shop", "USER": "app", "PASSWORD": "p@ss/word", "HOST": "db", "PORT": "5433"},
            "postgresql+psycopg://app:p%40ss%2Fword@db:5433/shop",
        ),
        ({"NAME": "shop"}, "postgresql+psycopg:///shop"),
        (
            {"NAME": "shop", "HOST": "/run/postgresql", "PORT": 5433},
            "postgresql+psycopg:///shop?host=%2Frun%2Fpostgresql&port=5433",
        ),
        (
            {"NAME": "shop", "HOST": "db", "OPTIONS": {"sslmode": "require"}},
            "postgresql+psycopg://db/shop?sslmode=require",
        ),
        ({"OPTIONS": {"service": "shop"}}, "postgresql+psycopg://?service=shop"),
        (
            {"NAME": "shop", "OPTIONS": {"options": "-c search_path=sms"}},
            "postgresql+psycopg:///shop?options=-c+search_path%3Dsms",
        ),
        (
            {"NAME": "shop", "OPTIONS": {"server_side_binding": True, "assume_role": None}},
            "postgresql+psycopg:///shop",
        ),
    ],
)
def test_postgresql_url_has_all_parts_of_the_project(
    settings: dict[str, Any], expected: str
) -> None:
    assert url(ENGINE="django.db.backends.postgresql", **settings) == expected


def test_unsupported_database_is_refused_and_named() -> None:
    django_project.use({"default": {"ENGINE": "django.db.backends.dummy"}})
    with django_project.said():
        [(ident, message)] = told()[:1]
    assert ident == "dispatcher.E002"
    assert "the dispatcher needs PostgreSQL or SQLite" in message


def test_url_of_the_project_reads_the_same_rows(
    postgres_shop: str, customers: Callable[..., Any]
) -> None:
    from dispatcher import Dispatcher

    dispatcher.submit("soldes", "Soldes", customers(1))
    other = Dispatcher(conf.settings())
    assert other.progress("soldes").recipients == 1
    other.database.close()


def test_older_driver_for_postgresql_is_refused_at_start(
    postgres_shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatcher.contrib.django.checks.find_spec", lambda _: None)
    with django_project.said():
        [(ident, message)] = told()
    assert ident == "dispatcher.E003"
    assert "psycopg 3" in message
