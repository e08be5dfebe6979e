"""Statements that are run for every batch: compiled once, and run by the driver itself.

SQLAlchemy's way from a statement to a row serves any statement, and takes longer than most of these
take to run. Where somebody listens to cursors, as tracers do, it runs these, too.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Dialect, Select, TextualSelect, UpdateBase
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

#: the execution option of an engine whose connections are set up as SQLAlchemy does it
OWN: Final = "dispatcher_own"


class _Compiled(NamedTuple):
    """A statement as a driver takes it."""

    query: str
    #: the names of its values, in their order
    names: Sequence[str]
    #: values that are always the same
    usual: Mapping[str, Any]
    #: what makes of a parameter what the driver takes
    into: Mapping[str, Callable[[Any], Any]]
    #: what makes a row, and a column of it by its place
    row: Callable[..., Any]
    out_of: Sequence[tuple[int, Callable[[Any], Any]]]


class Statement:
    """A statement of which each parameter has a name. It is compiled when it is first run."""

    def __init__(self, statement: Select[Any] | TextualSelect | UpdateBase) -> None:
        self._statement = statement

    def one(self, session: Session, params: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Run it: the first row, by the names of its columns; None if there is none.

        Raises as ``session.execute`` does.
        """
        connection = session.connection()
        if not connection.get_execution_options().get(OWN) or _is_listened_to(connection):
            # of Django, which may have set it up to read and write values in a way of its own; or
            # somebody traces statements, and needs the context that SQLAlchemy makes of each
            return session.execute(self._statement, params).first()
        compiled = self._on_postgresql if _is_postgresql(connection) else self._on_sqlite
        given = {**compiled.usual, **params}
        for name, process in compiled.into.items():
            given[name] = process(given[name])
        row = _run(connection, compiled, [given[name] for name in compiled.names])
        if row is None:
            return None
        values = list(row)
        for place, process in compiled.out_of:
            values[place] = process(values[place])
        return compiled.row(*values)

    @cached_property
    def _on_postgresql(self) -> _Compiled:
        from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

        dialect: Any = PGDialect_psycopg
        return self._compiled(dialect(paramstyle="numeric_dollar"))

    @cached_property
    def _on_sqlite(self) -> _Compiled:
        from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

        return self._compiled(SQLiteDialect_pysqlite(paramstyle="qmark"))

    def _compiled(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect)
        whole = compiled.construct_expanded_state(compiled.params)
        asked = {name for bind, name in compiled.bind_names.items() if bind.required}
        processes = {
            name: process
            for bind, name in compiled.bind_names.items()
            if (process := bind.type.dialect_impl(dialect).bind_processor(dialect))
        } | dict(whole.processors)
        usual = {
            name: processes[name](value) if name in processes else value
            for name, value in whole.parameters.items()
            if name not in asked
        }
        into = {name: process for name, process in processes.items() if name in asked}
        columns = list(self._statement.exported_columns)
        kinds = [column.type.dialect_impl(dialect) for column in columns]
        out_of = [kind.result_processor(dialect, None) for kind in kinds]
        return _Compiled(
            whole.statement,
            whole.positiontup or (),
            usual,
            into,
            namedtuple("Row", [column.name for column in columns]),  # noqa: PYI024
            [(place, process) for place, process in enumerate(out_of) if process],
        )


def _is_listened_to(connection: Connection) -> bool:
    heard = connection.dispatch
    return bool(heard.before_cursor_execute or heard.after_cursor_execute)


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _run(connection: Connection, compiled: _Compiled, values: Sequence[Any]) -> Any | None:
    """The first row as the driver has it."""
    driver: Any = connection.connection.driver_connection
    try:
        cursor = _raw_cursor(driver) if _is_postgresql(connection) else driver.cursor()
        cursor.execute(compiled.query, values)
        # all of them: SQLite commits nothing while a statement has more to give
        rows = cursor.fetchall()
    except connection.dialect.loaded_dbapi.Error as error:
        lost = connection.dialect.is_disconnect(error, driver, None)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None,
            None,
            error,
            connection.dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=connection.dialect,
        ) from error
    return rows[0] if rows else None


def _raw_cursor(driver: Any) -> Any:
    from psycopg import RawCursor  # the query has the server's own parameters: $1

    return RawCursor(driver)
