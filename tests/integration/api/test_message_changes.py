"""What each message comes to is recorded whatever changes it, and read from a cursor on."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from dispatcher import InvalidCampaign, MessageChange, Recipient
from dispatcher.campaigns.states import MESSAGE_MOVES, MessageState
from dispatcher.gateway import BatchTaken, Declined, LineAnswer
from dispatcher.masking import is_pseudonym
from dispatcher.storage import message_trigger
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Batch
from tests.integration.bench import TEXT, Bench, opened, people
from tests.message_log import check_log, check_numbers, check_states, read_all, states_by

PAGE = Path(__file__).parents[3] / "docs/messages.md"
ANNE, BRUNO, CHLOE = people(3)


@pytest.fixture
def logged(tables: Database) -> Iterator[Bench]:
    """A bench that records changes, which are held against the rows at its end."""
    with opened(tables, message_events=True) as bench:
        bench.tick()
        try:
            yield bench
            bench.check()
            check_log(tables)
            check_states(bench.dispatcher)
            check_numbers(tables)
        finally:
            with tables.write() as session:
                message_trigger.switch(session, on=False)


def told(bench: Bench, after: int = 0) -> list[tuple[int, str]]:
    return [(one.position, one.state) for one in read_all(bench.dispatcher, after=after)]


# -- nothing is left out


def test_way_of_each_message_is_told_in_order(logged: Bench) -> None:
    logged.submit(2)
    assert told(logged) == []
    logged.work()
    assert told(logged) == [(0, "sent"), (1, "sent")]
    logged.gateway.deliver()
    logged.pass_by(seconds=10)
    assert told(logged, after=2) == [(0, "delivered"), (1, "delivered")]


def test_doubt_is_told_and_its_end(logged: Bench) -> None:
    logged.submit(1)
    logged.gateway.behave = logged.gateway.lose
    logged.work()
    logged.pass_by(seconds=20)
    assert told(logged) == [(0, "in_doubt"), (0, "sent")]


@pytest.mark.parametrize("verb", ["resend", "give_up"])
def test_what_a_person_decides_on_a_doubt_is_told(logged: Bench, verb: str) -> None:
    batch_id = logged.submit(1)
    logged.gateway.behave = logged.gateway.swallow
    logged.work()
    getattr(logged.dispatcher, verb)(batch_id, reason="not in their list")
    state = {"resend": "pending", "give_up": "unreported"}[verb]
    assert told(logged) == [(0, "in_doubt"), (0, state)]


def test_every_way_out_is_told(logged: Bench) -> None:
    """Opted out before and after, expired, cancelled, rejected, unreported, refused, capped."""
    submit = logged.dispatcher.submit
    logged.opt_out(ANNE)
    submit("before", TEXT, [ANNE, BRUNO])
    submit("after", TEXT, [CHLOE], not_before=logged.clock() + timedelta(hours=1))
    logged.work()
    logged.opt_out(CHLOE)
    hour = timedelta(hours=1)
    submit("expired", TEXT, people(3, 10), not_before=logged.clock() + 2 * hour)
    submit("cancelled", TEXT, people(3, 20), not_before=logged.clock() + 3 * hour)
    logged.dispatcher.cancel("cancelled")
    late = logged.clock() + timedelta(minutes=5)
    logged.dispatcher.pause_all()
    submit("late", TEXT, people(2, 30), not_after=late)
    logged.pass_by(minutes=10)
    logged.dispatcher.resume_all()

    def reject(tag: str, phones: list[str]) -> Any:
        message_id = logged.gateway.accept(tag, phones[1:])
        lines = [LineAnswer(it, it != phones[0], 200, 1, Decimal(0)) for it in phones]
        return BatchTaken(message_id, lines)

    logged.gateway.behave = reject
    logged.pass_by(hours=2)
    logged.gateway.behave = lambda *_: Declined(90)
    submit("refused", TEXT, people(2, 40))
    logged.work()
    logged.gateway.final = MessageState.UNDELIVERED
    logged.gateway.deliver()
    logged.gateway.behave = logged.gateway.take
    submit("silent", TEXT, people(1, 50))
    for _ in range(12):
        logged.pass_by(hours=8)
    states = set(states_by(read_all(logged.dispatcher)).values())
    assert states >= {
        *("opted_out", "cancelled", "expired", "rejected", "undelivered", "unreported"),
    }


@pytest.mark.parametrize("state", [*MessageState])
def test_every_move_of_a_message_is_told(logged: Bench, state: MessageState) -> None:
    """Whoever writes the states of a batch, in whatever way, writes the log."""
    batch_id = logged.submit(1)
    for after in MESSAGE_MOVES[state]:
        with logged.dispatcher.database.write() as session:
            for letter in (state, after):
                counts = {one.value: int(one is letter) for one in MessageState}
                values = {"states": letter.letter, **counts}
                session.execute(update(Batch).where(Batch.id == batch_id).values(values))
        assert states_by(read_all(logged.dispatcher)) == {("soldes", 1, 0): after.value}
    with logged.dispatcher.database.write() as session:  # as the bench expects it
        session.execute(
            text("UPDATE dispatcher_batch SET state = 'done' WHERE states NOT LIKE '%p%'")
        )


def test_change_that_is_rolled_back_is_not_told(logged: Bench) -> None:
    logged.submit(1)
    with logged.dispatcher.database.write() as session:
        session.execute(update(Batch).values(states="c", pending=0, cancelled=1))
        session.rollback()
    assert told(logged) == []


def test_test_messages_are_not_told(logged: Bench) -> None:
    draft = logged.dispatcher.drafts.create("hiver", TEXT)
    logged.dispatcher.drafts.set_list("hiver", [ANNE], version=draft.version)
    logged.dispatcher.testers.add("Inès", BRUNO)
    logged.dispatcher.testers.send("hiver", to=["Inès"])
    logged.work()
    assert logged.gateway.texted[BRUNO] == 1
    assert told(logged) == []
    with logged.dispatcher.database.write() as session:  # the rows say more than the log here
        session.execute(text("UPDATE dispatcher_batch SET state = 'pending', states = 'p'"))
        session.execute(text("DELETE FROM dispatcher_message_change"))
        session.execute(text("UPDATE dispatcher_batch SET pending = 1, sent = 0"))


def test_log_is_there_only_while_it_is_wanted(tables: Database) -> None:
    def is_on() -> bool:
        with tables.read() as session:
            return message_trigger.is_on(session)

    def changes() -> int:
        with opened(tables, message_events=False) as bench:
            bench.submit(1, reference=f"c{is_on()}")
            bench.work()
            page = bench.dispatcher.message_changes()
            assert page.recorded is is_on()
            return len(page)

    assert not is_on()
    assert changes() == 0
    for wanted in (True, True, False, False):
        with opened(tables, message_events=wanted) as bench:
            bench.tick()
            assert is_on() is wanted


# -- readers


def test_pages_follow_each_other_without_a_gap(logged: Bench) -> None:
    logged.submit(20)
    logged.work()
    logged.gateway.deliver()
    logged.pass_by(seconds=10)
    by_page = {limit: read_all(logged.dispatcher, limit) for limit in (1, 3, 19, 20, 1000)}
    assert [one.number for one in by_page[1]] == list(range(1, 41))
    assert all(found == by_page[1] for found in by_page.values())


def test_cursor_holds_after_a_restart(logged: Bench, tables: Database) -> None:
    logged.submit(3)
    logged.work()
    cursor = logged.dispatcher.message_changes(limit=2).cursor
    with opened(tables, message_events=True, at=logged.clock()) as restarted:
        restarted.dispatcher.cancel("soldes")
        rest = restarted.dispatcher.message_changes(cursor)
    assert [(one.number, one.position) for one in rest] == [(3, 2)]
    assert rest.cursor == 3


def test_account_reads_its_own_and_all_cursors_are_the_same(tables: Database) -> None:
    key = {"api_key_shop": "k", "accounts": "shop"}
    with opened(tables, message_events=True, **key) as bench:
        bench.tick()
        own = bench.dispatcher.for_account("shop")
        bench.submit(2)
        own.submit("theirs", TEXT, people(2, 5))
        for reference in ("soldes", "theirs"):
            bench.dispatcher.cancel(reference)
        assert [one.campaign for one in own.message_changes()] == ["theirs", "theirs"]
        assert own.message_changes(limit=1).cursor == 3
        assert own.message_changes(4).changes == ()
        with tables.write() as session:
            message_trigger.switch(session, on=False)


@pytest.mark.parametrize(
    ("after", "limit", "says"),
    [(1, 1, "the last has 0"), (-1, 1, "cursor of 0"), (0, 0, "limit"), (0, 1001, "limit")],
)
def test_cursor_or_limit_out_of_bounds_is_refused(
    bench: Bench, after: int, limit: int, says: str
) -> None:
    with pytest.raises(InvalidCampaign, match=says):
        bench.dispatcher.message_changes(after, limit=limit)


def test_reader_misses_nothing_that_a_slower_transaction_commits_later(logged: Bench) -> None:
    """The slow one wrote first: by its own clock it is older than what was read meanwhile."""
    database = logged.dispatcher.database
    if database.is_sqlite:
        pytest.skip("SQLite has one writer")
    slow = logged.submit(1, reference="slow")
    quick = logged.submit(1, reference="quick", start=10)
    end = {"states": "c", "pending": 0, "cancelled": 1, "state": "cancelled"}
    with database.write() as waiting:
        waiting.execute(update(Batch).where(Batch.id == slow).values(end))
        with database.write() as session:
            session.execute(update(Batch).where(Batch.id == quick).values(end))
        first = logged.dispatcher.message_changes()
        assert [one.campaign for one in first] == ["quick"]
    rest = logged.dispatcher.message_changes(first.cursor)
    assert [one.campaign for one in rest] == ["slow"]
    assert rest.changes[0].number > first.cursor


def test_reader_beside_writers_misses_nothing_and_sees_each_person_in_order(logged: Bench) -> None:
    moves = ("s", "n", "d")
    names = ["sent", "unreported", "delivered"]
    database = logged.dispatcher.database
    batches = [logged.submit(2, reference=f"c{n}", start=2 * n) for n in range(12)]
    over = threading.Event()
    errors: list[BaseException] = []

    def write(mine: list[int]) -> None:
        try:
            for letter in moves:
                for batch_id in mine:
                    counts = {one.value: 2 * (one.letter == letter) for one in MessageState}
                    values = {"states": 2 * letter, "state": "sent", **counts}
                    with database.write() as session:
                        session.execute(update(Batch).where(Batch.id == batch_id).values(values))
        except BaseException as error:  # noqa: BLE001 - the test raises it
            errors.append(error)

    writers = [threading.Thread(target=write, args=(batches[n::3],)) for n in range(3)]
    found: list[MessageChange] = []

    def read() -> None:
        try:
            cursor = 0
            while True:
                last = over.is_set()
                while page := logged.dispatcher.message_changes(cursor, limit=5):
                    found.extend(page)
                    cursor = page.cursor
                if last:
                    return
        except BaseException as error:  # noqa: BLE001 - the test raises it
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    over.set()
    reader.join()
    assert errors == []
    assert [one.number for one in found] == list(range(1, 12 * 2 * 3 + 1))
    for n in range(12):
        for position in range(2):
            mine = [it.state for it in found if (it.campaign, it.position) == (f"c{n}", position)]
            assert mine == names


# -- people


def test_change_has_the_key_and_shows_no_number(logged: Bench) -> None:
    logged.dispatcher.submit("soldes", TEXT, [Recipient(ANNE, key="client-1")])
    logged.dispatcher.cancel("soldes")
    [change] = logged.dispatcher.message_changes()
    assert (change.key, change.phone) == ("client-1", "+336••••••00")
    assert ANNE not in repr(change)
    assert "client-1" not in repr(change)


def test_erased_person_has_a_pseudonym_also_in_earlier_changes(logged: Bench) -> None:
    logged.submit(2)
    logged.work()
    logged.gateway.deliver()
    logged.pass_by(seconds=10)
    logged.tick()
    logged.dispatcher.persons.erase(ANNE, reason="asked")
    logged.clock.forward(hours=2)
    logged.dispatcher.steps.prune()
    changes = read_all(logged.dispatcher)
    hers = {one.phone for one in changes if one.position == 0}
    assert len(hers) == 1
    assert is_pseudonym(hers.pop())
    assert {one.phone for one in changes if one.position == 1} == {"+336••••••01"}


# -- the page


def test_example_of_the_page_reads_all_and_goes_on(logged: Bench) -> None:
    [code] = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    logged.submit(3)
    logged.work()

    class Crm:
        noted: list[tuple[str | None, str]] = []  # noqa: RUF012 - of one test

        def note(self, key: str | None, state: str) -> None:
            self.noted.append((key, state))

    names: dict[str, Any] = {"dispatcher": logged.dispatcher, "cursor": 0, "crm": Crm()}
    exec(code, names)
    assert (names["cursor"], Crm.noted) == (3, [(None, "sent")] * 3)
    logged.gateway.deliver()
    logged.pass_by(seconds=10)
    exec(code, names)
    assert (names["cursor"], Crm.noted[3:]) == (6, [(None, "delivered")] * 3)
