"""Erased people whom a list brings that is stored during their erasure, or after it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from dispatcher.dispatch import erasures
from dispatcher.masking import is_pseudonym
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage import identity, mentions, screening
from dispatcher.storage.database import Database
from dispatcher.storage.tables import RECIPIENT, Base, Campaign, Erasure
from tests.integration.bench import Bench, opened, people
from tests.integration.conftest import empty

ANNE, BRUNO, CHLOE = people(3, start=7201)
TRACE = "639987201"
ARABIC = "\u0660\u0666\u0663\u0669\u0669\u0668\u0667\u0662\u0660\u0661"
GREETING = "Bonjour {{ note }}, soldes demain"


def everybody(**fields: Any) -> list[dict[str, Any]]:
    return [{"phone": BRUNO, "note": "Bruno"}, {"phone": CHLOE, "note": "x"} | fields]


def trace(database: Database) -> list[str]:
    """The tables in which Anne's number is, without regard to blanks and signs."""
    found: list[str] = []
    with database.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)):
                words = "".join(filter(str.isalnum, repr(tuple(row))))
                found += [table.name] * (TRACE in words)
    return found


def erase(bench: Bench, phone: str = ANNE) -> None:
    bench.dispatcher.persons.erase(phone, reason="asked")


def end(bench: Bench) -> None:
    """Send what is due, have everything reported, and let workers do what is left."""
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    look(bench)


def look(bench: Bench) -> None:
    """Screen everything, and replace whom that found."""
    for _ in range(20):
        if bench.tick().prune:
            bench.dispatcher.steps.prune()


def marked(bench: Bench) -> list[int | None]:
    return [one.screened_to for one in bench.campaigns()]


@pytest.fixture
def known(bench: Bench) -> Bench:
    """Anne is erased, and a key is made."""
    bench.opt_out(ANNE)
    erase(bench)
    return bench


@pytest.fixture
def server(postgres_tables: Database) -> Iterator[Bench]:
    """A bench on PostgreSQL: SQLite has one writer, so that nothing happens during a submission."""
    empty(postgres_tables)
    with opened(postgres_tables, pseudonym_key="k" * 40) as bench:
        yield bench
        bench.check()


# -- a list that comes later ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "text", "fields"),
    [
        ("soldes", GREETING, {"note": "chez 06 39 98 72 01"}),
        ("soldes", GREETING, {"note": ARABIC}),
        ("soldes", GREETING, {"key": "client-0639987201"}),
        ("soldes", GREETING, {"key": "+33 6 39 98 72 01"}),
        ("relance 06.39.98.72.01", GREETING, {}),
        ("soldes", "Bonjour {{ note }}, appelez le 06 39 98 72 01", {}),
    ],
)  # fmt: skip
def test_number_that_a_later_list_has_elsewhere_is_replaced_once_all_is_sent(
    known: Bench, reference: str, text: str, fields: dict[str, str]
) -> None:
    known.dispatcher.submit(reference, text, everybody(**fields))
    assert marked(known) == [0]
    end(known)
    assert marked(known) == [None]
    assert trace(known.dispatcher.database) == []
    assert known.gateway.texted[BRUNO] == known.gateway.texted[CHLOE] == 1


def test_others_still_get_the_text_that_names_an_erased_person(bench: Bench) -> None:
    text = "Bonjour {{ note }}, appelez le 06 39 98 72 01"
    later = bench.clock() + timedelta(hours=2)
    bench.dispatcher.submit("soldes", text, everybody(), not_before=later)
    bench.opt_out(ANNE)
    erase(bench)
    look(bench)
    assert trace(bench.dispatcher.database) == ["dispatcher_campaign"]
    bench.pass_by(hours=2)
    end(bench)
    assert trace(bench.dispatcher.database) == []
    assert bench.messages() == {"delivered": 2}


def test_erasure_stays_open_while_a_running_campaign_names_the_person(bench: Bench) -> None:
    later = bench.clock() + timedelta(hours=2)
    bench.dispatcher.submit("soldes", "Appelez le 0639987201", [BRUNO], not_before=later)
    erase(bench)  # the text is shown as hers, so that there is something to erase
    with bench.dispatcher.database.read() as session:
        assert session.scalars(select(Erasure.done_at)).all() == [None]
    bench.dispatcher.cancel("soldes", reason="over")
    bench.pass_by(hours=2)
    look(bench)
    assert trace(bench.dispatcher.database) == []
    with bench.dispatcher.database.read() as session:
        assert session.scalars(select(Erasure.done_at.is_not(None))).all() == [True]


def test_while_nobody_is_erased_the_first_tick_is_done_with_all_campaigns(bench: Bench) -> None:
    bench.submit(3)
    bench.dispatcher.submit("relance", GREETING, everybody())
    assert marked(bench) == [0, 0]
    bench.tick()
    assert marked(bench) == [None, None]
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = bench.dispatcher.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        bench.tick()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    # one question among those of ``upkeep``, and no other statement
    assert sum("screened_to" in statement for statement in statements) == 1


def test_one_tick_screens_many_short_lists(known: Bench) -> None:
    for phone in people(5):
        known.dispatcher.submit(f"avis {phone}", GREETING, everybody(note="0639987201"))
    known.tick()
    assert marked(known) == [None] * 5
    end(known)
    assert trace(known.dispatcher.database) == []


def test_list_without_erased_people_is_screened_and_nothing_changes(known: Bench) -> None:
    known.submit(3)
    assert marked(known) == [0]
    known.tick()
    assert marked(known) == [None]
    with known.dispatcher.database.read() as session:
        assert session.scalars(select(Erasure.batches)).all() == ["[]"]


def test_long_list_is_screened_in_steps(known: Bench) -> None:
    with mock.patch.object(screening, "PEOPLE", 2):
        named = ["metropole", "guadeloupe", "martinique", "guyane", "la-reunion"]
        list_ = [
            {"phone": phone, "note": "0639987201", "territory": territory}
            for phone, territory in zip(people(5), named, strict=True)
        ]
        later = known.clock() + timedelta(hours=1)
        how: dict[str, Any] = {"not_before": later, "commercial": False, "reason": "avis"}
        known.dispatcher.submit("relance 0639987201", GREETING, list_, **how)
        for expected in (2, 4, None):
            known.tick()
            assert marked(known) == [expected]
    known.pass_by(hours=1)
    end(known)
    assert trace(known.dispatcher.database) == []


def test_two_ticks_that_read_the_same_batches_count_them_once(known: Bench) -> None:
    known.dispatcher.submit("soldes", GREETING, everybody(note="0639987201"))
    database = known.dispatcher.database
    with database.read() as session:
        done = screening.step(session)
        again = screening.step(session)
    assert done == again is not None
    with database.write() as session:
        assert done is not None
        assert screening.record(session, done)
        assert not screening.record(session, done)


def test_person_who_has_consented_anew_is_not_replaced(known: Bench) -> None:
    known.dispatcher.opt_outs.remove(ANNE, reason="signed again")
    known.dispatcher.submit("soldes", GREETING, everybody(note="0639987201"))
    end(known)
    assert "dispatcher_recipient" in trace(known.dispatcher.database)


def test_lost_key_stops_no_tick(tables: Database) -> None:
    with opened(tables, pseudonym_key="k" * 40) as bench:
        bench.opt_out(ANNE)
        erase(bench)
        bench.dispatcher.submit("soldes", GREETING, everybody())
    with opened(tables, pseudonym_key="l" * 40) as bench:
        bench.tick()
        assert marked(bench) == [0]


# -- a list that is stored at the same moment -----------------------------------------------------


def test_campaign_stored_between_search_and_erasure_is_screened(bench: Bench) -> None:
    bench.opt_out(ANNE)
    find = mentions.find

    def found(*arguments: Any) -> Any:
        known = find(*arguments)
        bench.dispatcher.submit("soldes", GREETING, everybody(note="0639987201"))
        look(bench)
        assert marked(bench) == [None]
        return known

    with mock.patch.object(erasures, "mentions", SimpleNamespace(find=found)):
        erase(bench)
    assert marked(bench) == [0]
    end(bench)
    assert trace(bench.dispatcher.database) == []


def test_erasure_during_a_submission_waits_for_nothing_and_is_done_in_its_rows(
    server: Bench,
) -> None:
    """Nobody was erased before; the submission may be part of a long transaction."""
    server.opt_out(ANNE)
    record_first = identity.record_first

    def late(session: Session) -> None:
        erase(server)  # committed after the list was compared with the opt-outs
        look(server)
        record_first(session)

    list_ = [{"phone": ANNE, "note": "Anne"}, *everybody(note="0639987201")]
    with mock.patch.object(identity, "record_first", late):
        server.dispatcher.submit("soldes", GREETING, list_)
    assert trace(server.dispatcher.database) == ["dispatcher_recipient", "dispatcher_recipient"]
    look(server)
    end(server)
    assert trace(server.dispatcher.database) == []
    assert server.messages() == {"opted_out": 1, "delivered": 2}
    assert server.gateway.texted[ANNE] == 0


def test_step_that_was_read_before_an_erasure_began_is_not_recorded(bench: Bench) -> None:
    bench.opt_out(BRUNO)
    erase(bench, BRUNO)
    bench.dispatcher.submit("soldes", GREETING, everybody(note="0639987201"))
    database = bench.dispatcher.database
    with database.read() as session:
        read = screening.step(session)
    assert read is not None
    assert not read.found
    bench.opt_out(ANNE)
    with mock.patch.object(erasures, "mentions", SimpleNamespace(find=lambda *_: mentions.NOWHERE)):
        erase(bench)
    with database.write() as session:
        assert not screening.record(session, read)
    end(bench)
    assert trace(database) == []


def test_step_is_left_to_the_next_tick_while_an_erasure_is_not_committed(server: Bench) -> None:
    server.opt_out(BRUNO)
    erase(server, BRUNO)
    server.dispatcher.submit("soldes", GREETING, everybody())
    with server.dispatcher.database.write() as session:
        screening.begin_erasure(session)
        server.tick()
        assert marked(server) == [0]
        session.rollback()
    server.tick()
    assert marked(server) == [None]


# -- after a restore ------------------------------------------------------------------------------


def test_replayed_erasure_finds_mentions_alone(bench: Bench) -> None:
    """The backup has the number in somebody else's fields and nowhere else."""
    bench.dispatcher.submit("soldes", GREETING, everybody(note="0639987201"))
    end(bench)
    erase(bench)
    lines = bench.dispatcher.persons.erasures()
    with bench.dispatcher.database.write() as session:
        for table in ("dispatcher_erasure", "dispatcher_opt_out"):
            session.execute(Base.metadata.tables[table].delete())
        chloe = RECIPIENT.c.phone == CHLOE
        session.execute(update(RECIPIENT).where(chloe).values(fields='{"note":"0639987201"}'))
    assert bench.dispatcher.persons.replay(lines) == 1
    look(bench)
    assert trace(bench.dispatcher.database) == []


# -- local numbers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "local", "territory"),
    [
        ("+687751234", "75 12 34", "nouvelle-caledonie"),
        ("+689871234 56".replace(" ", ""), "87.12.34.56", "polynesie-francaise"),
        ("+681821234", "821234", "wallis-et-futuna"),
        ("+508551234", "55-12-34", "saint-pierre-et-miquelon"),
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_local_number_in_the_fields_of_somebody_there_is_replaced(
    bench: Bench, number: str, local: str, territory: str, later: bool
) -> None:
    def store() -> None:
        here = {"phone": BRUNO, "note": local}
        there = {"phone": CHLOE, "note": f"chez {local}", "territory": territory}
        bench.dispatcher.submit("avis", GREETING, [here, there], commercial=False, reason="avis")

    bench.opt_out(number)
    if later:
        erase(bench, number)
        store()
    else:
        store()
        erase(bench, number)
    end(bench)
    with bench.dispatcher.database.read() as session:
        rows = dict(session.execute(select(RECIPIENT.c.phone, RECIPIENT.c.fields)).all())
    assert local in str(rows[BRUNO])  # where nobody writes so, it is any number
    assert local not in str(rows[CHLOE])
    assert "person-" in str(rows[CHLOE])


def test_pseudonym_of_a_stored_row_is_not_looked_for(known: Bench) -> None:
    known.dispatcher.submit("soldes", GREETING, [{"phone": ANNE, "note": "Anne"}, *everybody()])
    with known.dispatcher.database.read() as session:
        assert any(is_pseudonym(phone) for phone in session.scalars(select(RECIPIENT.c.phone)))
        done = screening.step(session)
    assert done is not None
    assert not done.found


def test_all_numbers_of_a_text_are_possible() -> None:
    pseudonyms = Pseudonyms("key")
    text = "06 39 98 72 01 ou 33639987202, code 75 12 34"
    expected = {pseudonyms.newest_of(phone) for phone in (ANNE, BRUNO)}
    assert expected <= pseudonyms.possible(text)
    assert pseudonyms.newest_of("+687751234") not in pseudonyms.possible(text)
    assert pseudonyms.newest_of("+687751234") in pseudonyms.possible(text, "nouvelle-caledonie")


def test_campaign_that_has_ended_is_screened_too(known: Bench) -> None:
    known.dispatcher.submit("soldes", GREETING, everybody(note="0639987201"))
    with known.dispatcher.database.write() as session:
        session.execute(update(Campaign).values(screened_to=None))
    end(known)
    with known.dispatcher.database.write() as session:
        session.execute(update(Campaign).values(screened_to=0))
    look(known)
    assert trace(known.dispatcher.database) == []
