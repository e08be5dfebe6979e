"""Plain values made of rows."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

Value = TypeVar("Value")


def value_of(kind: type[Value], row: Any, **others: Any) -> Value:
    """A dataclass whose fields are the columns of the same names, except for ``others``."""
    names = [field.name for field in fields(kind) if field.name not in others]  # type: ignore[arg-type]
    return kind(**{name: getattr(row, name) for name in names}, **others)
