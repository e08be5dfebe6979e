"""How many statements a list of campaigns takes, however long it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from dispatcher.api import Dispatcher
from tests.integration.bench import Bench, people

LISTS: dict[str, Callable[[Dispatcher], object]] = {
    "campaigns": lambda dispatcher: dispatcher.campaigns(50),
    "page": lambda dispatcher: dispatcher.page(0, 50),
    "causes of all": lambda dispatcher: dispatcher.waiting(),
    "orphans": lambda dispatcher: dispatcher.orphans(),
    "doubts": lambda dispatcher: dispatcher.doubts(),
}


def statements(bench: Bench, ask: Callable[[Dispatcher], object]) -> list[str]:
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    engine = bench.dispatcher.database.engine
    event.listen(engine, "before_cursor_execute", note)
    ask(bench.dispatcher)
    event.remove(engine, "before_cursor_execute", note)
    return found


def submit(bench: Bench, first: int, last: int) -> None:
    """Campaigns that wait, are paused, cancelled or texted."""
    for number in range(first, last):
        reference = f"soldes {number}"
        bench.dispatcher.submit(reference, f"Soldes {number}", people(2))
        if number % 3 == 1:
            bench.dispatcher.pause(reference, reason="later", by="zoe")
        if number % 3 == 2:
            bench.dispatcher.cancel(reference, reason="no", by="zoe")


@pytest.mark.parametrize("name", LISTS)
def test_list_of_fifty_campaigns_takes_as_many_statements_as_one_of_three(
    bench: Bench, name: str
) -> None:
    submit(bench, 0, 3)
    bench.dispatcher.tick()
    few = statements(bench, LISTS[name])
    submit(bench, 3, 50)
    many = statements(bench, LISTS[name])
    assert len(many) == len(few), (few, many)


def test_list_says_of_each_campaign_what_its_own_page_says(bench: Bench) -> None:
    submit(bench, 0, 7)
    bench.work()
    submit(bench, 7, 12)
    listed = bench.dispatcher.campaigns(50)
    assert len(listed) == 12
    assert [bench.dispatcher.progress(one.id) for one in listed] == listed
