"""How many statements a list of campaigns takes, however long it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import text

from dispatcher.api import Dispatcher
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened, people
from tests.integration.dispatch.test_accounts import Accounts
from tests.statements import add_doubts, counted

LISTS: dict[str, Callable[[Dispatcher], object]] = {
    "campaigns": lambda dispatcher: dispatcher.campaigns(50),
    "page": lambda dispatcher: dispatcher.page(0, 50),
    "causes of all": lambda dispatcher: dispatcher.waiting(),
    "orphans": lambda dispatcher: dispatcher.orphans(),
    "incidents": lambda dispatcher: dispatcher.incidents(),
}


def statements(bench: Bench, ask: Callable[[Dispatcher], object]) -> list[str]:
    with counted() as found:
        ask(bench.dispatcher)
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


def test_list_of_fifty_doubts_takes_as_many_statements_as_one_of_three(tables: Database) -> None:
    with opened(tables, doubt_limit=99) as bench:
        add_doubts(bench.dispatcher, bench.gateway, 0, 3)
        few = statements(bench, lambda dispatcher: dispatcher.doubts())
        add_doubts(bench.dispatcher, bench.gateway, 3, 50)
        many = statements(bench, lambda dispatcher: dispatcher.doubts())
        assert len(many) == len(few), (few, many)
        assert [doubt.messages for doubt in bench.dispatcher.doubts()] == [2] * 50


def test_list_says_of_each_campaign_what_its_own_page_says(bench: Bench) -> None:
    submit(bench, 0, 7)
    bench.work()
    submit(bench, 7, 12)
    listed = bench.dispatcher.campaigns(50)
    assert len(listed) == 12
    assert [bench.dispatcher.progress(one.id) for one in listed] == listed


@pytest.mark.parametrize("number_of_campaigns", [3, 50])
def test_page_with_several_accounts_takes_five_statements(
    tables: Database, number_of_campaigns: int
) -> None:
    """Beside them it is asked whether the database was restored."""
    accounts = Accounts(tables)
    for number in range(number_of_campaigns):
        account = ("", "shop", "news")[number % 3]
        accounts.submit(2, f"soldes {number}", start=2 * number, account=account)
    accounts.tick()
    page = statements(accounts, lambda dispatcher: dispatcher.page(0, 50))
    asked = statements(accounts, lambda dispatcher: dispatcher.objection())

    assert len(reading(page)) - len(reading(asked)) == 5, page


def reading(found: list[str]) -> list[str]:
    return [statement for statement in found if statement != "BEGIN"]


def test_page_after_the_last_one_says_how_many_there_are(bench: Bench) -> None:
    submit(bench, 0, 3)

    assert (bench.dispatcher.page(9, 2).items, bench.dispatcher.page(9, 2).total) == ((), 3)
    assert [one.reference for one in bench.dispatcher.page(1, 1).items] == ["soldes 1"]
    assert bench.dispatcher.page(1, 1).total == 3


def test_counts_of_causes_are_those_that_progress_names(tables: Database) -> None:
    with opened(tables, doubt_limit=99) as bench:
        add_doubts(bench.dispatcher, bench.gateway, 0, 2)
        submit(bench, 0, 6)
        bench.dispatcher.cancel("doubt 1", reason="no", by="zoe")
        named = Counter(one.cause for one in bench.dispatcher.campaigns(50) if one.cause)

        assert bench.dispatcher.waiting() == named
        assert named["in_doubt"] == 2


def test_counts_of_causes_within_a_session_open_no_other_one(bench: Bench) -> None:
    submit(bench, 0, 3)
    bench.dispatcher.objection()
    asked = statements(bench, lambda dispatcher: dispatcher.objection())
    with bench.dispatcher.database.read() as session:
        session.execute(text("SELECT 1"))
        found = statements(bench, lambda dispatcher: dispatcher.waiting(session))

    begun = [statement for statement in found if statement == "BEGIN"]
    assert len(begun) == len([one for one in asked if one == "BEGIN"])
