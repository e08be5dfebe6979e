"""Makes and drops databases on a PostgreSQL, by SQLAlchemy URL."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

import psycopg
from sqlalchemy import URL, make_url, text

from dispatcher.storage.database import Database
from tests.waiting import PATIENCE, eventually

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
#: the size of a table (bytes) from which on it is truncated; deleted rows stay in its file
_MUCH = 256 * 1024


def create_database(server_url: str, *, template: str | None = None) -> str:
    """Create a database on the server of ``server_url`` and return its URL.

    It is empty, or a copy of the database at the URL ``template``, which nobody may be using.
    """
    name = f"test_{secrets.token_hex(6)}"
    origin = make_url(template).database if template else "template0"
    with connected(_text(make_url(server_url).set(database="postgres"))) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{origin}"'.encode())
    return _text(make_url(server_url).set(database=name))


def drop_database(database_url: str) -> None:
    """Drop a database made by ``create_database``, with whoever is connected to it."""
    url = make_url(database_url)
    with connected(_text(url.set(database="postgres"))) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')


def emptying(tables: Iterable[str]) -> str:
    """The statement that deletes every row of these tables of a PostgreSQL; the next ids are 1.

    TRUNCATE makes new files for each table and each index, which takes fifty times as long as to
    delete few rows. Triggers and foreign keys do not take part.
    """
    names = ", ".join(f"'{name}'" for name in tables)
    return f"""
        DO $$
        DECLARE
            one regclass;
        BEGIN
            SET LOCAL session_replication_role = replica;
            FOREACH one IN ARRAY ARRAY[{names}]::regclass[] LOOP
                IF pg_relation_size(one) > {_MUCH} THEN
                    EXECUTE 'TRUNCATE ' || one || ' CASCADE';
                ELSIF pg_relation_size(one) > 0 THEN
                    EXECUTE 'DELETE FROM ' || one;
                END IF;
                PERFORM setval(seqrelid, seqstart, false)
                FROM pg_sequence JOIN pg_depend ON objid = seqrelid AND deptype IN ('a', 'i')
                WHERE refobjid = one;
            END LOOP;
        END $$
    """


def connected(url: str) -> psycopg.Connection[Any]:
    """A connection that commits each statement."""
    plain = _text(make_url(url).set(drivername="postgresql"))
    return psycopg.connect(plain, autocommit=True, connect_timeout=int(PATIENCE))


def lock_waiters(database: Database) -> int:
    """How many connections to this PostgreSQL database wait for a lock.

    It asks in a transaction of its own: within one, PostgreSQL shows those that the first question
    has found, and none that came since.
    """
    with database.read() as session:
        return session.scalar(_WAITING) or 0


def wait_for_locks(database: Database, count: int = 1) -> None:
    """Wait until so many connections to this PostgreSQL database wait for a lock."""
    eventually(lambda: lock_waiters(database) >= count, f"{count} to wait for a lock")


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
