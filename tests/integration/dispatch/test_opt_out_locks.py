"""A STOP that comes while the same number is being removed from the list, or erased.

On PostgreSQL, in real transactions: SQLite has one writer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from dispatcher.storage import erasures, opt_outs
from dispatcher.storage.database import Database
from dispatcher.storage.tables import OptOut
from tests.databases import lock_waiters, wait_for_locks
from tests.integration.bench import OPEN, Bench, opened, people
from tests.integration.conftest import empty
from tests.waiting import eventually

ANNE = people(1)[0]
#: name -> what the list has of Anne, and what removes it: True
REMOVALS: dict[str, tuple[str, Callable[[Bench], bool]]] = {
    "remove": ("STOP", lambda bench: bench.dispatcher.opt_outs.remove(ANNE, reason="she asked")),
    "take back": (
        "STOP",
        lambda bench: (
            bench.dispatcher.opt_outs.take_back(
                source=opt_outs.ANSWERED,
                since=OPEN - timedelta(days=1),
                until=OPEN + timedelta(days=1),
                reason="a storm",
            ).removed
            == 1
        ),
    ),
    "decide": (
        "ouvert non stop",
        lambda bench: bench.dispatcher.opt_outs.decide(ANNE, refused=False, reason="a joke"),
    ),
}


@pytest.fixture
def bench(postgres_tables: Database) -> Iterator[Bench]:
    """A bench on PostgreSQL with a webhook."""
    empty(postgres_tables)
    address = {"webhook_url": "https://shop.example/sms", "webhook_secret": "q8Zr4-Tn0_Vb6Hs2Lk"}
    with opened(postgres_tables, **address) as bench:
        yield bench
        bench.check()


def says(bench: Bench, words: str, *, at: str) -> None:
    call = {"phoneNumber": ANNE, "text": words, "messageId": at, "date": f"2026-11-24 {at}"}
    posted = json.dumps(call | ({"type": "stop"} if words == "STOP" else {}))
    bench.dispatcher.inbox.take("reply", posted.encode())


@pytest.mark.parametrize("name", REMOVALS)
def test_stop_that_comes_before_a_removal_is_committed_is_not_lost(bench: Bench, name: str) -> None:
    words, remove = REMOVALS[name]
    says(bench, words, at="08:00:00")
    assert ANNE in bench.dispatcher.opt_outs
    bench.clock.forward(minutes=5)
    database = bench.dispatcher.database
    with ThreadPoolExecutor() as pool:
        with database.write() as session:
            opt_outs.change_version(session)  # the removal is written, and waits for the version
            removal = pool.submit(remove, bench)
            wait_for_locks(database)
            stop = pool.submit(says, bench, "STOP", at="10:05:00")
            eventually(
                lambda: stop.done() or lock_waiters(database) == 2, "the STOP to wait, or to end"
            )
        assert removal.result(60)
        stop.result(60)
    assert ANNE in bench.dispatcher.opt_outs
    bench.submit(2)
    bench.work()
    assert ANNE not in bench.gateway.texted
    assert bench.messages() == {"sent": 1, "opted_out": 1}


def test_stop_under_way_is_not_removed_by_who_decided_on_an_earlier_reply(bench: Bench) -> None:
    says(bench, "ouvert non stop", at="08:00:00")
    decide = REMOVALS["decide"][1]
    database = bench.dispatcher.database
    with ThreadPoolExecutor() as pool:
        with database.write() as session:
            opt_outs.add(session, [ANNE], source=opt_outs.ANSWERED, now=OPEN)
            decision = pool.submit(decide, bench)
            wait_for_locks(database)
        assert not decision.result(60)
    assert ANNE in bench.dispatcher.opt_outs
    assert bench.dispatcher.opt_outs.undecided() == []


def test_stop_during_an_erasure_does_not_bring_the_number_back(bench: Bench) -> None:
    database = bench.dispatcher.database
    with ThreadPoolExecutor() as pool:
        with database.write() as session:
            erasures.begin(session, ANNE, reason="asked", actor="Anne", now=OPEN)
            stop = pool.submit(says, bench, "STOP", at="10:05:00")
            eventually(
                lambda: stop.done() or lock_waiters(database) == 1, "the STOP to wait, or to end"
            )
        stop.result(60)
    with database.read() as session:
        assert ANNE not in session.scalars(select(OptOut.phone)).all()
    assert ANNE in bench.dispatcher.opt_outs
    assert bench.dispatcher.inbox.latest()[0].phone != ANNE


def test_list_that_is_being_added_holds_up_nobody_else(bench: Bench) -> None:
    """A long list takes most of a minute; only its own people may wait for it."""
    batch = bench.submit(2)
    anne, other, listed = people(3)
    for phone in (other, listed):
        bench.opt_out(phone)
    with bench.dispatcher.database.write() as session:
        assert opt_outs.add(session, [listed], source="import", now=OPEN) == 0
        assert bench.send(batch) == 1
        assert bench.dispatcher.opt_outs.remove(other, reason="she asked")
        bench.dispatcher.opt_outs.erase(other)
        says(bench, "STOP", at="10:05:00")
        assert anne in bench.dispatcher.opt_outs
