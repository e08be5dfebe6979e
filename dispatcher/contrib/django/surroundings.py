"""Errors around DISPATCHER: settings in the wrong place, modules and variables not used."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

from django.conf import settings as project
from django.core import checks
from django.db import connections
from django.urls import get_resolver
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from dispatcher.contrib.django import conf
from dispatcher.contrib.django.database_url import url_of
from dispatcher.errors import ConfigurationError
from dispatcher.settings import PREFIX
from dispatcher.settings.environment import as_variable

_WEBHOOKS = "dispatcher.contrib.django.webhooks"


def check_surroundings(**_: Any) -> list[checks.CheckMessage]:
    """What is no wrong value, and yet does not do what somebody meant."""
    try:
        values, alias = conf.configured(), conf.alias()
    except ConfigurationError:  # reported above
        return []
    return [
        *_misplaced(values),
        *_receivers(values),
        *_webhooks(values),
        *_overridden(values, alias),
    ]


def _misplaced(values: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    names = [name for name in dir(project) if name.isupper()]
    for name in names:
        # a project may take it up in DISPATCHER itself
        if name.startswith(PREFIX) and values.get(name) != getattr(project, name):
            inside = f'DISPATCHER["{name.removeprefix(PREFIX)}"]'
            yield checks.Warning(f"{name} is not read: write {inside}", id="dispatcher.W001")
    if "DISPATCHER" not in names and (near := get_close_matches("DISPATCHER", names, 1, 0.85)):
        yield checks.Warning(
            f"{near[0]} is not read: did you mean DISPATCHER?", id="dispatcher.W003"
        )


def _receivers(values: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    name = f"{PREFIX}RECEIVERS"
    given = values.get(name, os.environ.get(name)) or ()
    for module in given.split(",") if isinstance(given, str) else given:
        try:
            found = find_spec(str(module).strip())
        except Exception:  # noqa: BLE001 - a package above it may raise anything
            found = None
        if found is None:
            yield checks.Error(
                f'DISPATCHER["RECEIVERS"]: there is no module {module!r}', id="dispatcher.E006"
            )


def _webhooks(values: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    named = {name.removesuffix("_FILE") for name in (*values, *os.environ)}
    # where the URL of the webhooks is set, the settings themselves ask for the secret
    asked = {f"{PREFIX}WEBHOOK_SECRET", f"{PREFIX}WEBHOOK_URL"} & named
    if not asked and _serves_webhooks():
        yield checks.Error(
            'the URLs include dispatcher.contrib.django.webhooks, and DISPATCHER["WEBHOOK_SECRET"]'
            " is not set: 16 or more letters and digits",
            id="dispatcher.E007",
        )


def _serves_webhooks() -> bool:
    """Whether the project's URLs, if they can be read, have our webhooks among them."""
    if not getattr(project, "ROOT_URLCONF", None):
        return False
    try:
        return _has_webhooks(get_resolver().url_patterns)
    except Exception:  # noqa: BLE001 - Django's own check of URLs says what is wrong
        return False


def _has_webhooks(patterns: Iterable[Any]) -> bool:
    return any(
        getattr(getattr(one, "callback", None), "__module__", "") == _WEBHOOKS
        or _has_webhooks(getattr(one, "url_patterns", ()))
        for one in patterns
    )


def _overridden(values: Mapping[str, Any], alias: str | None) -> Iterator[checks.CheckMessage]:
    """What the environment says in vain."""
    for name in sorted(os.environ.keys() & values.keys()):
        if os.environ[name] not in ("", as_variable(values[name])):
            yield checks.Info(
                f"{name} of the environment is not read: {conf.in_project_terms(name)} is set",
                id="dispatcher.I001",
            )
    url = os.environ.get(f"{PREFIX}DATABASE_URL")
    if url and alias is not None and not _same(url, url_of(connections[alias])):
        yield checks.Warning(
            f"{PREFIX}DATABASE_URL of the environment is not read: the tables are in"
            f' DATABASES[{alias!r}]; DISPATCHER = {{"DATABASE_URL": …}} names another database',
            id="dispatcher.W002",
        )


def _same(url: str, other: str) -> bool:
    try:
        return make_url(url) == make_url(other)
    except ArgumentError:
        return False
