"""What campaigns cost: rows that add up to the total, to progress and to the gateway's ledger."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dispatcher import InvalidCampaign, Spend, SpendRow
from dispatcher.campaigns.spend import By, Spent
from dispatcher.gateway import BatchTaken, Declined, LineAnswer, SendReply
from dispatcher.storage.database import Database
from tests.integration.bench import OPEN, TEXT, Bench, opened, people
from tests.integration.dispatch.test_accounts import Accounts
from tests.statements import counted

PRICES = "metropole=0.045,la-reunion=0.06"
PRICE = Decimal("0.045")
#: what the fake gateway charges
COST = Decimal("0.038")
SENT = ("sent", "delivered", "undelivered", "unreported")
ANNE, BRUNO = people(2)


@pytest.fixture
def shop(tables: Database) -> Iterator[Bench]:
    """A bench with prices."""
    with opened(tables, prices=PRICES) as bench:
        yield bench
        bench.check()


def table(bench: Bench, by: str = "month", **options: Any) -> dict[str, SpendRow]:
    """The rows by name, once they were held against the total and against progress."""
    return {row.name: row for row in agreed(bench, by, **options).rows}


def agreed(bench: Bench, by: str = "month", **options: Any) -> Spend:
    found = bench.dispatcher.spend(by, **options)
    if by != "tag":
        added = sum(found.rows, SpendRow())
        assert [*added.amounts()] == [*found.total.amounts()]
        assert (added.untold, added.unpriced) == (found.total.untold, found.total.unpriced)
    for row in (*found.rows, found.total):
        for unit, measures in row.amounts():
            aside = row.unplanned if unit == "euros" else 0
            comes_to = measures["reserved"] + measures["charged"]
            assert measures["planned"] + measures["difference"] + aside == comes_to
            kind = Decimal if unit == "euros" else int
            assert {type(value) for value in measures.values()} == {kind}
    if not options:
        held_to_progress(bench, found.total)
    return found


def held_to_progress(bench: Bench, total: SpendRow) -> None:
    campaigns = bench.dispatcher.campaigns(1000)
    messages: Counter[str] = Counter()
    for one in campaigns:
        messages.update(one.messages)
    held = sum(batch.pending for batch in bench.batches() if batch.state == "handed_over")
    sent = sum(messages[state] for state in SENT) + held
    assert total.campaigns == len(campaigns)
    assert total.planned.messages == sum(one.recipients for one in campaigns)
    assert total.charged.euros == sum((one.cost for one in campaigns), Decimal(0))
    assert total.untold == sum(one.untold for one in campaigns)
    assert total.charged.messages + total.untold == sent
    to_go = messages["pending"] + messages["in_doubt"] - held
    assert total.reserved.messages == to_go + total.untold


def test_campaign_moves_from_reserved_to_charged(shop: Bench) -> None:
    shop.submit(3)
    before = agreed(shop).total
    assert (before.planned.messages, before.planned.segments) == (3, 3)
    assert before.planned == before.reserved
    assert before.planned.euros == 3 * PRICE
    assert before.charged.euros == before.difference.euros == 0

    shop.work()
    after = agreed(shop).total
    assert after.planned == before.planned
    assert after.reserved.messages == after.reserved.euros == 0
    assert (after.charged.messages, after.charged.segments) == (3, 3)
    assert after.charged.euros == 3 * COST
    assert after.difference.euros == 3 * (COST - PRICE)


def test_people_left_out_are_the_difference(shop: Bench) -> None:
    shop.opt_out(ANNE)
    shop.submit(3)
    shop.work()
    total = agreed(shop).total
    assert (total.planned.messages, total.charged.messages, total.difference.messages) == (3, 2, -1)
    assert total.difference.segments == -1


def test_rejected_of_an_answer_are_not_billed(shop: Bench) -> None:
    def refuse_one(tag: str, phones: list[str]) -> SendReply:
        message_id = shop.gateway.accept(tag, phones[1:])
        lines = [LineAnswer(phone, True, 200, 2, 2 * COST) for phone in phones[1:]]
        return BatchTaken(message_id, [LineAnswer(phones[0], False, 11, 0, Decimal(0)), *lines])

    shop.gateway.behave = refuse_one
    shop.submit(3)
    shop.work()
    total = agreed(shop).total
    assert (total.charged.messages, total.charged.segments) == (2, 4)
    assert (total.planned.segments, total.difference.segments) == (3, 1)
    assert total.charged.euros == 4 * COST


def test_batch_in_doubt_is_reserved(shop: Bench) -> None:
    shop.gateway.behave = shop.gateway.swallow
    shop.submit(2)
    shop.work()
    total = agreed(shop).total
    assert (total.reserved.messages, total.reserved.euros) == (2, 2 * PRICE)
    shop.dispatcher.give_up(shop.batches()[0].id, reason="nobody knows")
    after = agreed(shop).total
    assert after.untold == after.reserved.messages == 2


def test_message_at_a_cost_that_nobody_knows_stays_reserved(shop: Bench) -> None:
    shop.gateway.behave = shop.gateway.lose
    shop.submit(2)
    shop.work()
    shop.pass_by(minutes=1)
    found = agreed(shop)
    assert shop.messages() == {"sent": 2}
    assert (found.total.untold, found.total.charged.messages) == (2, 0)
    assert found.total.reserved.euros == 2 * PRICE
    assert found.notes() == ["2 messages sent at a cost that the gateway did not tell: reserved"]


def test_price_that_was_not_set_is_in_no_difference(bench: Bench) -> None:
    bench.submit(3)
    bench.work()
    found = agreed(bench)
    assert (found.total.unpriced, found.total.planned.euros) == (3, Decimal(0))
    assert found.total.charged.euros == found.total.unplanned == 3 * COST
    assert found.total.difference.euros == 0
    assert "3 messages planned without a price" in found.notes()[0]


def test_refused_and_cancelled_campaigns_are_planned_and_cost_nothing(shop: Bench) -> None:
    shop.gateway.behave = lambda _tag, _phones: Declined(9)
    shop.submit(2, "refused")
    shop.work()
    shop.submit(2, "cancelled", start=5, not_before=OPEN + timedelta(days=60))
    shop.dispatcher.cancel("cancelled")
    rows = table(shop)
    assert rows["2027-01"].planned.messages == 2
    assert rows["2027-01"].difference.messages == -2
    assert agreed(shop).total.charged.euros == 0


# -- months


def test_month_is_the_one_of_a_clock_in_paris(tables: Database) -> None:
    # an alert at 23:30 on 31 October in Paris, and one half an hour after midnight
    at = datetime(2026, 10, 31, 22, 30, tzinfo=UTC)
    with opened(tables, prices=PRICES, at=at) as bench:
        bench.submit(1, "late", commercial=False, reason="test")
        bench.work()
        bench.clock.forward(hours=1)
        bench.submit(2, "early", start=5, commercial=False, reason="test")
        bench.work()
        rows = table(bench)
    assert {name: row.charged.messages for name, row in rows.items()} == {
        "2026-10": 1, "2026-11": 2}  # fmt: skip


def test_what_waits_counts_in_the_month_in_which_it_may_leave(shop: Bench) -> None:
    shop.submit(1, "january", not_before=datetime(2027, 1, 31, 9, tzinfo=UTC))
    shop.submit(2, "now", start=5)
    shop.work()
    # 31 January is a Sunday
    assert {name: row.planned.messages for name, row in table(shop).items()} == {
        "2026-11": 2, "2027-02": 1}  # fmt: skip


def test_what_is_late_counts_in_this_month(shop: Bench) -> None:
    shop.submit(2)
    shop.dispatcher.pause("soldes")
    shop.clock.forward(days=40)
    assert {name: row.reserved.messages for name, row in table(shop).items()} == {"2027-01": 2}
    shop.dispatcher.cancel("soldes")
    assert {name: row.planned.messages for name, row in table(shop).items()} == {"2026-11": 2}


def test_handed_over_batch_counts_in_the_month_of_its_hour(shop: Bench) -> None:
    shop.submit(2, not_before=datetime(2026, 12, 1, 9, tzinfo=UTC), hand_over=True)
    shop.work()
    assert {one.state for one in shop.batches()} == {"handed_over"}
    before = table(shop)
    assert before["2026-12"].charged.messages == 2
    shop.clock.at = datetime(2026, 12, 1, 9, 1, tzinfo=UTC)
    shop.work()
    assert {name: row.charged for name, row in table(shop).items()} == {
        "2026-12": before["2026-12"].charged}  # fmt: skip


def test_batch_set_aside_counts_in_this_month_and_then_when_its_campaign_ended(
    shop: Bench,
) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError("unforeseen")

    shop.gateway.request = fail  # type: ignore[method-assign, assignment]
    shop.submit(2)
    for _ in range(8):
        shop.pass_by(minutes=30)
    assert shop.batches()[0].not_before.year == 9000
    shop.clock.forward(days=30)
    assert {*table(shop)} == {"2026-12"}
    shop.dispatcher.cancel("soldes")
    shop.clock.forward(days=90)
    assert {*table(shop)} == {"2026-12"}


def test_period_bounds_the_rows(shop: Bench) -> None:
    shop.submit(1, "now")
    shop.work()
    shop.submit(2, "later", start=5, not_before=datetime(2027, 1, 12, 9, tzinfo=UTC))
    january = datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert {*table(shop, since=january)} == {"2027-01"}
    assert {*table(shop, until=january)} == {"2026-11"}
    assert agreed(shop, until=OPEN).rows == ()
    # from an instant on, and until before another
    [row] = agreed(shop, since=OPEN, until=OPEN + timedelta(seconds=1)).rows
    assert row.planned.messages == 1
    with pytest.raises(InvalidCampaign, match="ends before it begins"):
        shop.dispatcher.spend(since=january, until=OPEN)
    with pytest.raises(InvalidCampaign, match="no time zone"):
        shop.dispatcher.spend(since=OPEN.replace(tzinfo=None))


# -- tags, territories, accounts


def test_campaign_with_several_tags_counts_in_each_and_once_in_the_total(shop: Bench) -> None:
    shop.submit(1, "a", tags=["lyon", "sale"])
    shop.submit(2, "b", start=5, tags=["lyon"])
    shop.submit(4, "c", start=10)
    shop.work()
    found = agreed(shop, "tag")
    counts = {row.name: (row.campaigns, row.charged.messages) for row in found.rows}
    assert counts == {"": (1, 4), "lyon": (2, 3), "sale": (1, 1)}
    assert (found.total.campaigns, found.total.charged.messages) == (3, 7)
    assert found.several_tags == 1
    assert found.notes() == [
        "1 campaign with several tags: in the row of each, and once in the total"
    ]
    assert agreed(shop, "month").notes() == []


def test_tag_chooses_the_campaigns_that_count(shop: Bench) -> None:
    shop.submit(1, "a", tags=["lyon", "sale"])
    shop.submit(2, "b", start=5, tags=["nice"])
    shop.submit(4, "c", start=10)
    assert agreed(shop, tag="LYON").total.planned.messages == 1
    assert agreed(shop, tag=["lyon", "nice"]).total.planned.messages == 3
    assert agreed(shop, tag="paris").rows == ()
    with pytest.raises(InvalidCampaign, match="a campaign tag has"):
        shop.dispatcher.spend(tag="a b")


def test_territories_have_prices_of_their_own(shop: Bench) -> None:
    shop.dispatcher.submit("soldes", TEXT, [*people(2), "+262692980001"])
    rows = table(shop, "territory")
    assert rows["metropole"].planned.euros == 2 * PRICE
    assert rows["la-reunion"].planned.euros == Decimal("0.06")


def test_campaigns_are_named_by_their_references(shop: Bench) -> None:
    shop.submit(2, "été 2027")
    shop.submit(3, "hiver", start=5)
    rows = table(shop, "campaign")
    sums = {name: (row.campaigns, row.planned.messages) for name, row in rows.items()}
    assert sums == {"hiver": (1, 3), "été 2027": (1, 2)}


def test_account_sees_its_own_money_alone(tables: Database) -> None:
    accounts = Accounts(tables, prices="metropole=0.038")
    for number, account in enumerate(("", "shop", "news")):
        accounts.submit(number + 1, f"soldes {number}", start=9 * number, account=account)
    rows = accounts.dispatcher.spend("account").rows
    assert {row.name: row.planned.messages for row in rows} == {"": 1, "shop": 2, "news": 3}
    shop = accounts.dispatcher.for_account("shop")
    assert shop.spend().total.planned.messages == 2
    assert [row.name for row in shop.spend("account").rows] == ["shop"]
    assert accounts.dispatcher.for_account("").spend().total.planned.messages == 1


# -- what stays, and what it takes


def test_erased_person_and_retained_campaign_still_count(tables: Database) -> None:
    with opened(tables, prices=PRICES, recipient_days=31, text_days=31) as bench:
        bench.submit(3, tags=["lyon"])
        bench.work()
        bench.gateway.deliver()
        bench.pass_by(hours=1)
        bench.tick()
        before = [agreed(bench, by) for by in By]
        bench.dispatcher.persons.erase(BRUNO, reason="asked")
        bench.clock.forward(days=400)
        bench.dispatcher.steps.prune()
        assert [agreed(bench, by) for by in By] == before
        assert bench.dispatcher.campaign("soldes").text == ""


def test_test_messages_are_beside_the_total(shop: Bench) -> None:
    draft = shop.dispatcher.drafts.create("draft", TEXT, tags=["Lyon"])
    shop.dispatcher.drafts.set_list("draft", people(2, start=70), version=draft.version)
    shop.dispatcher.testers.add("Yann", people(1, start=80)[0], any_hour=True)
    shop.dispatcher.testers.send("draft", to=["Yann"])
    shop.submit(3, tags=["lyon"])
    shop.work()
    for by in By:
        found = agreed(shop, by)
        assert found.total.charged.messages == sum(row.charged.messages for row in found.rows) == 3
        assert (found.tests.campaigns, found.tests.charged.messages) == (1, 1)
        assert found.tests.charged.euros == COST
    assert found.as_json()["tests"]["messages"]["charged"] == 1


def test_what_was_charged_lately_needs_no_price_and_its_comparison_does(tables: Database) -> None:
    day, hour = timedelta(days=1), timedelta(hours=1)
    with opened(tables) as bench:
        bench.submit(3)
        bench.work()
        assert bench.dispatcher.spent_within([day]) == [Spent(3 * COST, Decimal(0), Decimal(0))]
        bench.clock.forward(hours=2)
        at = bench.clock()
    with opened(tables, prices=PRICES, at=at) as bench:
        bench.submit(2, "later", start=10)
        bench.work()
        with counted() as statements:
            lately = bench.dispatcher.spent_within([hour, day])
        assert lately == [
            Spent(2 * COST, 2 * COST, 2 * PRICE),
            Spent(5 * COST, 2 * COST, 2 * PRICE),
        ]
        assert sum("dispatcher_batch" in one for one in statements) == 1
        assert bench.dispatcher.spent(day) == (2 * COST, 2 * PRICE)
        assert bench.dispatcher.spend().total.charged.euros == 5 * COST


def test_nothing_is_found_where_nothing_was_submitted(bench: Bench) -> None:
    found = agreed(bench)
    assert (found.rows, found.total) == ((), SpendRow())


@pytest.mark.parametrize("by", By)
def test_spend_takes_as_many_statements_for_fifty_campaigns_as_for_three(
    shop: Bench, by: By
) -> None:
    def statements() -> list[str]:
        with counted() as found:
            shop.dispatcher.spend(by)
        return found

    for number in range(3):
        shop.submit(1, f"c{number}", start=number, tags=["a", "b"])
    few = statements()
    for number in range(3, 50):
        shop.submit(1, f"c{number}", start=number, tags=[f"t{number}", "b"])
    assert len(statements()) == len(few), few


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_rows_add_up_to_total_progress_results_and_ledger(
    tables: Database, seed: int
) -> None:
    draw = random.Random(seed)
    with opened(tables, prices=PRICES, doubt_limit=99) as bench:
        told: Counter[str] = Counter()

        def charge(tag: str, phones: list[str]) -> SendReply:
            bench.gateway.accept(tag, phones)
            lines = [LineAnswer(phone, True, 200, 1, COST) for phone in phones]
            told.update(phones)
            return BatchTaken(tag, lines)

        behaviours: list[Callable[[str, list[str]], SendReply]] = [
            charge, charge, charge, bench.gateway.lose, bench.gateway.swallow,
            lambda _tag, _phones: Declined(9),
        ]  # fmt: skip
        for number in range(12):
            bench.gateway.behave = draw.choice(behaviours)
            if draw.random() < 0.5:
                bench.opt_out(people(1, start=20 * number)[0])
            later = draw.choice([None, None, bench.clock() + timedelta(days=draw.randrange(1, 70))])
            listed = [*people(draw.randrange(2, 6), start=20 * number), f"+26269298{number:04d}"]
            bench.dispatcher.submit(
                f"c{number}", TEXT, listed, not_before=later,
                tags=draw.sample(["lyon", "nice", "sale"], draw.randrange(3)),
            )  # fmt: skip
            bench.work()
            if draw.random() < 0.2:
                bench.dispatcher.cancel(f"c{number}")
            bench.pass_by(hours=draw.randrange(0, 20))
            for by in By:
                agreed(bench, by)
        total = agreed(bench).total
        # the ledger: what the gateway charged for, one message after the other
        assert total.charged.euros == COST * told.total()
        assert total.charged.messages == told.total()
        costs = [row.cost for one in bench.campaigns() for row in bench.dispatcher.results(one.id)]
        assert sum(costs) == total.charged.euros
