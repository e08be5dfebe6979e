"""INSERT … ON CONFLICT, which SQLAlchemy spells per database."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from dispatcher.storage.tables import Base


def insert(session: Session, table: type[Base]) -> Any:
    """An INSERT with the ``on_conflict_…`` methods of the session's database."""
    postgres = session.get_bind().dialect.name == "postgresql"
    # of the table, not of its class, of which SQLAlchemy 2.0 misses the rows that a conflict omits
    return (postgresql.insert if postgres else sqlite.insert)(cast("Table", table.__table__))
