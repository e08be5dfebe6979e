"""The order in which rows are locked, so that no two transactions wait for each other.

Campaign, batches by id, replies, rows of the opt-out list, its version. A transaction that changes
many rows has one statement for them. A turn that arms batches needs no order: it waits for the
version alone, first.
What is left of budgets is locked before campaigns (``storage.budgets``).
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, func, select
from sqlalchemy.orm import Session

#: PostgreSQL's number of the lock of replies: any, but of this product alone
_REPLIES: Final = 7_265_378_379


def replies(session: Session, *, alone: bool = False) -> None:
    """Let no erasure and no reply be stored at the same moment, until the transaction ends.

    Replies share it, and are short; an erasure has it ``alone``. Else a STOP during the erasure of
    its number would put the number back on the opt-out list. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        take = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        session.execute(select(take(_REPLIES)))


def in_order(table: Table, *which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Condition: the rows of ``which``, locked by the order of their ids (PostgreSQL).

    The conditions that must still hold once a row is locked belong into the statement, too.
    """
    rows = select(table.c.id).where(*which).order_by(table.c.id).correlate(None)
    return table.c.id.in_(rows.with_for_update(key_share=True, of=table))


def once(some: Select[Any]) -> Select[Any]:
    """Query: the column of ``some``, which is run once, so that its limit holds.

    PostgreSQL may run a subquery of IN for each row, and one that locks finds other rows each time.
    """
    return select(some.cte())
