"""How numbers are found in a large table, whatever the database knows of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import literal, select, union_all
from sqlalchemy.orm import Session

from dispatcher.campaigns.others import Other, Rule
from dispatcher.storage import caps, contacts, keys, others, weekly_outlook
from dispatcher.storage.database import Database
from dispatcher.storage.planner import is_one_of
from tests.integration.bench import OPEN, Bench, people
from tests.statements import counted_with_values, plan_of

#: enough that to read all of them costs more than to ask an index for 500
MANY = 10_000
INDEX = "ix_dispatcher_recipient_phone"
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


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_500_numbers_are_found_by_their_index_alone(bench: Bench, query: Query) -> None:
    """A plan that reads a campaign's recipients takes a hundred times as long with a million."""
    bench.submit(MANY, "large")
    phones = people(500, start=MANY - 500)
    database = bench.dispatcher.database
    table = "dispatcher_recipient"
    with counted_with_values(database, table) as asked, database.read() as session:
        query(session, phones)
    assert asked
    for statement, values in asked:
        plan = plan_of(database, statement, values)
        read = [step for step in plan if re.search(rf"\b{table}\b", step)]
        assert read, plan
        if database.is_sqlite:
            assert all(step.endswith(f"{INDEX} (phone=?)") for step in read), plan
        else:
            assert any(INDEX in step for step in plan), plan
            assert not any(f"Seq Scan on {table}" in step for step in plan), plan


@pytest.mark.parametrize(
    "texts",
    [[], ["a"], ["a", "a"], {"a": 1, "b": 2}, ["it's", "{}"], ['"', "\\", "a,b"], ["NULL", ""]],
)
def test_condition_finds_those_that_are_listed(tables: Database, texts: Any) -> None:
    stored = {"a", "it's", '"', "\\", "{}", "a,b", "NULL", "", "%", "é", "😀"}
    rows = union_all(*(select(literal(text).label("one")) for text in stored)).subquery()
    with tables.read() as session:
        found = session.scalars(select(rows.c.one).where(is_one_of(rows.c.one, texts))).all()
        rest = session.scalars(select(rows.c.one).where(~is_one_of(rows.c.one, texts))).all()
    assert set(found) == stored.intersection(texts)
    assert set(rest) == stored.difference(texts)
