"""Consents in columns of the list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from dispatcher import InvalidCampaign, Rejection
from dispatcher.campaigns.consent import Consent
from dispatcher.errors import ReferenceTaken
from dispatcher.recipients import Recipient
from dispatcher.storage import consents
from dispatcher.storage.database import Database
from dispatcher.storage.tables import BatchConsent, Campaign
from tests.integration.bench import OPEN, Bench, opened, people
from tests.integration.conftest import empty

SOURCE = "column:Consenti le,source:formulaire,wording:version"
MAY = date(2026, 5, 3)


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    empty(tables)
    with opened(tables, rate=1000, consent_required=True) as made:
        yield made


def row(at: int, day: object = "03/05/2026", **others: object) -> dict[str, object]:
    [phone] = people(1, at)
    return {"mobile": phone, "consenti_le": day, "formulaire": "Lyon", "version": "v3"} | others


def stored(bench: Bench) -> list[dict[int, Consent]]:
    with bench.dispatcher.database.read() as session:
        ids = session.scalars(select(BatchConsent.batch_id).order_by(BatchConsent.batch_id))
        return [consents.of_batch(session, batch_id) for batch_id in ids.all()]


def test_consents_are_stored_with_the_campaign_and_messages_leave(bench: Bench) -> None:
    listed = [row(0), row(1, MAY, formulaire="", version=None), row(2, "2026-05-03T10:00+02:00")]
    bench.dispatcher.submit("soldes", "Bonjour", listed, consent=SOURCE)
    assert stored(bench) == [
        {
            0: Consent(MAY, "Lyon", "v3"),
            1: Consent(MAY),
            2: Consent(datetime(2026, 5, 3, 8, tzinfo=UTC), "Lyon", "v3"),
        }
    ]
    bench.work()
    assert bench.messages() == {"sent": 3}
    bench.check()


def test_day_of_an_instant_is_that_of_paris(bench: Bench) -> None:
    midnight = datetime(2026, 5, 2, 22, tzinfo=UTC)
    bench.dispatcher.submit("soldes", "Bonjour", [row(0, midnight)], consent=SOURCE)
    assert stored(bench) == [{0: Consent(MAY, "Lyon", "v3")}]


def test_person_show_says_what_the_message_rested_on(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", "Bonjour", [row(0)], consent=SOURCE)
    [message] = bench.dispatcher.persons.show(people(1)[0])["messages"]
    assert message["consent"] == "2026-05-03 · Lyon · v3"


@pytest.mark.parametrize(
    "day",
    ["", None, "oui", "NULL", "#N/A", OPEN + timedelta(days=1), OPEN + timedelta(days=400)],
    ids=str,
)
def test_row_without_a_date_that_has_passed_is_rejected(bench: Bench, day: object) -> None:
    rejected: list[Rejection] = []
    listed = [row(0), row(1, day)]
    plan = bench.dispatcher.plan("Bonjour", listed, consent=SOURCE)
    assert plan.rejected == {"no_consent": 1}
    bench.dispatcher.submit("soldes", "Bonjour", listed, consent=SOURCE, reject=rejected.append)
    assert [(one.code, one.row) for one in rejected] == [("no_consent", 2)]
    assert "no readable date" in rejected[0].detail
    bench.work()
    assert list(bench.gateway.texted) == people(1)
    assert len(stored(bench)[0]) == 1


def test_consent_of_today_counts(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", "Bonjour", [row(0, OPEN)], consent=SOURCE)
    assert stored(bench)[0][0].date == OPEN.date()


def test_later_row_with_a_consent_counts_where_the_first_has_none(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", "Bonjour", [row(0, ""), row(0)], consent=SOURCE)
    assert bench.messages() == {"pending": 1}


def test_later_row_with_a_consent_counts_where_the_date_of_the_first_is_to_come(
    bench: Bench,
) -> None:
    tomorrow = OPEN + timedelta(days=1)
    listed = [row(0, tomorrow, prenom="Anne"), row(0, tomorrow), row(0, prenom="Zoé"), row(0)]
    given = ("soldes", 'Bonjour {{ prenom | default("vous") }}', listed)
    plan = bench.dispatcher.plan(*given[1:], consent=SOURCE)
    assert (plan.kept, plan.duplicates, plan.rejected) == (1, 1, {"no_consent": 2})
    first = bench.dispatcher.submit(*given, consent=SOURCE)
    assert stored(bench) == [{0: Consent(MAY, "Lyon", "v3")}]
    bench.pass_by(days=2)
    assert bench.dispatcher.submit(*given, consent=SOURCE) == first
    assert bench.messages() == {"sent": 1}
    bench.check()


def test_row_that_is_left_out_shifts_nobodys_consent(bench: Bench) -> None:
    listed = [row(0), row(1, ""), row(2, mobile="01 99 00 12 34"), row(3, formulaire="Nice")]
    bench.dispatcher.submit("soldes", "Bonjour", listed, consent=SOURCE)
    assert [one.source for one in stored(bench)[0].values()] == ["Lyon", "Nice"]


def test_same_reference_is_recognised_also_once_a_date_has_come(bench: Bench) -> None:
    listed = [row(0), row(1, OPEN + timedelta(days=1))]
    first = bench.dispatcher.submit("soldes", "Bonjour", listed, consent=SOURCE)
    bench.pass_by(days=2)
    spaced = SOURCE.replace(",", ",  ")
    assert bench.dispatcher.submit("soldes", "Bonjour", listed, consent=spaced) == first
    assert bench.messages() == {"sent": 1}
    with pytest.raises(ReferenceTaken, match="was submitted with another body"):
        bench.dispatcher.submit("soldes", "Bonjour", listed, consent="column:consenti_le")


@pytest.mark.parametrize("source", ["column:accord", "column:consenti_le,source:lieu"])
def test_column_that_no_row_has_is_named_and_nothing_is_stored(bench: Bench, source: str) -> None:
    name = source.rpartition(":")[2]
    for call in (bench.dispatcher.plan, lambda *given, **options: submit(bench, *given, **options)):
        with pytest.raises(InvalidCampaign, match=f"no recipient has the column '{name}'"):
            call("Bonjour", [row(0), row(1)], consent=source)
    with bench.dispatcher.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Campaign)) == 0


def submit(bench: Bench, text: str, listed: list[Any], **options: Any) -> object:
    return bench.dispatcher.submit("soldes", text, listed, **options)


@pytest.mark.parametrize(
    "source", ["yes", "column:", "column: ", "columns:a", "column:a,source:", "column:a\n", 3]
)
def test_source_of_another_shape_is_refused(bench: Bench, source: Any) -> None:
    with pytest.raises(InvalidCampaign, match='consent is "ask", "column:NAME"'):
        bench.dispatcher.submit("soldes", "Bonjour", [row(0)], consent=source)


def test_numbers_in_a_source_are_masked(bench: Bench) -> None:
    listed = [row(0, formulaire=f"appel du {people(1)[0]}", version="v\ud800")]
    bench.dispatcher.submit("soldes", "Bonjour", listed, consent=SOURCE)
    found = stored(bench)[0][0]
    assert people(1)[0] not in found.source
    assert found.wording == "v?"


@pytest.mark.parametrize("at_hand", [False, True])
def test_long_list_is_streamed_with_its_consents(bench: Bench, at_hand: bool) -> None:
    count = 10_000

    def listed() -> Iterator[Recipient]:
        for n, phone in enumerate(people(count)):
            cells = {"date": f"{n % 28 + 1:02}/05/2026", "ref": f"form {n}"}
            yield Recipient(phone, cells)

    bench.dispatcher.submit(
        "soldes", "Bonjour", listed(), consent="column:date,source:ref", at_hand=at_hand
    )
    documents = stored(bench)
    assert sum(map(len, documents)) == count
    by_phone: dict[int, Consent] = {}
    with bench.dispatcher.database.read() as session:
        for batch in bench.batches(bench.progress().id):
            given = consents.of_batch(session, batch.id)
            by_phone |= {
                position + 500 * (batch.number - 1): one for position, one in given.items()
            }
    assert all(by_phone[n].source == f"form {n}" for n in range(count))
