"""Creates and empties the dispatcher's tables together with the project's."""

from __future__ import annotations

from typing import Any

from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS

from dispatcher.contrib.django import conf
from dispatcher.contrib.django.database import DjangoDatabase
from dispatcher.errors import StorageError
from dispatcher.storage import schema
from dispatcher.storage.tables import Base


def follow(*, using: str, verbosity: int = 1, stdout: Any = None, **options: Any) -> None:
    """After ``migrate`` bring the tables to this version's schema; after ``flush`` empty them.

    Both run for each database. After that of the project's own tables one sentence says if ours
    are in another database and still have to be made there.
    """
    alias = conf.tables()
    if alias != using:
        if alias and using == DEFAULT_DB_ALIAS and "plan" in options and verbosity:
            _remind(alias, stdout)
        return
    database = DjangoDatabase(using)
    before = schema.version(database)
    schema.migrate(database)
    after = schema.version(database)
    if "plan" not in options:  # sent by flush, which has no plan
        empty(database)
    if verbosity and after != before:
        message = f"  The dispatcher's tables have schema {after}."
        print(message, file=stdout)


def command(alias: str) -> str:
    """What makes our tables in a database, and in another than the project's own only ours."""
    return "manage.py migrate" if alias == DEFAULT_DB_ALIAS else "manage.py dispatcher migrate"


def _remind(alias: str, stdout: Any) -> None:
    try:
        schema.check(DjangoDatabase(alias))
    except StorageError:
        message = f"  The dispatcher's tables are in DATABASES[{alias!r}]: run {command(alias)}."
        print(message, file=stdout)


def empty(database: DjangoDatabase) -> None:
    """Delete every row of the dispatcher's tables."""
    names = [table.name for table in reversed(Base.metadata.sorted_tables)]
    operations = database.connection.ops
    # SQLite's cascade forgets the order
    statements = operations.sql_flush(
        no_style(), names, reset_sequences=True, allow_cascade=not database.is_sqlite
    )
    with database.engine_errors():
        operations.execute_sql_flush(statements)
