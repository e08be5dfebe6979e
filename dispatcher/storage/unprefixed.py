"""Gives the tables that versions before revision 0017 made their prefix.

All revisions name the tables with the prefix, so that an empty database never gets a table
``campaign`` beside a project's own. Older tables are renamed before any further revision runs. Only
names change: no row is read or written, and on PostgreSQL grants stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import Connection, inspect, text

_TABLES = (
    "action",
    "attempt",
    "batch",
    "campaign",
    "check_order",
    "event",
    "heartbeat",
    "meta",
    "number_check",
    "opt_out",
    "opt_out_event",
    "recipient",
    "reply",
    "unread_call",
)
_ANY = "|".join(sorted(_TABLES, key=len, reverse=True))
_FOREIGN_KEY = re.compile(rf"\bfk_({_ANY})_(\w+?)_({_ANY})\b")
_NAME = re.compile(rf"\b(pk|uq|ck|ix)_({_ANY})(?=_|\b)")
_IN_VIEW = re.compile(r"\b(message|recipient|batch)\b")


def rename(connection: Connection) -> None:
    """Rename the tables, the view, and whatever has the name of a table in its own."""
    if connection.dialect.name == "postgresql":
        for statement in _on_postgres(connection):
            connection.execute(text(statement))
    else:
        _on_sqlite(connection)


def _prefixed(names: str) -> str:
    """The names of constraints and indexes with the prefix."""
    return _NAME.sub(
        r"\1_dispatcher_\2", _FOREIGN_KEY.sub(r"fk_dispatcher_\1_\2_dispatcher_\3", names)
    )


def _old(connection: Connection) -> list[str]:
    return [table for table in inspect(connection).get_table_names() if table in _TABLES]


def _on_postgres(connection: Connection) -> Iterator[str]:
    found = inspect(connection)
    yield "ALTER VIEW message RENAME TO dispatcher_message"
    for table in _old(connection):
        constraints = [
            found.get_pk_constraint(table),
            *found.get_unique_constraints(table),
            *found.get_check_constraints(table),
            *found.get_foreign_keys(table),
        ]
        of_constraints = {constraint["name"] for constraint in constraints}
        for name in filter(None, of_constraints):
            if (new := _prefixed(name)) != name:
                yield f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO {new}"
        for index in found.get_indexes(table):
            name = index["name"] or ""
            if name not in of_constraints and (new := _prefixed(name)) != name:
                yield f"ALTER INDEX {name} RENAME TO {new}"
        yield f"ALTER SEQUENCE IF EXISTS {table}_id_seq RENAME TO dispatcher_{table}_id_seq"
        yield f"ALTER TABLE {table} RENAME TO dispatcher_{table}"


def _on_sqlite(connection: Connection) -> None:
    view = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'message'"))
    connection.execute(text("DROP VIEW message"))
    for table in _old(connection):
        connection.execute(text(f"ALTER TABLE {table} RENAME TO dispatcher_{table}"))
    # SQLite renames neither constraints nor indexes; its manual describes this change of their
    # text, which builds no index anew
    version = connection.scalar(text("PRAGMA schema_version"))
    connection.execute(text("PRAGMA writable_schema = ON"))
    rows = connection.execute(
        text(
            "SELECT rowid, name, sql FROM sqlite_master"
            " WHERE tbl_name LIKE 'dispatcher!_%' ESCAPE '!'"
        )
    ).all()
    for row, name, sql in rows:
        connection.execute(
            text("UPDATE sqlite_master SET name = :name, sql = :sql WHERE rowid = :row"),
            {"row": row, "name": _prefixed(name), "sql": sql and _prefixed(sql)},
        )
    connection.execute(text(f"PRAGMA schema_version = {version + 1}"))
    connection.execute(text("PRAGMA writable_schema = RESET"))
    connection.execute(text(_IN_VIEW.sub(r"dispatcher_\1", view)))
