"""The waits of a batch in its row. Each has its own columns; ``not_before`` is the latest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, func, literal, literal_column

from dispatcher.campaigns.waits import Wait
from dispatcher.storage.tables import BATCH

_INSTANT = BATCH.c.not_before.type
#: no parameter: a statement has it many times; and whatever the time zone, it is long ago
_LONG_AGO: ColumnElement[Any] = literal_column("'1970-01-02 00:00:00.000000'", type_=_INSTANT)


def changed(
    wait: Wait, until: datetime | ColumnElement[Any], why: str | ColumnElement[Any]
) -> dict[str, Any]:
    """The columns of an UPDATE that changes one wait, and no other.

    ``not_before`` and ``why`` become those of the wait that ends last; of two that end together
    ``wait`` gives the reason.
    """
    if isinstance(until, datetime):
        until = literal(until, type_=_INSTANT)
    if isinstance(why, str):
        why = literal(why, type_=Text)
    others = [one for one in Wait if one is not wait]
    ends = [until, *(func.coalesce(BATCH.c[f"{one}_until"], _LONG_AGO) for one in others)]
    whys = [why, *(BATCH.c[f"{one}_why"] for one in others)]
    # the n-th is the latest if it is none of those before it, and no earlier than those after it
    latest = [and_(*(end >= later for later in ends[n + 1 :])) for n, end in enumerate(ends[:-1])]
    return {
        f"{wait}_until": until,
        f"{wait}_why": why,
        "not_before": case(*zip(latest, ends, strict=False), else_=ends[-1]),
        "why": case(*zip(latest, whys, strict=False), else_=whys[-1]),
    }
