"""Last contacts: stored where the application names them, and who is stale by them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from dispatcher import InvalidPhone, UnusableInput
from dispatcher.masking import is_pseudonym
from dispatcher.recipients import Recipient
from dispatcher.storage import contacts, opt_outs, pseudonymous, stale_people
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Contact, Reply
from tests.integration.bench import OPEN, TEXT, Bench, opened, people
from tests.integration.conftest import empty

ANNE, BRUNO, CHLOE = people(3, start=7001)
OLD = date(2023, 11, 24)  # three years before
NEW = date(2023, 11, 25)


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    empty(tables)
    address = {"webhook_url": "https://shop.example/sms", "webhook_secret": "q8Zr4-Tn0_Vb6Hs2Lk"}
    with opened(tables, recipient_days=40, **address) as bench:
        yield bench
        bench.check()


def person(phone: str, day: object, **fields: object) -> dict[str, object]:
    return {"mobile": phone, "last_contact": day, **fields}


def submit(bench: Bench, *rows: Any, reference: str = "soldes", **options: Any) -> Any:
    return bench.dispatcher.submit(reference, TEXT, rows, **options)


def stored(bench: Bench) -> dict[str, date]:
    with bench.dispatcher.database.read() as session:
        return {row.phone: row.at for row in session.execute(select(Contact.phone, Contact.at))}


def stale(bench: Bench, years: int = 3) -> list[str]:
    return [one.phone for one in bench.dispatcher.persons.stale(years=years)]


def reply(bench: Bench, phone: str, text: str = "Bonjour") -> None:
    call = {"type": "response", "phone_number": phone, "text": text, "message_id": 1000}
    bench.dispatcher.inbox.take("reply", json.dumps(call).encode())


# -- what is stored


@pytest.mark.parametrize("at_hand", [False, True])
def test_list_with_last_contacts_names_who_is_stale(bench: Bench, *, at_hand: bool) -> None:
    rows = person(ANNE, OLD, key="A"), person(BRUNO, "25/11/2023"), person(CHLOE, None)

    submit(bench, *rows, at_hand=at_hand)

    assert stored(bench) == {ANNE: OLD, BRUNO: NEW}
    (one,) = bench.dispatcher.persons.stale()
    assert (one.phone, one.last_contact, one.keys) == (ANNE, OLD, ("A",))
    assert ANNE not in repr(one)
    bench.clock.forward(days=1)
    assert stale(bench) == [ANNE, BRUNO]
    assert stale(bench, years=4) == []


@pytest.mark.parametrize(
    "anne",
    [
        person(ANNE, OLD.isoformat()),
        Recipient(ANNE, {"vu": "?"}, last_contact=OLD),
        Recipient(ANNE, {"vu": "?"}, last_contact=OLD.isoformat()),
    ],
)
def test_list_of_a_draft_stores_last_contacts_once_it_is_submitted(bench: Bench, anne: Any) -> None:
    drafts = bench.dispatcher.drafts
    draft = drafts.create("soldes", TEXT)
    draft = drafts.set_list("soldes", [anne], version=draft.version)
    draft, _ = drafts.plan("soldes", version=draft.version)
    assert stored(bench) == {}
    drafts.submit("soldes", version=draft.version)
    assert stored(bench) == {ANNE: OLD}


def test_list_without_last_contacts_writes_none(bench: Bench) -> None:
    submit(bench, ANNE, {"mobile": BRUNO}, Recipient(CHLOE))
    assert (stored(bench), stale(bench)) == ({}, [])


def test_newest_date_wins_in_a_list_and_among_lists(bench: Bench) -> None:
    submit(bench, person(ANNE, OLD), person(ANNE, "2024-01-01"), person(BRUNO, NEW))
    submit(bench, person(ANNE, OLD), person(BRUNO, "2025-01-01"), reference="relance")
    assert stored(bench) == {ANNE: date(2024, 1, 1), BRUNO: date(2025, 1, 1)}


def test_same_submission_with_newer_dates_is_the_same_campaign(bench: Bench) -> None:
    first = submit(bench, person(ANNE, OLD))
    assert submit(bench, person(ANNE, NEW)) == first
    assert stored(bench) == {ANNE: NEW}


def test_wrong_date_is_told_and_the_person_is_texted(bench: Bench) -> None:
    rows = person(ANNE, "oui"), person(BRUNO, "2026-12-01"), person(CHLOE, OLD)
    plan = bench.dispatcher.plan(TEXT, rows)

    submitted = submit(bench, *rows)

    assert plan.kept == bench.progress().recipients == 3
    assert stored(bench) == {CHLOE: OLD}
    for warnings in (plan.warnings, submitted.warnings, submitted.impersonal):
        said = [one for one in warnings if "last contact" in one]
        assert [one.split(":")[0] for one in said] == [
            "the date of the last contact cannot be read in 1 row, first in row 1",
            "the last contact lies in the future in 1 row, first in row 2",
        ]


def test_refused_campaign_stores_no_last_contact(bench: Bench) -> None:
    with pytest.raises(UnusableInput):
        submit(bench, person(ANNE, OLD), person("hello", OLD), strict=True)
    assert stored(bench) == {}


def test_plan_stores_no_last_contact(bench: Bench) -> None:
    submit(bench, BRUNO)
    bench.dispatcher.plan(TEXT, [person(ANNE, OLD)])
    assert stored(bench) == {}


# -- contacted


def test_application_notes_a_contact_of_a_recipient(bench: Bench) -> None:
    submit(bench, person(ANNE, OLD), BRUNO)
    contacted = bench.dispatcher.persons.contacted

    assert contacted("06 39 98 70 01", date(2025, 1, 1))
    assert contacted(BRUNO, datetime(2025, 12, 31, 23, 30, tzinfo=UTC))
    assert contacted(ANNE, OLD)  # the newest wins

    assert stored(bench) == {ANNE: date(2025, 1, 1), BRUNO: date(2026, 1, 1)}


def test_contact_of_somebody_whom_no_list_has_is_not_stored(bench: Bench) -> None:
    assert not bench.dispatcher.persons.contacted(ANNE, OLD)  # without tables, too
    submit(bench, BRUNO)
    assert not bench.dispatcher.persons.contacted(ANNE, OLD)
    assert stored(bench) == {}


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (date(2026, 11, 26), "lies in the future: correct it, or the clock .* today is 2026-11-24"),
        (
            OPEN.replace(tzinfo=None),
            "a last contact is a date from 1990 on, or a datetime with its",
        ),
        (date(1970, 1, 1), "a last contact is a date from 1990 on"),
        ("2026-11-20", "a last contact is a date from 1990 on"),
        (None, "a last contact is a date from 1990 on"),
    ],
)
def test_wrong_contact_is_refused_in_one_sentence(bench: Bench, at: Any, says: str) -> None:
    submit(bench, ANNE)
    with pytest.raises(UnusableInput, match=says):
        bench.dispatcher.persons.contacted(ANNE, at)
    assert stored(bench) == {}


def test_contact_of_what_is_no_number_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidPhone):
        bench.dispatcher.persons.contacted("hello", OLD)


# -- signs that came from the person


@pytest.mark.parametrize("text", ["Bonjour", "STOP"])
def test_reply_is_a_contact(bench: Bench, text: str) -> None:
    submit(bench, person(ANNE, OLD), BRUNO)
    bench.work()

    reply(bench, ANNE, text=text)
    reply(bench, BRUNO, text=text)

    assert stored(bench) == {ANNE: OPEN.date()}  # of Bruno the application says nothing
    assert stale(bench) == []


def test_stop_that_a_report_tells_is_a_contact(bench: Bench) -> None:
    submit(bench, person(ANNE, OLD))
    with bench.dispatcher.database.write() as session:
        opt_outs.add(session, [ANNE], source=opt_outs.ANSWERED, now=bench.clock())
    assert stored(bench) == {ANNE: OPEN.date()}


def test_opt_out_by_hand_is_no_contact(bench: Bench) -> None:
    submit(bench, person(ANNE, OLD))
    bench.opt_out(ANNE)
    assert (stored(bench), stale(bench)) == ({ANNE: OLD}, [ANNE])


def test_sign_that_came_before_the_first_date_counts(bench: Bench) -> None:
    submit(bench, ANNE, BRUNO)
    reply(bench, ANNE)
    with bench.dispatcher.database.write() as session:
        opt_outs.add(session, [BRUNO], source=opt_outs.ANSWERED, now=bench.clock())

    submit(bench, person(ANNE, OLD), person(BRUNO, OLD), person(CHLOE, OLD), reference="relance")

    assert stale(bench) == [CHLOE]


def test_message_that_is_delivered_is_no_contact(bench: Bench) -> None:
    submit(bench, person(ANNE, OLD))
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    assert stale(bench) == [ANNE]


# -- erasure, retention


def test_erased_person_has_a_contact_under_the_pseudonym_and_is_not_named(bench: Bench) -> None:
    submit(bench, person(ANNE, OLD), person(BRUNO, OLD))
    persons = bench.dispatcher.persons
    assert persons.show(ANNE)["contacts"] == [{"phone": ANNE, "last_contact": OLD}]

    persons.erase(ANNE, reason="letter")

    (erased,) = stored(bench).keys() - {BRUNO}
    assert is_pseudonym(erased)
    assert stale(bench) == [BRUNO]
    assert persons.show(ANNE)["contacts"] == [{"phone": erased, "last_contact": OLD}]
    reply(bench, ANNE)
    assert stored(bench) == {erased: OPEN.date(), BRUNO: OLD}


def test_later_list_with_an_erased_person_stores_no_number(bench: Bench) -> None:
    submit(bench, person(ANNE, OLD))
    bench.dispatcher.persons.erase(ANNE, reason="letter")

    submit(bench, person(ANNE, NEW), person(BRUNO, OLD), reference="relance")
    assert bench.dispatcher.persons.contacted(ANNE, date(2025, 1, 1))

    (erased,) = stored(bench).keys() - {BRUNO}
    assert is_pseudonym(erased)
    assert stored(bench)[erased] == date(2025, 1, 1)
    assert stale(bench) == [BRUNO]


def test_contact_that_comes_while_its_person_is_erased_is_replaced(bench: Bench) -> None:
    submit(bench, ANNE)
    bench.dispatcher.persons.erase(ANNE, reason="letter")
    with bench.dispatcher.database.write() as session:
        stale_people.note(session, {ANNE: OLD})  # as a list that was read before
    assert all(map(is_pseudonym, stored(bench)))


def _pseudonym(bench: Bench, phone: str) -> str:
    with bench.dispatcher.database.read() as session:
        known = pseudonymous.current(session)
    assert known is not None
    return known.newest_of(phone)


def ended_long_ago(bench: Bench) -> None:
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    bench.tick()  # the campaign ends
    bench.clock.forward(days=41)
    assert bench.dispatcher.steps.prune()


def test_retention_replaces_the_contact_of_whom_no_other_campaign_has(bench: Bench) -> None:
    submit(bench, person(ANNE, OLD), person(BRUNO, OLD))
    later = bench.clock() + timedelta(days=60)
    submit(bench, person(BRUNO, OLD), reference="relance", not_before=later)

    ended_long_ago(bench)

    (replaced,) = stored(bench).keys() - {BRUNO}
    assert is_pseudonym(replaced)
    assert stale(bench) == [BRUNO]
    assert bench.dispatcher.persons.contacted(ANNE, date(2025, 1, 1))
    assert stored(bench)[replaced] == date(2025, 1, 1)


def test_list_that_is_submitted_again_after_retention_stores_no_number(bench: Bench) -> None:
    rows = person(ANNE, OLD), person(BRUNO, OLD)
    submit(bench, *rows)
    ended_long_ago(bench)
    bench.dispatcher.submit("relance", TEXT, [BRUNO])

    submit(bench, person(ANNE, NEW), person(BRUNO, NEW))  # the same campaign

    (replaced,) = stored(bench).keys() - {BRUNO} - {_pseudonym(bench, BRUNO)}
    assert is_pseudonym(replaced)
    assert (stored(bench)[replaced], stored(bench)[BRUNO]) == (NEW, NEW)


def test_sign_under_a_pseudonym_counts_when_the_number_comes_back(bench: Bench) -> None:
    submit(bench, person(ANNE, OLD))
    ended_long_ago(bench)
    reply(bench, ANNE)
    with bench.dispatcher.database.write() as session:
        session.query(Reply).delete()

    submit(bench, person(ANNE, OLD), reference="relance")

    assert stale(bench) == []


def test_pseudonym_keeps_the_newest_of_two_dates(bench: Bench) -> None:
    name = "person-" + "a" * 32
    with bench.dispatcher.database.write() as session:
        contacts.write(session, {ANNE: OLD, name: NEW})
        contacts.replace(session, {ANNE: name})
    assert stored(bench) == {name: NEW}


# -- who is stale


def test_nobody_is_stale_without_tables(bench: Bench) -> None:
    assert stale(bench) == []


@pytest.mark.parametrize("years", [0, 31, -1, 2.5, "3", None])
def test_other_years_are_refused(bench: Bench, years: Any) -> None:
    with pytest.raises(UnusableInput, match="years is a whole number from 1 to 30"):
        bench.dispatcher.persons.stale(years=years)


def test_clock_that_went_back_names_nobody(bench: Bench) -> None:
    submit(bench, person(ANNE, OLD), person(BRUNO, OPEN.date()))
    bench.clock.forward(days=-2)
    with pytest.raises(UnusableInput, match=r"is of 2026-11-24, .* 2026-11-22: did it go back"):
        bench.dispatcher.persons.stale()


def test_more_people_than_one_query_takes_are_all_named(bench: Bench) -> None:
    many = people(1203, start=5000)
    submit(bench, *(person(phone, OLD) for phone in many))
    assert stale(bench) == many
