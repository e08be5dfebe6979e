"""The version of the schema: creates it, migrates it, or refuses an unknown one."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, column, inspect, select, table, text
from sqlalchemy.orm import Session

from dispatcher.errors import StorageError
from dispatcher.storage import unprefixed
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Base

if TYPE_CHECKING:
    from alembic.config import Config

#: Alembic's own table, under a name that another application's Alembic does not use
VERSION_TABLE: Final = "dispatcher_version"
#: the first version whose tables have the prefix
_PREFIXED: Final = "0017"
#: the column that holds the version
version_num = table(VERSION_TABLE, column("version_num")).c.version_num
#: the lines of a migration that name it and the one before it
_NAME = re.compile(r'^(revision|down_revision)\b[^=\n]*= ["\'](\w+)["\']$', re.MULTILINE)
_LOCK = 7_265_378_372  # the key of our advisory lock; any unused number will do


def prepare(database: Database) -> None:
    """Create the tables in an empty database. Raises StorageError for another version."""
    if version(database) is None:
        migrate(database)
    check(database)


def migrate(database: Database) -> None:
    """Migrate the database to the schema of this version; concurrent calls wait for each other.

    Raises StorageError for the schema of a newer version.
    """
    with database.write() as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            # a migration may wait long for another one, and may itself take long
            connection.execute(text("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = _current(connection)
        if found not in (None, *revisions()):
            raise StorageError(_unknown(found))
        _refuse_collision(connection, found)
        from alembic import command

        if _is_unprefixed(connection, found):
            unprefixed.rename(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(database: Database) -> None:
    """Raise StorageError unless the schema is of this version."""
    found = version(database)
    head = revisions()[-1]
    if found == head:
        return
    if found not in (None, *revisions()):
        raise StorageError(_unknown(found))
    with database.read() as session:
        _refuse_collision(session.connection(), found)
    raise StorageError(
        f"the database's schema is {found or 'missing'}, this version works with {head}: "
        "run dispatcher migrate"
    )


def check_names(database: Database) -> None:
    """Raise StorageError if another application has a table of a name that ours will have."""
    if database.is_missing:
        return
    with database.read() as session:
        connection = session.connection()
        _refuse_collision(connection, _current(connection))


def look(database: Database) -> str:
    """The version of the schema, which is ours; creates nothing. Raises StorageError."""
    found = version(database)
    if found is None:
        check_folder(database)
        check_names(database)
        lacks = "does not exist" if database.is_missing else "has no tables"
        raise StorageError(f"{database.place} {lacks}: nothing was ever submitted to it")
    check(database)
    return found


def objection(session: Session) -> str:
    """Why a worker of this version must do nothing; empty if the tables are as it expects.

    Another version may migrate the database while the worker runs.
    """
    found = session.scalar(select(version_num))
    ours = revisions()[-1]
    if found == ours:
        return ""
    return f"nothing is done: the database's schema is {found}, this worker's {ours}: restart it"


def check_folder(database: Database) -> None:
    """Raise StorageError if no SQLite file can be where the settings say."""
    folder = Path(database.place.partition(" ")[2]).parent
    if database.is_missing and not folder.exists():
        raise StorageError(f"{database.place}: its folder {folder} does not exist")


def version(database: Database) -> str | None:
    """The version of the schema; None if the database is empty or missing."""
    if database.is_missing:
        return None
    with database.read() as session:
        return _current(session.connection())


@cache
def revisions() -> tuple[str, ...]:
    """The names of all versions, the oldest first, in the order of ``down_revision``."""
    after: dict[str | None, str] = {}
    for file in files(__package__).joinpath("migrations/versions").iterdir():
        if file.name.endswith(".py"):
            names: dict[str, str] = dict(_NAME.findall(file.read_text(encoding="utf-8")))
            after[names.get("down_revision")] = names["revision"]
    chain = [after[None]]
    while (following := after.get(chain[-1])) is not None:
        chain.append(following)
    return tuple(chain)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(select(version_num))
    return found


def _is_unprefixed(connection: Connection, found: str | None) -> bool:
    return found in revisions()[: revisions().index(_PREFIXED)] and inspect(connection).has_table(
        "campaign"
    )


def _refuse_collision(connection: Connection, found: str | None) -> None:
    """``found`` is the version; from that of the prefix on the tables are our own."""
    if found is not None and not _is_unprefixed(connection, found):
        return
    names = {*inspect(connection).get_table_names(), *inspect(connection).get_view_names()}
    if taken := sorted(names & {*Base.metadata.tables, "dispatcher_message"}):
        raise StorageError(
            f"the database has {', '.join(taken)} of another application, where the dispatcher's"
            " own would be: rename it there, or give the dispatcher a database or schema of its"
            " own; nothing was changed"
        )


def _unknown(found: str | None) -> str:
    return f"the database's schema {found} is of a later version of the dispatcher"


def _config() -> Config:
    # imported here, because it takes 7 MB and a worker never migrates
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "dispatcher.storage:migrations")
    return config
