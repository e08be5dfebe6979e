"""Stands in for a database without tables while it is only looked at: there, nothing is stored."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text

from dispatcher.storage.database import Database
from dispatcher.storage.tables import MESSAGE_VIEW, Base


class NoTables(Database):
    """Empty tables in memory, new ones for each session."""

    def __init__(self) -> None:
        super().__init__("sqlite://")

    def _create(self) -> Engine:
        engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True)
        event.listen(engine, "engine_connect", _make_tables)
        return engine


@cache
def no_tables() -> NoTables:
    """The one of this process."""
    return NoTables()


def _make_tables(connection: Connection) -> None:
    Base.metadata.create_all(connection, checkfirst=False)
    connection.execute(text(MESSAGE_VIEW))
