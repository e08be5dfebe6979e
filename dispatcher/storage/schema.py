"""The schema's version: made, brought up to date, or refused."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from dispatcher.errors import StorageError
from dispatcher.storage.database import Database

#: Alembic's own table, under a name that another application's Alembic does not use
VERSION_TABLE = "dispatcher_version"
_LOCK = 7_265_378_372  # any number that nobody else locks


def prepare(database: Database) -> None:
    """Make the tables of an empty database. Raises StorageError for any other schema."""
    if version(database) is None:
        migrate(database)
    check(database)


def migrate(database: Database) -> None:
    """Bring the database to the schema of this version; several at once wait for each other."""
    with database.write() as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            # a migration may wait for another, and may take its time
            connection.execute(text("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if _current(connection) not in _known():
            raise StorageError(_unknown(_current(connection)))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(database: Database) -> None:
    """Raise StorageError unless the schema is the one that this version works with."""
    found = version(database)
    head = _script().get_current_head()
    if found == head:
        return
    if found not in _known():
        raise StorageError(_unknown(found))
    raise StorageError(
        f"the database's schema is {found or 'missing'}, this version works with {head}: "
        "run dispatcher migrate"
    )


def version(database: Database) -> str | None:
    """The schema's version; None for an empty or missing database."""
    if database.is_missing:
        return None
    with database.read() as session:
        return _current(session.connection())


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _known() -> set[str | None]:
    return {None, *(revision.revision for revision in _script().walk_revisions())}


def _unknown(found: str | None) -> str:
    return f"the database's schema {found} is of a later version of the dispatcher"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "dispatcher.storage:migrations")
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
