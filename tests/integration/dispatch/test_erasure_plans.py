"""An erasure of somebody in thousands of batches: what it reads whole, and how long it locks."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import event, insert, text

from dispatcher.storage.database import Database
from dispatcher.storage.tables import BATCH, CAMPAIGN, RECIPIENT
from tests.integration.bench import OPEN, Bench, opened, people

BATCHES, SIZE = 2000, 10
#: batches of which one transaction locks the rows
MOST = 20


def fill(bench: Bench) -> str:
    """One person is the first in every batch of a campaign that has ended; returns the number."""
    person, *others = people(SIZE * 30)
    batches: list[dict[str, Any]] = [
        {
            "id": number, "campaign_id": 1, "number": number, "territory": "metropole",
            "size": SIZE, "state": "done", "states": "d" * SIZE, "pending": 0,
            "delivered": SIZE, "not_before": OPEN,
        }
        for number in range(1, BATCHES + 1)
    ]  # fmt: skip
    recipients = [
        {"batch_id": number, "position": place, "phone": others[(number + place) % len(others)]}
        for number in range(1, BATCHES + 1)
        for place in range(1, SIZE)
    ]
    recipients += [
        {"batch_id": number, "position": 0, "phone": person} for number in range(1, BATCHES + 1)
    ]
    campaign = {
        "id": 1, "reference": "soldes", "fingerprint": "f", "text": "Soldes", "commercial": True,
        "state": "finished", "created_at": OPEN, "ended_at": OPEN,
    }  # fmt: skip
    with bench.dispatcher.database.write() as session:
        session.execute(insert(CAMPAIGN), [campaign])
        session.execute(insert(BATCH), batches)
        session.execute(insert(RECIPIENT), recipients)
    if not bench.dispatcher.database.is_sqlite:
        with bench.dispatcher.database.engine.connect() as connection:
            analyse = connection.execution_options(isolation_level="AUTOCOMMIT")
            analyse.execute(text("ANALYZE"))
    return person


def test_erasure_from_thousands_of_batches_locks_little_at_once(database: Database) -> None:
    asked: dict[str, Any] = {}
    changed: list[int] = [0]

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            asked.setdefault(statement, values[0] if isinstance(values, list) else values)
        if statement.startswith("UPDATE dispatcher_recipient"):
            changed[-1] += 1

    def end(_connection: Any) -> None:
        changed.append(0)

    with opened(database) as bench:
        person = fill(bench)
        event.listen(database.engine, "before_cursor_execute", note)
        event.listen(database.engine, "commit", end)
        try:
            assert bench.dispatcher.persons.erase(person, reason="asked") == []
        finally:
            event.remove(database.engine, "before_cursor_execute", note)
            event.remove(database.engine, "commit", end)
    assert sum(changed) == BATCHES
    assert max(changed) == MOST
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    whole = re.compile(r"SCAN dispatcher_recipient\b|Seq Scan on dispatcher_recipient\b")
    with database.engine.connect() as connection:
        found = {
            statement
            for statement, values in asked.items()
            for row in connection.exec_driver_sql(explain + statement, values)
            if whole.search(str(row[-1]))
        }
    # only the look for the number in other people's fields, which locks nothing
    assert [statement for statement in found if "LIKE" not in statement] == []
    assert all(statement.startswith("SELECT") for statement in found)
    assert not any("FOR UPDATE" in statement for statement in found)
