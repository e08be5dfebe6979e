"""Numbers that never arrive are left out, on both databases: from when on, and until when."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from dispatcher import Dispatcher, Settings
from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.unreachable import UNREACHABLE_CODE
from dispatcher.errors import InvalidCampaign, InvalidPhone
from dispatcher.masking import is_pseudonym
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Batch, Campaign, Lift, Recipient, Report
from tests.integration.bench import OPEN, TEXT, Bench, opened, people
from tests.statements import counted_with_values, plan_of

ANNE, BRUNO, CHLOE = people(3)
DELIVERED, UNDELIVERED, SENT = (
    MessageState.DELIVERED,
    MessageState.UNDELIVERED,
    MessageState.SENT,
)
WHY = "she called"
ALERT: dict[str, Any] = {"commercial": False, "reason": "your order has come"}


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    with opened(tables, unreachable_after=2, history_days=40, recipient_days=40) as bench:
        yield bench
        bench.check()


def send(
    bench: Bench, reference: str, anne: MessageState = UNDELIVERED, **options: Any
) -> dict[str, int]:
    """A campaign to Anne and Bruno: Bruno gets it; returns its messages by state."""
    bench.clock.forward(minutes=10)
    bench.submit(2, reference, **options)
    bench.work()
    report(bench, {ANNE: anne, BRUNO: DELIVERED})
    return bench.messages(reference)


def report(bench: Bench, states: dict[str, MessageState]) -> None:
    """What the gateway reports of everything that has no report yet."""
    for those in bench.gateway.tags.values():
        for phone, state in those.items():
            if state is SENT:
                those[phone] = states[phone]
    bench.pass_by(minutes=30)


def answer(bench: Bench, text: str, phone: str = ANNE) -> None:
    call = {"type": "response", "phone_number": phone, "text": text, "message_id": 1}
    bench.dispatcher.inbox.take("reply", json.dumps(call).encode())


def unreachable(bench: Bench) -> list[str]:
    found = [one.phone for one in bench.dispatcher.unreachable]
    for phone in people(3):
        assert bench.dispatcher.unreachable.get(phone).unreachable == (phone in found)
    return found


def test_number_is_left_out_after_so_many_reports_in_a_row(bench: Bench) -> None:
    assert send(bench, "a") == {"delivered": 1, "undelivered": 1}
    assert send(bench, "b") == {"delivered": 1, "undelivered": 1}
    assert send(bench, "c") == {"delivered": 1, "rejected": 1}
    progress = bench.progress("c")
    assert (progress.unreachable, progress.capped) == (1, 0)
    [batch] = bench.batches(progress.id)
    assert json.loads(batch.codes) == {"0": UNREACHABLE_CODE}
    assert bench.gateway.texted == {ANNE: 2, BRUNO: 3}


def test_results_say_that_it_is_unreachable(bench: Bench) -> None:
    for reference in ("a", "b", "c"):
        send(bench, reference)
    reasons = {one.phone: one.reason for one in bench.dispatcher.results("c")}
    assert reasons == {ANNE: "unreachable: its last messages were not delivered", BRUNO: ""}


def test_number_is_left_out_with_the_reports_as_reason(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    left = [one.sent_at for one in bench.batches()]
    with bench.dispatcher.database.read() as session:
        came = session.scalars(select(Report.at).order_by(Report.id)).all()
    [found] = bench.dispatcher.unreachable
    assert [(one.campaign, one.left_at, one.reported_at) for one in found.reports] == [
        ("b", left[1], came[1]),
        ("a", left[0], came[0]),
    ]
    assert found == bench.dispatcher.unreachable.get("06 39 98 00 00")
    assert ANNE not in repr(found)
    assert bench.dispatcher.unreachable.get(BRUNO).reports == ()


def test_page_counts_all_of_them(bench: Bench) -> None:
    for reference in ("a", "b"):
        bench.submit(3, reference)
        bench.work()
        report(bench, dict.fromkeys(people(3), UNDELIVERED))
    page = bench.dispatcher.unreachable.page(1, 1)
    assert ([one.phone for one in page], page.total) == ([BRUNO], 3)
    assert unreachable(bench) == people(3)


def test_batch_of_unreachable_numbers_is_done_without_a_request(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    requests = len(bench.gateway.requests)
    bench.submit(1, "c")
    bench.work()
    bench.tick()
    assert bench.messages("c") == {"rejected": 1}
    assert bench.progress("c").state == "finished"
    assert len(bench.gateway.requests) == requests


def test_delivered_report_starts_the_count_anew(bench: Bench) -> None:
    for reference, state in (("a", UNDELIVERED), ("b", DELIVERED), ("c", UNDELIVERED)):
        send(bench, reference, state)
    assert send(bench, "d") == {"delivered": 1, "undelivered": 1}
    assert send(bench, "e") == {"delivered": 1, "rejected": 1}


def test_delivery_that_is_reported_late_takes_the_failure_back(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    assert unreachable(bench) == [ANNE]
    batch = bench.batches()[1]
    with bench.dispatcher.database.write() as session:
        values = {"states": "dd", "delivered": 2, "undelivered": 0}
        session.execute(update(Batch).where(Batch.id == batch.id).values(values))
    assert unreachable(bench) == []
    assert send(bench, "c") == {"delivered": 1, "undelivered": 1}


def test_delivered_alert_lifts_it(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    assert send(bench, "alert", DELIVERED, **ALERT) == {"delivered": 2}
    assert unreachable(bench) == []
    assert send(bench, "c") == {"delivered": 1, "undelivered": 1}


def test_undelivered_alert_counts_and_the_next_alert_leaves_all_the_same(bench: Bench) -> None:
    for reference in ("a", "b", "c"):
        assert send(bench, reference, **ALERT) == {"delivered": 1, "undelivered": 1}
    assert send(bench, "d") == {"delivered": 1, "rejected": 1}


def test_reply_starts_the_count_anew(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    answer(bench, "Bonjour, à quelle heure ouvrez-vous ?")
    found = bench.dispatcher.unreachable.get(ANNE)
    assert (found.unreachable, found.reports, found.replied_at) == (False, (), bench.clock())
    assert send(bench, "c") == {"delivered": 1, "undelivered": 1}
    assert send(bench, "d") == {"delivered": 1, "undelivered": 1}
    assert send(bench, "e") == {"delivered": 1, "rejected": 1}


def test_reply_before_the_messages_left_lifts_nothing(bench: Bench) -> None:
    answer(bench, "Bonjour")
    send(bench, "a")
    send(bench, "b")
    assert unreachable(bench) == [ANNE]


def test_lift_starts_the_count_anew_and_goes_on_record(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    service = bench.dispatcher.unreachable
    assert service.lift("06 39 98 00 00", reason=f"{WHY} from {ANNE}", by="Zoé")
    assert not service.lift(ANNE, reason=WHY)
    found = service.get(ANNE)
    assert found.lift is not None
    assert (found.unreachable, found.lift.actor, found.lift.at) == (False, "Zoé", bench.clock())
    assert found.lift.reason.startswith(WHY)
    assert ANNE not in found.lift.reason
    [entry] = bench.actions("lift")
    assert (entry.actor, entry.reason) == ("Zoé", found.lift.reason)
    for reference in ("c", "d"):
        assert send(bench, reference) == {"delivered": 1, "undelivered": 1}
    assert send(bench, "e") == {"delivered": 1, "rejected": 1}
    assert service.lift(ANNE, reason="once more")
    assert send(bench, "f") == {"delivered": 1, "undelivered": 1}


def test_report_of_a_message_that_left_before_the_lift_does_not_count(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    send(bench, "alert", SENT, **ALERT)
    assert bench.dispatcher.unreachable.lift(ANNE, reason=WHY)
    report(bench, {ANNE: UNDELIVERED})
    assert bench.messages("alert") == {"delivered": 1, "undelivered": 1}
    assert bench.dispatcher.unreachable.get(ANNE).reports == ()


def test_lift_needs_a_number_and_a_reason(bench: Bench) -> None:
    with pytest.raises(InvalidCampaign, match="reason"):
        bench.dispatcher.unreachable.lift(ANNE, reason=" ")
    with pytest.raises(InvalidPhone):
        bench.dispatcher.unreachable.lift("12", reason=WHY)
    with pytest.raises(InvalidPhone):
        bench.dispatcher.unreachable.get("12")
    assert not bench.dispatcher.unreachable.lift(ANNE, reason=WHY)
    assert not bench.actions("lift")


def test_only_reports_of_failures_count(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "none", SENT)  # no report comes
    bench.pass_by(hours=80)
    assert bench.messages("none") == {"delivered": 1, "unreported": 1}
    assert unreachable(bench) == []
    bench.opt_out(BRUNO)
    assert send(bench, "b") == {"undelivered": 1, "opted_out": 1}
    # with ``unreachable_campaigns`` 2 the message without a report is one of the last two
    assert unreachable(bench) == []
    with opened(bench.dispatcher.database, unreachable_after=2, unreachable_campaigns=3) as wider:
        assert [one.phone for one in wider.dispatcher.unreachable] == [ANNE]


def test_test_messages_count_for_nothing_and_are_never_left_out(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    bench.submit(1, "c")
    with bench.dispatcher.database.write() as session:
        session.execute(update(Campaign).where(Campaign.reference != "a").values(test_of="draft"))
    assert unreachable(bench) == []
    with bench.dispatcher.database.write() as session:
        session.execute(update(Campaign).where(Campaign.reference == "b").values(test_of=None))
    assert unreachable(bench) == [ANNE]
    bench.work()
    assert bench.messages("c") == {"sent": 1}


def test_opt_out_is_counted_before_it(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    bench.opt_out(ANNE)
    assert send(bench, "c") == {"delivered": 1, "opted_out": 1}
    assert bench.progress("c").unreachable == 0


def test_weekly_cap_and_unreachable_numbers_are_counted_apart(tables: Database) -> None:
    with opened(tables, unreachable_after=2, weekly_messages=2) as bench:
        send(bench, "a")
        send(bench, "b")
        assert send(bench, "c") == {"rejected": 2}
        progress = bench.progress("c")
        assert (progress.unreachable, progress.capped) == (1, 1)
        bench.check()


def test_plan_says_whom_it_leaves_out(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    assert bench.dispatcher.plan(TEXT, people(3)).unreachable == 1
    notice = bench.dispatcher.plan(TEXT, people(3), commercial=False, reason="an alert")
    assert notice.unreachable == 0
    bench.opt_out(ANNE)
    plan = bench.dispatcher.plan(TEXT, people(3))
    assert (plan.opted_out, plan.unreachable) == (1, 0)


def test_without_the_setting_nobody_is_left_out_and_nothing_is_asked(tables: Database) -> None:
    with opened(tables) as bench:
        with counted_with_values(tables) as asked:
            for reference in ("a", "b", "c"):
                assert send(bench, reference) == {"delivered": 1, "undelivered": 1}
        assert asked
        assert not [one for one, _ in asked if "row_number" in one or "dispatcher_lift" in one]
        assert list(bench.dispatcher.unreachable) == []
        assert not bench.dispatcher.unreachable.lift(ANNE, reason=WHY)
        # what is known of a number is shown all the same
        found = bench.dispatcher.unreachable.get(ANNE)
        assert [one.campaign for one in found.reports] == ["c", "b", "a"]
        assert not found.unreachable


def test_nothing_is_found_without_tables(database_url: str) -> None:
    one = Dispatcher(Settings.of(database_url=database_url, unreachable_after=2))
    assert list(one.unreachable) == []
    assert one.unreachable.page().total == 0
    assert one.unreachable.get(ANNE).reports == ()
    one.database.close()


# -- erasure and retention


def prune(bench: Bench, **later: float) -> None:
    bench.clock.forward(**later)
    bench.dispatcher.steps.prune()


def test_reports_under_a_pseudonym_count(bench: Bench) -> None:
    """Retention has replaced the recipients of one campaign, and nobody was ever erased."""
    send(bench, "a")
    prune(bench, days=39)  # the campaign ended longer ago than its message may count
    send(bench, "b")
    with bench.dispatcher.database.write() as session:
        before = bench.clock()
        session.execute(
            update(Campaign)
            .where(Campaign.reference == "a")
            .values(ended_at=before - timedelta(50))
        )
        session.execute(
            update(Batch).where(Batch.id == 1).values(sent_at=before - timedelta(days=3))
        )
    prune(bench, hours=2)
    with bench.dispatcher.database.read() as session:
        phones = session.scalars(select(Recipient.phone).order_by(Recipient.batch_id)).all()
    assert [is_pseudonym(phone) for phone in phones] == [True, True, False, False]
    assert unreachable(bench) == [ANNE]
    [found] = bench.dispatcher.unreachable
    assert [one.campaign for one in found.reports] == ["b", "a"]
    assert all(one.reported_at for one in found.reports)
    assert send(bench, "c") == {"delivered": 1, "rejected": 1}


def test_lift_is_stored_under_the_pseudonym_of_a_number_that_is_gone(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    bench.dispatcher.unreachable.lift(ANNE, reason=WHY)
    with bench.dispatcher.database.write() as session:
        old = bench.clock() - timedelta(days=50)
        session.execute(update(Campaign).values(ended_at=old))
    prune(bench, hours=2)
    assert [is_pseudonym(phone) for phone, _ in lifts(bench)] == [True]
    assert unreachable(bench) == []
    assert bench.dispatcher.unreachable.get(ANNE).lift is not None
    assert bench.dispatcher.persons.show(ANNE)["lifts"][0]["reason"] == WHY
    bench.submit(2, "again")
    send(bench, "c")
    send(bench, "d")
    with bench.dispatcher.database.write() as session:
        session.execute(update(Campaign).values(ended_at=old, numbers_from=1))
    prune(bench, hours=2)
    # nobody has the number any more: another word goes to the row of the first
    assert bench.dispatcher.unreachable.lift(ANNE, reason="again")
    assert [reason for _, reason in lifts(bench)] == ["again"]


def test_number_that_another_campaign_has_keeps_its_lift(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    bench.dispatcher.unreachable.lift(ANNE, reason=WHY)
    with bench.dispatcher.database.write() as session:
        old = bench.clock() - timedelta(days=50)
        session.execute(update(Campaign).where(Campaign.reference == "a").values(ended_at=old))
    prune(bench, hours=2)
    assert [phone for phone, _ in lifts(bench)] == [ANNE]


def test_old_reports_lifts_and_replies_stop_to_count_together(bench: Bench) -> None:
    """A reply is deleted no sooner than the messages before it stop to count."""
    send(bench, "a")
    send(bench, "b")
    bench.dispatcher.unreachable.lift(ANNE, reason=WHY)
    prune(bench, days=40, minutes=1)
    assert not lifts(bench)
    assert unreachable(bench) == []


def test_erased_person_leaves_no_lift(bench: Bench) -> None:
    send(bench, "a")
    send(bench, "b")
    bench.dispatcher.unreachable.lift(ANNE, reason=WHY)
    assert set(bench.dispatcher.persons.show(ANNE)) >= {"lifts", "messages"}
    bench.dispatcher.persons.erase(ANNE, reason="she asked")
    assert lifts(bench) == []
    assert bench.dispatcher.persons.show(ANNE).get("lifts") is None
    assert send(bench, "c") == {"delivered": 1, "opted_out": 1}
    assert list(bench.dispatcher.unreachable) == []  # nobody has the number


def lifts(bench: Bench) -> list[tuple[str, str]]:
    with bench.dispatcher.database.read() as session:
        query = select(Lift.phone, Lift.reason).order_by(Lift.phone)
        return [(row.phone, row.reason) for row in session.execute(query)]


# -- what it costs


def test_query_finds_people_by_the_index_of_their_numbers(database: Database) -> None:
    """It reads no other messages, however many there are."""
    batches, size = 60, 500
    with opened(database, unreachable_after=2) as bench:
        bench.submit(1, "a")
        [batch] = bench.batches()
        rows = [
            {"batch_id": number, "position": place, "phone": phone}
            for number in range(2, batches + 2)
            for place, phone in enumerate(people(size, number * size % 10_000))
        ]
        with database.write() as session:
            session.execute(insert(Recipient), rows)
            copies = [
                {
                    "id": number, "campaign_id": 1, "number": number, "territory": "metropole",
                    "size": size, "state": "done", "states": "u" * size, "pending": 0,
                    "undelivered": size, "not_before": OPEN, "sent_at": OPEN,
                }
                for number in range(2, batches + 2)
            ]  # fmt: skip
            session.execute(insert(Batch), copies)
        if not database.is_sqlite:
            with database.engine.connect() as connection:
                whole = connection.execution_options(isolation_level="AUTOCOMMIT")
                whole.exec_driver_sql("ANALYZE")
        with counted_with_values(database) as asked:
            bench.send(batch.id)
        judged = [one for one in asked if "row_number" in one[0]]
        [(statement, values)] = judged  # nobody is left for a second one
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        with database.engine.connect() as connection:
            found = connection.exec_driver_sql(explain + statement, values)
            plan = [str(row[-1]) for row in found]
        assert any("ix_dispatcher_recipient_phone" in line for line in plan), plan
        assert not any(
            re.match(r"(?:.*Seq Scan on|SCAN) dispatcher_recipient", one) for one in plan
        )


def test_messages_are_found_by_the_index_of_numbers(bench: Bench) -> None:
    """Whatever PostgreSQL thinks of how few batches left lately."""
    send(bench, "one")
    database = bench.dispatcher.database
    with counted_with_values(database, "row_number()") as asked:
        assert bench.dispatcher.unreachable.get(ANNE).reports
    [(statement, values)] = asked
    assert "AS MATERIALIZED" in statement
    plan = "\n".join(plan_of(database, statement, values, of_few_rows=True))
    assert "ix_dispatcher_recipient_phone" in plan
    assert "SCAN dispatcher_recipient" not in plan
    assert database.is_sqlite or "CTE people" in plan
