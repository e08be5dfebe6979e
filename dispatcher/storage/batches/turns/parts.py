"""What both halves of the statement of a turn are made of (PostgreSQL)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CTE,
    JSON,
    ColumnElement,
    TableValuedAlias,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from dispatcher.storage.tables import BATCH, TEN_THOUSANDTHS

INSTANT = BATCH.c.not_before.type
NOW = bindparam("now", type_=INSTANT)


def after(locked: CTE | None) -> list[ColumnElement[bool]]:
    """A condition that is always true, but waits until the rows of ``locked`` are locked."""
    if locked is None:
        return []
    return [select(func.count()).select_from(locked).scalar_subquery() >= literal(0)]


def any_of(name: str, kind: TypeEngine[Any] = BATCH.c.id.type) -> ColumnElement[Any]:
    """Any value of the array that is the parameter ``name``, usually of ids.

    The planner must not see how long it is: PostgreSQL 15 would make a plan for each, which takes
    twice as long as the statement.
    """
    values = select(func.unnest(bindparam(name, type_=ARRAY(kind)), type_=kind))
    return any_(func.array(values.scalar_subquery(), type_=ARRAY(kind)))


def rows_of(name: str, **columns: TypeEngine[Any]) -> TableValuedAlias:
    """The rows of the JSON text that is the parameter ``name``."""
    given = cast(bindparam(name, type_=Text), JSON)
    rows = func.json_to_recordset(given).table_valued(
        *(column(each, kind) for each, kind in columns.items())
    )
    return rows.render_derived(name=name, with_types=True)


def whole(euros: Decimal | None) -> int | None:
    """Euros as the column stores them."""
    return None if euros is None else int((euros * TEN_THOUSANDTHS).to_integral_value())
