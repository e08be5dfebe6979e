"""Under a test runner nothing leaves, and only databases of the tests are written.

Runners that make no test databases (pytest without pytest-django, unittest) can write
none of the project's, unless it is in memory or named by ``TEST``.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings as project
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from dispatcher.contrib.test_runners import djangos_runner, under_test_runner
from dispatcher.errors import StorageError

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_SUPPORTED: Final = ("postgresql", "sqlite")
#: whether a test runner is at work
running = under_test_runner
#: where each of DATABASES is before a runner puts test databases in their places
_live: dict[str, tuple[str, ...]] = {}


def remember_live() -> None:
    """Remember where the databases are that no test may write."""
    _live.update({alias: _place(one) for alias, one in project.DATABASES.items()})


def check_database(connection: BaseDatabaseWrapper) -> None:
    """Raise StorageError if a test would use a database that is none of the tests."""
    if not running():
        return
    place, name = _place(connection.settings_dict), str(connection.settings_dict["NAME"])
    own = name == ":memory:" or name == str(connection.settings_dict["TEST"].get("NAME"))
    if place == _live.get(connection.alias) and not own:
        raise StorageError(
            f"this is a test, and DATABASES[{connection.alias!r}] is no test database:"
            f" {_cure(connection.alias)}"
        )


def _cure(alias: str) -> str:
    if djangos_runner():
        return f'add {alias!r} to "databases" of the test class'
    return "run manage.py test, or pip install pytest-django"


def stand_in() -> str | None:
    """Which of DATABASES has the tables in tests, in place of a database that Django does not know.

    None if the project has neither PostgreSQL nor SQLite.
    """
    aliases = sorted(connections, key=lambda alias: alias != DEFAULT_DB_ALIAS)
    return next((alias for alias in aliases if connections[alias].vendor in _SUPPORTED), None)


@cache
def temporary_database(process: int) -> str:
    """The URL of an empty database of this process, where there is no stand-in."""
    directory = tempfile.mkdtemp(prefix=f"dispatcher-test-{process}-")
    return f"sqlite:///{os.path.join(directory, 'test.db')}"  # noqa: PTH118 - a URL is text


def is_sandbox(api_url: str) -> bool:
    """Whether this gateway is on this machine."""
    return urlsplit(api_url).hostname in _LOOPBACK


def _place(values: Any) -> tuple[str, ...]:
    return tuple(str(values.get(name, "")) for name in ("ENGINE", "NAME", "HOST", "PORT"))
