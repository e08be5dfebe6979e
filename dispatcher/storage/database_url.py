"""The URL of the database, refused in one sentence that repeats no part of it.

A mistyped URL may have a piece of the password anywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from dispatcher.errors import ConfigurationError

_NAME: Final = "DISPATCHER_DATABASE_URL"
_SHAPES: Final = "sqlite:////srv/dispatcher.db or postgresql+psycopg://user:password@host/name"
#: the first is what to write; a project of Django lends its own connection
_DRIVERS: Final = {
    "sqlite": ("sqlite", "sqlite+pysqlite", "sqlite+django"),
    "postgresql": ("postgresql+psycopg", "postgresql+django"),
}


def parsed(text: str) -> URL:
    """The URL. Raises ConfigurationError for one of no database that is supported."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # the latter for a port that is none
        raise ConfigurationError(
            f"{_NAME} is not a database URL: write it like {_SHAPES}"
        ) from None
    if url.drivername in {"postgresql", "postgres"}:
        url = url.set(drivername="postgresql+psycopg")
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise ConfigurationError(f"{_NAME} must be SQLite or PostgreSQL: write it like {_SHAPES}")
    if url.drivername not in _DRIVERS[backend]:
        ours = _DRIVERS[backend][0]
        raise ConfigurationError(f"{_NAME}: its driver is not supported: write {ours}://")
    if "@" in (url.host or ""):
        raise ConfigurationError(f"{_NAME}: write an @ within the password as %40")
    if backend == "sqlite" and url.host:
        raise ConfigurationError(f"{_NAME}: a file has three slashes before it: sqlite:///path")
    return url


def check_shared(url: URL) -> None:
    """Raise ConfigurationError for a SQLite database in memory, which no other process sees."""
    if url.get_backend_name() != "sqlite":
        return
    file = url.database or ":memory:"
    if ":memory:" in file or url.query.get("mode") == "memory":
        raise ConfigurationError(
            f"{_NAME} names a database in memory, which no other process sees: name a file, like"
            " sqlite:////srv/dispatcher.db"
        )


def is_relative(url: URL) -> bool:
    """True if another folder means another database: a SQLite file without its whole path."""
    file = url.database or ""
    return url.get_backend_name() == "sqlite" and bool(file) and not Path(file).is_absolute()
