"""Hints for those who plan statements: SQLite without statistics, PostgreSQL with old ones."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, and_, case, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


def judged(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """All conditions, of rows that are found by their keys alone.

    While a table has no statistics PostgreSQL takes an index on what the conditions name, and reads
    all that waits to find one row.
    """
    return case((and_(*conditions), true()))


class likely(GenericFunction[bool]):  # noqa: N801 - as SQLite calls it
    """The condition itself; on SQLite an index on another condition is preferred to one on it."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, condition: ColumnElement[bool]) -> None:
        super().__init__(condition)

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002
        """Itself: SQLite must see the condition, and not a comparison with 1."""
        return self


@compiles(likely)
def _alone(element: likely, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(likely, "sqlite")
def _hinted(element: likely, compiler: Any, **options: Any) -> str:
    return f"likely({compiler.process(element.clauses, **options)})"
