"""Statements that the driver runs itself: what they give back, and what they raise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import bindparam, event, func, insert, select, text, update

from dispatcher.errors import StorageError
from dispatcher.storage.database import Database
from dispatcher.storage.driver_errors import Conflict
from dispatcher.storage.statement import Statement
from dispatcher.storage.tables import BATCH, META
from tests.integration.bench import Bench

_BATCH = Statement(
    select(BATCH.c.not_before, BATCH.c.cost, func.count().over().label("rows")).where(
        BATCH.c.id == bindparam("batch_id"), BATCH.c.state.in_(["pending", "sent"])
    )
)
_PUT = Statement(
    insert(META)
    .values({name: bindparam(name) for name in ("name", "value")})
    .returning(META.c.value)
)


def test_row_has_the_values_that_sqlalchemy_would_give(bench: Bench) -> None:
    batch = bench.submit(2)
    at = datetime(2027, 3, 2, 10, tzinfo=timezone(timedelta(hours=1)))
    change = Statement(
        update(BATCH)
        .where(BATCH.c.id == bindparam("its_id"))
        .values(
            cost=BATCH.c.cost + bindparam("more", type_=BATCH.c.cost.type),
            not_before=bindparam("at", type_=BATCH.c.not_before.type),
        )
        .returning(BATCH.c.id)
    )
    with bench.dispatcher.database.write() as session:
        assert (
            change.one(session, {"its_id": batch, "more": Decimal("0.0450"), "at": at}).id == batch
        )

    with bench.dispatcher.database.read() as session:
        row = _BATCH.one(session, {"batch_id": batch})

    assert row == (datetime(2027, 3, 2, 9, tzinfo=UTC), Decimal("0.045"), 1)
    assert (row.not_before.utcoffset(), row.rows) == (timedelta(0), 1)


def test_no_row_is_none(tables: Database) -> None:
    with tables.read() as session:
        assert _BATCH.one(session, {"batch_id": 1}) is None


def test_parameter_that_is_missing_is_not_taken_for_null(tables: Database) -> None:
    with pytest.raises(KeyError), tables.read() as session:
        _BATCH.one(session, {})


def test_change_is_undone_with_its_transaction(tables: Database) -> None:
    def put_and_fail() -> None:
        with tables.keeping(), tables.once() as session:
            _PUT.one(session, {"name": "one", "value": "1"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put_and_fail()

    with tables.read() as session:
        kept = session.scalar(select(func.count()).where(META.c.name == "one"))
    # on PostgreSQL the statement is a transaction of its own
    assert kept == (0 if tables.is_sqlite else 1)


def test_broken_constraint_and_a_refused_statement_are_told_without_a_value(
    tables: Database,
) -> None:
    told = {"name": "one", "value": "+33639980001"}
    with tables.keeping():
        with tables.once() as session:
            _PUT.one(session, told)
        with pytest.raises(Conflict) as broken, tables.once() as session:
            _PUT.one(session, told)
        with pytest.raises(StorageError, match="the database cannot be used"), tables.once() as one:
            Statement(select(text("nothing"))).one(one, {})
        # the connection goes on
        with tables.once() as session:
            assert _PUT.one(session, {"name": "two", "value": "2"}).value == "2"
    assert "+33" not in str(broken.value)


def test_lost_connection_is_told_and_replaced(tables: Database) -> None:
    if tables.is_sqlite:
        pytest.skip("SQLite has no server")
    pid = Statement(select(func.pg_backend_pid().label("pid")))
    seen: list[int] = []

    def ask_of_one_that_ends() -> None:
        with tables.read() as session:
            seen.append(pid.one(session).pid)
            with tables.write() as other:
                other.execute(select(func.pg_terminate_backend(seen[0])))
            pid.one(session)

    with tables.keeping():
        with pytest.raises(StorageError, match="was lost"):
            ask_of_one_that_ends()
        with tables.read() as session:
            assert pid.one(session).pid not in seen


def test_who_listens_to_cursors_hears_of_it(tables: Database) -> None:
    heard: list[str] = []

    def note(_: Any, __: Any, statement: str, ___: Any, context: Any, ____: Any) -> None:
        context.span = "as a tracer keeps one"
        heard.append(statement.split()[0])

    for when in ("before_cursor_execute", "after_cursor_execute"):
        event.listen(tables.engine, when, note)
    try:
        with tables.read() as session:
            session.connection()
            heard.clear()
            _BATCH.one(session, {"batch_id": 7})
    finally:
        for when in ("before_cursor_execute", "after_cursor_execute"):
            event.remove(tables.engine, when, note)

    assert heard == ["SELECT"] * 2
