"""SQLAlchemy on connections that are Django's: never opened, committed or closed here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import types
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg, PGExecutionContext_psycopg
from sqlalchemy.dialects.sqlite import DATETIME
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import Dialect


class _Shared:
    """Leaves the connection as it is: Django begins, commits, closes and sets it up."""

    supports_server_side_cursors = False

    def on_connect(self) -> Any:
        """Set nothing up: Django has its own functions and handlers."""

    def do_begin(self, _: Any) -> None:
        """Do nothing: Django does it."""

    do_commit = do_rollback = do_terminate = do_close = do_begin


class _Cursor(PGExecutionContext_psycopg):
    """Cursors that read and write as SQLAlchemy expects, whatever the connection is set up for."""

    def create_default_cursor(self) -> Any:
        from psycopg import Cursor
        from psycopg.types.datetime import TimestamptzLoader

        driver: Any = self._dbapi_connection.driver_connection
        cursor = Cursor(driver)
        # with USE_TZ = False Django's own gives local times without a zone
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        return cursor


class SharedPostgres(_Shared, PGDialect_psycopg):
    """PostgreSQL through a connection of Django's."""

    execution_ctx_cls = _Cursor
    supports_statement_cache = True

    def __init__(self, **options: Any) -> None:
        # looking for a type of columns that we do not have would begin a transaction
        super().__init__(use_native_hstore=False, **options)  # type: ignore[no-untyped-call]


class _Instant(DATETIME):
    """Takes instants as text, and as what Django's converters have made of it."""

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None]:
        parse: Any = super().result_processor(dialect, coltype)
        return lambda value: value if isinstance(value, datetime) else parse(value)


class SharedSqlite(_Shared, SQLiteDialect_pysqlite):
    """SQLite through a connection of Django's."""

    supports_statement_cache = True
    colspecs = {**SQLiteDialect_pysqlite.colspecs, types.DateTime: _Instant}  # noqa: RUF012
