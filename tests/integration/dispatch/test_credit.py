"""What the balance cannot pay for does not begin, and what waits for it never waits for ever."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from unittest import mock

import pytest
from sqlalchemy import update

from dispatcher.campaigns.states import CampaignState
from dispatcher.dispatch.hints import CREDIT, SEND, Hints
from dispatcher.errors import GatewayError
from dispatcher.gateway import Account, BatchTaken, LineAnswer
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Batch, Campaign
from tests.integration.bench import Bench, opened, people

#: the gateway in memory charges this for a message
PRICE = "metropole=0.038"


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    with opened(tables, credit_check="pause", prices=PRICE) as bench:
        yield bench
        bench.check()


@pytest.fixture
def capped(tables: Database) -> Iterator[Bench]:
    with opened(tables, credit_check="cap", prices=PRICE) as bench:
        yield bench
        bench.check()


def actions(bench: Bench, verb: str) -> list[str]:
    return [action.reason for action in bench.actions(verb)]


def test_campaign_that_the_balance_covers_is_sent(bench: Bench) -> None:
    bench.gateway.balance = Decimal("0.114")
    bench.submit(3)
    assert not bench.send(1)  # not before the balance was read
    assert bench.tick().credit
    assert bench.dispatcher.check_credit()
    assert bench.send(1) == 1
    progress = bench.progress()
    assert (progress.cost, progress.planned, progress.untold) == (
        Decimal("0.114"),
        Decimal("0.114"),
        0,
    )


def test_look_at_the_balance_is_published_before_the_hints_of_batches(bench: Bench) -> None:
    """A campaign that waits for it would wait for the many hints of a large one, too."""
    bench.submit(1500, "large")
    bench.tick()
    assert bench.dispatcher.check_credit()
    bench.clock.forward(seconds=1)
    bench.submit(3, start=4000)
    with mock.patch.object(Hints, "_publish", return_value=True) as publish:
        assert len(bench.tick().send) == 3
    published = [call.args[0] for call in publish.call_args_list]
    assert published.index(CREDIT) < published.index(SEND)


def test_tick_that_a_hint_asked_for_reads_the_balance_and_finds_what_it_pays_for(
    bench: Bench,
) -> None:
    """Another hint and another tick would take as long as all the rest."""
    bench.submit(3)
    due = bench.dispatcher.tick("")
    assert len(due.send) == 1
    assert not due.credit


def test_tick_of_a_hint_waits_for_no_balance_where_there_are_several_accounts(
    tables: Database,
) -> None:
    """The slow answer of one account would hold up the others."""
    accounts = {"accounts": "news", "api_key_news": "a key of the account for news"}
    with opened(tables, credit_check="pause", prices=PRICE, **accounts) as bench:
        bench.submit(3)
        due = bench.dispatcher.tick("")
        assert not due.send
        assert due.credit


def test_tick_of_a_hint_does_its_work_though_the_balance_cannot_be_read(bench: Bench) -> None:
    """Only the campaigns that wait for the balance wait for the gateway."""
    bench.submit(3, "begun")
    bench.dispatcher.tick("")
    bench.clock.forward(seconds=1)
    bench.submit(3, start=10)
    with mock.patch.object(bench.gateway, "account", side_effect=KeyError):
        due = bench.dispatcher.tick("")
    assert len(due.send) == 1
    bench.clock.forward(seconds=6)
    assert len(bench.dispatcher.tick("").send) == 2


def test_campaign_beyond_the_balance_pauses_before_its_first_batch(bench: Bench) -> None:
    bench.gateway.balance = Decimal("30")
    bench.submit(1200)
    bench.work()
    assert bench.progress().why == "paused: no credit: 15.60 € are missing"
    assert not bench.gateway.requests
    assert actions(bench, "pause") == ["no credit: 15.60 € are missing"]
    bench.pass_by(minutes=5)
    assert not bench.gateway.requests


def test_progress_before_the_first_reading_says_what_it_waits_for(bench: Bench) -> None:
    bench.submit(3)
    assert "balance" in bench.progress().why
    assert not bench.tick().send


def test_resume_after_a_top_up_runs(bench: Bench) -> None:
    bench.gateway.balance = Decimal("30")
    bench.submit(1200)
    bench.work()
    bench.gateway.balance = Decimal("50")
    bench.pass_by(minutes=5)
    assert bench.progress().state is CampaignState.PAUSED  # a person resumes it
    bench.dispatcher.resume("soldes")
    bench.pass_by(seconds=6)
    bench.work()
    assert bench.messages() == {"sent": 1200}


def test_resume_without_a_top_up_pauses_again(bench: Bench) -> None:
    bench.gateway.balance = Decimal("30")
    bench.submit(1200)
    bench.work()
    bench.dispatcher.resume("soldes")
    assert not bench.send(1)
    bench.pass_by(seconds=6)
    assert bench.progress().state is CampaignState.PAUSED
    assert not bench.gateway.requests


def test_person_may_let_a_campaign_run_whatever_the_credit(bench: Bench) -> None:
    bench.gateway.balance = Decimal("30")
    bench.submit(1200)
    bench.work()
    bench.dispatcher.resume("soldes", check_credit=False)
    bench.pass_by(minutes=2)
    assert bench.messages() == {"sent": 1200}
    assert actions(bench, "resume") == ["whatever the credit"]


def test_running_campaign_pauses_when_the_balance_falls(bench: Bench) -> None:
    bench.gateway.balance = Decimal("50")
    first = bench.submit(1200)
    bench.dispatcher.check_credit()
    with bench.dispatcher.database.write() as session:  # only the first batch leaves for now
        later = bench.clock().replace(hour=14)
        session.execute(update(Batch).where(Batch.id != first).values(not_before=later))
    assert bench.send(first) == 1
    bench.gateway.balance = Decimal("1")
    bench.pass_by(seconds=61)
    assert bench.progress().why == "paused: no credit: 25.60 € are missing"


def test_campaign_that_began_keeps_its_share_of_the_balance(bench: Bench) -> None:
    bench.gateway.balance = Decimal("20")
    bench.submit(500, "first", not_before=bench.clock().replace(hour=10))
    assert not bench.tick().credit  # nothing is due: nobody asks
    bench.clock.forward(hours=2)
    assert bench.dispatcher.check_credit()
    bench.submit(500, "second", start=500)
    bench.clock.forward(seconds=6)
    bench.dispatcher.check_credit()
    assert bench.progress("second").why == "paused: no credit: 18.00 € are missing"
    bench.work()
    assert bench.messages("first") == {"sent": 500}


def test_mode_cap_runs_a_campaign_as_far_as_the_balance_reaches(capped: Bench) -> None:
    capped.gateway.balance = Decimal("40")
    capped.submit(1700)  # 19 € a batch of 500
    capped.work()
    assert capped.messages() == {"pending": 700, "sent": 1000}
    assert "balance" in capped.progress().why
    capped.gateway.balance = Decimal("2")
    capped.pass_by(seconds=61)
    assert capped.progress().why == "paused: no credit: 24.60 € are missing"
    capped.gateway.balance = Decimal("40")
    capped.dispatcher.resume("soldes")
    capped.pass_by(seconds=61)
    assert capped.messages() == {"sent": 1700}
    assert set(capped.gateway.texted.values()) == {1}


def test_batch_beyond_the_credit_is_not_claimed(capped: Bench) -> None:
    """Another worker has gathered it a moment before the money was found to be short."""
    capped.gateway.balance = Decimal("100")
    capped.submit(1000)
    capped.dispatcher.check_credit()
    second = capped.batches()[1]

    def run_short() -> None:
        with capped.dispatcher.database.write() as session:
            session.execute(update(Campaign).values(funded_to=1))

    capped.gateway.on_connect = run_short
    capped.send(second.id)
    assert capped.batch(second.id).state == "pending"
    assert not capped.attempts(second.id)


def unreadable() -> Account:
    raise GatewayError("HTTP 503")


def test_unreadable_balance_lets_campaigns_run_after_three_failures(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.gateway, "account", unreadable)
    bench.submit(3)
    for _ in range(2):
        bench.pass_by(seconds=6)
        assert bench.messages() == {"pending": 3}
    bench.pass_by(seconds=6)
    bench.work()
    assert bench.messages() == {"sent": 3}
    assert actions(bench, "credit") == [
        "runs without a look at the credit: the balance cannot be read"
    ]
    assert bench.dispatcher.credit().failures == 3


def test_clock_set_back_delays_no_reading(bench: Bench) -> None:
    bench.submit(3, "before")
    bench.work()
    bench.clock.forward(minutes=-30)
    bench.submit(3, "after", start=3)
    bench.work()
    assert bench.messages("after") == {"sent": 3}


def test_answer_without_a_balance_lets_no_campaign_run(bench: Bench) -> None:
    bench.gateway.balance = None
    bench.submit(3)
    for _ in range(10):
        bench.pass_by(minutes=1)
    assert bench.messages() == {"pending": 3}
    assert actions(bench, "credit") == []
    assert bench.dispatcher.call_counts.counts().unusable == 10
    bench.gateway.balance = Decimal(100)
    bench.pass_by(minutes=1)
    assert bench.messages() == {"sent": 3}


def test_credit_check_switched_off_releases_what_waits(bench: Bench, tables: Database) -> None:
    bench.submit(3)
    with opened(tables, credit_check="off") as other:
        other.gateway = bench.gateway
        assert other.tick().send == [1]


def test_campaign_without_a_price_runs_and_learns_the_price(tables: Database) -> None:
    with opened(tables, credit_check="pause") as bench:
        bench.submit(500)
        bench.work()
        assert bench.messages() == {"sent": 500}
        assert actions(bench, "credit") == [
            "runs without a look at the credit: no price is known for metropole (DISPATCHER_PRICES)"
        ]
        assert bench.progress().planned is None
        bench.gateway.balance = Decimal("10")
        bench.submit(500, "second", start=500)
        bench.pass_by(seconds=6)
        # 0.038 € a part, as the first was charged
        assert bench.progress("second").why == "paused: no credit: 9.00 € are missing"


def test_charged_cost_is_compared_with_the_planned_cost(bench: Bench) -> None:
    def dearer(tag: str, phones: list[str]) -> BatchTaken:
        lines = [LineAnswer(phone, True, 200, 2, Decimal("0.076")) for phone in phones]
        return BatchTaken(bench.gateway.accept(tag, phones), lines)

    bench.gateway.behave = dearer
    bench.opt_out(people(1)[0])
    bench.submit(4)
    bench.work()
    progress = bench.progress()
    assert (progress.cost, progress.planned) == (Decimal("0.228"), Decimal("0.114"))


def test_cost_missing_from_the_answer_is_counted_as_unknown(bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.lose
    bench.submit(3)
    bench.work()
    bench.pass_by(minutes=2)
    progress = bench.progress()
    assert progress.messages["sent"] + progress.messages["delivered"] == 3
    assert (progress.cost, progress.untold) == (Decimal(0), 3)
    assert progress.untold_planned == Decimal("0.114")
