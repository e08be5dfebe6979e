"""A Django project in this process: the example's shop, on a database of the test's choice."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from sqlalchemy import make_url

SHOP = Path(__file__).parents[1] / "examples" / "django_shop"


def configure() -> None:
    """Set Django up, once, with what the example's settings say; without a database."""
    if settings.configured:
        return
    sys.path.insert(0, str(SHOP))
    from shop import settings as shop  # type: ignore[import-not-found]

    said = {name: getattr(shop, name) for name in dir(shop) if name.isupper()}
    settings.configure(
        **{
            **said,
            "DATABASES": {"default": {"ENGINE": "django.db.backends.dummy"}},
            "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
            "ALLOWED_HOSTS": ["*"],
            # no check of templates that a test has broken on purpose may be kept
            "DEBUG": False,
        }
    )
    django.setup()
    # what runs here stands for a project outside of its tests
    from dispatcher.contrib import test_runners
    from dispatcher.contrib.django import under_test

    under_test.running = test_runners.djangos_runner


def database(url: str, **changes: Any) -> dict[str, Any]:
    """One of DATABASES, from a SQLAlchemy URL."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        patient = {"timeout": 60}  # the machine may be busy with other tests
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": parts.database,
            "OPTIONS": patient,
            **changes,
        }
    query = dict(parts.query)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.database,
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.host or query.pop("host", ""),
        "PORT": str(parts.port or query.pop("port", "")),
        **changes,
    }


def use(databases: Mapping[str, Mapping[str, Any]]) -> None:
    """Have the project use other DATABASES from now on."""
    connections.close_all()
    for alias in list(connections):
        if hasattr(connections._connections, alias):  # type: ignore[attr-defined]
            delattr(connections._connections, alias)  # type: ignore[attr-defined]
    connections._settings = {  # type: ignore[attr-defined]
        alias: dict(one) for alias, one in databases.items()
    }
    vars(connections).pop("settings", None)
    _forget()


@contextmanager
def said(**values: Any) -> Iterator[None]:
    """Let DISPATCHER say something else."""
    from django.test import override_settings

    with override_settings(DISPATCHER=values):
        yield


def migrated(url: str) -> None:
    """Use a database, with its tables."""
    use({"default": database(url)})
    call_command("migrate", verbosity=0)


def without_environment(patch: Any) -> None:
    """Let no variable of this machine say anything."""
    for name in os.environ:
        if name.startswith("DISPATCHER_"):
            patch.delenv(name)


def _forget() -> None:
    from dispatcher.contrib.django import lazy

    lazy.forget()
