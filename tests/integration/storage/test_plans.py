"""A list that is at hand is stored while it is read; all else is as when it is read first."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from dispatcher import (
    InvalidCampaign,
    Recipient,
    ReferenceTaken,
    Rejection,
    StorageError,
    UnusableInput,
)
from dispatcher.storage.campaigns import plans
from dispatcher.storage.database import Database
from dispatcher.storage.tables import BATCH, CAMPAIGN, RECIPIENT
from tests.databases import connected
from tests.integration.bench import TEXT, Bench, opened, people
from tests.postgres_server import NoPostgresError, PostgresServer
from tests.waiting import PATIENCE

_NAMES = ("Zoé", "", 'Jean "Jo"', "a\\b\\", "tab\there", "two\nlines", "😀", "O'Neil", "\\N")
#: what differs between two campaigns, and between their batches, whatever they are for
_THEIR_OWN = ("id", "reference", "campaign_id")


@pytest.fixture(autouse=True)
def many_strides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of a thousand are written in several goes."""
    monkeypatch.setattr(plans, "_STRIDE", 2)


def mixed() -> Iterator[Recipient]:
    for number, phone in enumerate(people(2600)):
        yield Recipient(phone, {"nom": _NAMES[number % len(_NAMES)]}, row=number)
    yield Recipient("+262692980000", {"nom": "Léa"}, row=2600)
    yield Recipient("0639980000", {"nom": "again"}, row=2601)
    yield Recipient("12", {"nom": "short"}, row=2602)


def rows_of(bench: Bench, campaign_id: int) -> tuple[Any, ...]:
    """All that is stored of a campaign, by the numbers of its batches."""
    with bench.dispatcher.database.read() as session:
        campaign = session.execute(select(CAMPAIGN).where(CAMPAIGN.c.id == campaign_id)).one()
        batches = session.execute(
            select(BATCH).where(BATCH.c.campaign_id == campaign_id).order_by(BATCH.c.number)
        ).all()
        messages = session.execute(
            select(BATCH.c.number, RECIPIENT.c.position, RECIPIENT.c.phone, RECIPIENT.c.fields)
            .join_from(RECIPIENT, BATCH, BATCH.c.id == RECIPIENT.c.batch_id)
            .where(BATCH.c.campaign_id == campaign_id)
            .order_by(BATCH.c.number, RECIPIENT.c.position)
        ).all()
    rows = [
        {name: value for name, value in row._mapping.items() if name not in _THEIR_OWN}
        for row in (campaign, *batches)
    ]
    return rows, [tuple(message) for message in messages]


def counts(bench: Bench) -> list[int]:
    with bench.dispatcher.database.read() as session:
        tables = (CAMPAIGN, BATCH, RECIPIENT)
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


@pytest.mark.parametrize("words", ["Soldes demain", "Bonjour {{ nom | default('à vous') }}"])
def test_list_and_stream_store_the_same_rows(bench: Bench, words: str) -> None:
    result: list[list[Rejection]] = [[], []]
    ids = [
        bench.dispatcher.submit(
            f"way {way}", words, mixed(), reject=result[way].append, at_hand=bool(way)
        )
        for way in (0, 1)
    ]

    first, second = (rows_of(bench, campaign_id) for campaign_id in ids)
    assert first == second
    assert len(first[1]) == 2601
    assert result[0] == result[1]
    assert [rejection.row for rejection in result[1]] == [2602]


def test_same_list_submitted_again_returns_the_same_campaign(bench: Bench) -> None:
    first = bench.dispatcher.submit("soldes", TEXT, people(2600), at_hand=True)
    assert bench.dispatcher.submit("soldes", TEXT, people(2600), at_hand=True) == first
    assert bench.dispatcher.submit("soldes", TEXT, people(2600)) == first
    with pytest.raises(ReferenceTaken):
        bench.dispatcher.submit("soldes", TEXT, people(2599), at_hand=True)
    assert bench.progress("soldes").recipients == 2600
    assert len(bench.campaigns()) == 1


def test_opted_out_number_of_a_list_is_not_texted(bench: Bench) -> None:
    bench.opt_out(people(1, start=1700)[0])
    bench.dispatcher.submit("soldes", TEXT, people(2600), at_hand=True)
    assert bench.messages() == {"pending": 2599, "opted_out": 1}


def test_each_stored_stride_reports_its_count(bench: Bench) -> None:
    result: list[tuple[int, int]] = []
    bench.dispatcher.submit("a", TEXT, people(2600), stored=lambda *one: result.append(one))
    assert result[0] == (500, 2600)
    assert result[-1] == (2600, 2600)
    assert len(result) == 6

    result.clear()
    bench.dispatcher.submit(
        "b", TEXT, people(2600), stored=lambda *one: result.append(one), at_hand=True
    )
    assert result[-1] == (2600, 2600)


def test_list_that_raises_midway_leaves_no_rows(bench: Bench) -> None:
    def broken() -> Iterator[str]:
        yield from people(2600)
        raise RuntimeError("the file ended in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        bench.dispatcher.submit("soldes", TEXT, broken(), at_hand=True)
    assert counts(bench) == [0, 0, 0]
    bench.submit(3)  # on the same connection, and the reference is still free
    assert bench.messages() == {"pending": 3}


@pytest.mark.parametrize(
    ("recipients", "options", "words"),
    [
        pytest.param([], {}, "no recipients", id="nobody"),
        pytest.param(["12", "abc"], {}, "none of 2 rows", id="nobody who can be texted"),
        pytest.param([*people(1500), "12"], {"strict": True}, "1 of 1501 rows", id="strict"),
        pytest.param(people(1500), {"approved": "0" * 64}, "that was approved", id="another plan"),
    ],
)
def test_invalid_campaign_stores_no_rows(
    bench: Bench, recipients: list[str], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UnusableInput, match=words):
        bench.dispatcher.submit("soldes", TEXT, recipients, at_hand=True, **options)
    assert counts(bench) == [0, 0, 0]


def test_list_over_a_cap_stores_no_rows(bench: Bench) -> None:
    with (
        opened(bench.dispatcher.database, campaign_recipients=1000) as capped,
        pytest.raises(InvalidCampaign, match="exceed the cap of 1,000"),
    ):
        capped.dispatcher.submit("soldes", TEXT, people(1500), at_hand=True)
    assert counts(bench) == [0, 0, 0]


def test_territory_that_never_opens_leaves_out_only_its_recipients(bench: Bench) -> None:
    bench.clock.at = datetime(2026, 6, 2, 8, tzinfo=UTC)
    result: list[Rejection] = []
    islanders = [Recipient(phone, territory="polynesie-francaise") for phone in people(600)]
    values: list[str | Recipient] = ["12", *islanders, *people(1500, start=600), "13"]
    bench.dispatcher.submit("soldes", TEXT, values, at_hand=True, reject=result.append)
    assert [rejection.raw for rejection in result] == ["12", *people(600), "13"]
    assert "polynesie-francaise: no opening common to Paris" in result[1].reason
    assert bench.dispatcher.progress("soldes").recipients == 1500


def test_two_submits_of_one_list_do_not_wait_for_each_other(bench: Bench) -> None:
    reading, go_on = threading.Event(), threading.Event()
    ids: list[int] = []

    def slow() -> Iterator[str]:
        yield from people(1500)
        reading.set()
        assert go_on.wait(PATIENCE)

    first = threading.Thread(
        target=lambda: ids.append(bench.dispatcher.submit("soldes", TEXT, slow(), at_hand=True))
    )
    first.start()
    try:
        assert reading.wait(PATIENCE)
        ids.append(bench.dispatcher.submit("soldes", TEXT, people(1500), at_hand=True))
    finally:
        go_on.set()
        first.join(PATIENCE)
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert counts(bench) == [1, 3, 1500]


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that writes down every statement and all that it is told."""
    try:
        with PostgresServer(log_statement="all", log_min_messages="debug1") as server:
            yield server
    except NoPostgresError as error:
        pytest.skip(str(error))


@contextmanager
def _installed(server: PostgresServer) -> Iterator[Bench]:
    database = Database(server.create_database())
    try:
        with opened(database) as bench:
            bench.dispatcher.prepare()
            yield bench
            bench.check()
    finally:
        database.close()


def test_error_of_a_list_is_not_sent_to_the_server(own_postgres: PostgresServer) -> None:
    with _installed(own_postgres) as bench:

        def broken() -> Iterator[str]:
            yield from people(1500)
            raise RuntimeError("row 1501 is Camille's: +33639981501")

        with pytest.raises(RuntimeError):
            bench.dispatcher.submit("soldes", TEXT, broken(), at_hand=True)
        assert counts(bench) == [0, 0, 0]
    log = own_postgres._log.read_text()
    assert "COPY dispatcher_recipient" in log
    assert "Camille" not in log
    assert "+3363998" not in log


@pytest.mark.parametrize("when", ["while people are copied", "before they are"])
def test_lost_connection_while_storing_a_list_leaves_no_rows(
    own_postgres: PostgresServer, when: str
) -> None:
    def cut(doing: str) -> None:
        with connected(own_postgres.url()) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                f" WHERE query LIKE '{doing}%'"
            )

    with _installed(own_postgres) as bench:

        def cut_off() -> Iterator[str]:
            yield from people(1500)
            if when == "while people are copied":
                cut("COPY dispatcher_recipient")
            yield from people(1500, start=1500)

        @event.listens_for(bench.dispatcher.database.engine, "after_cursor_execute")
        def _(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if when == "before they are" and statement.startswith("INSERT INTO dispatcher_batch"):
                cut("INSERT INTO dispatcher_batch")

        with pytest.raises(StorageError, match="the connection to the database was lost"):
            bench.dispatcher.submit("soldes", TEXT, cut_off(), at_hand=True)
        assert counts(bench) == [0, 0, 0]


def test_error_of_the_server_does_not_quote_the_row(own_postgres: PostgresServer) -> None:
    with _installed(own_postgres) as bench:
        with bench.dispatcher.database.write() as session:
            session.execute(
                text("ALTER TABLE dispatcher_recipient ADD CHECK (phone <> '+33639980700')")
            )
        with pytest.raises(StorageError, match="a database constraint is violated") as caught:
            bench.dispatcher.submit("soldes", TEXT, people(1500), at_hand=True)
        assert "39980700" not in "".join(traceback.format_exception(caught.value))
        assert counts(bench) == [0, 0, 0]
