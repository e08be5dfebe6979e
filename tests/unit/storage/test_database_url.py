"""Mistyped URLs of databases: one sentence each, which repeats no part of the URL."""

from __future__ import annotations

import pytest

from dispatcher.errors import ConfigurationError
from dispatcher.storage.database import Database
from dispatcher.storage.database_url import parsed


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
        ("psycopg2://me:hunter2@host/db", "must be SQLite or PostgreSQL"),
        ("host=hunter2 dbname=db", "is not a database URL: write it like sqlite:"),
        ("postgresql://me:hunter2@h1,h2:abc/db", "name one port, or one for each host"),
        ("postgresql://me:hunter2@h1:1,[::1/db", "name one port, or one for each host"),
        ("postgresql://me:hunter2@/d?host=a:1&port=2", "name one port, or one for each host"),
        ("postgresql://me@h/d?prepare_threshold=hunter2", "leave prepare_threshold out: behind"),
        ("postgresql://me@h/d?pgbouncer=hunter2", "leave pgbouncer out: behind a pooler"),
        ("postgresql://me@h/d?statement_cache_size=0", "leave statement_cache_size out"),
        ("postgresql://me:hunter2@/d?host=a,b&port=1,2,3", "name one port, or one for each host"),
        ("postgresql://me:hunter2@/d?host=a&port=hunter2", "name one port, or one for each host"),
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


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://me@h1:1,h2:2/db", "h1:1, h2:2"),
        ("postgres://me@h1,h2:2/db", "h1:5432, h2:2"),
        ("postgresql://h1,h2/db?sslmode=require", "h1, h2"),
        ("postgresql://me@[::1]:1,[::2]/db", "::1:1, ::2:5432"),
        ("postgresql://me@/db?host=h1,h2", "h1, h2"),
        ("postgresql://me@/db?host=h1,h2&port=7", "h1:7, h2:7"),
        ("postgresql://me@/db?host=h1:1&host=h2:2", "h1:1, h2:2"),
        ("postgresql://me@%2Fvar%2Frun/db", "/var/run"),
        ("postgresql://me@%2Fvar%2Frun:7/db", "/var/run:7"),
        ("postgresql:///db?host=/var/run&port=7", "/var/run:7"),
        ("postgresql:///db?host=h1:1,h2:2", "h1:1, h2:2"),
        ("postgresql:///db?host=::1,h2", "::1, h2"),
        ("postgresql://h1/db?port=7", "h1:7"),
        ("postgresql://h:1/db?user=me@shop&password=a@b", "h:1"),
        ("postgresql:///db", "the local socket"),
    ],
)
def test_place_of_a_url_names_every_host(url: str, place: str) -> None:
    assert Database(url).place == f"PostgreSQL 'db' at {place}"


def test_option_with_an_at_sign_ends_no_password() -> None:
    url = parsed("postgresql://host:1/db?user=me@shop&password=a@b")
    assert (url.query["user"], url.query["password"]) == ("me@shop", "a@b")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://me@h/d?autocommit=1", "PostgreSQL knows no option autocommit: leave it out"),
        ("postgresql://me@h/d?ssl=1", "PostgreSQL knows no option ssl: leave it out"),
        # a torn password
        ("postgresql://me:12?hunter2=3@host/db", "knows no option: leave it out, and write a ?"),
    ],
)
def test_option_that_postgresql_does_not_know_is_refused_in_one_sentence(
    url: str, says: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = Database(url).engine
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)
