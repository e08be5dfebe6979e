"""What a schema consists of, for comparisons."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, text

from dispatcher.storage import schema
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Base


def differences(connection: Connection) -> list[object]:
    options = {"version_table": schema.VERSION_TABLE, "compare_type": True}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, Base.metadata))


def rules(engine: Engine) -> dict[str, object]:
    """What a comparison by Alembic passes over: checks, names of keys, nullability."""
    found = inspect(engine)
    return {
        table: (
            sorted((c["name"], c["sqltext"]) for c in found.get_check_constraints(table)),
            found.get_pk_constraint(table),
            sorted(str(key) for key in found.get_foreign_keys(table)),
            sorted(str(key) for key in found.get_unique_constraints(table)),
            [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
        )
        for table in sorted(Base.metadata.tables)
    }


def view_of(database: Database) -> object:
    query = (
        "SELECT sql FROM sqlite_master WHERE name = 'dispatcher_message'"
        if database.is_sqlite
        else "SELECT pg_get_viewdef('dispatcher_message'::regclass)"
    )
    with database.read() as session:
        return session.scalar(text(query))


def names(database: Database) -> list[str]:
    """Every name of the schema: tables, views, indexes and, on PostgreSQL, sequences."""
    query = (
        "SELECT name FROM sqlite_master WHERE name <> 'sqlite_sequence'"  # SQLite's own
        if database.is_sqlite
        else "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    )
    with database.read() as session:
        return sorted(session.scalars(text(query)))
