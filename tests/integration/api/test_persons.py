"""One person, everywhere: what is stored about a number, and what is left once it is erased."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unicodedata import digit

import pytest
from sqlalchemy import event, select, text

from dispatcher import InvalidCampaign, InvalidPhone, NotFound
from dispatcher.campaigns.states import BatchState
from dispatcher.errors import ConfigurationError, StorageError, UnusableInput
from dispatcher.masking import is_pseudonym, masked
from dispatcher.settings.redaction import redactor
from dispatcher.storage import engines, opt_outs
from dispatcher.storage.database import Database
from dispatcher.storage.tables import (
    BATCH,
    RECIPIENT,
    Base,
    Batch,
    Campaign,
    Erasure,
    NumberCheck,
    OptOut,
    OptOutEvent,
    Reply,
)
from tests.integration.bench import TEXT, Bench, opened, people
from tests.integration.conftest import empty

ANNE, BRUNO, CHLOE = people(3, start=7001)
#: the part of Anne's number that is in each of its spellings, without blanks and signs
TRACE = "639987001"
GREETING = "Bonjour {{ prenom }}, soldes demain"
SPELLINGS = (
    ANNE,
    "0639987001",
    "06 39 98 70 01",
    "06.39.98.70.01",
    "0033639987001",
    "+33 (0)6 39 98 70 01",
    "06-39-98-70-01",
    "33639987001",
    "639987001",
    "\uff10\uff16\uff13\uff19\uff19\uff18\uff17\uff10\uff10\uff11",  # full-width digits
)


def person(phone: str, name: str, **fields: str) -> dict[str, str]:
    return {"phone": phone, "prenom": name, **fields}


def everybody() -> list[dict[str, str]]:
    return [person(ANNE, "Zéphirine"), person(BRUNO, "Bruno"), person(CHLOE, "Chloé")]


def fill(bench: Bench) -> None:
    """Anne is in a campaign that has ended, in one to go, on the list, and in people's words."""
    submit = bench.dispatcher.submit
    submit("relance 06 39 98 70 01", GREETING, everybody())
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    assert bench.batches()[0].state == BatchState.DONE
    submit("soldes", GREETING, everybody(), not_before=bench.clock() + timedelta(days=1))
    bench.dispatcher.pause("soldes", reason="0639987001 s'est plainte")
    with bench.dispatcher.database.write() as session:
        facts: dict[str, Any] = {"stop": False, "sent_to": None, "message_id": None}
        session.add(
            Reply(digest="d", phone=ANNE, text="Zéphirine", received_at=bench.clock(), **facts)
        )
        session.add(
            OptOutEvent(
                phone=BRUNO,
                at=bench.clock(),
                verb="remove",
                source="by hand",
                reason="parle pour le 06.39.98.70.01",
                actor="Bruno",
            )
        )
    bench.dispatcher.inbox.take("reply", b"numero=+33639987001")


def texts_of(database: Database) -> str:
    """All text in all tables, without blanks and signs."""
    lines = []
    with database.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)):
                lines += [
                    value.decode(errors="replace") if isinstance(value, bytes) else str(value)
                    for value in row
                ]
    return "\n".join("".join(filter(str.isalnum, line)) for line in lines)


def rows(database: Database) -> list[str]:
    """What an erasure writes, without ids and instants."""
    columns = [
        (Campaign.reference, Campaign.reason, Campaign.text),
        (Batch.id, Batch.state, Batch.states, Batch.opted_out, Batch.pending),
        (RECIPIENT.c.batch_id, RECIPIENT.c.position, RECIPIENT.c.phone, RECIPIENT.c.fields),
        (OptOut.phone, OptOut.source),
        (OptOutEvent.phone, OptOutEvent.verb, OptOutEvent.reason),
        (Reply.phone, Reply.text),
        (NumberCheck.phone, NumberCheck.service),
        (Erasure.pseudonym, Erasure.batches, Erasure.done_at.is_(None)),
    ]
    with database.read() as session:
        return sorted(repr(row) for some in columns for row in session.execute(select(*some)))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_person_is_shown_for_any_spelling(spelling: str, sqlite_tables: Database) -> None:
    empty(sqlite_tables)
    with opened(sqlite_tables) as bench:
        bench.opt_out(ANNE)
        held = bench.dispatcher.persons.show(spelling)
    assert [row["phone"] for row in held["opt_outs"]] == [ANNE]


def test_all_tables_with_a_person_are_shown(bench: Bench) -> None:
    fill(bench)
    bench.opt_out(ANNE)
    held = bench.dispatcher.persons.show("06 39 98 70 01")
    assert [row["state"] for row in held["messages"]] == ["delivered", "pending"]
    assert [row["row"] for row in held["messages"]] == [1, 1]
    assert "Zéphirine" in held["messages"][0]["fields"]
    assert {row["phone"] for row in held["opt_out_history"]} == {ANNE}
    assert [row["text"] for row in held["replies"]] == ["Zéphirine"]
    assert {(row["table"].rpartition("_")[2], row["column"]) for row in held["texts"]} == {
        ("campaign", "reference"),
        ("campaign", "reason"),
        ("event", "reason"),
    }
    assert len(held["unread_calls"]) == 1


def test_erased_person_is_in_no_table_and_no_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    fill(bench)
    before = [bench.progress(reference).messages for reference in ("relance 06 39 98 70 01",)]
    assert bench.dispatcher.persons.erase(ANNE, reason="asked for it, from 0639987001") == []

    found = texts_of(bench.dispatcher.database)
    assert TRACE not in found
    assert "Zéphirine" not in found
    # as our processes write it
    redact = redactor([])
    logged = "\n".join(redact(record.getMessage()) for record in caplog.records)
    assert TRACE not in "".join(filter(str.isalnum, logged))
    sent, planned = bench.dispatcher.campaigns()[::-1]
    assert [sent.messages] == before
    assert (planned.messages["pending"], planned.messages["opted_out"]) == (2, 1)
    assert ANNE in bench.dispatcher.opt_outs
    held = bench.dispatcher.persons.show(ANNE)
    assert is_pseudonym(held["messages"][0]["phone"])
    assert [row["reason"].partition("from ")[0] for row in held["erasures"]] == ["asked for it, "]
    [entry] = bench.actions("erase")
    assert entry.reason.startswith("asked for it, from person-")


def test_erased_person_is_not_texted_and_the_others_are(bench: Bench) -> None:
    fill(bench)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    bench.dispatcher.resume("soldes", reason="go on")
    bench.pass_by(days=1)
    assert bench.gateway.texted[ANNE] == 1
    assert bench.gateway.texted[BRUNO] == bench.gateway.texted[CHLOE] == 2


def test_batch_with_only_an_erased_person_ends(bench: Bench) -> None:
    later = bench.clock() + timedelta(days=1)
    bench.dispatcher.submit("soldes", GREETING, everybody()[:1], not_before=later)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    bench.tick()
    assert bench.progress().state == "finished"
    assert bench.messages() == {"opted_out": 1}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_later_list_with_an_erased_number_stores_a_pseudonym(bench: Bench, spelling: str) -> None:
    bench.opt_out(ANNE)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    people = [person(spelling, "Zéphirine"), *everybody()[1:]]
    assert bench.dispatcher.plan(GREETING, people).opted_out == 1
    bench.dispatcher.submit("soldes", GREETING, people)
    found = texts_of(bench.dispatcher.database)
    assert TRACE not in found
    assert "Zéphirine" not in found
    bench.work()
    assert bench.messages() == {"sent": 2, "opted_out": 1}
    assert bench.gateway.texted[ANNE] == 0


def test_list_that_is_stored_during_an_erasure_is_cleaned_when_it_is_gathered(
    bench: Bench,
) -> None:
    bench.opt_out(ANNE)
    later = bench.clock() + timedelta(hours=1)
    bench.dispatcher.submit("soldes", GREETING, everybody()[1:], not_before=later)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    with bench.dispatcher.database.write() as session:  # as if it had been stored just before
        row = {"batch_id": 1, "position": 2, "phone": ANNE, "fields": '{"prenom":"Zéphirine"}'}
        session.execute(RECIPIENT.insert().values(row))
        session.execute(BATCH.update().values(states="ppp", size=3, pending=3))
        session.execute(text("SELECT 1"))
        session.execute(Campaign.__table__.update().values(rows=3))  # type: ignore[attr-defined]
    bench.pass_by(hours=1)
    assert bench.messages() == {"sent": 2, "opted_out": 1}
    assert TRACE not in texts_of(bench.dispatcher.database)


def test_same_submission_after_an_erasure_is_the_same_campaign(bench: Bench) -> None:
    fill(bench)
    first = bench.campaigns()[0].id
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    assert bench.campaigns()[0].reference.startswith("relance person-")
    assert bench.dispatcher.submit("relance 06 39 98 70 01", GREETING, everybody()) == first
    assert bench.gateway.texted[BRUNO] == 1


def test_reference_with_two_people_is_known_after_the_erasure_of_one(bench: Bench) -> None:
    reference = "relance 06 39 98 70 01, 06 39 98 70 02"
    first = bench.dispatcher.submit(reference, GREETING, everybody())
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    assert "person-" in bench.campaigns()[0].reference
    assert bench.dispatcher.submit(reference, GREETING, everybody()) == first
    bench.work()
    assert bench.gateway.texted[CHLOE] == 1


def test_batch_under_way_waits_and_is_done_by_a_worker_after_its_reports(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", GREETING, everybody())
    bench.work()
    [waiting] = bench.dispatcher.persons.erase(ANNE, reason="asked")
    assert (waiting.reference, waiting.state) == ("soldes", "sent")
    assert TRACE in texts_of(bench.dispatcher.database)
    assert ANNE in bench.dispatcher.opt_outs

    bench.gateway.deliver()
    bench.pass_by(hours=2)
    bench.dispatcher.steps.prune()
    assert bench.messages() == {"delivered": 3}
    assert TRACE not in texts_of(bench.dispatcher.database)
    assert bench.dispatcher.persons.erase(ANNE, reason="asked") == []


def test_doubt_waits_until_it_is_settled_by_the_number(bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.lose
    bench.dispatcher.submit("soldes", GREETING, everybody())
    bench.work()
    [waiting] = bench.dispatcher.persons.erase(ANNE, reason="asked")
    assert waiting.state == "in_doubt"
    bench.pass_by(hours=1)
    bench.gateway.deliver()
    bench.pass_by(hours=3)
    bench.dispatcher.steps.prune()
    assert bench.messages() == {"delivered": 3}
    assert TRACE not in texts_of(bench.dispatcher.database)


def test_tag_that_shows_late_is_evidence_under_the_pseudonym(bench: Bench) -> None:
    """A batch is pending once more when one of its people is erased; its first tag then shows."""
    usual, bench.gateway.behave = bench.gateway.behave, bench.gateway.swallow
    bench.dispatcher.submit("soldes", GREETING, everybody())
    bench.work()
    batch = bench.batches()[0]
    bench.gateway.behave = usual
    if batch.state == BatchState.IN_DOUBT:
        bench.clock.forward(hours=1)
        bench.dispatcher.resend(batch.id, reason="nothing shows")
    assert bench.dispatcher.persons.erase(ANNE, reason="asked") == []
    bench.gateway.accept(bench.attempts()[0].tag, [ANNE, BRUNO, CHLOE])
    bench.pass_by(hours=1)
    bench.gateway.deliver()
    bench.pass_by(days=1)
    assert sum(bench.gateway.texted.values()) == 3
    bench.check()


def test_weekly_cap_counts_what_somebody_received_before_the_erasure(tables: Database) -> None:
    with opened(tables, weekly_messages=1) as bench:
        bench.dispatcher.submit("first", TEXT, [ANNE, BRUNO])
        bench.work()
        bench.gateway.deliver()
        bench.pass_by(hours=1)
        bench.dispatcher.persons.erase(ANNE, reason="asked")
        bench.dispatcher.opt_outs.remove(ANNE, reason="signed again")
        bench.dispatcher.submit("second", "Autre texte", [ANNE, CHLOE])
        bench.work()
        assert bench.messages("second") == {"rejected": 1, "sent": 1}
        assert bench.gateway.texted[ANNE] == 1


def test_repeated_text_counts_who_was_erased(bench: Bench) -> None:
    bench.dispatcher.submit("first", TEXT, [ANNE, BRUNO])
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    assert "reaches 2 of these people" in " ".join(
        bench.dispatcher.plan(TEXT, [ANNE, BRUNO]).warnings
    )


def test_stop_list_of_the_gateway_does_not_bring_an_erased_number_back(bench: Bench) -> None:
    bench.opt_out(ANNE)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    bench.gateway.stopped.add(ANNE)
    assert bench.dispatcher.steps.sync_opt_outs(at_once=True).new == 0
    assert TRACE not in texts_of(bench.dispatcher.database)


@pytest.mark.parametrize(
    "spelling",
    [
        "\uff10\uff16 \uff13\uff19 \uff19\uff18 \uff17\uff10 \uff10\uff11",
        "\u0660\u0666 \u0663\u0669 \u0669\u0668 \u0667\u0660 \u0660\u0661",  # Arabic-Indic
        "+33 (0)6\u202f39\u202f98\u202f70\u202f01",
        "(0)6 39 98 70 01",
        "63 99 87 00 1",
        "6.3.9.9.8.7.0.0.1",
    ],
)
def test_number_in_other_peoples_words_is_replaced_in_any_spelling(
    bench: Bench, spelling: str
) -> None:
    others = [person(BRUNO, f"Bruno, voir {spelling}"), person(CHLOE, "Chloé")]
    spelling = spelling.replace("\u202f", " ")  # which the words of people may not have
    # the record of actions, which never changes, masks what looks like a number
    reason = spelling if masked(spelling) != spelling else "0639987001"
    bench.dispatcher.submit(f"appel {spelling}", GREETING, others)
    bench.dispatcher.pause(f"appel {spelling}", reason=f"le {reason} se plaint")
    bench.dispatcher.resume(f"appel {spelling}", reason="on")
    bench.opt_out(ANNE)
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    bench.dispatcher.inbox.take("reply", f"numero={spelling}".encode())
    bench.dispatcher.persons.erase(ANNE, reason=f"lettre du {spelling}", by=f"agent {spelling}")

    ascii_digits = {ord(char): str(digit(char)) for char in spelling if char.isdecimal()}
    assert TRACE not in texts_of(bench.dispatcher.database).translate(ascii_digits)
    assert bench.progress(f"appel {spelling}").messages["delivered"] == 2


# -- what cannot be done


def test_number_that_is_none_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidPhone, match="too_short"):
        bench.dispatcher.persons.erase("0639", reason="asked")
    with pytest.raises(InvalidPhone, match="not_a_number"):
        bench.dispatcher.persons.show("Anne")


def test_unknown_person_is_not_erased(bench: Bench) -> None:
    assert bench.dispatcher.persons.show(ANNE) == {}
    with pytest.raises(NotFound, match="nothing is stored about this number"):
        bench.dispatcher.persons.erase(ANNE, reason="asked")
    assert ANNE not in bench.dispatcher.opt_outs


def test_erasure_without_a_reason_is_refused(bench: Bench) -> None:
    bench.opt_out(ANNE)
    with pytest.raises(InvalidCampaign, match="a reason is needed"):
        bench.dispatcher.persons.erase(ANNE, reason=" ")


def test_person_who_is_erased_twice_is_on_record_once(bench: Bench) -> None:
    bench.opt_out(ANNE)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    before = rows(bench.dispatcher.database)
    bench.dispatcher.persons.erase(ANNE, reason="asked again")
    assert rows(bench.dispatcher.database) == before


# -- the key


def test_server_without_a_key_erases_nobody(postgres_tables: Database) -> None:
    empty(postgres_tables)
    with opened(postgres_tables, pseudonym_key=None) as bench:
        bench.opt_out(ANNE)
        with pytest.raises(ConfigurationError, match="DISPATCHER_PSEUDONYM_KEY is not set"):
            bench.dispatcher.persons.erase(ANNE, reason="asked")
        assert ANNE in texts_of_opt_outs(bench)


def texts_of_opt_outs(bench: Bench) -> set[str | None]:
    with bench.dispatcher.database.read() as session:
        return set(session.scalars(select(OptOut.phone)))


def test_file_of_the_key_is_made_beside_sqlite(tmp_path: Path) -> None:
    with in_file(tmp_path) as bench:
        bench.opt_out(ANNE)
        bench.dispatcher.persons.erase(ANNE, reason="asked")
    key = tmp_path / "own.db-pseudonym-key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_text().strip()) == 64
    assert sorted(path.name for path in tmp_path.glob("*key*")) == [key.name]
    with in_file(tmp_path) as bench:
        assert ANNE in bench.dispatcher.opt_outs


@pytest.mark.parametrize("how", ["lost", "another", "empty"])
def test_nothing_is_sent_with_a_lost_or_wrong_key(tmp_path: Path, how: str) -> None:
    with in_file(tmp_path) as bench:
        bench.opt_out(ANNE)
        bench.dispatcher.persons.erase(ANNE, reason="asked")
        bench.dispatcher.submit("soldes", TEXT, [BRUNO])
    key = tmp_path / "own.db-pseudonym-key"
    right = key.read_text()
    if how == "lost":
        key.unlink()
    else:
        key.write_text("" if how == "empty" else "another key of at least 32 characters")
    with in_file(tmp_path) as bench:
        assert bench.tick().send == ()
        assert bench.send(1) == 0
        assert bench.gateway.ledger == []
        with pytest.raises(StorageError, match="pseudonym key"):
            bench.dispatcher.check()
        with pytest.raises(StorageError, match="pseudonym key"):
            bench.dispatcher.submit("autre", TEXT, [CHLOE])
        assert not key.exists() or key.read_text() != right  # none is made in its place
    key.write_text(right)
    with in_file(tmp_path) as bench:
        bench.work()
        assert bench.gateway.texted == {BRUNO: 1}


@contextmanager
def in_file(folder: Path, **settings: Any) -> Iterator[Bench]:
    """A bench on a SQLite file of its own."""
    database = Database(f"sqlite:///{folder / 'own.db'}")
    try:
        with opened(database, pseudonym_key=None, **settings) as bench:
            bench.dispatcher.prepare()
            yield bench
    finally:
        database.close()


# -- what is left in the bytes


def test_erasure_says_that_old_pages_are_left_while_another_program_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_SQLITE_PATIENCE", 100)
    with in_file(tmp_path) as bench:
        fill(bench)
        with closing(sqlite3.connect(tmp_path / "own.db")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM dispatcher_recipient").fetchone()
            erased = bench.dispatcher.persons.erase(ANNE, reason="asked")
            assert not erased.overwritten
            files = [it.read_bytes() for it in tmp_path.glob("own.db*")]
            assert any(ANNE.encode() in content for content in files)
        assert bench.dispatcher.persons.is_erased(ANNE)
        assert bench.dispatcher.persons.erase(ANNE, reason="asked").overwritten
        for file in tmp_path.glob("own.db*"):
            assert ANNE.encode() not in file.read_bytes()


def test_file_of_sqlite_has_no_byte_of_an_erased_person(tmp_path: Path) -> None:
    with in_file(tmp_path) as bench:
        fill(bench)
        bench.dispatcher.persons.erase(ANNE, reason="asked")
        files = [path.read_bytes() for path in tmp_path.iterdir()]
    for spelling in (*SPELLINGS, "Zéphirine"):
        assert not any(spelling.encode() in content for content in files), spelling


def test_files_of_postgresql_have_no_byte_of_an_erased_person(postgres_tables: Database) -> None:
    empty(postgres_tables)
    with opened(postgres_tables) as bench:
        fill(bench)
        bench.dispatcher.persons.erase(ANNE, reason="asked")
    with postgres_tables.engine.connect() as plain:
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("VACUUM FULL"))
        connection.execute(text("CHECKPOINT"))
        contents = connection.scalars(
            text(
                "SELECT pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class"
                " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i', 't')"
            )
        ).all()
    assert any(BRUNO.encode() in bytes(content) for content in contents)
    for spelling in (*SPELLINGS, "Zéphirine"):
        assert not any(spelling.encode() in bytes(content) for content in contents), spelling


# -- killed at any statement


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(database: Database, number: int) -> Iterator[list[int]]:
    """Let the statement with this number end the process, as far as the database sees."""
    seen = [0]

    def count(*_: Any) -> None:
        seen[0] += 1
        if seen[0] == number:
            raise Killed

    event.listen(database.engine, "before_execute", count)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_execute", count)


def test_erasure_killed_at_any_statement_ends_the_same_when_run_again(tables: Database) -> None:
    def erase(bench: Bench) -> None:
        bench.dispatcher.persons.erase(ANNE, reason="asked")

    def filled() -> Bench:
        empty(tables)
        bench = Bench(tables)
        fill(bench)
        return bench

    with opened(tables):
        bench = filled()
        with killed_at(tables, 0) as seen:
            erase(bench)
        whole, last = rows(tables), seen[0]
        assert last > 20
        for number in range(1, last + 1, 3 if tables.is_sqlite else 9):
            bench = filled()
            with pytest.raises(Killed), killed_at(tables, number):
                erase(bench)
            if number % 2:
                bench.dispatcher.steps.prune()  # a worker goes on with what has begun
            erase(bench)
            assert rows(tables) == whole, number


# -- after a restore, and from an earlier version


def test_erasures_are_done_again_in_a_restored_database(tables: Database) -> None:
    with opened(tables) as bench:
        fill(bench)
        bench.dispatcher.persons.erase(ANNE, reason="asked")
        lines = bench.dispatcher.persons.erasures()
    assert TRACE not in "".join(filter(str.isalnum, str(lines)))
    empty(tables)  # what is restored is older than the erasure
    with opened(tables) as bench:
        fill(bench)
        assert bench.dispatcher.persons.replay(lines) == 1
        found = texts_of(tables)
        assert TRACE not in found
        assert "Zéphirine" not in found
        assert ANNE in bench.dispatcher.opt_outs
        assert bench.dispatcher.persons.replay(lines) == 0
        assert bench.dispatcher.persons.erasures() == lines


@pytest.mark.parametrize("lost", ["end", "middle", "altered", "count"])
def test_file_of_erasures_that_is_not_whole_is_refused(bench: Bench, lost: str) -> None:
    for phone in (ANNE, BRUNO):
        bench.opt_out(phone)
        bench.dispatcher.persons.erase(phone, reason="asked")
    lines = bench.dispatcher.persons.erasures()
    match lost:
        case "end":
            del lines[-1]
        case "middle":
            del lines[1]
        case "altered":
            lines[1]["at"] = "2020-01-01T00:00:00+00:00"
        case "count":
            lines[-1]["erasures"] = "3"
    with pytest.raises(UnusableInput, match="is missing" if lost == "end" else "was altered"):
        bench.dispatcher.persons.replay(lines)


def test_file_of_erasures_of_an_earlier_version_is_read_with_a_warning(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.opt_out(ANNE)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    first, erased, _ = bench.dispatcher.persons.erasures()
    assert bench.dispatcher.persons.replay([{"check": first["check"]}, erased]) == 0
    assert "from an earlier version" in caplog.text


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [{}],
        [{"check": "a"}, {"pseudonym": ANNE, "at": "now"}],
        [{"check": "a"}, {"pseudonym": 5, "at": "2026-11-24T10:00:00+00:00"}],
    ],
)
def test_list_of_another_shape_is_refused(bench: Bench, lines: list[dict[str, Any]]) -> None:
    with pytest.raises(UnusableInput, match="this is no list of erasures"):
        bench.dispatcher.persons.replay(lines)


def test_erasures_under_another_key_are_refused(bench: Bench) -> None:
    with pytest.raises(StorageError, match="made under another pseudonym key"):
        bench.dispatcher.persons.replay([{"check": "another"}])


def test_number_that_an_earlier_version_hashed_is_replaced_where_it_is_stored(
    bench: Bench,
) -> None:
    fill(bench)
    with bench.dispatcher.database.write() as session:
        for phone in (ANNE, "+33639987099"):
            digest = opt_outs._digest(phone, opt_outs._salt(session))
            session.add(OptOut(digest=digest, source="by hand", created_at=bench.clock()))
    assert ANNE in bench.dispatcher.opt_outs
    bench.dispatcher.steps.prune()
    assert TRACE not in texts_of(bench.dispatcher.database)
    assert ANNE in bench.dispatcher.opt_outs
    # nobody knows the number behind the other hash: it still opts out
    assert "+33639987099" in bench.dispatcher.opt_outs
