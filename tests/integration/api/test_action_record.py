"""The record of actions on both databases: who, from where, and that nobody changed it."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest import mock

import pytest
from sqlalchemy import text

from dispatcher import StorageError
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.settings import Settings
from dispatcher.storage import seals
from dispatcher.storage.database import Database
from tests.integration.bench import Bench


def execute(database: Database, statement: str) -> None:
    """As somebody who may do everything to the database."""
    with database.write() as session:
        if not database.is_sqlite:
            session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(statement))


def problems(bench: Bench) -> str:
    return "; ".join(bench.dispatcher.record.verify().problems)


@pytest.fixture
def acted(bench: Bench) -> Bench:
    bench.submit(3)
    bench.dispatcher.pause("soldes", reason="a wrong price", by="marie")
    bench.dispatcher.resume("soldes", by="paul")
    return bench


def test_each_action_is_sealed_when_it_returns(acted: Bench) -> None:
    found = acted.dispatcher.record.verify()
    assert (found.sealed, found.late, found.problems) == (3, 0, ())
    assert found.head is not None
    assert found.head.number == 3


def test_record_names_who_did_what_from_where_and_why(acted: Bench) -> None:
    resume, pause, submit = acted.dispatcher.record.page()
    assert (resume.actor, resume.verb) == ("paul", "resume")
    assert (pause.actor, pause.verb, pause.reason) == ("marie", "pause", "a wrong price")
    assert pause.origin == f"Python on {socket.gethostname()}"
    assert submit.campaign_id == pause.campaign_id == 1


def test_record_is_filtered_by_who_what_and_when(acted: Bench) -> None:
    record = acted.dispatcher.record
    assert [one.verb for one in record.page(actor="paul")] == ["resume"]
    assert [one.actor for one in record.page(verb="pause")] == ["marie"]
    assert not record.page(since=acted.clock() + timedelta(seconds=1)).items
    assert record.page(since=acted.clock(), limit=1).total == 3


def test_altered_entry_is_found(acted: Bench) -> None:
    execute(
        acted.dispatcher.database,
        "UPDATE dispatcher_action SET actor = 'paul' WHERE verb = 'pause'",
    )
    assert problems(acted).startswith("entry 2 (pause, by paul) or its seal was altered")


def test_missing_entry_is_found(acted: Bench) -> None:
    execute(acted.dispatcher.database, "DELETE FROM dispatcher_action WHERE verb = 'pause'")
    assert problems(acted) == "entry 2 is missing: it was sealed as number 2"


def test_missing_end_is_found(acted: Bench) -> None:
    execute(acted.dispatcher.database, "DELETE FROM dispatcher_action WHERE verb = 'resume'")
    execute(acted.dispatcher.database, "DELETE FROM dispatcher_seal WHERE number = 3")
    assert "the end is missing" in problems(acted)


def test_application_cannot_change_the_record_on_postgresql(acted: Bench) -> None:
    database = acted.dispatcher.database
    if database.is_sqlite:
        pytest.skip("SQLite has no roles: whoever can write to the file can drop a trigger")
    for statement in (
        "UPDATE dispatcher_action SET reason = ''",
        "DELETE FROM dispatcher_action",
        "DELETE FROM dispatcher_seal",
    ):
        with pytest.raises(StorageError, match="append-only"), database.write() as session:
            session.execute(text(statement))
    assert not problems(acted)


def test_entry_that_could_not_be_sealed_is_sealed_by_the_next_tick(acted: Bench) -> None:
    with mock.patch.object(seals, "add", side_effect=StorageError("the disk is full")):
        acted.dispatcher.pause("soldes", by="marie")
    acted.dispatcher.tick()
    found = acted.dispatcher.record.verify()
    assert (found.sealed, found.late, found.problems) == (4, 0, ())


def test_actions_at_the_same_moment_make_one_chain(tables: Database, acted: Bench) -> None:
    record = acted.dispatcher.record
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: record.note("export", reason=f"file {n}", by="marie"), range(40)))
    found = record.verify()
    assert (found.sealed + found.late, found.problems) == (43, ())


def test_number_in_a_reason_is_masked_before_it_is_stored(acted: Bench) -> None:
    acted.dispatcher.pause("soldes", reason="06 39 98 00 12 complained", by="+33639980012")
    (entry, *_) = acted.dispatcher.record.page()
    assert (entry.actor, entry.reason) == ("+336••••••12", "06••••••12 complained")


def test_opt_out_by_hand_is_on_record_without_its_number(acted: Bench) -> None:
    opt_outs = acted.dispatcher.opt_outs
    opt_outs.add(["06 39 98 00 01", "06 39 98 00 02"], reason="by letter", by="marie")
    opt_outs.remove("06 39 98 00 01", reason="signed again")
    removed, added = acted.dispatcher.record.page(limit=2)
    assert (added.actor, added.verb, added.reason) == (
        "marie",
        "opt out",
        "2 new numbers, by hand; by letter",
    )
    assert (removed.verb, removed.reason) == ("remove opt-out", "signed again")


def test_changed_setting_is_on_record_and_a_secret_never_is(acted: Bench) -> None:
    record, before = acted.dispatcher.record, Settings.of(api_key="k" * 40, rate=5)
    assert record.note_settings(before) == []  # the first start
    assert record.note_settings(before) == []
    after = Settings.of(api_key="s" * 40, rate=9, sender="Boutique")
    record.note_settings(after)
    reasons = [one.reason for one in record.page(verb="setting")]
    assert sorted(reasons) == [
        f"DISPATCHER_RATE: {before.rate} -> {after.rate}",
        "DISPATCHER_SENDER: not set -> Boutique",
    ]


def test_new_pseudonym_key_is_on_record_by_its_hash(acted: Bench) -> None:
    record, settings = acted.dispatcher.record, Settings.of(api_key="k" * 40)
    key = acted.dispatcher.database.pseudonym_key
    old, new = "an old key of people who were erased", "a new key of people who were erased"
    key.configure(old)
    record.note_settings(settings)

    key.configure(f"{new}\n{old}")
    [change] = record.note_settings(settings)

    first, second = Pseudonyms(new, old).checks
    before, after = f"keys with the hashes {second[:8]}", f"keys with the hashes {first[:8]}"
    assert change == f"DISPATCHER_PSEUDONYM_KEY: {before} -> {after} {second[:8]}"
    [entry] = record.page(verb="setting")
    assert entry.reason == change
    assert "people" not in change


def test_restored_actions_of_an_earlier_version_are_sealed_once(acted: Bench) -> None:
    execute(acted.dispatcher.database, "DELETE FROM dispatcher_seal")
    execute(acted.dispatcher.database, "DELETE FROM dispatcher_meta WHERE name = 'record_head'")
    assert (acted.dispatcher.record.verify().late, problems(acted)) == (3, "")
