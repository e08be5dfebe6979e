"""What left is counted once, whoever says that it left: the answer with its cost, or the tag."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from dispatcher.gateway import BatchTaken, LineAnswer, Lost, SendReply, Throttled
from dispatcher.storage import credit
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Batch
from tests.integration.bench import Bench, opened
from tests.integration.dispatch.test_budgets import NEEDS, put, why
from tests.integration.dispatch.test_hand_over import HOUR, submit_held

#: of a message, by the plan and at the gateway
PRICE = Decimal("0.038")
PRICES = f"metropole={PRICE}"


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    with opened(tables, prices=PRICES) as bench:
        put(bench, "10")
        yield bench
        bench.check()


def take_and_name(bench: Bench, count: int, *, priced: int | None = None) -> None:
    """The gateway takes all, and its answer speaks of ``count`` alone, ``priced`` with a cost."""

    def behave(tag: str, phones: list[str]) -> SendReply:
        message_id = bench.gateway.accept(tag, phones)
        costs = [PRICE if priced is None or n < priced else Decimal(0) for n in range(count)]
        lines = [LineAnswer(*line) for line in _lines(phones[:count], costs)]
        return BatchTaken(message_id, lines)

    bench.gateway.behave = behave


def _lines(phones: list[str], costs: list[Decimal]) -> list[tuple[str, bool, int, int, Decimal]]:
    return [(phone, True, 200, 1, cost) for phone, cost in zip(phones, costs, strict=True)]


def hide(bench: Bench, reply: SendReply) -> None:
    """The gateway takes all, answers ``reply``, and does not show the tag yet."""

    def behave(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.hidden.add(tag)
        bench.gateway.accept(tag, phones)
        return reply

    bench.gateway.behave = behave


def leave_in_doubt(bench: Bench) -> int:
    """Send a batch of five whose answer is lost; its id."""
    hide(bench, Lost("the connection was cut"))
    batch = bench.submit(5, tags=["shop"])
    bench.work()
    return batch


def resend(bench: Bench, batch: int) -> None:
    """A person sends a batch in doubt again."""
    bench.clock.forward(minutes=10)
    bench.dispatcher.resend(batch, reason="the shop waits")


def counted(bench: Bench) -> tuple[int, int, int]:
    """Messages that are charged, reserved, and of these those that left at an unknown cost.

    Their euros are the same for the budget, ``spend`` and ``progress``.
    """
    [budget] = bench.dispatcher.budgets.all()
    total = bench.dispatcher.spend("tag").total
    progress = bench.progress()
    assert (budget.charged, budget.reserved) == (total.charged.euros, total.reserved.euros)
    assert budget.charged == progress.cost == progress.planned == total.charged.messages * PRICE
    assert budget.reserved == total.reserved.messages * PRICE
    assert (progress.untold, progress.untold_planned) == (total.untold, total.untold * PRICE)
    return total.charged.messages, total.reserved.messages, total.untold


def test_batch_that_its_tag_proves_is_reserved_as_it_was_planned(bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.lose
    bench.submit(5, tags=["shop"])
    bench.work()
    assert counted(bench) == (0, 5, 0)
    bench.pass_by(minutes=5)
    assert bench.messages() == {"sent": 5}
    assert counted(bench) == (0, 5, 5)
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    assert bench.messages() == {"delivered": 5}
    assert counted(bench) == (0, 5, 5)


def test_half_that_the_answer_names_is_charged_and_half_that_the_tag_proves_is_reserved(
    bench: Bench,
) -> None:
    take_and_name(bench, 2)
    bench.submit(5, tags=["shop"])
    bench.work()
    assert bench.messages() == {"sent": 2, "in_doubt": 3}
    assert counted(bench) == (2, 3, 0)
    bench.pass_by(minutes=5)
    assert bench.messages() == {"sent": 5}
    assert counted(bench) == (2, 3, 3)


def test_line_without_a_cost_is_reserved(bench: Bench) -> None:
    take_and_name(bench, 5, priced=4)
    bench.submit(5, tags=["shop"])
    bench.work()
    assert bench.messages() == {"sent": 5}
    assert counted(bench) == (4, 1, 1)


def test_late_proof_of_a_batch_that_was_given_up_counts_once(bench: Bench) -> None:
    batch = leave_in_doubt(bench)
    bench.dispatcher.give_up(batch, reason="nobody knows")
    assert counted(bench) == (0, 5, 5)
    bench.gateway.hidden.clear()
    bench.pass_by(minutes=10)
    assert bench.messages() == {"sent": 5}
    assert counted(bench) == (0, 5, 5)


def test_rest_that_is_given_up_after_half_was_named_may_have_left(bench: Bench) -> None:
    take_and_name(bench, 2)
    batch = bench.submit(5, tags=["shop"])
    bench.work()
    bench.gateway.hidden.update(bench.gateway.tags)
    bench.dispatcher.give_up(batch, reason="nobody knows")
    assert bench.messages() == {"sent": 2, "unreported": 3}
    assert counted(bench) == (2, 3, 3)


def test_campaign_that_expired_unsent_and_shows_late_is_counted(bench: Bench) -> None:
    hide(bench, Throttled(10.0))
    bench.submit(5, tags=["shop"], not_after=bench.clock() + timedelta(hours=1))
    bench.work()
    bench.gateway.behave = bench.gateway.take
    bench.gateway.blind = True
    bench.pass_by(hours=2)
    assert bench.messages() == {"expired": 5}
    assert counted(bench) == (0, 0, 0)
    bench.gateway.hidden.clear()
    bench.gateway.blind = False
    bench.pass_by(hours=1)
    assert bench.messages() == {"sent": 5}
    assert counted(bench) == (0, 5, 5)


def test_batch_that_left_twice_costs_twice(bench: Bench) -> None:
    batch = leave_in_doubt(bench)
    resend(bench, batch)
    bench.gateway.behave = bench.gateway.take
    bench.work()
    assert counted(bench) == (5, 0, 0)
    bench.gateway.hidden.clear()
    for _ in range(4):
        bench.pass_by(hours=1)
        assert len(bench.dispatcher.incidents()) == 1
        assert counted(bench) == (5, 5, 5)


def test_resend_of_the_rest_keeps_the_cost_of_whom_the_answer_named(bench: Bench) -> None:
    def lose_three(tag: str, phones: list[str]) -> SendReply:
        message_id = bench.gateway.accept(tag, phones[:2])
        return BatchTaken(message_id, [LineAnswer(*one) for one in _lines(phones[:2], [PRICE] * 2)])

    bench.gateway.behave = lose_three
    batch = bench.submit(5, tags=["shop"])
    bench.work()
    resend(bench, batch)
    bench.gateway.behave = bench.gateway.lose
    assert counted(bench) == (2, 3, 0)
    bench.work()
    bench.pass_by(minutes=5)
    assert bench.messages() == {"sent": 5}
    assert counted(bench) == (2, 3, 3)


def name_and_doubt(bench: Bench) -> None:
    """The gateway takes all; its answer names the cost, and leaves in doubt whom it texted."""

    def behave(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.hidden.add(tag)
        message_id = bench.gateway.accept(tag, phones)
        # of two segments each, where the text has one
        return BatchTaken(message_id, [LineAnswer(one, True, 200, 2, PRICE) for one in phones])

    bench.gateway.behave = behave


@pytest.fixture
def single(tables: Database) -> Iterator[Bench]:
    """It sends one text to all by the call that has one answer for all."""
    with opened(tables, prices=PRICES, single_send=True) as bench:
        put(bench, "10")
        yield bench


def test_cost_of_a_doubt_is_no_cost_of_what_is_sent_again_in_vain(single: Bench) -> None:
    bench = single
    name_and_doubt(bench)
    batch = bench.submit(5, tags=["shop"])
    bench.work()
    assert counted(bench) == (5, 0, 0)
    resend(bench, batch)
    [budget] = bench.dispatcher.budgets.all()
    assert (budget.charged, budget.reserved) == (5 * PRICE, 5 * PRICE)
    # the tag shows before the batch leaves again
    bench.gateway.hidden.clear()
    bench.work()
    assert bench.messages() == {"sent": 5}
    assert counted(bench) == (5, 0, 0)


def test_two_costs_of_a_batch_that_left_twice_are_all_that_it_costs(single: Bench) -> None:
    bench = single
    name_and_doubt(bench)
    batch = bench.submit(5, tags=["shop"])
    bench.work()
    resend(bench, batch)
    bench.gateway.behave = bench.gateway.take
    bench.work()
    bench.gateway.hidden.clear()
    bench.pass_by(hours=1)
    assert len(bench.dispatcher.incidents()) == 1
    [budget] = bench.dispatcher.budgets.all()
    assert (budget.charged, budget.reserved) == (10 * PRICE, Decimal(0))


def test_hand_over_whose_answer_is_lost_is_reserved(bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.lose
    submit_held(bench, 5, tags=["shop"])
    bench.pass_by(minutes=5)
    assert counted(bench)[:2] == (0, 5)
    bench.clock.at = HOUR
    bench.pass_by(minutes=10)
    assert bench.messages() == {"sent": 5}
    assert counted(bench) == (0, 5, 5)


def test_recalled_batch_will_be_charged_again(bench: Bench) -> None:
    """Whether the gateway gives the money back is unknown: what it charged stays charged."""
    submit_held(bench, 5, tags=["shop"])
    assert counted(bench) == (5, 0, 0)
    bench.dispatcher.pause("soldes")
    bench.work()
    [budget] = bench.dispatcher.budgets.all()
    assert (budget.charged, budget.reserved) == (5 * PRICE, 5 * PRICE)
    bench.dispatcher.resume("soldes")
    bench.gateway.behave = bench.gateway.lose
    bench.work()
    bench.clock.at = HOUR
    bench.pass_by(minutes=10)
    assert bench.messages() == {"sent": 5}
    [budget] = bench.dispatcher.budgets.all()
    assert (budget.charged, budget.reserved) == (5 * PRICE, 5 * PRICE)


def test_budget_stops_because_of_what_a_tag_proved(bench: Bench) -> None:
    put(bench, "0.20")
    take_and_name(bench, 2)
    bench.submit(5, "one", tags=["shop"])
    bench.work()
    bench.gateway.behave = bench.gateway.take
    bench.pass_by(minutes=5)
    assert bench.messages("one") == {"sent": 5}
    bench.submit(1, "two", start=10, tags=["shop"])
    bench.work()
    assert why(bench, "two") == ("budget", NEEDS.format("0.01", "0.04"))


@pytest.mark.parametrize("named", [0, 2])
def test_cap_of_euros_stops_because_of_what_a_tag_proved(tables: Database, named: int) -> None:
    with opened(tables, prices=PRICES, daily_euros="0.20") as bench:
        take_and_name(bench, 5, priced=named)
        bench.submit(5, "one")
        bench.work()
        bench.gateway.behave = bench.gateway.take
        bench.submit(1, "two", start=10)
        bench.work()
        assert "daily cap of 0.20 €" in bench.progress("two").why


def test_batch_of_an_earlier_version_is_told_as_a_whole(bench: Bench) -> None:
    bench.submit(5, tags=["shop"])
    bench.work()
    with bench.dispatcher.database.write() as session:
        session.execute(update(Batch).values(told=None))
    assert counted(bench) == (5, 0, 0)


def test_balance_pays_for_what_a_tag_proved_a_moment_ago(bench: Bench) -> None:
    take_and_name(bench, 2)
    bench.submit(5, tags=["shop"])
    since = bench.clock()
    bench.work()
    bench.pass_by(minutes=5)
    with bench.dispatcher.database.read() as session:
        assert credit.in_flight(session, "", since, bench.settings.prices) == 5 * PRICE


def test_price_is_not_learnt_from_a_cost_of_a_part(tables: Database) -> None:
    with opened(tables) as bench:
        take_and_name(bench, 2)
        bench.submit(4, "part")
        bench.work()
        bench.gateway.behave = bench.gateway.take
        bench.pass_by(minutes=5)
        bench.submit(2, "whole", start=10)
        bench.work()
        bench.submit(1, "next", start=20)
        with bench.dispatcher.database.read() as session:
            euros, _ = credit.to_go(session, "", bench.settings.prices)
        assert euros == PRICE
