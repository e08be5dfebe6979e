"""A hint for SQLite, which has no statistics, about a condition that many rows meet."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


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
