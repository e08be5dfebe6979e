"""Hints for those who plan statements: SQLite without statistics, PostgreSQL with old ones."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Dialect,
    Text,
    TypeDecorator,
    and_,
    bindparam,
    case,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeEngine


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


class Texts(TypeDecorator[Collection[str]]):
    """Texts as one parameter: an array, or a JSON array for SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Give the type of the parameter."""
        return ARRAY(Text()) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Make the parameter of any collection of texts."""
        texts = list(value)
        return texts if dialect.name == "postgresql" else orjson.dumps(texts).decode()


class is_one_of(GenericFunction[bool]):  # noqa: N801 - a condition, as ``likely``
    """The column has one of these texts, which are found by the column's index.

    The planners must not see how many there are: PostgreSQL without statistics would read a million
    rows to find 500 numbers, and SQLAlchemy would write 500 parameters. A ``BindParameter`` of
    type ``Texts`` may stand for them.
    """

    type = Boolean()
    inherit_cache = True

    def __init__(
        self, column: ColumnElement[Any] | Any, texts: Collection[str] | BindParameter[Any]
    ) -> None:
        if not isinstance(texts, BindParameter):
            texts = bindparam(None, texts, type_=Texts(), unique=True)
        super().__init__(column, texts)

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002
        """Itself: it is a condition, and is not compared with anything."""
        return self


@compiles(is_one_of, "postgresql")
def _by_array(element: is_one_of, compiler: Any, **options: Any) -> str:
    column, texts = (compiler.process(one, **options) for one in element.clauses)
    return f"({column} = ANY (ARRAY(SELECT unnest({texts}))))"


@compiles(is_one_of, "sqlite")
def _by_json(element: is_one_of, compiler: Any, **options: Any) -> str:
    column, texts = (compiler.process(one, **options) for one in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({texts})))"  # noqa: S608 - no values
