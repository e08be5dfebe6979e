"""The setting ``DISPATCHER`` as the dispatcher's own settings."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from django.conf import ENVIRONMENT_VARIABLE
from django.conf import settings as project
from django.db import connections

from dispatcher.contrib.django import under_test
from dispatcher.contrib.django.database_url import url_of
from dispatcher.contrib.django.under_test import temporary_database
from dispatcher.errors import ConfigurationError
from dispatcher.settings import PREFIX, Settings
from dispatcher.settings.environment import load

#: the only key that is not a setting of the dispatcher: which of DATABASES has the tables
ALIAS = "DATABASE"
_RECEIVERS = f"{PREFIX}RECEIVERS"
_URL = {f"{PREFIX}DATABASE_URL", f"{PREFIX}DATABASE_URL_FILE"}
#: where something would leave to; unset in tests
_OUTWARD = {
    f"{PREFIX}{name}{end}" for name in ("BROKER_URL", "CALLBACK_URL") for end in ("", "_FILE")
}


def configured() -> dict[str, Any]:
    """The values of DISPATCHER under the names of variables. Raises ConfigurationError."""
    values = getattr(project, "DISPATCHER", {})
    if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
        raise ConfigurationError("DISPATCHER is not a dict of settings")
    named = {f"{PREFIX}{key.upper()}": value for key, value in values.items()}
    if len(named) < len(values):
        raise ConfigurationError("DISPATCHER names a setting twice, in upper and in lower case")
    return named


def alias_of(values: Mapping[str, Any]) -> str | None:
    """Which of DATABASES has the tables; None when DATABASE_URL names a database of its own.

    Raises ConfigurationError unless it is PostgreSQL or SQLite.
    """
    chosen = values.get(f"{PREFIX}{ALIAS}")
    if any(values.get(name) for name in _URL):
        if chosen:
            raise ConfigurationError(f"set {PREFIX}{ALIAS} or {PREFIX}DATABASE_URL, not both")
        return None
    alias = str(chosen or "default")
    if alias not in connections:
        raise ConfigurationError(f"{PREFIX}{ALIAS}: there is no {alias!r} in DATABASES")
    url_of(connections[alias])
    return alias


def settings() -> Settings:
    """The settings of the dispatcher. Raises ConfigurationError.

    Settings that DISPATCHER lacks come from ``DISPATCHER_*`` variables of the environment, but the
    database is the project's own unless DISPATCHER names another.
    """
    values = configured()
    alias, tests = tables(), under_test.running()
    ours = {name: value for name, value in values.items() if name != f"{PREFIX}{ALIAS}"}
    rest = {name: value for name, value in os.environ.items() if name not in _URL}
    if alias is not None or tests:
        url = temporary_database(os.getpid()) if alias is None else url_of(connections[alias])
        ours = {name: value for name, value in ours.items() if name not in _URL}
        ours[f"{PREFIX}DATABASE_URL"] = url
    if _RECEIVERS not in {name.removesuffix("_FILE") for name in (*ours, *rest)} and _listening():
        ours[_RECEIVERS] = "dispatcher.contrib.django.receivers"
    for name in _OUTWARD if tests else ():
        ours.pop(name, None)
        rest.pop(name, None)
    return load(ours, rest)


def _listening() -> bool:
    """Whether the project has receivers of events, and workers can load it."""
    from dispatcher.contrib.django.signals import SIGNALS

    named = bool(os.environ.get(ENVIRONMENT_VARIABLE))
    return named and any(signal.has_listeners() for signal in SIGNALS.values())


def alias() -> str | None:
    """Which of DATABASES has the tables, as ``alias_of``."""
    return alias_of(configured())


def tables() -> str | None:
    """The same, but in tests one of the project's test databases stands in for DATABASE_URL."""
    own = alias()
    return under_test.stand_in() if own is None and under_test.running() else own


def in_project_terms(sentence: object) -> str:
    """The sentence with ``DISPATCHER_X`` written as ``DISPATCHER["X"]``."""
    return re.sub(rf"\b{PREFIX}([A-Z0-9_]+)", r'DISPATCHER["\1"]', str(sentence))
