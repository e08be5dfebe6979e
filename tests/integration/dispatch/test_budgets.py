"""What the budgets of its tags do not pay for does not begin, and goes on once they do."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text

from dispatcher import rehearse
from dispatcher.campaigns.budgets import decide
from dispatcher.dispatch import budgets as step
from dispatcher.dispatch.budgets import let_begin
from dispatcher.errors import IllegalMove
from dispatcher.gateway import BatchTaken, Declined, LineAnswer, SendReply, Unsent
from dispatcher.storage import budgets
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Event
from tests.integration.bench import OPEN, Bench, opened, people
from tests.integration.conftest import empty
from tests.integration.dispatch.test_sending import answers

#: the gateway in memory charges this for a message
PRICE = "metropole=0.038"
NEEDS = "the budget of tag shop has {} € left in 2026-11, and the campaign needs {} €"


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    with opened(tables, prices=PRICE) as bench:
        yield bench
        bench.check()


def put(bench: Bench, euros: str, tag: str = "shop") -> None:
    """A budget below one batch, so that lists may be short; workers look at it by a tick."""
    with bench.dispatcher.database.write() as session:
        budgets.put(session, tag, Decimal(euros))


def left(bench: Bench, tag: str = "shop") -> Decimal:
    return {one.tag: one.left for one in bench.dispatcher.budgets.all()}[tag]


def why(bench: Bench, reference: str) -> tuple[str, str]:
    found = bench.progress(reference)
    return found.cause, found.why


def kinds(bench: Bench) -> list[str]:
    with bench.dispatcher.database.read() as session:
        return [*session.scalars(select(Event.kind).order_by(Event.id))]


def at(bench: Bench, instant: datetime) -> None:
    bench.clock.forward(seconds=(instant - bench.clock()).total_seconds())


def test_campaign_that_its_budget_pays_for_is_sent_and_counted(bench: Bench) -> None:
    put(bench, "0.20")
    bench.submit(3, tags=["shop"])
    assert not bench.send(1)  # not before the budget was looked at
    bench.work()
    assert bench.messages() == {"sent": 3}
    [budget] = bench.dispatcher.budgets.all()
    assert (budget.charged, budget.reserved) == (Decimal("0.114"), Decimal(0))
    assert budget.left == Decimal("0.086")


def test_campaign_beyond_its_budget_waits_before_its_first_message(bench: Bench) -> None:
    put(bench, "0.20")
    bench.submit(3, "one", tags=["shop"])
    bench.work()
    bench.submit(3, "two", start=10, tags=["shop"])
    for _ in range(3):
        bench.work()
    assert why(bench, "two") == ("budget", NEEDS.format("0.08", "0.12"))
    assert len(bench.gateway.requests) == 1
    assert bench.dispatcher.budgets.waiting() == [2]
    # told once, however often it is looked at
    assert kinds(bench).count("budget_reached") == 1
    [entry] = bench.actions("budget reached")
    assert (entry.campaign_id, entry.reason) == (2, NEEDS.format("0.08", "0.12"))


def test_raised_budget_lets_a_waiting_campaign_go_on(bench: Bench) -> None:
    put(bench, "0.10")
    bench.submit(3, tags=["shop"])
    bench.work()
    assert not bench.gateway.requests
    put(bench, "0.114")
    bench.work()
    assert bench.messages() == {"sent": 3}
    assert why(bench, "soldes") == ("", "")
    assert bench.dispatcher.budgets.waiting() == []


def test_campaign_that_waits_is_looked_at_once_a_minute_and_a_new_one_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def count(needs: Any, found: Any) -> Any:
        looks.append(len(needs))
        return decide(needs, found)

    monkeypatch.setattr(step, "decide", count)
    put(bench, "0.10")
    bench.submit(3, tags=["shop"])
    for _ in range(5):
        bench.work()
        bench.clock.forward(seconds=2)
    assert looks == [1]
    bench.submit(1, "new", start=10, tags=["shop"])
    bench.work()
    assert looks == [1, 2]
    assert bench.messages("new") == {"sent": 1}
    bench.pass_by(seconds=59)
    assert looks == [1, 2]
    bench.pass_by(seconds=1)
    assert looks == [1, 2, 1]


def test_removed_budget_lets_a_waiting_campaign_go_on(bench: Bench) -> None:
    put(bench, "0.10")
    bench.submit(3, tags=["shop"])
    bench.work()
    bench.dispatcher.budgets.remove("shop")
    bench.work()
    assert bench.messages() == {"sent": 3}


def test_next_month_of_paris_lets_a_waiting_campaign_go_on(bench: Bench) -> None:
    put(bench, "0.20")
    bench.submit(5, "one", tags=["shop"], commercial=False, reason="a notice")
    bench.work()
    bench.submit(5, "two", start=10, tags=["shop"], commercial=False, reason="a notice")
    at(bench, datetime(2026, 11, 30, 22, 59, 58, tzinfo=UTC))
    bench.work()
    assert why(bench, "two")[0] == "budget"
    bench.clock.forward(minutes=1)  # past midnight in Paris
    bench.work()
    assert bench.messages("two") == {"sent": 5}
    assert left(bench) == Decimal("0.010")


def test_campaign_counts_in_the_month_in_which_it_begins(bench: Bench) -> None:
    """Also what it sends in the next one."""
    put(bench, "0.40")
    at(bench, datetime(2026, 11, 30, 22, 59, 50, tzinfo=UTC))
    bench.gateway.behave = lambda tag, phones: Unsent("not yet")
    bench.submit(5, "one", tags=["shop"], commercial=False, reason="a notice")
    bench.work()
    assert not bench.gateway.texted
    bench.gateway.behave = bench.gateway.take
    bench.pass_by(days=1)
    assert bench.messages("one") == {"sent": 5}
    [row] = bench.dispatcher.spend("month").rows
    assert (row.name, row.charged.euros) == ("2026-12", Decimal("0.190"))
    assert left(bench) == Decimal("0.40")


def test_each_tag_has_to_pay_for_the_whole_campaign(bench: Bench) -> None:
    put(bench, "1", "shop")
    put(bench, "0.05", "sale")
    bench.submit(3, "both", tags=["shop", "sale", "other"])
    bench.submit(3, "one", start=10, tags=["shop"])
    bench.submit(3, "none", start=20)
    bench.work()
    assert why(bench, "both")[1].startswith("the budget of tag sale has 0.05 € left")
    assert bench.messages("one") == bench.messages("none") == {"sent": 3}
    # who waits takes nothing
    assert left(bench, "shop") == Decimal("0.886")


def test_higher_priority_is_paid_first_and_a_smaller_one_may_pass(bench: Bench) -> None:
    put(bench, "0.20")
    bench.submit(5, "low", tags=["shop"], priority="low")
    bench.submit(4, "large", start=10, tags=["shop"], priority="high")
    bench.submit(2, "larger", start=20, tags=["shop"], priority="high")
    bench.submit(1, "small", start=30, tags=["shop"])
    bench.work()
    waits = [one.reference for one in bench.dispatcher.campaigns() if one.cause == "budget"]
    assert waits == ["larger", "low"]


def test_budget_that_is_set_later_stops_no_campaign_that_has_begun(bench: Bench) -> None:
    bench.submit(1, tags=["shop"])
    bench.submit(600, "large", start=10, tags=["shop"])
    bench.tick()
    bench.send(bench.batches(2)[0].id)
    put(bench, "20")
    bench.work()
    assert bench.messages("large") == {"sent": 600}
    assert left(bench) == Decimal("20") - 601 * Decimal("0.038")
    bench.submit(1, "late", start=900, tags=["shop"])
    bench.work()
    assert why(bench, "late") == ("budget", NEEDS.format("0.00", "0.04"))


def test_paused_campaign_keeps_what_it_reserved_and_a_cancelled_one_gives_it_back(
    bench: Bench,
) -> None:
    put(bench, "0.20")
    bench.submit(5, "one", tags=["shop"])
    bench.tick()
    bench.dispatcher.pause("one")
    bench.submit(5, "two", start=10, tags=["shop"])
    bench.work()
    assert why(bench, "two")[0] == "budget"
    bench.dispatcher.cancel("one")
    bench.work()
    assert bench.messages("two") == {"sent": 5}
    assert left(bench) == Decimal("0.01")


def refused_twice(bench: Bench) -> None:
    """Both batches are refused for the same reason, so that the campaign pauses."""
    put(bench, "40")
    bench.submit(1000, "one", tags=["shop"])
    bench.gateway.behave = answers(Declined(90))
    bench.work()
    bench.gateway.behave = bench.gateway.take


def test_refused_messages_stay_reserved_as_long_as_a_resume_may_send_them(
    tables: Database,
) -> None:
    with opened(tables, prices=PRICE, refusal_limit=2) as bench:
        refused_twice(bench)
        assert bench.messages("one") == {"rejected": 1000}
        bench.submit(100, "two", start=2000, tags=["shop"])
        bench.work()
        assert why(bench, "two") == ("budget", NEEDS.format("2.00", "3.80"))
        bench.dispatcher.resume("one")
        bench.work()
        assert bench.messages("one") == {"sent": 1000}
        assert left(bench) == Decimal("2")
        assert why(bench, "two")[0] == "budget"


def test_refused_messages_of_a_cancelled_campaign_are_given_back(tables: Database) -> None:
    with opened(tables, prices=PRICE, refusal_limit=2) as bench:
        refused_twice(bench)
        bench.dispatcher.cancel("one")
        assert left(bench) == Decimal("40")


def test_number_that_a_taken_call_rejected_is_given_back(bench: Bench) -> None:
    def first_alone(tag: str, phones: list[str]) -> BatchTaken:
        message_id = bench.gateway.accept(tag, phones[:1])
        some = [
            LineAnswer(one, one == phones[0], 200 if one == phones[0] else 9, 1, Decimal("0.038"))
            for one in phones
        ]
        return BatchTaken(message_id, some)

    put(bench, "1")
    bench.gateway.behave = first_alone
    bench.submit(3, tags=["shop"])
    bench.work()
    assert bench.messages() == {"sent": 1, "rejected": 2}
    [budget] = bench.dispatcher.budgets.all()
    assert budget.reserved == 0


def test_doubt_stays_reserved_until_a_person_ends_it(bench: Bench) -> None:
    put(bench, "0.20")
    bench.submit(5, "one", tags=["shop"])
    bench.gateway.behave = bench.gateway.swallow
    bench.work()
    assert bench.progress("one").in_doubt == 1
    assert left(bench) == Decimal("0.01")


def test_gateway_that_charges_more_than_the_plan_leaves_less(bench: Bench) -> None:
    """The budget is exceeded by what it charges beyond the plan, and by nothing else."""

    def dear(tag: str, phones: list[str]) -> BatchTaken:
        message_id = bench.gateway.accept(tag, phones)
        twice = Decimal("0.076")
        return BatchTaken(message_id, [LineAnswer(one, True, 200, 1, twice) for one in phones])

    put(bench, "0.20")
    bench.gateway.behave = dear
    bench.submit(5, "one", tags=["shop"])
    bench.work()
    assert bench.progress("one").cost == Decimal("0.380")
    assert left(bench) == Decimal("-0.18")
    bench.submit(1, "two", start=10, tags=["shop"])
    bench.work()
    assert why(bench, "two") == ("budget", NEEDS.format("0.00", "0.04"))


def test_campaign_without_a_price_waits_for_one(tables: Database) -> None:
    with opened(tables, prices="mayotte=0.06") as bench:
        put(bench, "100")
        bench.submit(3, tags=["shop"])
        bench.work()
        says = "the budget of tag shop needs a price for metropole (DISPATCHER_PRICES)"
        assert why(bench, "soldes") == ("budget", says)
    with opened(tables, prices=PRICE) as bench:
        bench.pass_by(minutes=1)
        assert bench.messages() == {"sent": 3}


def test_survey_waits_because_its_cost_is_unknown(bench: Bench) -> None:
    put(bench, "100")
    found = bench.dispatcher.submit("opinion", "", ["06 39 98 00 01"], survey="s1", tags=["shop"])
    assert "needs a price for surveys" in " ".join(found.warnings)
    bench.work()
    assert "needs a price for surveys" in why(bench, "opinion")[1]


def test_waiting_campaign_expires_as_any_other(bench: Bench) -> None:
    put(bench, "0.10")
    bench.submit(3, tags=["shop"], not_after=OPEN + timedelta(hours=1))
    bench.work()
    bench.pass_by(hours=2)
    assert bench.messages() == {"expired": 3}
    assert left(bench) == Decimal("0.10")
    assert bench.dispatcher.budgets.waiting() == []


def test_campaign_of_next_month_is_looked_at_once_it_is_due(bench: Bench) -> None:
    put(bench, "0.20")
    bench.submit(5, "next", tags=["shop"], not_before=datetime(2026, 12, 1, 9, tzinfo=UTC))
    bench.submit(5, "now", start=10, tags=["shop"])
    bench.work()
    assert bench.messages("now") == {"sent": 5}
    assert bench.progress("next").cause == "window"
    at(bench, datetime(2026, 12, 1, 9, tzinfo=UTC))
    bench.work()
    assert bench.messages("next") == {"sent": 5}


def test_nothing_is_taken_from_a_budget_while_everything_is_paused(bench: Bench) -> None:
    put(bench, "0.20")
    bench.submit(5, tags=["shop"])
    bench.dispatcher.pause_all()
    bench.work()
    assert left(bench) == Decimal("0.20")
    bench.dispatcher.resume_all()
    bench.work()
    assert left(bench) == Decimal("0.01")


def test_budget_holds_whatever_checks_the_credit(tables: Database) -> None:
    with opened(tables, prices=PRICE, credit_check="pause") as bench:
        put(bench, "0.10")
        bench.submit(3, tags=["shop"])
        bench.work()
        bench.work()
        assert why(bench, "soldes")[0] == "budget"
        put(bench, "0.20")
        bench.work()
        assert bench.messages() == {"sent": 3}
        bench.check()


@pytest.mark.parametrize("said", ["plan", "submit"])
def test_plan_and_submit_say_beforehand_that_it_would_wait(bench: Bench, said: str) -> None:
    put(bench, "0.10")
    options: Any = {"tags": ["shop"]}
    if said == "plan":
        warnings = bench.dispatcher.plan("Soldes", people(3), **options).warnings
    else:
        found = bench.dispatcher.submit("soldes", "Soldes", people(3), **options)
        assert found.warnings == found.impersonal
        warnings = found.warnings
    assert f"the campaign would wait: {NEEDS.format('0.10', '0.12')}" in warnings
    put(bench, "0.12")
    assert not any(
        "wait" in one for one in bench.dispatcher.plan("S", people(3), **options).warnings
    )
    # of the month in which it begins
    put(bench, "0.01", "sale")
    later: Any = {"tags": ["sale"], "not_before": datetime(2027, 2, 1, 9, tzinfo=UTC)}
    assert any(
        "in 2027-02" in one for one in bench.dispatcher.plan("S", people(3), **later).warnings
    )


def test_two_ticks_at_once_never_give_the_last_euros_twice(bench: Bench) -> None:
    """Each campaign alone fits. The transactions overlap at a barrier, on threads of their own."""
    put(bench, "0.20")
    context = bench.dispatcher._gateways.steps._context
    for n in range(6):
        for one in range(3):
            bench.submit(5, f"{n} {one}", start=100 * n + 10 * one, tags=["shop"])
        start = threading.Barrier(3)

        def begin(_: int, start: threading.Barrier = start) -> None:
            start.wait()
            let_begin(context, bench.clock())

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(begin, range(3)))
        begun = [one for one in bench.campaigns() if one.budgeted_at]
        assert len(begun) == n + 1
        put(bench, f"{0.20 + 0.19 * (n + 1):.2f}")
    # each but the first had to wait, which is told once
    assert kinds(bench).count("budget_reached") == 17


def test_campaign_that_begins_while_another_is_decided_on_is_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second decision starts while the first holds what is left: it waits for its commit."""
    put(bench, "0.20")
    context = bench.dispatcher._gateways.steps._context
    bench.submit(5, "one", tags=["shop"])
    alone = bench.dispatcher.database.is_sqlite  # it has one writer: nobody submits meanwhile
    if alone:
        bench.submit(5, "two", start=10, tags=["shop"])
    decided, inside = decide, threading.Event()

    def slow(*given: Any) -> Any:
        if not inside.is_set():
            inside.set()
            if not alone:
                bench.submit(5, "two", start=10, tags=["shop"])
            other.start()
            other.join(0.5)
            assert other.is_alive()
        return decided(*given)

    other = threading.Thread(target=lambda: let_begin(context, bench.clock()))
    monkeypatch.setattr(step, "decide", slow)
    let_begin(context, bench.clock())
    other.join()
    assert [one.budgeted_at is None for one in bench.campaigns()] == [False, True]


def test_campaign_whose_row_is_locked_keeps_no_other_waiting(
    postgres_tables: Database,
) -> None:
    empty(postgres_tables)
    with opened(postgres_tables, prices=PRICE) as bench:
        put(bench, "1")
        bench.submit(5, "one", tags=["shop"])
        bench.submit(5, "two", start=10, tags=["shop"])
        with bench.dispatcher.database.write() as session:
            session.execute(text("SELECT 1 FROM dispatcher_campaign WHERE id = 1 FOR UPDATE"))
            let_begin(bench.dispatcher._gateways.steps._context, bench.clock())
        assert [one.budget_wait for one in bench.campaigns()] == ["", None]
        bench.work()
        assert bench.messages("one") == bench.messages("two") == {"sent": 5}


def test_rehearsal_of_a_campaign_with_tags_agrees_with_its_plan() -> None:
    found = rehearse("Soldes !", people(3), start=OPEN, tags=["shop"])
    assert found.agrees, found.unexplained


def test_months_of_random_campaigns_never_pass_their_budgets(bench: Bench) -> None:
    chance = random.Random(19)
    for tag in ("shop", "sale"):
        put(bench, "0.95", tag)
    taken = bench.gateway.take

    def any_answer(tag: str, phones: list[str]) -> SendReply:
        kind = chance.random()
        if kind < 0.2:
            return Unsent("not yet")
        return bench.gateway.swallow(tag, phones) if kind < 0.3 else taken(tag, phones)

    bench.gateway.behave = any_answer
    for n in range(40):
        tags = chance.sample(["shop", "sale", "free"], chance.randint(0, 2))
        bench.submit(chance.randint(1, 9), f"c{n}", start=20 * n, tags=tags)
        bench.pass_by(hours=chance.randint(1, 30))
        if chance.random() < 0.2:
            with suppress(IllegalMove):
                bench.dispatcher.cancel(f"c{chance.randint(0, n)}")
        for one in bench.dispatcher.budgets.all():
            assert one.left >= 0
            assert one.charged + one.reserved <= one.euros
    assert {one.month for one in bench.dispatcher.budgets.all()} != {"2026-11"}
