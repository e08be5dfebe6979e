"""Old history goes, and what proves something stays; on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import func, insert, select, text, update

from dispatcher import ConfigurationError, NotFound, Settings
from dispatcher.campaigns.states import BatchState
from dispatcher.dispatch.retention import EVERY
from dispatcher.masking import is_pseudonym
from dispatcher.monitoring.doctor import Level, examine
from dispatcher.sandbox.gateway.replies import long_replies
from dispatcher.storage import (
    events,
    heartbeats,
    pseudonymous,
    recipient_retention,
    retention,
)
from dispatcher.storage.database import Database
from dispatcher.storage.tables import (
    Action,
    Attempt,
    Batch,
    Campaign,
    CheckOrder,
    Event,
    Heartbeat,
    NumberCheck,
    OptOut,
    OptOutEvent,
    Recipient,
    Reply,
)
from tests.integration.bench import Bench, opened, people

DAYS = 40
LONG = "Le renard passe demain devant la boutique, est-elle ouverte ? " * 5


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    address = {"webhook_url": "https://shop.example/sms", "webhook_secret": "q8Zr4-Tn0_Vb6Hs2Lk"}
    with opened(tables, history_days=DAYS, **address) as bench:
        yield bench
        bench.check()


def count(bench: Bench, *entities: type[Any]) -> list[int]:
    with bench.dispatcher.database.read() as session:
        return [session.scalar(select(func.count()).select_from(one)) or 0 for one in entities]


def happen(bench: Bench, times: int, *, told: bool = True) -> None:
    with bench.dispatcher.database.write() as session:
        for _ in range(times):
            events.add(session, "opt_out_added", now=bench.clock(), counts={"opt_outs": 1})
    if told:
        bench.dispatcher.steps.deliver_events()


def answer(bench: Bench, text: str, phone: str = people(1)[0], **more: Any) -> None:
    fields = {"type": "response", "phone_number": phone, "text": text, "message_id": 1, **more}
    bench.dispatcher.inbox.take("reply", json.dumps(fields).encode())


def prune(bench: Bench) -> int:
    return bench.dispatcher.steps.prune()


def test_old_delivered_event_is_deleted(bench: Bench) -> None:
    happen(bench, 3)
    bench.clock.forward(days=DAYS)
    happen(bench, 2)
    assert prune(bench) == 0
    bench.clock.forward(hours=1, seconds=1)
    assert prune(bench) == 3
    assert count(bench, Event) == [2]


def test_undelivered_event_stays(bench: Bench) -> None:
    happen(bench, 1, told=False)
    bench.clock.forward(days=2 * DAYS)
    assert prune(bench) == 0
    assert count(bench, Event) == [1]


def test_old_reply_is_deleted_with_its_parts(bench: Bench) -> None:
    answer(bench, "Oui")
    calls = long_replies(people(1)[0], "+33639989000", LONG, reference=7, at="2026-11-24 10:00:00")
    for call in calls:
        bench.dispatcher.inbox.take("reply", json.dumps(call).encode())
    assert count(bench, Reply) == [len(calls) + 2]
    bench.dispatcher.steps.deliver_events()
    bench.clock.forward(days=DAYS, seconds=1)
    answer(bench, "Non")
    bench.dispatcher.steps.deliver_events()
    prune(bench)
    assert [one.text for one in bench.dispatcher.replies()] == ["Non"]
    assert count(bench, Reply) == [1]


def test_reply_with_a_younger_part_stays(bench: Bench) -> None:
    """Two processes whose clocks differ have taken it in."""
    calls = long_replies(people(1)[0], "+33639989000", LONG, reference=7, at="2026-11-24 10:00:00")
    for call in calls:
        bench.dispatcher.inbox.take("reply", json.dumps(call).encode())
    with bench.dispatcher.database.write() as session:
        part = session.scalars(select(Reply).where(Reply.whole_id.is_not(None))).first()
        assert part is not None
        part.received_at += timedelta(minutes=5)
    bench.dispatcher.steps.deliver_events()
    bench.clock.forward(days=DAYS, seconds=1)
    prune(bench)
    assert count(bench, Reply) == [2]
    bench.clock.forward(hours=2)
    prune(bench)
    assert count(bench, Reply) == [0]


def test_old_number_check_is_deleted_with_its_order(bench: Bench) -> None:
    checks = bench.dispatcher.number_checks
    checks.order(checks.survey(people(2)), max_cost=Decimal(1))
    bench.clock.forward(days=DAYS, seconds=-1)
    checks.order(checks.survey(people(2, start=1)), max_cost=Decimal(1))
    assert count(bench, NumberCheck, CheckOrder) == [3, 2]
    bench.clock.forward(seconds=2)
    prune(bench)
    assert count(bench, NumberCheck, CheckOrder) == [2, 1]


def test_check_that_still_counts_stays(tables: Database) -> None:
    address = {"webhook_url": "https://shop.example/sms", "webhook_secret": "q8Zr4-Tn0_Vb6Hs2Lk"}
    with opened(tables, history_days=31, checks_days=90, **address) as bench:
        checks = bench.dispatcher.number_checks
        checks.order(checks.survey(people(2)), max_cost=Decimal(1))
        bench.clock.forward(days=90)
        prune(bench)
        assert count(bench, NumberCheck, CheckOrder) == [2, 1]
        bench.clock.forward(days=1, seconds=1)
        prune(bench)
        assert count(bench, NumberCheck, CheckOrder) == [0, 0]


def test_old_heartbeat_is_deleted_unless_it_is_the_last(bench: Bench) -> None:
    with bench.dispatcher.database.write() as session:
        heartbeats.record_tick(session, "old", bench.clock() - timedelta(days=2))
        heartbeats.record_tick(session, "last", bench.clock())
    bench.clock.forward(days=2 * DAYS)
    prune(bench)
    assert count(bench, Heartbeat) == [1]
    assert bench.dispatcher.last_tick() == bench.clock() - timedelta(days=2 * DAYS)


def test_proof_of_sends_and_opt_outs_stays(bench: Bench) -> None:
    bench.submit(3)
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(days=1)
    bench.pass_by(minutes=1)
    bench.opt_out(people(1)[0])
    bench.dispatcher.steps.deliver_events()
    proof = (Campaign, Batch, Recipient, Attempt, OptOut, OptOutEvent)
    before, [known] = count(bench, *proof), count(bench, Action)
    assert all(before)
    bench.clock.forward(days=3650)
    assert prune(bench) > 0
    assert count(bench, *proof, Event) == [*before, 0]
    assert count(bench, Action) == [known + 1]
    [done] = bench.actions("retention")
    assert (done.actor, done.campaign_id) == ("dispatcher", 1)
    assert done.reason == "recipients replaced: it ended more than 365 days ago"
    assert bench.progress().state == "finished"


def test_tick_hints_retention_every_hour(bench: Bench) -> None:
    assert bench.tick().prune
    prune(bench)
    assert not bench.tick().prune
    assert prune(bench) == 0
    bench.clock.forward(seconds=EVERY.total_seconds())
    assert bench.tick().prune
    prune(bench)
    bench.clock.forward(days=-1)  # a clock that was set back
    assert bench.tick().prune


def test_history_of_0_days_deletes_nothing(tables: Database) -> None:
    with opened(tables, history_days=0, recipient_days=0, draft_days=0) as bench:
        happen(bench, 1)
        bench.clock.forward(days=36_500)
        assert not bench.tick().prune
        assert prune(bench) == 0
        assert count(bench, Event) == [1]


def test_erasure_that_waits_is_looked_at_every_hour_if_nothing_is_deleted(tables: Database) -> None:
    with opened(tables, history_days=0, recipient_days=0) as bench:
        bench.dispatcher.submit("soldes", "Soldes demain", people(2))
        bench.work()
        assert bench.dispatcher.persons.erase(people(1)[0], reason="asked")
        assert bench.tick().prune
        prune(bench)
        assert not bench.tick().prune
        bench.clock.forward(hours=1)
        assert bench.tick().prune


def test_long_run_continues_at_the_next_tick(bench: Bench) -> None:
    happen(bench, 7)
    bench.clock.forward(days=DAYS, seconds=1)
    with (
        mock.patch("dispatcher.dispatch.retention.ROWS", 2),
        mock.patch("dispatcher.dispatch.retention.RUNS", 3),
    ):
        assert prune(bench) == 6
        assert bench.tick().prune
        assert prune(bench) == 1


def test_step_deletes_no_more_than_its_rows_with_any_plan(bench: Bench) -> None:
    if bench.dispatcher.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite runs a subquery of IN once")
    happen(bench, 7)
    bench.clock.forward(days=DAYS, seconds=1)
    with bench.dispatcher.database.write() as session:
        # what PostgreSQL chooses by itself for some statistics: a loop over the subquery
        for plan in ("hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize"):
            session.execute(text(f"SET LOCAL enable_{plan} = off"))
        assert retention.events(session, bench.clock(), 2) == 2
    assert count(bench, Event) == [5]


def test_two_runs_at_once_delete_each_row_once(bench: Bench) -> None:
    happen(bench, 40)
    bench.clock.forward(days=DAYS, seconds=1)
    with mock.patch("dispatcher.storage.retention.due", return_value=True):
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(bench.prune_alone) for _ in range(2)]
        assert sum(run.result() for run in runs) == 40
    assert count(bench, Event) == [0]


@pytest.mark.parametrize("days", [1, 30, -1, 36_501])
def test_history_below_a_month_is_rejected(days: int) -> None:
    with pytest.raises(ConfigurationError, match="DISPATCHER_HISTORY_DAYS"):
        Settings.of(history_days=days)


# -- recipients and texts


def sent_long_ago(bench: Bench, size: int = 3, days: int = 366, **options: Any) -> int:
    """A campaign whose people were all told, that many days ago; returns its id."""
    listed = [{"phone": phone, "nom": f"Nom{phone[-4:]}"} for phone in people(size)]
    text = "Bonjour {{ nom }}, soldes demain"
    campaign_id = bench.dispatcher.submit("soldes 0639980000", text, listed, **options)
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    bench.tick()
    bench.clock.forward(days=days)
    return campaign_id


def recipients(bench: Bench) -> list[tuple[str, str | None]]:
    query = select(Recipient.phone, Recipient.fields)
    with bench.dispatcher.database.read() as session:
        rows = session.execute(query.order_by(Recipient.batch_id, Recipient.position))
        return [(row.phone, row.fields) for row in rows]


def test_recipients_of_an_old_campaign_are_replaced_by_pseudonyms(bench: Bench) -> None:
    sent_long_ago(bench)
    before = bench.progress("soldes 0639980000").messages
    assert bench.tick().prune
    prune(bench)

    found = recipients(bench)
    assert len({phone for phone, _ in found}) == 3
    assert all(is_pseudonym(phone) for phone, _ in found)
    assert {fields for _, fields in found} == {None}
    [campaign] = bench.campaigns()
    assert campaign.reference.startswith("soldes person-")
    assert bench.progress(campaign.reference).messages == before
    assert bench.view()[0][2].startswith("person-")
    assert bench.dispatcher.messages(1)[0].masked.startswith("person-")
    # who is no longer named may be texted again: nobody was erased
    bench.dispatcher.submit("nouveau", "Autre", people(3))
    assert bench.progress("nouveau").messages["pending"] == 3


def test_same_submission_after_retention_is_the_same_campaign(bench: Bench) -> None:
    first = sent_long_ago(bench)
    prune(bench)
    listed = [{"phone": phone, "nom": f"Nom{phone[-4:]}"} for phone in people(3)]
    text = "Bonjour {{ nom }}, soldes demain"
    assert bench.dispatcher.submit("soldes 0639980000", text, listed) == first
    assert sum(bench.gateway.texted.values()) == 3


def test_person_is_shown_and_erased_after_retention(bench: Bench) -> None:
    """Nobody was ever erased: pseudonyms are there all the same."""
    sent_long_ago(bench)
    prune(bench)
    [phone, *_] = people(1)
    [message] = bench.dispatcher.persons.show(phone)["messages"]
    assert message["state"] == "delivered"
    assert bench.dispatcher.persons.erase(phone, reason="asked") == []
    assert phone in bench.dispatcher.opt_outs


def test_recipients_of_a_campaign_that_ended_lately_stay(bench: Bench) -> None:
    sent_long_ago(bench, days=364)
    prune(bench)
    assert [phone for phone, _ in recipients(bench)] == people(3)


def test_recipients_stay_for_ever_if_the_days_are_0(tables: Database) -> None:
    with opened(tables, recipient_days=0, history_days=0, draft_days=0) as bench:
        sent_long_ago(bench, days=4000)
        assert not bench.tick().prune
        prune(bench)
        assert [phone for phone, _ in recipients(bench)] == people(3)


def test_server_without_a_key_keeps_its_recipients_and_says_so(
    tables: Database, caplog: pytest.LogCaptureFixture
) -> None:
    if tables.is_sqlite:
        pytest.skip("SQLite makes the key")
    with opened(tables, pseudonym_key=None) as bench:
        sent_long_ago(bench)
        prune(bench)
        assert [phone for phone, _ in recipients(bench)] == people(3)
        assert "stay: DISPATCHER_PSEUDONYM_KEY is not set" in caplog.text
        [finding] = examine(bench.dispatcher, ["people"])
        assert "DISPATCHER_PSEUDONYM_KEY" in finding.says
        assert finding.level is Level.WARNING


def test_campaign_is_replaced_in_small_steps_that_go_on_where_they_were(bench: Bench) -> None:
    territories = ("metropole", "guadeloupe", "martinique", "guyane", "la-reunion", "mayotte")
    listed = [
        {"phone": phone, "territory": territory}
        for phone, territory in zip(people(6), territories, strict=True)
    ]
    bench.dispatcher.submit("soldes", "Bonjour", listed, commercial=False, reason="notice")
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    bench.tick()
    bench.clock.forward(days=366)
    states = [batch.states for batch in bench.batches()]
    assert len(states) == 6
    replaced = []
    for _ in range(7):
        with bench.dispatcher.database.write() as session:
            pseudonyms = pseudonymous.begin(session)
            recipient_retention.replace(session, bench.clock(), pseudonyms, 1, bench.clock())
        replaced.append(sum(is_pseudonym(phone) for phone, _ in recipients(bench)))
    assert replaced == [1, 2, 3, 4, 5, 6, 6]
    with bench.dispatcher.database.read() as session:
        assert not recipient_retention.is_due(session, bench.clock())
    assert [batch.states for batch in bench.batches()] == states


def test_text_of_an_old_campaign_is_deleted_if_asked_for(tables: Database) -> None:
    with opened(tables, text_days=100) as bench:
        sent_long_ago(bench, days=99)
        prune(bench)
        assert bench.campaigns()[0].text != ""
        bench.clock.forward(days=2)
        prune(bench)
        assert bench.campaigns()[0].text == ""


def test_opt_outs_stay_whatever_the_age(bench: Bench) -> None:
    bench.opt_out(people(1)[0])
    sent_long_ago(bench, days=2000)
    prune(bench)
    assert people(1)[0] in bench.dispatcher.opt_outs
    assert count(bench, OptOut) == [1]


@pytest.mark.parametrize("stuck", [1, 2])
def test_batch_under_way_again_is_replaced_once_it_has_ended(bench: Bench, stuck: int) -> None:
    """A batch goes under way between the question which campaigns are due and its replacement."""
    sent_long_ago(bench, 1100)
    before = bench.clock() - timedelta(days=365)
    with bench.dispatcher.database.write() as session:
        session.execute(
            update(Batch).where(Batch.number == stuck).values(state=BatchState.IN_DOUBT)
        )
        pseudonyms = pseudonymous.begin(session)
        # the question was answered before: it names the campaign although a batch is in doubt
        answered = select(
            *(Campaign.id, Campaign.numbers_from, Campaign.reference, Campaign.reason)
        ).limit(1)
        with mock.patch.object(recipient_retention, "_due", return_value=answered):
            recipient_retention.replace(session, before, pseudonyms, 4, bench.clock())
    with bench.dispatcher.database.write() as session:
        session.execute(update(Batch).where(Batch.number == stuck).values(state=BatchState.DONE))
    prune(bench)
    assert all(is_pseudonym(phone) for phone, _ in recipients(bench))


def test_campaign_is_found_by_the_reference_that_it_had(bench: Bench) -> None:
    campaign_id = sent_long_ago(bench)
    prune(bench)
    assert bench.progress("soldes 0639980000").id == campaign_id
    [listed] = bench.dispatcher.campaigns(reference="soldes 0639980000")
    assert listed.id == campaign_id
    with pytest.raises(NotFound):
        bench.progress("soldes 0639980009")


def test_clock_that_went_back_deletes_nothing(bench: Bench) -> None:
    sent_long_ago(bench, days=100)
    prune(bench)
    bench.clock.forward(days=-80)
    prune(bench)
    assert not any(is_pseudonym(phone) for phone, _ in recipients(bench))


@pytest.mark.parametrize("first", [1, 1001, 2001])
def test_entry_far_behind_the_last_is_sealed_by_ticks(bench: Bench, first: int) -> None:
    """A slow transaction commits an entry when thousands of others are already sealed."""
    with bench.dispatcher.database.write() as session:
        late = {"at": bench.clock(), "actor": "anne", "verb": "export", "reason": "", "origin": ""}
        session.execute(insert(Action), [{**late, "id": first}])
        session.execute(insert(Action), [{**late, "id": 3400}])
    for _ in range(4):  # each looks through a thousand ids
        bench.tick()
    assert bench.dispatcher.record.verify().late == 0
