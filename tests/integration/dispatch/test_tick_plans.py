"""The plans of a tick's statements, with many campaigns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from dispatcher.storage.campaigns import moves
from dispatcher.storage.database import Database
from dispatcher.storage.tables import BATCH, CAMPAIGN
from tests.integration.bench import OPEN, Bench, opened

MANY = 3000


def fill(bench: Bench) -> None:
    """Of many campaigns every second one waits until next month; the others have ended."""
    policy = bench.dispatcher.steps._context.windows.policy
    campaigns: list[dict[str, Any]] = []
    batches: list[dict[str, Any]] = []
    for number in range(1, MANY + 1):
        over = number % 2 == 0
        campaigns.append(
            {
                "id": number, "reference": str(number), "fingerprint": "f", "text": "Soldes",
                "commercial": True, "state": "finished" if over else "running",
                "created_at": OPEN, "ended_at": OPEN if over else None,
                "funded_to": None if over else 2, "screened_to": 0 if number == 1 else None,
            }
        )  # fmt: skip
        batches += [
            {
                "campaign_id": number, "number": place, "territory": "metropole", "size": 1,
                "state": "done" if over else "pending", "states": "d" if over else "p",
                "pending": 0 if over else 1, "delivered": 1 if over else 0, "rule": policy,
                "not_before": OPEN + timedelta(days=30), "cost": Decimal(0),
            }
            for place in (1, 2)
        ]  # fmt: skip
    with bench.dispatcher.database.write() as session:
        session.execute(insert(CAMPAIGN), campaigns)
        session.execute(insert(BATCH), batches)


@pytest.fixture
def many(database: Database) -> Iterator[Bench]:
    """A bench with many campaigns."""
    with opened(database) as bench:
        fill(bench)
        if not database.is_sqlite:
            with database.engine.connect() as connection:
                analyse = connection.execution_options(isolation_level="AUTOCOMMIT")
                analyse.execute(text("ANALYZE"))
        yield bench


def plans(bench: Bench) -> dict[str, list[str]]:
    """Each statement of a tick that reads or changes rows -> the lines of its plan."""
    engine = bench.dispatcher.database.engine
    asked: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asked.setdefault(statement, values)

    event.listen(engine, "before_cursor_execute", note)
    bench.dispatcher.tick()
    event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if bench.dispatcher.database.is_sqlite else "EXPLAIN "
    with engine.connect() as connection:
        return {
            statement: [
                str(row[-1]) for row in connection.exec_driver_sql(explain + statement, values)
            ]
            for statement, values in asked.items()
        }


def test_tick_with_many_campaigns_reads_no_table_of_batches_whole(many: Bench) -> None:
    found = plans(many)
    assert any("dispatcher_batch" in statement for statement in found)
    # PostgreSQL reads a table that is empty here whole
    whole = re.compile(r"SCAN dispatcher_(batch|attempt|event)\b|Seq Scan on dispatcher_batch\b")
    assert [plan for plan in found.values() if any(map(whole.search, plan))] == []


def test_tick_on_postgresql_reads_no_table_of_batches_whole_by_a_prepared_statement(
    many: Bench,
) -> None:
    """A statement that runs often is planned once, without its values."""
    if many.dispatcher.database.is_sqlite:
        pytest.skip("SQLite plans each statement anew")
    with many.dispatcher.database.engine.connect() as connection:
        for statement in plans(many):
            first, *rest = re.split(r"%\(\w+\)s", statement)
            prepared = first + "".join(f"${n}{part}" for n, part in enumerate(rest, 1))
            if "$1" in prepared and prepared.startswith("SELECT"):
                rows = connection.exec_driver_sql(f"EXPLAIN (GENERIC_PLAN) {prepared}")
                plan = [str(row[0]) for row in rows]
                assert not any("Seq Scan on dispatcher_batch" in line for line in plan), plan


def test_tick_on_sqlite_asks_no_index_for_all_pending_batches(many: Bench) -> None:
    if not many.dispatcher.database.is_sqlite:
        pytest.skip("the words of the plan are SQLite's")
    by_state = re.compile(r"ix_dispatcher_batch_\w+ \(state=\?\)")
    few = re.compile(r"\.state = '(sending|handed_over|in_doubt)'")
    for statement, plan in plans(many).items():
        for line in filter(by_state.search, plan):
            assert few.search(statement), (line, statement)


def test_tick_with_nothing_to_do_writes_only_that_it_ticked(many: Bench) -> None:
    many.dispatcher.tick()
    written: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("SELECT", "PRAGMA", "BEGIN", "SET", "SHOW")):
            written.append(statement)

    engine = many.dispatcher.database.engine
    event.listen(engine, "before_cursor_execute", note)
    many.dispatcher.tick()
    event.remove(engine, "before_cursor_execute", note)
    assert all("dispatcher_heartbeat" in statement for statement in written), written


def test_each_ended_campaign_of_very_many_is_finished_within_a_round(
    many: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatcher.dispatch.tick._MOST_FINISHED", 100)
    database = many.dispatcher.database
    with database.write() as session:
        ended = [1, 1499, 2999]
        session.execute(
            text(
                "UPDATE dispatcher_batch SET state = 'done', states = 'd', pending = 0,"
                " delivered = 1 WHERE campaign_id IN (1, 1499, 2999)"
            )
        )
    for _ in range(MANY // 2 // 100):
        many.dispatcher.tick()
    states = [many.dispatcher.progress(campaign).state for campaign in ended]
    assert states == ["finished"] * 3
    with database.read() as session:
        assert moves.ended(session, 0, MANY) == []
