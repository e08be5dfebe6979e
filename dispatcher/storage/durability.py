"""Durability: whether the database keeps what it has committed, as nobody twice needs it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

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
#: SQLite's ``synchronous`` from which on a commit is on the disk
_FULL = 2


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
