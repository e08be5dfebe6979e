"""Several accounts side by side: each is sent, asked, counted and stopped for itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from dispatcher import Dispatcher, Settings
from dispatcher.api.occurrences import Occurrences
from dispatcher.campaigns.events import Event
from dispatcher.campaigns.states import CampaignState
from dispatcher.dispatch.events import campaign_paused
from dispatcher.dispatch.hints import Hints
from dispatcher.errors import (
    ConfigurationError,
    GatewayError,
    IllegalMove,
    InvalidCampaign,
    InvalidText,
    NotFound,
    PlanChanged,
    ReferenceTaken,
)
from dispatcher.gateway import Declined, SendReply
from dispatcher.storage.database import Database
from tests.fakes import FakeGateway, HandClock
from tests.integration.bench import OPEN, TEXT, Bench, people

PRICES = "metropole=0.038"
#: tomorrow at ten in Paris
HOUR = datetime(2026, 11, 25, 9, tzinfo=UTC)


class Accounts(Bench):
    """A bench with two accounts beside the default account, each with a gateway in memory."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.clock = HandClock(OPEN)
        self.gateway, self.shop, self.news = (FakeGateway(self.clock) for _ in range(3))
        values = {
            "sender": "MaBoutique",
            "credit_check": "off",
            "accounts": "shop,news",
            **settings,
        }
        self.settings = Settings.of(**values)
        with mock.patch("dispatcher.api.operator.Database", return_value=database):
            self.dispatcher = Dispatcher(
                self.settings,
                clock=self.clock,
                gateway=self.gateway,
                gateways={"shop": self.shop, "news": self.news},
            )
        steps = self.dispatcher.steps
        self.send, self.poll, self.settle = steps.send_batch, steps.poll, steps.settle_batch

    def ask(self) -> None:
        """Tick, and ask each account for what is due, as hints would."""
        due = self.tick()
        for account, account_due in due.by_account.items():
            if account_due.stop_list:
                self.dispatcher.steps.sync_opt_outs(account)
            if account_due.credit:
                self.dispatcher.check_credit(account)
            if account_due.recall:
                self.dispatcher.steps.recall(account)
            for _ in range(account_due.polls):
                self.poll(account)
        for batch_id in self.tick().send:
            self.send(batch_id)
        for batch_id in due.settle:
            self.settle(batch_id)


def opened(database: Database, **settings: Any) -> Iterator[Accounts]:
    with mock.patch(
        "dispatcher.dispatch.safeguards.MOST_SKEW",
        OPEN - OPEN.min.replace(tzinfo=OPEN.tzinfo),
    ):
        bench = Accounts(database, **settings)
        yield bench
        bench.check()


@pytest.fixture
def accounts(tables: Database) -> Iterator[Accounts]:
    yield from opened(tables)


@pytest.fixture
def paid(tables: Database) -> Iterator[Accounts]:
    yield from opened(tables, credit_check="pause", prices=PRICES)


def in_doubt(bench: Accounts, gateway: FakeGateway, account: str, count: int) -> None:
    """So many batches of the account of which nobody knows whether they were taken."""
    gateway.behave = gateway.swallow
    for number in range(count):
        start = 100 * len(bench.campaigns())
        bench.send(bench.submit(2, f"{account}-{number}", start=start, account=account))
    gateway.behave = gateway.take


# -- submitting


def test_campaign_leaves_through_its_account(accounts: Accounts) -> None:
    for start, account in enumerate((None, "shop", "news")):
        batch = accounts.submit(3, f"to-{account}", start=10 * start, account=account)
        accounts.send(batch)
    assert sorted(accounts.gateway.texted) == people(3)
    assert sorted(accounts.shop.texted) == people(3, 10)
    assert sorted(accounts.news.texted) == people(3, 20)
    assert [accounts.progress(f"to-{name}").account for name in (None, "shop", "news")] == [
        "",
        "shop",
        "news",
    ]


def test_occurrence_of_a_series_leaves_through_its_account(
    accounts: Accounts, tmp_path: Path
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("\n".join(people(3)), encoding="utf-8")
    rule, series = "FREQ=DAILY;BYHOUR=12", accounts.dispatcher.series
    for account in ("shop", "news"):
        lead = timedelta(days=2)
        series.add(account, rule=rule, source=listed, text=TEXT, lead=lead, account=account)
    shop = accounts.dispatcher.for_account("shop")
    assert [one.name for one in shop.series.all()] == ["shop"]
    Occurrences(shop.series).make_due()
    # that of another account is neither made nor told of as one that cannot be made
    assert {one.account for one in accounts.dispatcher.campaigns()} == {"shop"}
    assert series.blocked() == ()
    Occurrences(series).make_due()
    assert {one.account for one in accounts.dispatcher.campaigns()} == {"shop", "news"}


def test_unknown_account_is_rejected_with_the_known_names(accounts: Accounts) -> None:
    with pytest.raises(InvalidCampaign, match="'shoes': there are shop, news, and the default"):
        accounts.submit(account="shoes")
    with pytest.raises(InvalidCampaign, match="there are shop, news"):
        accounts.dispatcher.plan(TEXT, people(1), account="shoes")
    assert not accounts.campaigns()


def test_same_reference_with_another_account_is_a_conflict(accounts: Accounts) -> None:
    first = accounts.submit(account="shop")
    assert accounts.submit(account="shop") == first
    for other in (None, "news"):
        with pytest.raises(ReferenceTaken, match=r"was submitted through account 'shop'$"):
            accounts.submit(account=other)
    accounts.submit(1, "alone")
    with pytest.raises(ReferenceTaken, match=r"was submitted through the default account$"):
        accounts.submit(1, "alone", account="news")
    plan = accounts.dispatcher.plan(TEXT, people(2), account="news")
    assert plan.as_json()["account"] == "news"
    with pytest.raises(PlanChanged):
        accounts.submit(2, "other", account="shop", approved=plan.fingerprint)


def test_campaign_without_an_account_is_unchanged_by_accounts(
    accounts: Accounts, tables: Database
) -> None:
    first = accounts.submit()
    alone = Bench(tables, gateway=accounts.gateway)
    assert alone.submit() == first


def test_account_uses_its_own_sender(tables: Database) -> None:
    for bench in opened(tables, sender_shop="LaBoutique"):
        for start, account in enumerate((None, "shop", "news")):
            bench.send(bench.submit(1, f"to-{account}", start=start, account=account))
        bench.send(bench.submit(1, "own", start=9, account="shop", sender="Soldes"))
        assert [body.sender for body in bench.shop.bodies] == ["LaBoutique", "Soldes"]
        assert [body.sender for body in bench.news.bodies] == ["MaBoutique"]


def test_worker_without_the_key_of_an_account_does_not_start() -> None:
    settings = Settings.of(api_key="k" * 40, accounts="shop,news", api_key_shop="s" * 40)
    with pytest.raises(ConfigurationError, match="DISPATCHER_API_KEY_NEWS is not set"):
        _ = Dispatcher(settings).steps


# -- apart


def test_unicode_text_is_rejected_if_its_account_sends_none(
    tables: Database,
) -> None:
    for bench in opened(tables, unicode_shop=False):
        submit, (one, other) = bench.dispatcher.submit, people(2)
        with pytest.raises(InvalidText, match="which this account does not send"):
            submit("russian", "Привет", [one], account="shop")
        assert not bench.dispatcher.campaigns()
        submit("french", "L'été, « chez vous » : -50 % et 12 € !", [one], account="shop")
        submit("elsewhere", "Привет", [one], account="news")
        rows = [{"mobile": one, "nom": "Юлия"}, {"mobile": other, "nom": "Zoé"}]
        submit("by row", "Bonjour {{ nom }} !", rows, account="shop")
        assert bench.progress("by row").recipients == 1


def test_doubts_of_one_account_stop_no_other(tables: Database) -> None:
    for bench in opened(tables, doubt_limit_shop=2):
        in_doubt(bench, bench.shop, "shop", 2)
        held = bench.submit(3, "held", start=50, account="shop")
        free = bench.submit(3, "free", start=60, account="news")
        default = bench.submit(3, "unnamed", start=70)
        assert bench.tick().send == [default, free]
        assert not bench.send(held)
        assert bench.send(free) == bench.send(default) == 1
        assert bench.progress("held").why == "too many batches in doubt: see dispatcher doubts"
        assert not bench.progress("free").why


def test_doubt_is_looked_up_at_its_account(accounts: Accounts) -> None:
    accounts.shop.behave = accounts.shop.lose
    batch = accounts.submit(2, account="shop")
    accounts.send(batch)
    accounts.clock.forward(minutes=5)
    accounts.ask()
    assert accounts.messages() == {"sent": 2}
    assert accounts.shop.lookups
    assert not accounts.gateway.lookups
    assert not accounts.news.lookups


def test_lookup_uses_no_control_of_another_account(accounts: Accounts) -> None:
    """What shows at one account says nothing of what another one shows."""
    accounts.send(accounts.submit(2, "taken", account="news"))
    in_doubt(accounts, accounts.shop, "shop", 1)
    accounts.clock.forward(minutes=10)
    accounts.ask()
    [doubt] = accounts.dispatcher.doubts()
    assert (doubt.account, doubt.why.partition(", and ")[2]) == ("shop", "there is no control")


def test_resend_looks_up_at_the_batchs_account(accounts: Accounts) -> None:
    in_doubt(accounts, accounts.shop, "shop", 1)
    [doubt] = accounts.dispatcher.doubts()
    accounts.dispatcher.resend(doubt.batch_id, reason="not there")
    accounts.send(doubt.batch_id)
    assert sorted(accounts.shop.texted.values()) == [1, 1]
    in_doubt(accounts, accounts.news, "news", 1)
    [doubt] = accounts.dispatcher.doubts()
    accounts.dispatcher.give_up(doubt.batch_id, reason="too late")
    assert not accounts.dispatcher.doubts()


def test_poll_asks_one_account_for_its_own_batches(accounts: Accounts) -> None:
    for start, account in enumerate((None, "shop", "news")):
        size = start + 1
        accounts.send(accounts.submit(size, f"to-{account}", start=10 * start, account=account))
    for gateway in (accounts.gateway, accounts.shop, accounts.news):
        gateway.deliver()
    accounts.clock.forward(minutes=5)
    assert {
        name: account_due.polls for name, account_due in accounts.tick().by_account.items()
    } == {
        "": 1,
        "shop": 1,
        "news": 1,
    }
    accounts.poll("shop")
    assert (accounts.gateway.calls, accounts.shop.calls, accounts.news.calls) == ([], [2], [])
    accounts.poll()
    accounts.poll("news")
    assert (accounts.gateway.calls, accounts.shop.calls, accounts.news.calls) == ([1], [2], [3])
    for reference in ("to-None", "to-shop", "to-news"):
        assert accounts.messages(reference).keys() == {"delivered"}


def test_silent_account_delays_no_reports_of_another(
    accounts: Accounts,
) -> None:
    for start, account in enumerate(("shop", "news")):
        accounts.send(accounts.submit(2, account, start=10 * start, account=account))
    accounts.shop.blind = True
    accounts.news.deliver()
    accounts.clock.forward(minutes=5)
    accounts.ask()
    assert accounts.messages("shop") == {"sent": 2}
    assert accounts.messages("news") == {"delivered": 2}


def test_refused_key_pauses_only_campaigns_of_its_account(accounts: Accounts) -> None:
    def refuse(tag: str, phones: list[str]) -> SendReply:
        return Declined(40)

    accounts.shop.behave = refuse
    accounts.send(accounts.submit(2, "shop", account="shop"))
    accounts.send(accounts.submit(2, "news", start=10, account="news"))
    assert accounts.progress("shop").state is CampaignState.PAUSED
    assert accounts.messages("news") == {"sent": 2}


def test_hint_for_an_unknown_account_does_nothing(accounts: Accounts) -> None:
    steps = accounts.dispatcher.steps
    accounts.send(accounts.submit(2, account="shop"))
    assert steps.poll("shoes") == 0
    assert not steps.check_credit("shoes")
    assert steps.sync_opt_outs("shoes").new == 0
    assert steps.recall("shoes") == 0


# -- what the gateway holds until its hour


def test_recall_uses_the_account_of_the_hand_over(accounts: Accounts) -> None:
    for start, account in enumerate((None, "shop", "news")):
        accounts.submit(
            2, f"by-{account}", start=10 * start, account=account, not_before=HOUR, hand_over=True
        )
    accounts.ask()
    gateways = (accounts.gateway, accounts.shop, accounts.news)
    # the ids are alike: another key would give another account's messages back
    assert [list(one.schedule) for one in gateways] == [["1000"]] * 3
    with mock.patch.object(Hints, "_publish", return_value=True) as published:
        accounts.dispatcher.cancel("by-shop")
        assert published.mock_calls == [mock.call("dispatcher.recall", "shop")]
        due = accounts.tick()
        assert mock.call("dispatcher.recall", "shop") in published.mock_calls
        assert mock.call("dispatcher.recall") not in published.mock_calls
    assert [name for name, account_due in due.by_account.items() if account_due.recall] == ["shop"]
    steps = accounts.dispatcher.steps
    assert (steps.recall(), steps.recall("news")) == (0, 0)
    accounts.ask()
    assert [one.cancel_calls for one in gateways] == [[], ["1000"], []]
    assert accounts.messages("by-shop") == {"cancelled": 2}
    accounts.dispatcher.pause("by-None")
    accounts.ask()
    assert [one.cancel_calls for one in gateways] == [["1000"], ["1000"], []]
    accounts.clock.at = HOUR
    accounts.ask()
    assert accounts.messages("by-None") == {"pending": 2}
    assert accounts.messages("by-news") == {"sent": 2}
    assert [sorted(+one.texted) for one in gateways] == [[], [], people(2, 20)]


def test_opt_out_recalls_from_every_account(accounts: Accounts) -> None:
    for account in (None, "shop", "news"):
        start = 10 if account == "news" else 0
        accounts.submit(
            2, f"by-{account}", start=start, account=account, not_before=HOUR, hand_over=True
        )
    accounts.ask()
    accounts.opt_out(people(1)[0])
    accounts.ask()
    gateways = (accounts.gateway, accounts.shop, accounts.news)
    assert [one.cancel_calls for one in gateways] == [["1000"], ["1000"], []]
    assert [sorted(+one.texted) for one in gateways] == [people(1, 1), people(1, 1), people(2, 10)]


def test_batch_held_by_an_unknown_account_is_recalled_elsewhere(
    accounts: Accounts, tables: Database
) -> None:
    accounts.submit(2, account="shop", not_before=HOUR, hand_over=True)
    accounts.ask()
    alone = Bench(tables, gateway=accounts.gateway)
    assert alone.dispatcher.cancel("soldes").why == (
        "1 batch is asked back from the gateway: not before account 'shop' is set up here"
    )
    assert alone.dispatcher.orphans() == {"shop": 1}
    assert not alone.work().recall
    assert alone.recall() == 0
    assert not accounts.gateway.cancel_calls
    assert alone.messages() == {"pending": 2}
    accounts.ask()
    assert accounts.shop.cancel_calls == ["1000"]
    assert alone.messages() == {"cancelled": 2}


# -- an account that is set up no more


def test_campaign_of_a_removed_account_waits_with_the_reason(
    accounts: Accounts, tables: Database
) -> None:
    batch = accounts.submit(2, account="shop")
    alone = Bench(tables, gateway=accounts.gateway)
    assert not alone.tick().send
    assert not alone.send(batch)
    assert "'shop' is not set up here" in alone.progress().why
    assert not accounts.gateway.texted
    assert alone.dispatcher.orphans() == {"shop": 1}
    accounts.send(batch)
    assert accounts.messages() == {"sent": 2}


def test_batch_of_a_removed_account_is_not_polled_at_another(
    accounts: Accounts, tables: Database
) -> None:
    accounts.send(accounts.submit(2, "sent", account="shop"))
    in_doubt(accounts, accounts.shop, "shop", 1)
    alone = Bench(tables, gateway=accounts.gateway)
    alone.pass_by(minutes=10)
    assert not accounts.gateway.calls
    assert not accounts.gateway.lookups
    [doubt] = alone.dispatcher.doubts()
    with pytest.raises(IllegalMove, match="account 'shop', unknown here"):
        alone.dispatcher.resend(doubt.batch_id, reason="why not")
    alone.dispatcher.give_up(doubt.batch_id, reason="nobody can tell")
    assert not alone.dispatcher.doubts()
    assert not alone.gateway.texted
    assert not accounts.gateway.lookups


# -- money


def test_balance_covers_only_campaigns_of_its_account(paid: Accounts) -> None:
    paid.shop.balance = Decimal("0.05")
    paid.news.balance = Decimal("10")
    paid.submit(3, "shop", account="shop")
    paid.submit(3, "news", start=10, account="news")
    paid.ask()
    paid.ask()
    assert paid.progress("shop").why == "paused: no credit: 0.07 € are missing"
    assert paid.messages("news") == {"sent": 3}
    view = paid.dispatcher.for_account
    assert view("shop").credit().euros == Decimal("0.05")
    assert view("news").credit().euros == Decimal("10")
    assert paid.dispatcher.credit().euros is None  # nothing goes through it: it is not read
    assert view("shop").to_go() == (Decimal("0.114"), [])
    assert view("news").to_go() == (Decimal(0), [])


def test_unreadable_balance_affects_only_its_account(paid: Accounts) -> None:
    paid.shop.blind = True
    paid.submit(3, "shop", account="shop")
    paid.submit(3, "news", start=10, account="news")
    paid.ask()
    paid.ask()
    assert paid.messages("news") == {"sent": 3}
    assert paid.progress("shop").why == "the balance is read first, which failed once"
    assert paid.dispatcher.for_account("shop").credit().failures == 1
    assert paid.dispatcher.for_account("news").credit().failures == 0


def test_price_of_a_segment_is_learnt_for_each_account(tables: Database) -> None:
    for bench in opened(tables, credit_check="pause"):
        bench.submit(2, "news", account="news")
        bench.ask()
        bench.ask()
        assert bench.messages("news") == {"sent": 2}
        bench.submit(2, "more", start=10, account="news")
        bench.submit(2, "shop", start=20, account="shop")
        assert bench.dispatcher.for_account("news").to_go() == (Decimal("0.076"), [])
        assert bench.dispatcher.for_account("shop").to_go() == (Decimal(0), ["metropole"])


def test_daily_cap_is_that_of_the_account(tables: Database) -> None:
    for bench in opened(tables, daily_recipients_shop=4):
        bench.send(bench.submit(3, "one", account="shop"))
        bench.send(bench.submit(3, "two", start=10, account="shop"))
        bench.send(bench.submit(3, "three", start=20, account="news"))
        bench.send(bench.submit(9, "four", start=30))
        assert len(bench.shop.texted) == 3
        assert bench.progress("two").why == "daily cap of 4 messages reached"
        assert (len(bench.news.texted), len(bench.gateway.texted)) == (3, 9)
        with pytest.raises(InvalidCampaign, match="exceed the cap of 4 per day"):
            bench.submit(5, "five", start=40, account="shop")
        bench.tick()  # which frees nothing while the day is full
        assert bench.progress("two").why == "daily cap of 4 messages reached"


def test_sends_of_another_account_use_up_no_cap(tables: Database) -> None:
    for bench in opened(tables, daily_recipients=4):
        bench.send(bench.submit(4, "one", account="shop"))
        bench.send(bench.submit(4, "two", start=10, account="news"))
        assert (len(bench.shop.texted), len(bench.news.texted)) == (4, 4)


# -- people


def test_stop_list_of_any_account_opts_out_of_all(accounts: Accounts) -> None:
    anne, bruno, chloe = people(3)
    accounts.gateway.stopped, accounts.shop.stopped, accounts.news.stopped = {anne}, {bruno}, set()
    accounts.ask()
    assert {entry.phone: entry.source for entry in accounts.dispatcher.opt_outs} == {
        anne: "gateway's STOP list",
        bruno: "gateway's STOP list of shop",
    }
    accounts.send(accounts.submit(3, account="news"))
    assert accounts.messages() == {"opted_out": 2, "sent": 1}
    assert accounts.news.texted == {chloe: 1}


def test_unreadable_stop_list_does_not_stop_the_others(
    accounts: Accounts,
) -> None:
    accounts.shop.blind = True
    accounts.news.stopped = set(people(1))
    with pytest.raises(GatewayError, match="shop: HTTP 503"):
        accounts.dispatcher.steps.sync_opt_outs(at_once=True)
    assert people(1)[0] in accounts.dispatcher.opt_outs
    accounts.clock.forward(minutes=6)
    assert [
        name for name, account_due in accounts.tick().by_account.items() if account_due.stop_list
    ] == ["shop"]


def test_pushed_opt_out_is_on_every_accounts_list(tables: Database) -> None:
    for bench in opened(tables, stop_list_push=True):
        bench.shop.stopped = set(people(1))
        bench.dispatcher.steps.sync_opt_outs(at_once=True)
        bench.dispatcher.steps.sync_opt_outs(at_once=True)
        assert bench.gateway.stopped == bench.shop.stopped == bench.news.stopped == set(people(1))
        assert bench.dispatcher.opt_outs.remove(people(1)[0], reason="back", at_gateway=True)
        assert not (bench.gateway.stopped | bench.shop.stopped | bench.news.stopped)


def test_weekly_cap_counts_all_accounts(
    tables: Database,
) -> None:
    for bench in opened(tables, weekly_messages=1):
        bench.send(bench.submit(2, "shop", account="shop"))
        bench.send(bench.submit(3, "news", account="news"))
        assert bench.messages("news") == {"rejected": 2, "sent": 1}


def test_repetition_of_another_account_hides_its_reference(
    accounts: Accounts,
) -> None:
    accounts.submit(2, "secret", account="shop")

    def warned(account: str) -> str:
        return " ".join(accounts.dispatcher.plan(TEXT, people(2), account=account).warnings)

    assert "under 'secret'" in warned("shop")
    assert "under another account" in warned("news")
    assert "secret" not in warned("news")


# -- what shows


def test_view_of_an_account_shows_nothing_of_another(accounts: Accounts) -> None:
    mine = accounts.submit(2, "mine", account="shop")
    theirs = accounts.submit(2, "theirs", start=10, account="news")
    in_doubt(accounts, accounts.news, "news", 1)
    shop = accounts.dispatcher.for_account("shop")
    assert [one.reference for one in shop.campaigns()] == ["mine"]
    page = shop.page()
    assert ([one.reference for one in page], page.total) == (["mine"], 1)
    assert not shop.doubts()
    assert not shop.incidents()
    assert not shop.replies()
    assert shop.batch(mine).campaign_id == shop.progress("mine").id
    doubtful = accounts.dispatcher.doubts()[0].batch_id
    for look in (shop.progress, shop.campaign, shop.batches, shop.actions):
        with pytest.raises(NotFound):
            look("theirs")
    for act in (shop.pause, shop.resume, shop.cancel):
        with pytest.raises(NotFound):
            act("theirs")
    for see in (shop.batch, shop.messages):
        with pytest.raises(NotFound):
            see(theirs)
    for end in (shop.resend, shop.give_up):
        with pytest.raises(NotFound):
            end(doubtful, reason="mine?")
    assert accounts.progress("theirs").state is CampaignState.RUNNING


def test_campaign_submitted_by_a_view_uses_its_account(accounts: Accounts) -> None:
    news = accounts.dispatcher.for_account("news")
    news.submit("hello", TEXT, people(2))
    assert accounts.progress("hello").account == "news"
    with pytest.raises(InvalidCampaign, match="not that of this dispatcher"):
        news.submit("other", TEXT, people(2), account="shop")
    default = accounts.dispatcher.for_account("")
    default.submit("plain", TEXT, people(2, 10))
    assert [one.reference for one in default.campaigns()] == ["plain"]
    with pytest.raises(InvalidCampaign, match="no account 'shoes'"):
        accounts.dispatcher.for_account("shoes")


# -- being told


def test_event_of_a_campaign_has_its_account(accounts: Accounts) -> None:
    accounts.submit(2, "mine", account="shop")
    accounts.submit(2, "plain", start=10)
    for reference in ("mine", "plain"):
        accounts.dispatcher.pause(reference)
    result: list[Event] = []
    campaign_paused.connect(result.append)
    try:
        accounts.dispatcher.steps.deliver_events()
    finally:
        campaign_paused.disconnect(result.append)
    assert [(event.campaign, event.account) for event in result] == [
        ("mine", "shop"),
        ("plain", None),
    ]
    mine, plain = (event.as_json()["data"] for event in result)
    assert mine["account"] == "shop"
    assert "account" not in plain


def test_number_checks_use_the_account_of_the_view(tables: Database) -> None:
    address = {"webhook_url": "https://shop.example/sms", "webhook_secret": "q8Zr4-Tn0_Vb6Hs2Lk"}
    for bench in opened(tables, **address):
        default = bench.dispatcher.number_checks  # whoever came first does not ask for all
        checks = bench.dispatcher.for_account("shop").number_checks
        report = checks.survey(people(2), look_up=True)
        assert checks.order(report, max_cost=Decimal(1)).ordered == 2
        account_due = [
            (len(one.number_checks), len(one.orders))
            for one in (bench.gateway, bench.shop, bench.news)
        ]
        assert account_due == [(0, 0), (1, 1), (0, 0)]
        assert default.order(default.survey(people(3)), max_cost=Decimal(1)).ordered == 1
        assert bench.gateway.orders[0][0] == people(1, 2)


def test_view_has_the_gateway_of_its_account(tables: Database) -> None:
    for bench in opened(tables):
        assert bench.dispatcher.gateway is bench.gateway
        shop = bench.dispatcher.for_account("shop")
        assert shop.gateway is bench.shop
        assert shop.for_account("news").gateway is bench.news
        assert shop.for_account("").gateway is bench.gateway


@pytest.mark.parametrize("forged", ["nobody", ["shop"], {}, None, 1])
def test_hint_without_a_known_account_makes_no_call(tables: Database, forged: Any) -> None:
    for bench in opened(tables):
        steps = bench.dispatcher.steps
        assert steps.poll(forged) == 0
        assert not steps.check_credit(forged)
        assert steps.sync_opt_outs(forged).new == 0
