"""Last contacts are stored while people are erased or replaced: no number stays behind.

On PostgreSQL, in real transactions: SQLite has one writer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dispatcher.masking import is_pseudonym
from dispatcher.storage import (
    erasures,
    pseudonymous,
    recipient_retention,
    screening,
    stale_people,
)
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Contact
from tests.databases import wait_for_locks
from tests.integration.bench import OPEN, TEXT, Bench, opened, people
from tests.integration.conftest import empty

ANNE, BRUNO, CHLOE = people(3, start=7001)
OLD, NEW = date(2023, 5, 3), date(2024, 5, 3)


@pytest.fixture
def bench(postgres_tables: Database) -> Iterator[Bench]:
    """A bench on PostgreSQL."""
    empty(postgres_tables)
    address = {"webhook_url": "https://shop.example/sms", "webhook_secret": "q8Zr4-Tn0_Vb6Hs2Lk"}
    with opened(postgres_tables, recipient_days=40, **address) as bench:
        yield bench
        bench.check()


def submit(bench: Bench, *phones: str, day: date = OLD, reference: str = "soldes") -> None:
    rows = [{"mobile": phone, "last_contact": day} for phone in phones]
    bench.dispatcher.submit(reference, TEXT, rows)


def stored(bench: Bench) -> dict[str, date]:
    with bench.dispatcher.database.read() as session:
        return {row.phone: row.at for row in session.execute(select(Contact.phone, Contact.at))}


def pseudonym(bench: Bench, phone: str) -> str:
    with bench.dispatcher.database.read() as session:
        known = pseudonymous.current(session)
    assert known is not None
    return known.newest_of(phone)


def meanwhile(
    bench: Bench,
    held: AbstractContextManager[Session],
    hold: Callable[[Session], object],
    run: Callable[[], object],
) -> None:
    """Let ``run`` wait for a transaction that ``hold`` has written in; both end."""
    with ThreadPoolExecutor() as pool:
        with held as session:
            hold(session)
            running: Future[object] = pool.submit(run)
            wait_for_locks(bench.dispatcher.database)
        running.result(60)


@pytest.mark.parametrize("known", [False, True])
def test_erasure_waits_for_a_list_and_replaces_what_it_stored(bench: Bench, *, known: bool) -> None:
    submit(bench, ANNE, BRUNO) if known else bench.dispatcher.submit("soldes", TEXT, [ANNE, BRUNO])
    persons = bench.dispatcher.persons

    meanwhile(
        bench,
        bench.dispatcher.database.write(),
        lambda session: stale_people.note(session, {ANNE: NEW, BRUNO: NEW}),
        lambda: persons.erase(ANNE, reason="letter"),
    )

    assert stored(bench) == {pseudonym(bench, ANNE): NEW, BRUNO: NEW}


@pytest.mark.parametrize("known", [False, True])
def test_list_waits_for_an_erasure_and_stores_the_pseudonym(bench: Bench, *, known: bool) -> None:
    submit(bench, ANNE, BRUNO) if known else bench.dispatcher.submit("soldes", TEXT, [ANNE, BRUNO])

    meanwhile(
        bench,
        bench.dispatcher.database.write(),
        lambda session: erasures.begin(session, ANNE, reason="letter", actor="Léa", now=OPEN),
        lambda: submit(bench, ANNE, BRUNO, CHLOE, day=NEW, reference="relance"),
    )

    assert stored(bench) == {pseudonym(bench, ANNE): NEW, BRUNO: NEW, CHLOE: NEW}


def test_lists_and_erasures_at_once_leave_no_number_and_no_deadlock(bench: Bench) -> None:
    phones = people(300, start=5000)
    erased = phones[::30]
    submit(bench, *phones, reference="first")
    persons = bench.dispatcher.persons

    def erase(some: list[str]) -> None:
        for phone in some:
            persons.erase(phone, reason="letter")

    with ThreadPoolExecutor() as pool:
        running = [
            *(pool.submit(erase, erased[start::2]) for start in (0, 1)),
            *(
                pool.submit(submit, bench, *order, day=date(2024, 5, day), reference=f"list {day}")
                for day, order in enumerate((phones, phones[::-1], phones, phones[::-1]), 1)
            ),
        ]
        for one in running:
            one.result(300)

    newest = date(2024, 5, 4)
    held = {phone: newest for phone in phones if phone not in erased}
    days = stored(bench)
    assert {phone: day for phone, day in days.items() if not is_pseudonym(phone)} == held
    assert days.keys() - held.keys() == {pseudonym(bench, phone) for phone in erased}
    bench.work()
    assert {phone for _, phone, _ in bench.gateway.ledger} <= held.keys()


def test_stop_does_not_wait_for_a_list(bench: Bench) -> None:
    submit(bench, ANNE)
    bench.work()
    call = {"type": "response", "phone_number": ANNE, "text": "STOP", "message_id": 1000}
    with bench.dispatcher.database.write() as session:
        stale_people.note(session, {ANNE: NEW})
        bench.dispatcher.inbox.take("reply", json.dumps(call).encode())
        assert ANNE in bench.dispatcher.opt_outs
    assert stored(bench) == {ANNE: NEW}
    assert list(bench.dispatcher.persons.stale(years=1)) == []  # the STOP counts


# -- retention


def ended_long_ago(bench: Bench) -> None:
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    bench.tick()  # the campaign ends
    bench.clock.forward(days=41)
    with bench.dispatcher.database.write() as session:
        pseudonymous.begin(session)


def replace(bench: Bench, session: Session) -> None:
    known = pseudonymous.current(session)
    assert known is not None
    assert recipient_retention.replace(session, bench.clock(), known, 4, bench.clock())


def replace_alone(bench: Bench) -> None:
    with bench.dispatcher.database.write() as session:
        replace(bench, session)


def test_retention_of_several_batches_locks_the_first_number_first(bench: Bench) -> None:
    phones = people(501, start=5000)
    submit(bench, *reversed(phones))  # the first number is in the second batch
    ended_long_ago(bench)
    database = bench.dispatcher.database

    rest = "SELECT 1 FROM dispatcher_contact WHERE phone > :first FOR UPDATE NOWAIT"
    with ThreadPoolExecutor() as pool:
        with database.write() as session:
            stale_people.note(session, {phones[0]: NEW})
            running = pool.submit(replace_alone, bench)
            wait_for_locks(database)
            assert len(session.execute(text(rest), {"first": phones[0]}).all()) == 500
        running.result(60)
    assert all(map(is_pseudonym, stored(bench)))


@pytest.mark.parametrize("known", [False, True])
def test_contact_that_comes_while_retention_replaces_its_person_is_stored_as_a_pseudonym(
    bench: Bench, *, known: bool
) -> None:
    submit(bench, ANNE, BRUNO) if known else bench.dispatcher.submit("soldes", TEXT, [ANNE, BRUNO])
    ended_long_ago(bench)

    meanwhile(
        bench,
        bench.dispatcher.database.write(),
        lambda session: replace(bench, session),
        lambda: bench.dispatcher.persons.contacted(ANNE, NEW),
    )

    days = stored(bench)
    assert days[pseudonym(bench, ANNE)] == NEW
    assert all(map(is_pseudonym, days))


def test_retention_waits_for_a_contact_and_replaces_it(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", TEXT, [ANNE])
    ended_long_ago(bench)

    meanwhile(
        bench,
        bench.dispatcher.database.write(),
        lambda session: stale_people.contacted(session, ANNE, NEW),
        lambda: replace_alone(bench),
    )

    assert stored(bench) == {pseudonym(bench, ANNE): NEW}


def test_contact_of_an_erased_person_waits_for_an_erasure_without_a_row(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", TEXT, [ANNE])
    bench.dispatcher.persons.contacted(ANNE, OLD)
    bench.dispatcher.persons.erase(ANNE, reason="asked for it")
    database, name = bench.dispatcher.database, pseudonym(bench, ANNE)

    row = "SELECT 1 FROM dispatcher_contact WHERE phone = :name FOR UPDATE NOWAIT"
    with ThreadPoolExecutor() as pool:
        with database.write() as session:
            screening.begin_erasure(session)
            running = pool.submit(bench.dispatcher.persons.contacted, ANNE, NEW)
            wait_for_locks(database)
            session.execute(text(row), {"name": name}).one()
        assert running.result(60)
    assert stored(bench) == {name: NEW}
