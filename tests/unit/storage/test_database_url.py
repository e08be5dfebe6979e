"""Mistyped URLs of databases: one sentence each, which repeats no part of the URL."""

from __future__ import annotations

import pytest

from dispatcher.errors import ConfigurationError
from dispatcher.storage.database import Database


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "is not a database URL: write it like sqlite:"),
        ("/var/lib/hunter2.db", "is not a database URL: write it like sqlite:"),
        ("sqlite:hunter2.db", "is not a database URL: write it like sqlite:"),
        ("postgresql://me:hunter2@host:abc/db", "is not a database URL: write it like sqlite:"),
        ("postgresql://me:hunter2@[::1/db", "is not a database URL: write it like sqlite:"),
        ("mysql://me:hunter2@host/db", "must be SQLite or PostgreSQL"),
        ("postgre://me:hunter2@host/db", "must be SQLite or PostgreSQL"),
        ("https://hunter2", "must be SQLite or PostgreSQL"),
        ("postgresql+psycopg2://me:hunter2@h/d", "not supported: write postgresql+psycopg://"),
        ("postgresql+asyncpg://me:hunter2@h/d", "not supported: write postgresql+psycopg://"),
        ("sqlite+aiosqlite:///hunter2.db", "not supported: write sqlite://"),
        ("postgresql://me:p@hunter2@host/db", "write an @ within the password as %40"),
        ("sqlite://hunter2.db", "a file has three slashes before it: sqlite:///path"),
    ],
)
def test_mistyped_url_is_refused_in_one_sentence(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Database(url)
    sentence = str(caught.value)
    assert sentence.startswith("DISPATCHER_DATABASE_URL")
    assert says in sentence
    assert "hunter2" not in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite:///file:db?mode=memory&cache=shared&uri=true",
    ],
)
def test_database_in_memory_is_refused_in_one_sentence(url: str) -> None:
    with pytest.raises(ConfigurationError, match="in memory, which no other process sees"):
        _ = Database(url).engine
