"""How numbers are found in a large table of which the database has no statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from dispatcher.campaigns.others import Other, Rule
from dispatcher.storage import caps, contacts, keys, others, weekly_outlook
from dispatcher.storage.planner import is_one_of
from dispatcher.storage.tables import RECIPIENT
from tests.integration.bench import OPEN, Bench, people

#: enough that to read all of them costs more than to ask an index for 500
MANY = 20_000
Query = Callable[[Session, Sequence[str]], Any]

QUERIES: dict[str, Query] = {
    "campaigns with the same text": lambda session, phones: caps.overlap(
        session, phones, [1], OPEN, timedelta(days=7)
    ),
    "the weekly cap": lambda session, phones: caps.at_weekly_cap(session, phones, OPEN, 1),
    "what people had": lambda session, phones: weekly_outlook.had(session, phones, OPEN),
    "other campaigns": lambda session, phones: others.find(
        session, phones, [Other(1, Rule.EXCEPT)]
    ),
    "numbers that nobody has": contacts.unheld,
    "keys": keys.of_people,
}


def statements_of(bench: Bench, query: Query, phones: Sequence[str]) -> list[tuple[str, Any]]:
    """What a query asks the table of recipients, with its values."""
    asked: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        if "dispatcher_recipient" in call[2]:
            asked.append((call[2], call[3]))

    database = bench.dispatcher.database
    event.listen(database.engine, "before_cursor_execute", note)
    try:
        with database.read() as session:
            query(session, phones)
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return asked


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_500_numbers_are_found_by_the_index_without_statistics(bench: Bench, query: Query) -> None:
    """A plan that reads every recipient takes 30 times as long with a million of them."""
    bench.submit(MANY, "large")
    asked = statements_of(bench, query, people(500, start=MANY - 100))
    assert asked
    database = bench.dispatcher.database
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.read() as session:
        for statement, values in asked:
            rows = session.connection().exec_driver_sql(f"{explain} {statement}", values)
            plan = "\n".join(str(row) for row in rows)
            assert "ix_dispatcher_recipient_phone" in plan
            assert "Seq Scan on dispatcher_recipient" not in plan
            assert "SCAN dispatcher_recipient" not in plan
            assert "autoindex_dispatcher_recipient" not in plan  # all people of a campaign


@pytest.mark.parametrize("phones", [[], people(3), {"+33639980001": "a name"}, ["it's", '"', "\\"]])
def test_condition_finds_those_who_are_listed(bench: Bench, phones: Any) -> None:
    bench.submit(2)
    with bench.dispatcher.database.read() as session:
        query = RECIPIENT.select().with_only_columns(RECIPIENT.c.phone)
        found = session.scalars(query.where(is_one_of(RECIPIENT.c.phone, phones))).all()
        others_than = session.scalars(query.where(~is_one_of(RECIPIENT.c.phone, phones))).all()
    assert set(found) == set(people(2)).intersection(phones)
    assert set(others_than) == set(people(2)).difference(phones)
