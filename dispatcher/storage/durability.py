"""Durability: whether the database keeps what it has committed, as nobody twice needs it.

Health checks write and read back: a full disk, a demoted primary and a mount that became
read-only show in no setting.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatcher.errors import StorageError
from dispatcher.storage import meta
from dispatcher.storage.database import Database

#: setting of PostgreSQL -> the values that break a promise, and what to do
_POSTGRESQL: Mapping[str, tuple[frozenset[str], str]] = {
    "synchronous_commit": (
        frozenset({"off"}),
        "a crash would forget what was sent: set synchronous_commit = on for this role",
    ),
    "default_transaction_isolation": (
        frozenset({"repeatable read", "serializable"}),
        "claims and caps need read committed: reset default_transaction_isolation for this role",
    ),
    "transaction_read_only": (
        frozenset({"on"}),
        "nothing can be written: connect to the primary, or reset default_transaction_read_only",
    ),
}
#: the row of ``dispatcher_meta`` that checks write
_WRITTEN = "last_check"
#: SQLite's ``synchronous`` from which on a commit is on the disk
_FULL = 2


def check(database: Database) -> None:
    """Raise StorageError unless the database keeps what it takes, and takes a row now.

    The row replaces that of the last check, and is committed.
    """
    with database.read() as session:
        if found := objections(session):
            raise StorageError("; ".join(found))
    check_takes(database)


def check_takes(database: Database) -> None:
    """Raise StorageError unless the database takes a row now and returns it."""
    word = secrets.token_hex(8)
    with database.write() as session:
        meta.put(session, _WRITTEN, word)
    with database.read() as session:
        # another check may have written meanwhile
        if meta.get(session, _WRITTEN) is None:
            raise StorageError("the database does not return what it took")


def objections(session: Session) -> list[str]:
    """One sentence for each setting of this connection that breaks a promise; empty when none.

    Each sentence names the setting, its value and the cure. The session may be any that reads.
    """
    if session.get_bind().dialect.name == "postgresql":
        names = ", ".join(f"current_setting('{name}')" for name in _POSTGRESQL)
        values = session.execute(text(f"SELECT {names}")).one()
        return [
            f"{name} is {value}: {cure}"
            for (name, (wrong, cure)), value in zip(_POSTGRESQL.items(), values, strict=True)
            if value in wrong
        ]
    if session.execute(text("PRAGMA synchronous")).scalar_one() < _FULL:
        return ["synchronous is below FULL: a power cut would forget what was sent"]
    return []
