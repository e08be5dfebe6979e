"""The statements that a list takes, of whoever shows it, and the rows that it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, select, text

from dispatcher import Dispatcher
from dispatcher.campaigns.states import BatchState
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Batch, Report
from tests.fakes import FakeGateway


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that any engine of this process runs meanwhile."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@contextmanager
def counted_with_values(database: Database, having: str = "") -> Iterator[list[tuple[str, Any]]]:
    """The statements with these words that run meanwhile, with their values."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if having in statement:
            asked.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def plan_of(
    database: Database, statement: str, values: Any, *, of_few_rows: bool = False
) -> list[str]:
    """The steps by which the database would run a statement.

    PostgreSQL reads all rows of a table that has few; ``of_few_rows`` keeps it from that.
    """
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.write() as session:
        if of_few_rows and not database.is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
        rows = session.connection().exec_driver_sql(f"{explain} {statement}", values)
        return [str(row[-1]) for row in rows]


def add_doubts(dispatcher: Dispatcher, gateway: FakeGateway, first: int, last: int) -> None:
    """Campaigns of two people each whose only batch is in doubt; the doubt limit must be higher."""
    gateway.behave = gateway.swallow
    for number in range(first, last):
        phones = [f"+33639980{number:02d}{place}" for place in range(2)]
        reference = f"doubt {number}"
        dispatcher.submit(reference, "Soldes demain chez nous", phones)
        [batch] = dispatcher.batches(reference)
        dispatcher.steps.send_batch(batch.id)
    assert len(dispatcher.doubts()) == last


def end_undelivered(dispatcher: Dispatcher, reference: str, left_at: datetime) -> None:
    """Nobody of a campaign got it, as the reports of an hour later say; no worker need run."""
    campaign_id = dispatcher.progress(reference).id
    with dispatcher.database.write() as session:
        batches = session.scalars(select(Batch).where(Batch.campaign_id == campaign_id)).all()
        for batch in batches:
            batch.state, batch.states = BatchState.DONE, "u" * batch.size
            batch.pending, batch.undelivered, batch.sent_at = 0, batch.size, left_at
            came = {"at": left_at + timedelta(hours=1), "states": batch.states, "delivered": 0}
            session.add(Report(batch_id=batch.id, undelivered=batch.size, **came))
