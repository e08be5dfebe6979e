"""The keys of the pseudonyms: replaced, each one is still needed; lost, a person says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from dispatcher import NotFound
from dispatcher.errors import ConfigurationError, StorageError
from dispatcher.monitoring import person_checks
from dispatcher.monitoring.finding import CheckFailed
from dispatcher.storage import erasures, pseudonymous
from dispatcher.storage.database import Database
from dispatcher.storage.tables import RECIPIENT, Erasure, OptOut, OptOutEvent
from tests.integration.api.test_persons import (
    ANNE,
    BRUNO,
    CHLOE,
    GREETING,
    TRACE,
    everybody,
    fill,
    in_file,
    texts_of,
)
from tests.integration.bench import TEXT, Bench, opened, people
from tests.integration.conftest import empty

OLD = "a key of the tests, which hides nobody"
NEW = "a newer key of the tests, to be the first"
NEWEST = "the newest key of the tests, before both"


def use(bench: Bench, *keys: str) -> None:
    """Go on as processes do that are started with these keys."""
    bench.dispatcher.database.pseudonym_key.configure("\n".join(keys) or None)


def start(bench: Bench) -> None:
    """What workers check of the keys when they start."""
    with bench.dispatcher.database.read() as session:
        pseudonymous.current(session)


def erase(bench: Bench, phone: str) -> None:
    bench.opt_out(phone)
    bench.dispatcher.persons.erase(phone, reason="asked")


def pseudonyms(bench: Bench) -> list[str]:
    with bench.dispatcher.database.read() as session:
        return list(session.scalars(select(Erasure.pseudonym).order_by(Erasure.id)))


# -- a key is replaced


def test_later_list_with_somebody_erased_under_an_older_key_stores_the_pseudonym(
    bench: Bench,
) -> None:
    erase(bench, ANNE)
    use(bench, NEW, OLD)
    erase(bench, BRUNO)
    use(bench, NEWEST, NEW, OLD)
    bench.dispatcher.submit("soldes", GREETING, everybody())
    with bench.dispatcher.database.read() as session:
        stored = set(session.scalars(select(RECIPIENT.c.phone)))
    assert stored == {*pseudonyms(bench), CHLOE}
    bench.work()
    assert bench.messages() == {"sent": 1, "opted_out": 2}
    assert bench.gateway.texted == {CHLOE: 1}


def test_later_list_that_names_somebody_erased_under_an_older_key_is_screened(
    bench: Bench,
) -> None:
    erase(bench, ANNE)
    use(bench, NEW, OLD)
    listed: list[Any] = [{"phone": BRUNO, "prenom": f"Bruno, mari du {ANNE}", "key": ANNE}, CHLOE]
    bench.dispatcher.submit("soldes", GREETING, listed)
    bench.dispatcher.submit("en pause", GREETING, everybody())
    bench.dispatcher.pause("en pause", reason="until a person has looked")
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    for _ in range(20):
        if bench.tick().prune:
            bench.dispatcher.steps.prune()
    assert TRACE not in texts_of(bench.dispatcher.database)
    with bench.dispatcher.database.read() as session:
        assert set(session.scalars(select(RECIPIENT.c.phone))) == {*pseudonyms(bench), BRUNO, CHLOE}


def test_erasure_under_the_newest_key_does_not_forget_the_one_before(bench: Bench) -> None:
    fill(bench)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    before = pseudonyms(bench), bench.dispatcher.persons.show(ANNE)
    use(bench, NEW, OLD)
    assert bench.dispatcher.persons.is_erased(ANNE)
    assert bench.dispatcher.persons.erase(ANNE, reason="asked again") == []
    assert (pseudonyms(bench), bench.dispatcher.persons.show(ANNE)) == before


def test_batch_under_way_is_done_under_the_key_of_its_erasure(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", GREETING, everybody())
    bench.work()
    assert bench.dispatcher.persons.erase(ANNE, reason="asked")
    use(bench, NEW, OLD)
    bench.gateway.deliver()
    bench.pass_by(hours=2)
    bench.dispatcher.steps.prune()
    assert TRACE not in texts_of(bench.dispatcher.database)
    with bench.dispatcher.database.read() as session:
        assert set(session.scalars(select(RECIPIENT.c.phone))) == {*pseudonyms(bench), BRUNO, CHLOE}


def test_tag_that_shows_somebody_erased_under_an_older_key_is_evidence(bench: Bench) -> None:
    usual, bench.gateway.behave = bench.gateway.behave, bench.gateway.swallow
    bench.dispatcher.submit("soldes", GREETING, everybody())
    bench.work()
    bench.gateway.behave = usual
    if (batch := bench.batches()[0]).state == "in_doubt":
        bench.clock.forward(hours=1)
        bench.dispatcher.resend(batch.id, reason="nothing shows")
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    use(bench, NEW, OLD)
    bench.gateway.accept(bench.attempts()[0].tag, [ANNE, BRUNO, CHLOE])
    bench.pass_by(hours=1)
    bench.gateway.deliver()
    bench.pass_by(days=1)
    assert sum(bench.gateway.texted.values()) == 3


def test_same_submission_after_erasures_under_two_keys_is_the_same_campaign(bench: Bench) -> None:
    reference = "relance 06 39 98 70 01, 06 39 98 70 02"
    first = bench.dispatcher.submit(reference, GREETING, everybody())
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    use(bench, NEW, OLD)
    bench.dispatcher.persons.erase(BRUNO, reason="asked")
    assert bench.campaigns()[0].reference.count("person-") == 2
    assert bench.dispatcher.submit(reference, GREETING, everybody()) == first


def test_weekly_cap_and_repeated_text_count_what_came_before_the_new_key(tables: Database) -> None:
    with opened(tables, weekly_messages=1) as bench:
        bench.dispatcher.submit("first", TEXT, [ANNE, BRUNO])
        bench.work()
        bench.gateway.deliver()
        bench.pass_by(hours=1)
        bench.dispatcher.persons.erase(ANNE, reason="asked")
        use(bench, NEW, OLD)
        warnings = " ".join(bench.dispatcher.plan(TEXT, [ANNE, BRUNO]).warnings)
        assert "reaches 2 of these people" in warnings
        bench.dispatcher.opt_outs.remove(ANNE, reason="signed again")
        assert ANNE not in bench.dispatcher.opt_outs
        bench.dispatcher.submit("second", "Autre texte", [ANNE, CHLOE])
        bench.work()
        assert bench.messages("second") == {"rejected": 1, "sent": 1}


def test_stop_and_reply_of_somebody_erased_under_an_older_key_are_under_the_pseudonym(
    bench: Bench,
) -> None:
    erase(bench, ANNE)
    use(bench, NEW, OLD)
    bench.gateway.stopped.add(ANNE)
    assert bench.dispatcher.steps.sync_opt_outs(at_once=True).new == 0
    assert [change.verb for change in bench.dispatcher.opt_outs.history(ANNE)][-1] == "erase"
    with bench.dispatcher.database.write() as session:
        assert erasures.known_as(session, ANNE) == pseudonyms(bench)[0]
    assert TRACE not in texts_of(bench.dispatcher.database)


def test_erasures_under_two_keys_are_done_again_in_a_restored_database(tables: Database) -> None:
    with opened(tables) as bench:
        fill(bench)
        bench.dispatcher.persons.erase(ANNE, reason="asked")
        before = bench.dispatcher.persons.erasures()
        use(bench, NEW, OLD)
        bench.dispatcher.persons.erase(BRUNO, reason="asked")
        after = bench.dispatcher.persons.erasures()
    empty(tables)  # what is restored is older than both
    with opened(tables, pseudonym_key=f"{NEW}\n{OLD}") as bench:
        fill(bench)
        assert bench.dispatcher.persons.replay(before) == 1
        assert bench.dispatcher.persons.replay(after) == 1
        for phone in (ANNE, BRUNO):
            assert phone not in texts_of(tables)
            assert phone in bench.dispatcher.opt_outs
        assert bench.dispatcher.persons.erasures() == after
        use(bench, NEW)  # the pseudonyms of the file need the older key from now on
        with pytest.raises(StorageError, match="a pseudonym key is missing"):
            start(bench)


def test_erasures_are_refused_where_one_of_their_keys_is_missing(tables: Database) -> None:
    with opened(tables) as bench:
        erase(bench, ANNE)
        use(bench, NEW, OLD)
        erase(bench, BRUNO)
        lines = bench.dispatcher.persons.erasures()
    empty(tables)
    with opened(tables, pseudonym_key=NEW) as bench:
        with pytest.raises(StorageError, match="made under another pseudonym key"):
            bench.dispatcher.persons.replay(lines)
        assert pseudonyms(bench) == []


def test_older_keys_cost_no_further_statement(bench: Bench) -> None:
    def statements() -> int:
        seen: list[str] = []
        engine = bench.dispatcher.database.engine

        def note(*args: Any) -> None:
            seen.append(str(args[2]))

        event.listen(engine, "before_cursor_execute", note)
        try:
            assert bench.dispatcher.opt_outs.add_all(people(40)).known == 40
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    bench.dispatcher.opt_outs.add_all(people(40))
    erase(bench, ANNE)
    bench.dispatcher.opt_outs.add_all(people(40))
    one = statements()
    use(bench, NEWEST, NEW, OLD)
    assert statements() == one


# -- a key is missing


def check_refused(bench: Bench, why: str) -> None:
    """Nothing is sent and no list is taken; worker and doctor say why."""
    texted = dict(bench.gateway.texted)
    assert bench.tick().send == ()
    assert bench.gateway.texted == texted
    for act in (
        lambda: start(bench),
        lambda: bench.dispatcher.submit("autre", "Autre texte", [CHLOE]),
    ):
        with pytest.raises(StorageError, match=why):
            act()
    with pytest.raises(CheckFailed, match=why):
        person_checks.people(bench.dispatcher)


def test_workers_refuse_to_start_while_any_key_in_use_is_missing(bench: Bench) -> None:
    erase(bench, ANNE)
    bench.dispatcher.submit("soldes", TEXT, [BRUNO])
    use(bench, NEW, OLD)
    start(bench)
    use(bench, OLD)  # the new one was never used: nobody needs it
    start(bench)
    use(bench, NEW, OLD)
    erase(bench, CHLOE)
    for missing in ([NEW], [OLD], [NEWEST, OLD]):
        use(bench, *missing)
        check_refused(bench, "a pseudonym key is missing")
    use(bench, NEWEST)
    check_refused(bench, "is not the one that erased people are stored under")
    use(bench, OLD, NEW)  # their order only says under which new pseudonyms are made
    assert "the 2 keys of the pseudonyms are right" in person_checks.people(bench.dispatcher)
    bench.work()
    assert bench.gateway.texted == {BRUNO: 1}


@pytest.mark.parametrize(
    "keys", ["short", f"{OLD}\nshort", "\n".join([OLD + str(n) for n in range(9)])]
)
def test_ring_with_a_wrong_key_is_refused(tables: Database, keys: str) -> None:
    with pytest.raises(
        ConfigurationError, match="PSEUDONYM_KEY: must have 1 to 8 keys, one a line"
    ):
        Bench(tables, pseudonym_key=keys)


def test_file_beside_sqlite_takes_a_new_key_on_its_first_line(tmp_path: Path) -> None:
    file = tmp_path / "own.db-pseudonym-key"
    with in_file(tmp_path) as bench:
        erase(bench, ANNE)
    right = file.read_text()
    file.write_text(f"{NEW}\n{right}")
    with in_file(tmp_path) as bench:
        erase(bench, BRUNO)
        assert ANNE in bench.dispatcher.opt_outs
    file.write_text(f"{NEW}\n")
    with in_file(tmp_path) as bench:
        check_refused(bench, "a pseudonym key is missing")
    file.write_text("too short\n")
    with in_file(tmp_path) as bench:
        check_refused(bench, "own.db-pseudonym-key must have 1 to 8 keys")


# -- a key is lost for ever


def test_forgotten_key_lets_workers_go_on_after_a_person_has_resumed(bench: Bench) -> None:
    erase(bench, ANNE)
    bench.dispatcher.submit("soldes", TEXT, [BRUNO])
    use(bench, NEW)
    check_refused(bench, "is not the one")
    lost = bench.dispatcher.persons.lost_keys()
    assert (lost.count, lost.erased, lost.waiting) == (1, 1, [])
    check_refused(bench, "is not the one")  # to look has changed nothing
    bench.dispatcher.persons.forget_keys(reason="the safe burnt, nobody has a copy", by="zoe")
    start(bench)
    bench.work()
    assert bench.gateway.texted == {}
    assert "a pseudonym key was lost" in str(bench.dispatcher.paused_all())
    assert ANNE not in bench.dispatcher.opt_outs  # the price
    bench.gateway.stopped.add(ANNE)
    assert bench.dispatcher.steps.sync_opt_outs(at_once=True).new == 1
    bench.dispatcher.resume_all(reason="the STOP list is read")
    bench.dispatcher.submit("noel", "Noël", [ANNE, CHLOE])
    bench.work()
    assert bench.gateway.texted == {BRUNO: 1, CHLOE: 1}
    [note] = bench.actions("forget key")
    assert (note.actor, note.reason) == (
        "zoe",
        "the safe burnt, nobody has a copy (1 key; 1 erased person)",
    )


def test_one_of_two_keys_is_forgotten_and_the_other_is_still_needed(bench: Bench) -> None:
    erase(bench, ANNE)
    use(bench, NEW, OLD)
    erase(bench, BRUNO)
    use(bench, NEW)
    assert bench.dispatcher.persons.forget_keys(reason="lost").count == 1
    start(bench)
    assert ANNE not in bench.dispatcher.opt_outs
    assert BRUNO in bench.dispatcher.opt_outs
    with pytest.raises(NotFound, match="no pseudonym key is missing"):
        bench.dispatcher.persons.forget_keys(reason="lost")
    use(bench, NEWEST)
    check_refused(bench, "is not the one")
    use(bench, NEW, OLD)  # it was found after all
    assert ANNE in bench.dispatcher.opt_outs


def test_forgotten_key_names_the_batches_with_somebody_who_was_to_be_erased(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", TEXT, [ANNE, BRUNO])
    bench.work()
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    use(bench, NEW)
    [waiting] = bench.dispatcher.persons.forget_keys(reason="lost").waiting
    assert (waiting.reference, waiting.state) == ("soldes", "sent")
    bench.dispatcher.persons.erase(ANNE, reason="asked again")
    bench.gateway.deliver()
    bench.pass_by(hours=2)
    bench.dispatcher.steps.prune()
    with bench.dispatcher.database.read() as session:
        for column in (RECIPIENT.c.phone, OptOut.phone, OptOutEvent.phone):
            assert ANNE not in set(session.scalars(select(column)))
    assert ANNE in bench.dispatcher.opt_outs


def test_server_without_any_key_forgets_none(postgres_tables: Database) -> None:
    empty(postgres_tables)
    with opened(postgres_tables) as bench:
        erase(bench, ANNE)
        use(bench)
        for act in (
            bench.dispatcher.persons.lost_keys,
            lambda: bench.dispatcher.persons.forget_keys(reason="lost"),
        ):
            with pytest.raises(ConfigurationError, match="DISPATCHER_PSEUDONYM_KEY is not set"):
                act()


def test_sqlite_gets_a_new_file_for_a_lost_one(tmp_path: Path) -> None:
    file = tmp_path / "own.db-pseudonym-key"
    with in_file(tmp_path) as bench:
        erase(bench, ANNE)
    right = file.read_text()
    file.unlink()
    with in_file(tmp_path) as bench:
        assert bench.dispatcher.persons.forget_keys(reason="lost").count == 1
        start(bench)
        erase(bench, BRUNO)
    assert len(file.read_text().strip()) == 64
    assert file.read_text() != right
    with in_file(tmp_path) as bench:
        assert BRUNO in bench.dispatcher.opt_outs
