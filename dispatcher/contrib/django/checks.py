"""Errors in DISPATCHER, reported when Django starts and by ``manage.py check``."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import connections
from django.urls import NoReverseMatch, reverse

from dispatcher.contrib.django import conf
from dispatcher.contrib.django.database import DjangoDatabase
from dispatcher.errors import ConfigurationError, StorageError
from dispatcher.settings import PREFIX, Settings
from dispatcher.storage import schema


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """An error for each setting that is wrong, by its name in DISPATCHER."""
    return [
        checks.Error(conf.in_project_terms(sentence), id=f"dispatcher.{number}")
        for number, sentence in _wrong()
    ]


def check_tables(
    *, databases: Collection[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """An error if another application has a table of a name of ours; before each ``migrate``."""
    try:
        alias = conf.alias()
        if alias in (databases or ()):
            schema.check_names(DjangoDatabase(str(alias)))
    except StorageError as error:
        return [checks.Error(str(error), id="dispatcher.E010")]
    except ConfigurationError:
        return []  # the check of the settings says it
    return []


def check_console(**_: Any) -> list[checks.CheckMessage]:
    """A warning if the links of the admin's section lead nowhere."""
    if not apps.is_installed("django.contrib.admin") or not getattr(settings, "ROOT_URLCONF", ""):
        return []
    try:
        reverse("admin:dispatcher_campaign_changelist")
    except NoReverseMatch:  # no admin in any urls.py
        return []
    try:
        reverse("console:campaigns")
    except NoReverseMatch:
        from dispatcher.contrib.django.admin import NO_CONSOLE

        return [checks.Warning(NO_CONSOLE, id="dispatcher.W004")]
    return []


def _wrong() -> Iterator[tuple[str, str]]:
    try:
        values = conf.configured()
    except ConfigurationError as error:
        yield "E001", str(error)
        return
    try:
        alias = conf.alias_of(values)
    except ConfigurationError as error:
        refused = True
        yield "E002", str(error)
    else:
        refused = False
        if alias and connections[alias].vendor == "postgresql" and find_spec("psycopg") is None:
            yield (
                "E003",
                "the dispatcher needs psycopg 3 for PostgreSQL: pip install psycopg[binary]",
            )
    values = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in values.items()
        if name != f"{PREFIX}{conf.ALIAS}"
        and not name.endswith("_FILE")
        and value not in (None, "")
    }
    if PREFIX + "ACCOUNTS" in os.environ:  # what an account has of its own may be named here
        values.setdefault("accounts", os.environ[PREFIX + "ACCOUNTS"] or ())
    problems = Settings.problems(**values)
    for problem in problems:
        yield "E004", problem
    if problems or refused:
        return
    try:  # what files and the environment say, and all of it together
        conf.settings()
    except ConfigurationError as error:
        yield "E005", str(error)
