"""The opt-out list: who said STOP is never texted, whenever and however that was said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import FrozenInstanceError
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import delete, event, select

from dispatcher import (
    Dispatcher,
    GatewayError,
    InvalidCampaign,
    InvalidPhone,
    Recipient,
    Rejection,
    Settings,
)
from dispatcher.api.opt_outs import ImportResult
from dispatcher.dispatch.stop_list import SyncResult
from dispatcher.masking import is_pseudonym
from dispatcher.sandbox.process import Sandbox
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Erasure, Meta, OptOut, OptOutEvent
from tests.integration.bench import OPEN, TEXT, Bench, opened, people

ANNE, BRUNO, CHLOE = people(3)
#: what may be left of +3363998000n in a dump of an erased number, but in a time or a hash
TRACE = "63998000"


def listed(bench: Bench) -> list[str]:
    return [entry.phone for entry in bench.dispatcher.opt_outs]


def dump(bench: Bench, *tables: type[Any]) -> str:
    """All that the given tables hold, as JSON lines in the order of their keys."""
    lines = []
    with bench.dispatcher.database.read() as session:
        for table in tables or (OptOut, OptOutEvent, Meta):
            columns = table.__table__.columns
            rows = session.execute(select(*columns).order_by(*table.__table__.primary_key))
            lines += [json.dumps([table.__tablename__, *row], default=str) for row in rows]
    return "\n".join(lines)


def erase(bench: Bench, phone: str = ANNE) -> None:
    bench.dispatcher.opt_outs.add([phone], reason=f"{phone} called")
    assert bench.dispatcher.opt_outs.erase(phone)


@contextmanager
def statements(bench: Bench) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    query: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        query.append(statement)

    engine = bench.dispatcher.database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield query
    event.remove(engine, "before_cursor_execute", note)


# -- adding


@pytest.mark.parametrize(
    "spelling",
    ["+33639980000", "06 39 98 00 00", "0033 (0)6.39.98.00.00", "639980000", "'+33639980000"],
)
def test_number_in_any_spelling_is_added(bench: Bench, spelling: str) -> None:
    opt_outs = bench.dispatcher.opt_outs
    assert opt_outs.add([spelling], reason="rang us", source="shop") == 1
    assert opt_outs.add([ANNE, "06-39-98-00-00"]) == 0
    assert "0639980000" in opt_outs
    assert "0639980001" not in opt_outs
    (entry,) = opt_outs
    assert (entry.phone, entry.source, entry.since) == (ANNE, "shop", OPEN)
    assert entry.reason == "rang us"


def test_one_invalid_number_adds_none(bench: Bench) -> None:
    with pytest.raises(InvalidPhone, match="landline"):
        bench.dispatcher.opt_outs.add([ANNE, "01 99 00 00 00"])
    assert dump(bench) == ""


@pytest.mark.parametrize("words", ["a\x1b[2Jb", "a\0b", "\udcff", "x" * 501])
def test_unprintable_reason_raises_invalid_campaign(bench: Bench, words: str) -> None:
    opt_outs = bench.dispatcher.opt_outs
    with pytest.raises(InvalidCampaign, match="a reason has at most 500 printable"):
        opt_outs.add([ANNE], reason=words)
    with pytest.raises(InvalidCampaign, match="a source has at most 500 printable"):
        opt_outs.add([ANNE], source=words)
    assert dump(bench) == ""
    opt_outs.add([ANNE])
    with pytest.raises(InvalidCampaign, match="a reason has at most 500 printable"):
        opt_outs.remove(ANNE, reason=words)
    assert ANNE in opt_outs


def test_repr_of_entries_and_history_shows_no_number(bench: Bench) -> None:
    bench.dispatcher.opt_outs.add([ANNE], reason=f"{ANNE} rang us")
    result = [*bench.dispatcher.opt_outs, *bench.dispatcher.opt_outs.history(ANNE)]
    assert len(result) == 2
    assert TRACE not in repr(result)


# -- whole lists


def test_list_of_20_000_rows_is_read_row_by_row(bench: Bench) -> None:
    """The 10,000 numbers that are nobody's, in two spellings; one row in a hundred is rubbish."""
    numbers = [f"+3363998{n:04d}" for n in range(10_000)]
    numbers += [f"06 39 98 {n // 100:02d} {n % 100:02d}" for n in range(10_000)]
    held: list[int] = []
    rejections: list[Rejection] = []

    def rows() -> Iterator[Recipient]:
        for row, phone in enumerate(numbers, start=1):
            rubbish = row % 100 == 0
            held.append(len(rejections))
            yield Recipient("néant" if rubbish else phone, row=row)

    with statements(bench) as query:
        added = bench.dispatcher.opt_outs.add_all(rows(), reject=rejections.append)

    assert added == ImportResult(rows=20_000, new=9_900, known=9_900, rejected=200)
    assert held[101] == 1  # told of while the list is read, not at its end
    assert [(one.row, one.reason) for one in rejections[:2]] == [
        (100, "not_a_number"),
        (200, "not_a_number"),
    ]
    assert len(query) < 20_000 / 50  # in strides, whatever the database's driver makes of them
    kept = [phone for row, phone in enumerate(numbers[:10_000], start=1) if row % 100]
    assert listed(bench) == kept
    assert len(bench.dispatcher.opt_outs.history(kept[-1])) == 1
    again = bench.dispatcher.opt_outs.add_all(numbers)
    assert again == ImportResult(rows=20_000, new=100, known=19_900, rejected=0)


def test_strict_list_with_an_invalid_row_adds_nothing(bench: Bench) -> None:
    with pytest.raises(InvalidCampaign, match=r"^2 of 4 rows are no number to text \(strict\)$"):
        bench.dispatcher.opt_outs.add_all([ANNE, "?", BRUNO, ""], strict=True)
    assert dump(bench) == ""
    assert bench.dispatcher.opt_outs.add_all([ANNE, BRUNO], strict=True).new == 2


@pytest.mark.parametrize(
    "row",
    [
        f"{ANNE}, {BRUNO}",
        {"mobile": ANNE, "portable": BRUNO},
        {"Téléphone 1": ANNE, "Téléphone 2": BRUNO},
        {"mobile": ANNE, "Mobile mère": BRUNO},
        {"mobile": f"{ANNE} ou {BRUNO}"},
        Recipient(ANNE, numbers=(ANNE, BRUNO)),
    ],
)
def test_every_number_of_a_row_is_added(bench: Bench, row: Any) -> None:
    added = bench.dispatcher.opt_outs.add_all([row], strict=True)
    assert added == ImportResult(rows=1, new=2, known=0, rejected=0)
    assert sorted(listed(bench)) == [ANNE, BRUNO]


def test_number_is_added_as_its_territory_reads_it(bench: Bench) -> None:
    rows: list[Any] = [
        {"mobile": 687751234, "territoire": "Nouvelle-Calédonie"},
        {"mobile": "82 12 34"},
    ]
    bench.dispatcher.opt_outs.add_all(rows, territory="wallis-et-futuna")
    assert listed(bench) == ["+681821234", "+687751234"]
    with pytest.raises(InvalidCampaign, match="unknown territory"):
        bench.dispatcher.opt_outs.add_all([ANNE], territory="Atlantide")


def test_list_without_a_number_raises_invalid_campaign(bench: Bench) -> None:
    with pytest.raises(InvalidCampaign, match=r"^none of 2 rows is a number to text$"):
        bench.dispatcher.opt_outs.add_all(["01 99 00 00 00 (bureau)", ""])
    assert dump(bench) == ""


def test_list_that_fails_midway_adds_nothing(bench: Bench) -> None:
    def broken() -> Iterator[str]:
        yield ANNE
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - it has no words
        bench.dispatcher.opt_outs.add_all(broken())
    assert dump(bench) == ""


def test_slow_list_is_read_before_the_transaction(bench: Bench) -> None:
    """A pipe that stalls must not stall every worker."""

    def slow() -> Iterator[str]:
        yield ANNE
        bench.opt_out(BRUNO)  # somebody else writes meanwhile

    added = bench.dispatcher.opt_outs.add_all(slow())
    assert (added.new, sorted(listed(bench))) == (1, [ANNE, BRUNO])


def test_duplicate_number_is_added_once(bench: Bench) -> None:
    bench.opt_out(ANNE)
    added = bench.dispatcher.opt_outs.add_all(["0639980000", "0639980001", BRUNO])
    assert added == ImportResult(rows=3, new=1, known=2, rejected=0)


def test_concurrent_lists_count_each_number_once(bench: Bench) -> None:
    """And neither waits for the other for ever, whatever order they come in."""
    numbers = people(3000)
    with ThreadPoolExecutor() as pool:
        added = list(pool.map(bench.dispatcher.opt_outs.add_all, (numbers, numbers[::-1])))
    assert sum(one.new for one in added) == 3000
    assert sum(one.known for one in added) == 3000
    assert len(dump(bench, OptOut).splitlines()) == 3000
    assert len(dump(bench, OptOutEvent).splitlines()) == 3000


# -- planning


@pytest.mark.parametrize("forgotten", [False, True], ids=["listed", "erased"])
def test_opted_out_number_is_counted_by_plan_and_progress(bench: Bench, *, forgotten: bool) -> None:
    bench.dispatcher.opt_outs.add(["06 39 98 00 01"])
    if forgotten:
        bench.dispatcher.opt_outs.erase(BRUNO)
    plan = bench.dispatcher.plan(TEXT, ["06.39.98.00.01", *people(1200, start=2), ANNE])
    assert (plan.kept, plan.opted_out) == (1202, 1)
    bench.dispatcher.submit("soldes", TEXT, ["06.39.98.00.01", *people(1200, start=2), ANNE])
    assert bench.messages() == {"pending": 1201, "opted_out": 1}  # before any tick
    bench.work()
    assert bench.messages() == {"sent": 1201, "opted_out": 1}
    assert bench.gateway.texted[BRUNO] == 0


def test_plan_on_an_empty_database_needs_no_tables(database_url: str) -> None:
    dispatcher = Dispatcher(Settings.of(database_url=database_url, sender="MaBoutique"))
    assert dispatcher.plan(TEXT, people(3)).opted_out == 0
    dispatcher.database.close()


@pytest.mark.parametrize("later", [False, True], ids=["before submitting", "before sending"])
def test_campaign_to_opted_out_numbers_only_finishes_unsent(bench: Bench, *, later: bool) -> None:
    everybody = people(700)
    if later:
        bench.submit(700)
    bench.dispatcher.opt_outs.add(everybody)
    if not later:
        bench.submit(700)
        assert bench.progress().messages["opted_out"] == 700
    bench.work()
    bench.tick()
    assert bench.progress().state == "finished"
    assert bench.messages() == {"opted_out": 700}
    assert (bench.gateway.requests, bench.progress().waits_until) == ([], None)


# -- arming


def test_number_opted_out_while_the_campaign_waits_is_not_texted(bench: Bench) -> None:
    bench.submit(1000, not_before=OPEN + timedelta(hours=1))
    first, last = people(1000)[0], people(1000)[-1]
    bench.dispatcher.opt_out(first)
    bench.dispatcher.opt_out(last)
    bench.dispatcher.opt_outs.erase(last)
    # an erasure takes the person out of what has not left at once
    assert bench.messages() == {"pending": 999, "opted_out": 1}
    bench.pass_by(hours=1)
    assert bench.messages() == {"sent": 998, "opted_out": 2}
    assert bench.gateway.texted.total() == 998
    assert not {first, last} & set(bench.gateway.texted)


@pytest.mark.parametrize("forgotten", [False, True], ids=["listed", "erased"])
def test_number_opted_out_while_a_worker_connects_is_not_texted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, forgotten: bool
) -> None:
    """Gathered, and not armed yet."""
    batch = bench.submit(3)

    def opt_out() -> None:
        bench.dispatcher.opt_out(ANNE)
        if forgotten:
            bench.dispatcher.opt_outs.erase(ANNE)

    monkeypatch.setattr(bench.gateway, "connect", opt_out)
    bench.send(batch)
    assert bench.messages() == {"sent": 2, "opted_out": 1}
    assert set(bench.gateway.texted) == {BRUNO, CHLOE}


def test_number_removed_from_the_list_misses_the_waiting_campaign(bench: Bench) -> None:
    """What was decided at planning stands: nobody is texted by surprise."""
    bench.opt_out(ANNE)
    bench.submit(3, not_before=OPEN + timedelta(hours=1))
    bench.dispatcher.opt_outs.remove(ANNE, reason="signed the form again")
    bench.pass_by(hours=1)
    assert bench.messages() == {"sent": 2, "opted_out": 1}
    bench.submit(3, "autre")
    bench.work()
    assert bench.messages("autre") == {"sent": 3}


# -- what the gateway tells


def test_stop_in_a_poll_is_an_opt_out(bench: Bench) -> None:
    bench.submit(3)
    bench.work()
    bench.gateway.stopped.add(BRUNO)
    bench.gateway.deliver()
    bench.pass_by(minutes=1)
    (entry,) = bench.dispatcher.opt_outs
    assert (entry.phone, entry.source, entry.since) == (BRUNO, "answered STOP", bench.clock())
    (change,) = bench.dispatcher.opt_outs.history(BRUNO)
    assert (change.verb, change.actor) == ("add", "dispatcher")
    assert bench.dispatcher.plan(TEXT, people(3)).opted_out == 1


def test_stop_in_a_lookup_is_an_opt_out(bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.lose
    bench.send(bench.submit(3))
    bench.gateway.stopped.add(BRUNO)
    bench.pass_by(minutes=1)
    assert bench.messages() == {"sent": 3}
    assert [(one.phone, one.source) for one in bench.dispatcher.opt_outs] == [
        (BRUNO, "answered STOP")
    ]


def test_due_sync_reads_the_gateways_list(bench: Bench) -> None:
    sync = bench.dispatcher.steps.sync_opt_outs
    bench.gateway.stopped |= {ANNE, BRUNO}
    bench.opt_out(ANNE)
    assert bench.tick().stop_list
    assert sync().new == 1
    bench.gateway.stopped.add(CHLOE)
    assert not bench.tick().stop_list
    assert sync().new == 0
    bench.clock.forward(hours=1)
    assert bench.tick().stop_list
    assert sync().new == 1
    sources = {entry.phone: entry.source for entry in bench.dispatcher.opt_outs}
    assert sources == {ANNE: "by hand"} | dict.fromkeys((BRUNO, CHLOE), "gateway's STOP list")


def test_number_missing_from_the_gateways_list_stays_opted_out(bench: Bench) -> None:
    bench.opt_out(ANNE)
    bench.dispatcher.steps.sync_opt_outs()
    assert listed(bench) == [ANNE]


def test_sync_at_once_reads_the_gateways_list_before_it_is_due(bench: Bench) -> None:
    sync = bench.dispatcher.steps.sync_opt_outs
    assert sync().new == 0
    bench.gateway.stopped.add(ANNE)
    assert sync().new == 0
    assert sync(at_once=True).new == 1


def test_list_that_is_being_read_is_not_due(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    due_meanwhile: list[bool] = []

    def slow() -> list[str]:
        due_meanwhile.append(bench.tick().stop_list)
        return [ANNE]

    monkeypatch.setattr(bench.gateway, "stop_list", slow)
    assert bench.dispatcher.steps.sync_opt_outs().new == 1
    assert due_meanwhile == [False]


def test_unreadable_list_is_due_again_soon(bench: Bench) -> None:
    sync = bench.dispatcher.steps.sync_opt_outs
    bench.gateway.stopped.add(ANNE)
    bench.gateway.blind = True
    assert sync().new == 0
    assert not bench.tick().stop_list  # and not by every tick
    with pytest.raises(GatewayError, match="503"):
        sync(at_once=True)
    bench.gateway.blind = False
    bench.clock.forward(minutes=5)
    assert bench.tick().stop_list
    assert sync().new == 1


def test_list_of_the_sandbox_is_read(database_url: str) -> None:
    numbers = people(1500)
    with Sandbox(stopped=numbers) as gateway:
        dispatcher = Dispatcher(
            Settings.of(
                database_url=database_url,
                api_url=gateway.url,
                api_key=gateway.key,
                sender="MaBoutique",
            )
        )
        dispatcher.prepare()
        assert dispatcher.steps.sync_opt_outs().new == 1500
        gateway.configure(stopped=numbers[1:])
        assert dispatcher.steps.sync_opt_outs(at_once=True).new == 0
        assert [entry.phone for entry in dispatcher.opt_outs] == numbers
        plan = dispatcher.plan(TEXT, people(1501))
        assert (plan.kept, plan.opted_out) == (1501, 1500)
        assert len(gateway.requests("/v1/stop-sms/list")) == 2
    with pytest.raises(GatewayError):
        dispatcher.steps.sync_opt_outs(at_once=True)
    dispatcher.database.close()


# -- both ways


@pytest.fixture
def pushing(tables: Database) -> Iterator[Bench]:
    with opened(tables, stop_list_push=True) as bench:
        yield bench


def test_sync_without_push_adds_nobody_at_the_gateway(bench: Bench) -> None:
    bench.opt_out(ANNE)
    assert bench.dispatcher.steps.sync_opt_outs() == SyncResult()
    assert not bench.gateway.stop_calls


def test_sync_with_push_makes_both_lists_equal(pushing: Bench) -> None:
    sync = pushing.dispatcher.steps.sync_opt_outs
    pushing.opt_out(ANNE)
    pushing.opt_out(BRUNO)
    pushing.gateway.stopped |= {BRUNO, CHLOE}
    assert sync() == SyncResult(new=1, pushed=1)
    assert pushing.gateway.stopped == set(listed(pushing)) == {ANNE, BRUNO, CHLOE}
    assert sync(at_once=True) == SyncResult()
    assert pushing.gateway.stop_calls == [ANNE]


def test_erased_number_is_never_pushed(pushing: Bench) -> None:
    pushing.opt_out(ANNE)
    pushing.dispatcher.opt_outs.erase(ANNE)
    assert pushing.dispatcher.steps.sync_opt_outs() == SyncResult()
    # nor somebody who is erased while the gateway's list is read
    pushing.opt_out(BRUNO)
    pushing.opt_out(CHLOE)
    add = pushing.gateway.add_stop

    def erase_meanwhile(phone: str) -> bool:
        pushing.dispatcher.opt_outs.erase(CHLOE)
        return add(phone)

    pushing.gateway.add_stop = erase_meanwhile  # type: ignore[method-assign]
    pushing.dispatcher.steps.sync_opt_outs(at_once=True)
    assert pushing.gateway.stop_calls == [BRUNO]


def test_long_list_is_pushed_in_portions(pushing: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dispatcher.dispatch.stop_list.MOST_PUSHED", 2)
    pushing.dispatcher.opt_outs.add(people(5))
    sync = pushing.dispatcher.steps.sync_opt_outs
    assert sync() == SyncResult(pushed=2, left=3)
    assert not pushing.tick().stop_list
    pushing.clock.forward(minutes=5)
    assert pushing.tick().stop_list
    assert sync() == SyncResult(pushed=2, left=1)
    assert sync(at_once=True) == SyncResult(pushed=1)
    assert pushing.gateway.stop_calls == people(5)


def test_failing_push_ends_the_sync_and_the_next_continues(pushing: Bench) -> None:
    pushing.dispatcher.opt_outs.add(people(3))
    add = pushing.gateway.add_stop

    def fail_at_the_second(phone: str) -> bool:
        if phone == people(3)[1]:
            raise GatewayError("HTTP 503")
        return add(phone)

    pushing.gateway.add_stop = fail_at_the_second  # type: ignore[method-assign]
    sync = pushing.dispatcher.steps.sync_opt_outs
    assert sync() == SyncResult(pushed=1, left=2, failed="HTTP 503")
    pushing.gateway.add_stop = add  # type: ignore[method-assign]
    pushing.clock.forward(minutes=5)
    assert sync() == SyncResult(pushed=2)


def test_number_lost_by_the_gateway_is_reported_and_stays_opted_out(bench: Bench) -> None:
    sync = bench.dispatcher.steps.sync_opt_outs
    bench.gateway.stopped |= {ANNE, BRUNO}
    sync()
    bench.gateway.stopped.discard(ANNE)
    assert sync(at_once=True) == SyncResult(lost=1)
    assert listed(bench) == [ANNE, BRUNO]


def test_removal_at_the_gateway_leaves_both_lists_with_a_reason(bench: Bench) -> None:
    opt_outs = bench.dispatcher.opt_outs
    bench.gateway.stopped.add(ANNE)
    bench.dispatcher.steps.sync_opt_outs()
    assert opt_outs.remove(ANNE, reason="signed in the shop", at_gateway=True)
    assert not bench.gateway.stopped
    last = opt_outs.history(ANNE)[-1]
    assert (last.verb, last.reason) == ("remove", "signed in the shop")
    assert last.source == "by hand, on the gateway's STOP list too"
    assert bench.dispatcher.steps.sync_opt_outs(at_once=True) == SyncResult()
    assert listed(bench) == []


def test_removal_without_an_answer_of_the_gateway_removes_nothing(bench: Bench) -> None:
    bench.opt_out(ANNE)
    bench.gateway.blind = True
    with pytest.raises(GatewayError):
        bench.dispatcher.opt_outs.remove(ANNE, reason="signed", at_gateway=True)
    assert listed(bench) == [ANNE]


def test_removal_here_leaves_the_gateways_list_unchanged(bench: Bench) -> None:
    bench.opt_out(ANNE)
    bench.gateway.stopped.add(ANNE)
    assert bench.dispatcher.opt_outs.remove(ANNE, reason="signed")
    assert bench.gateway.stopped == {ANNE}


def test_list_of_the_sandbox_is_written(database_url: str) -> None:
    with Sandbox(stopped=people(2)) as gateway:
        dispatcher = Dispatcher(
            Settings.of(
                database_url=database_url,
                api_url=gateway.url,
                api_key=gateway.key,
                stop_list_push=True,
            )
        )
        dispatcher.prepare()
        dispatcher.opt_outs.add(people(3, start=1))
        assert dispatcher.steps.sync_opt_outs() == SyncResult(new=1, pushed=2)
        assert sorted(dispatcher.gateway.stop_list()) == people(4)
        assert dispatcher.opt_outs.remove(people(1)[0], reason="signed", at_gateway=True)
        assert sorted(dispatcher.gateway.stop_list()) == people(3, start=1)
        assert dispatcher.steps.sync_opt_outs(at_once=True) == SyncResult()
        dispatcher.database.close()


# -- erasing


def test_erased_number_leaves_no_trace_and_is_not_texted(bench: Bench) -> None:
    opt_outs = bench.dispatcher.opt_outs
    opt_outs.add([ANNE], reason=f"{ANNE} called", source="shop")
    opt_outs.remove(ANNE, reason="06 39 98 00 00 signed")
    opt_outs.add(["06 39 98 00 00"], reason="again")
    assert TRACE in dump(bench)
    assert opt_outs.erase("06.39.98.00.00")

    # hashes and times are digits, too: of the number itself, the last eight are enough
    assert TRACE not in "".join(filter(str.isalnum, dump(bench)))
    assert listed(bench) == []
    history = opt_outs.history(ANNE)
    assert [one.verb for one in history] == ["add", "remove", "add", "erase"]
    assert {one.reason for one in history} == {"", "erased from the opt-out list"}
    assert ANNE in opt_outs
    assert opt_outs.erased == 1
    bench.submit(3)
    bench.work()
    assert bench.messages() == {"sent": 2, "opted_out": 1}
    assert bench.gateway.texted[ANNE] == 0


def test_erasure_records_no_number(bench: Bench) -> None:
    erase(bench)
    with bench.dispatcher.database.read() as session:
        events = session.scalars(select(OptOutEvent).order_by(OptOutEvent.id)).all()
    assert [(one.verb, one.reason) for one in events] == [
        ("add", ""),
        ("erase", "erased from the opt-out list"),
    ]
    assert {is_pseudonym(one.phone or "") for one in events} == {True}
    assert events[1].at == OPEN
    assert events[1].actor


def test_erased_number_added_again_stays_erased(bench: Bench) -> None:
    erase(bench)
    before = dump(bench, OptOut, OptOutEvent)
    bench.gateway.stopped.add(ANNE)
    assert bench.dispatcher.opt_outs.add([ANNE]) == 0
    assert bench.dispatcher.opt_outs.add_all([ANNE]).known == 1
    assert bench.dispatcher.steps.sync_opt_outs().new == 0
    assert dump(bench, OptOut, OptOutEvent) == before


def test_erasing_an_erased_or_unknown_number_changes_nothing(bench: Bench) -> None:
    erase(bench)
    # what the gateway holds has been compared with the list as the erasure left it
    assert not bench.dispatcher.opt_outs.erase(BRUNO)
    before = dump(bench)
    assert not bench.dispatcher.opt_outs.erase(ANNE)
    assert not bench.dispatcher.opt_outs.erase(BRUNO)
    assert dump(bench) == before
    assert BRUNO not in bench.dispatcher.opt_outs


def test_removed_number_can_be_erased(bench: Bench) -> None:
    opt_outs = bench.dispatcher.opt_outs
    opt_outs.add([ANNE])
    opt_outs.remove(ANNE, reason="signed the form again")
    assert opt_outs.erase(ANNE)
    assert TRACE not in dump(bench)
    assert ANNE in opt_outs  # who asks for it is never texted again


def test_two_installations_store_different_pseudonyms(tables: Database) -> None:
    def pseudonym(key: str) -> str | None:
        with opened(tables, pseudonym_key=key) as bench:
            with bench.dispatcher.database.write() as session:
                for table in (OptOut, Meta, Erasure):
                    session.execute(delete(table))
            erase(bench)
            with bench.dispatcher.database.read() as session:
                return session.scalars(select(OptOut.phone)).one()

    assert pseudonym("the key of one installation, 32 letters") != pseudonym(
        "the key of another installation, 32 letters"
    )


# -- off the list, and what is on record


def test_history_has_who_what_when_and_why(bench: Bench) -> None:
    opt_outs = bench.dispatcher.opt_outs
    opt_outs.add([ANNE, BRUNO], reason="rang us", source="shop")
    records = [dump(bench, OptOutEvent)]
    acts: list[Callable[[], object]] = [
        lambda: opt_outs.remove("0639980000", reason=" signed  the form "),
        lambda: opt_outs.add([ANNE], reason="rang us again"),
        lambda: opt_outs.add([ANNE], reason="and again"),
        lambda: opt_outs.remove(CHLOE, reason="who?"),
    ]
    for act in acts:
        bench.clock.forward(days=1)
        act()
        records.append(dump(bench, OptOutEvent))

    changes = opt_outs.history("06 39 98 00 00")
    assert [(one.verb, one.source, one.reason, (one.at - OPEN).days) for one in changes] == [
        ("add", "shop", "rang us", 0),
        ("remove", "by hand", "signed the form", 1),
        ("add", "by hand", "rang us again", 2),
    ]
    assert all(one.actor for one in changes)
    for before, after in pairwise(records):
        assert after.startswith(before)  # append-only
    assert records[2] == records[3] == records[4]  # what changes nothing is no event
    with pytest.raises(FrozenInstanceError):
        changes[0].reason = "none"  # type: ignore[misc]


def test_number_added_again_shows_its_last_reason(bench: Bench) -> None:
    opt_outs = bench.dispatcher.opt_outs
    opt_outs.add([ANNE], reason="first")
    opt_outs.remove(ANNE, reason="second")
    bench.clock.forward(days=1)
    opt_outs.add([ANNE], reason="third")
    (entry,) = opt_outs
    assert (entry.reason, entry.since) == ("third", OPEN + timedelta(days=1))


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_removal_without_a_reason_raises_invalid_campaign(bench: Bench, reason: str) -> None:
    bench.opt_out(ANNE)
    with pytest.raises(InvalidCampaign, match="a reason is needed"):
        bench.dispatcher.opt_outs.remove(ANNE, reason=reason)
    assert ANNE in bench.dispatcher.opt_outs


def test_removal_of_an_unlisted_number_changes_nothing(bench: Bench) -> None:
    assert not bench.dispatcher.opt_outs.remove(ANNE, reason="signed the form")
    assert dump(bench) == ""


def test_erased_number_can_be_removed(bench: Bench) -> None:
    erase(bench)
    erase(bench, BRUNO)
    assert bench.dispatcher.opt_outs.remove(ANNE, reason="signed the form")
    assert ANNE not in bench.dispatcher.opt_outs
    assert BRUNO in bench.dispatcher.opt_outs
    verbs = [one.verb for one in bench.dispatcher.opt_outs.history(ANNE)]
    assert verbs == ["add", "erase", "remove"]
    bench.submit(3)
    bench.work()
    assert bench.messages() == {"sent": 2, "opted_out": 1}
