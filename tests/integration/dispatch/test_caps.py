"""Caps of recipients, euros and messages per person, and texts that are repeated."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, func, select

from dispatcher import InvalidCampaign, Recipient
from dispatcher.campaigns.caps import WEEKLY_CODE
from dispatcher.campaigns.states import MessageState
from dispatcher.gateway import BatchTaken, Declined, LineAnswer, SendReply, Throttled, Unsent
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Campaign
from dispatcher.storage.tables import Recipient as StoredRecipient
from tests.integration.bench import OPEN, TEXT, Bench, opened, people
from tests.waiting import PATIENCE

PARIS = ZoneInfo("Europe/Paris")
PRICES = "metropole=0.05"
#: a query that lists numbers
LISTED = re.compile(r"recipient\.phone (IN|= ANY) ")
#: the opening after OPEN's day
TOMORROW = datetime(2026, 11, 25, 8, tzinfo=PARIS)


@pytest.fixture(autouse=True)
def small_batches() -> Iterator[None]:
    """Batches of three: caps are met by a handful of people."""
    with mock.patch("dispatcher.campaigns.planner.LARGEST_BATCH", 3):
        yield


def other(bench: Bench, **settings: Any) -> Bench:
    """The same installation with other settings, and the clock where it stands."""
    return Bench(bench.dispatcher.database, at=bench.clock.at, gateway=bench.gateway, **settings)


def rows(bench: Bench) -> tuple[int, int]:
    """How many campaigns and recipients are stored."""
    with bench.dispatcher.database.read() as session:
        counts = [
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Campaign, StoredRecipient)
        ]
    return counts[0], counts[1]


def priced(price: str) -> Callable[[Bench], Callable[[str, list[str]], SendReply]]:
    """A gateway whose messages cost that much."""

    def gateway(bench: Bench) -> Callable[[str, list[str]], SendReply]:
        def take(tag: str, phones: list[str]) -> SendReply:
            lines = [LineAnswer(phone, True, 200, 1, Decimal(price)) for phone in phones]
            return BatchTaken(bench.gateway.accept(tag, phones), lines)

        return take

    return gateway


# -- a campaign that is too large by itself


@pytest.mark.parametrize(
    ("caps", "words"),
    [
        pytest.param(
            {"campaign_recipients": 6},
            "7 recipients exceed the cap of 6 per campaign (DISPATCHER_CAMPAIGN_RECIPIENTS)",
            id="recipients of a campaign",
        ),
        pytest.param(
            {"daily_recipients": 6},
            "7 recipients exceed the cap of 6 per day (DISPATCHER_DAILY_RECIPIENTS)",
            id="recipients of a day",
        ),
        pytest.param(
            {"campaign_euros": "0.34", "prices": PRICES},
            "0.35 € exceed the cap of 0.34 € per campaign (DISPATCHER_CAMPAIGN_EUROS)",
            id="euros of a campaign",
        ),
        pytest.param(
            {"daily_euros": "0.3", "prices": PRICES},
            "0.35 € exceed the cap of 0.30 € per day (DISPATCHER_DAILY_EUROS)",
            id="euros of a day",
        ),
        pytest.param(
            {"campaign_euros": "1000", "prices": "mayotte=0.06"},
            "no price is set for metropole (DISPATCHER_PRICES), so that the cap of 1,000 € per"
            " campaign cannot be checked",
            id="euros without a price",
        ),
    ],
)
def test_campaign_above_a_cap_is_rejected_and_not_stored(
    tables: Database, caps: dict[str, Any], words: str
) -> None:
    with opened(tables, **caps) as bench:
        for act in (
            lambda: bench.dispatcher.plan(TEXT, people(7)),
            lambda: bench.dispatcher.submit("soldes", TEXT, people(7)),
        ):
            with pytest.raises(InvalidCampaign) as refusal:
                act()
            assert str(refusal.value) == words
        assert rows(bench) == (0, 0)


@pytest.mark.parametrize(
    "caps",
    [
        {"campaign_recipients": 7, "daily_recipients": 7},
        {"campaign_euros": "0.35", "daily_euros": "0.35", "prices": PRICES},
    ],
)
def test_campaign_that_just_fits_is_sent_whole(tables: Database, caps: dict[str, Any]) -> None:
    with opened(tables, **caps) as bench:
        assert bench.dispatcher.plan(TEXT, people(7)).kept == 7
        bench.gateway.behave = priced("0.05")(bench)
        bench.submit(7)
        bench.work()
        assert bench.messages() == {"sent": 7}


def test_cap_of_euros_is_compared_without_rounding(tables: Database) -> None:
    # it is shown as 0.34 €
    with (
        opened(tables, campaign_euros="0.34", prices="metropole=0.0486") as bench,
        pytest.raises(InvalidCampaign, match=r"^0\.3402 € exceed the cap of 0\.34 €"),
    ):
        bench.dispatcher.plan(TEXT, people(7))


def test_opted_out_recipient_does_not_count_for_a_cap(tables: Database) -> None:
    with opened(tables, campaign_recipients=6) as bench:
        bench.opt_out(people(7)[3])
        assert bench.dispatcher.plan(TEXT, people(7)).opted_out == 1
        bench.submit(7)
        bench.work()
        assert bench.messages() == {"sent": 6, "opted_out": 1}


def test_same_campaign_again_is_accepted_whatever_the_caps(tables: Database) -> None:
    with opened(tables) as bench:
        campaign = bench.dispatcher.submit("soldes", TEXT, people(7))
        strict = other(bench, campaign_recipients=2, repeat_mode="block")
        assert strict.dispatcher.submit("soldes", TEXT, people(7)) == campaign


# -- a day that is full


def test_batch_over_the_daily_cap_waits_for_the_next_day_with_the_reason(
    tables: Database,
) -> None:
    with opened(tables, daily_recipients=10) as bench:
        bench.submit(6)
        bench.work()
        bench.submit(6, "brocante", start=100)
        bench.work()
        assert bench.messages() == {"sent": 6}
        assert bench.messages("brocante") == {"sent": 3, "pending": 3}
        waits = bench.progress("brocante")
        assert waits.why == "daily cap of 10 messages reached"
        assert waits.waits_until == TOMORROW
        (waiting,) = [batch for batch in bench.batches() if batch.state == "pending"]
        assert (waiting.attempt, waiting.checks) == (0, 0)  # no attempt is spent
        assert len(bench.gateway.requests) == 3

        bench.pass_by(hours=13)  # 22:00: it stays so
        assert bench.progress("brocante").waits_until == TOMORROW
        bench.clock.at = TOMORROW
        bench.work()
        assert bench.messages("brocante") == {"sent": 6}
        bench.check()


def test_daily_cap_uses_days_of_paris_and_skips_a_holiday(tables: Database) -> None:
    saturday = datetime(2027, 3, 27, 10, tzinfo=PARIS)
    with opened(tables, daily_recipients=3, at=saturday) as bench:
        bench.submit(3)
        bench.submit(3, "brocante", start=100)
        bench.work()
        assert bench.messages("brocante") == {"pending": 3}
        assert bench.progress("brocante").waits_until == datetime(2027, 3, 30, 8, tzinfo=PARIS)


def test_alert_counts_for_the_daily_cap_and_waits_for_midnight_in_paris(tables: Database) -> None:
    evening = datetime(2026, 6, 2, 23, 30, tzinfo=PARIS)
    with opened(tables, daily_recipients=3, at=evening) as bench:
        bench.submit(3, commercial=False, reason="notice")
        bench.submit(3, "alerte", start=100, commercial=False, reason="notice")
        bench.work()
        assert bench.progress("alerte").waits_until == datetime(2026, 6, 3, tzinfo=PARIS)
        bench.clock.at = datetime(2026, 6, 3, tzinfo=PARIS)
        bench.work()
        assert bench.messages("alerte") == {"sent": 3}


def test_daily_cap_of_euros_stops_the_day(tables: Database) -> None:
    with opened(tables, daily_euros="0.40", prices=PRICES) as bench:
        bench.gateway.behave = priced("0.08")(bench)  # dearer than the price that is set
        bench.submit(3)
        bench.submit(3, "brocante", start=100)
        bench.work()
        # 0.24 € have left and 0.15 € would make 0.39 €: the second one goes, a third does not
        bench.submit(3, "vide-grenier", start=200)
        bench.work()
        assert bench.progress("soldes").cost == Decimal("0.24")
        assert bench.messages("brocante") == {"sent": 3}
        assert bench.messages("vide-grenier") == {"pending": 3}
        assert bench.progress("vide-grenier").why == "daily cap of 0.40 € reached"


@pytest.mark.parametrize("answer", [Unsent("cut"), Throttled(None), Declined(90), Declined(22)])
def test_unsent_batch_does_not_count_for_the_daily_cap(tables: Database, answer: SendReply) -> None:
    with opened(tables, daily_recipients=3) as bench:
        bench.gateway.behave = lambda tag, phones: answer
        bench.send(bench.submit(3))
        assert bench.gateway.texted == {}
        bench.gateway.behave = bench.gateway.take
        bench.clock.forward(minutes=1)  # an answer that asks to wait holds the account
        bench.send(bench.submit(3, "brocante", start=100))
        assert bench.messages("brocante") == {"sent": 3}


def test_batch_in_doubt_counts_for_the_daily_cap(tables: Database) -> None:
    with opened(tables, daily_recipients=5) as bench:
        bench.gateway.behave = bench.gateway.lose
        bench.send(bench.submit(3))
        bench.gateway.behave = bench.gateway.take
        bench.send(bench.submit(3, "brocante", start=100))
        assert bench.messages() == {"in_doubt": 3}
        assert bench.messages("brocante") == {"pending": 3}


def test_rejected_message_does_not_count_for_the_daily_cap(tables: Database) -> None:
    def reject_two(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones[2:])
        lines = [LineAnswer(phone, False, 14, 0, Decimal(0)) for phone in phones[:2]]
        lines += [LineAnswer(phone, True, 200, 1, Decimal("0.04")) for phone in phones[2:]]
        return BatchTaken("1", lines)

    with opened(tables, daily_recipients=4) as bench:
        bench.gateway.behave = reject_two
        bench.send(bench.submit(3))
        bench.gateway.behave = bench.gateway.take
        bench.send(bench.submit(3, "brocante", start=100))
        assert bench.messages() == {"sent": 1, "rejected": 2}
        assert bench.messages("brocante") == {"sent": 3}


@pytest.mark.parametrize("raised", [{"daily_recipients": 6}, {}], ids=["raised", "taken away"])
def test_raised_cap_releases_waiting_batches(tables: Database, raised: dict[str, int]) -> None:
    with opened(tables, daily_recipients=3) as bench:
        bench.submit(3)
        bench.submit(3, "brocante", start=100)
        bench.work()
        assert bench.messages("brocante") == {"pending": 3}
        bench.work()
        assert bench.progress("brocante").waits_until == TOMORROW
        other(bench, **raised).work()
        assert bench.messages("brocante") == {"sent": 3}


def test_daily_cap_with_room_again_releases_what_fits(tables: Database) -> None:
    """A batch under way counts; when it comes back unsent, nobody waits for tomorrow in vain."""
    with opened(tables, daily_recipients=3) as bench:
        first, second = bench.submit(3), bench.submit(3, "brocante", start=100)

        def meanwhile(tag: str, phones: list[str]) -> SendReply:
            bench.gateway.behave = bench.gateway.take
            assert bench.send(second) == 0
            assert bench.progress("brocante").why == "daily cap of 3 messages reached"
            return Declined(90)

        bench.gateway.behave = meanwhile
        bench.send(first)
        bench.work()
        assert bench.messages("brocante") == {"sent": 3}


def test_daily_cap_below_one_batch_pauses_the_campaign(tables: Database) -> None:
    with opened(tables) as bench:
        bench.submit(3)
        lower = other(bench, daily_recipients=2)
        lower.work()
        assert lower.progress().state == "paused"
        assert lower.progress().why == (
            "paused: the daily cap of 2 messages is less than one batch"
        )
        assert bench.gateway.requests == []
        assert len(lower.actions("pause")) == 1


def test_many_claims_at_once_do_not_exceed_the_daily_cap(tables: Database) -> None:
    """Two processes of eight send loops each; every batch looks as if there were room for it."""
    with opened(tables, daily_recipients=10, connections=8) as bench:
        process = other(bench, daily_recipients=10, connections=8)
        for n in range(8):
            bench.submit(3, f"soldes-{n}", start=10 * n)
        ids = [batch.id for batch in bench.batches()]
        # all of them have looked, and seen room, when the first one arms
        bench.gateway.on_connect = together(len(ids))
        run([lambda n=n: (bench, process)[n % 2].send(ids[n]) for n in range(len(ids))])  # type: ignore[misc]
        assert sum(bench.gateway.texted.values()) == 9
        sums = [bench.messages(f"soldes-{n}") for n in range(8)]
        assert sorted(map(str, sums)) == ["{'pending': 3}"] * 5 + ["{'sent': 3}"] * 3
        assert all(batch.attempt == (batch.state == "sent") for batch in bench.batches())
        bench.check()


def together(parties: int) -> Callable[[], None]:
    """Lets each thread wait once for all the others."""
    barrier, waited = threading.Barrier(parties, timeout=PATIENCE), threading.local()

    def wait() -> None:
        if not hasattr(waited, "once"):
            waited.once = True
            barrier.wait()

    return wait


def run(tasks: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)


# -- a campaign whose cap is lower than when it was stored, or that costs more than it should


def test_lowered_campaign_cap_pauses_before_it_is_exceeded(
    tables: Database,
) -> None:
    with opened(tables) as bench:
        bench.submit(9)
        lower = other(bench, campaign_recipients=7)
        lower.work()
        assert lower.messages() == {"sent": 6, "pending": 3}
        assert lower.progress().why == "paused: the cap of 7 messages per campaign is reached"
        lower.dispatcher.resume("soldes")
        lower.work()
        assert lower.progress().state == "paused"  # it still is
        assert lower.messages() == {"sent": 6, "pending": 3}
        bench.dispatcher.resume("soldes")
        bench.work()
        assert bench.messages() == {"sent": 9}
        bench.check()


def test_gateway_dearer_than_planned_pauses_the_campaign(tables: Database) -> None:
    with opened(tables, campaign_euros="0.50", prices=PRICES) as bench:
        bench.gateway.behave = priced("0.12")(bench)
        bench.submit(9)  # 0.45 € as planned
        bench.work()
        # 0.36 € and 0.15 € would be 0.51 €
        assert bench.progress().cost == Decimal("0.36")
        assert bench.progress().why == "paused: the cap of 0.50 € per campaign is reached"
        assert bench.messages() == {"sent": 3, "pending": 6}


def test_missing_price_pauses_the_campaign(tables: Database) -> None:
    with opened(tables, campaign_euros="5", prices=PRICES) as bench:
        bench.submit(3)
        unpriced = other(bench, campaign_euros="5", prices="mayotte=0.06")
        unpriced.work()
        assert unpriced.progress().why == (
            "paused: the cap of 5 € per campaign cannot be checked: no price is set for metropole"
        )


def test_many_claims_of_a_campaign_do_not_exceed_its_cap(tables: Database) -> None:
    with opened(tables) as bench:
        bench.dispatcher.submit("soldes", TEXT, people(18))
        ids = [batch.id for batch in bench.batches()]
        lower = other(bench, campaign_recipients=8, connections=8)
        bench.gateway.on_connect = together(len(ids))
        run([lambda n=n: lower.send(ids[n]) for n in range(len(ids))])  # type: ignore[misc]
        assert sum(bench.gateway.texted.values()) == 6
        assert lower.progress().state == "paused"
        assert len(lower.actions("pause")) == 1
        bench.check()


# -- one person, one week


def test_recipient_over_the_weekly_cap_is_rejected_with_our_own_code(
    tables: Database,
) -> None:
    with opened(tables, weekly_messages=2) as bench:
        for n in range(2):
            bench.submit(2, f"soldes-{n}")
            bench.work()
        batch = bench.submit(3, "soldes-2")
        bench.work()
        assert bench.messages("soldes-2") == {"sent": 1, "rejected": 2}
        assert bench.progress("soldes-2").capped == 2
        assert json.loads(bench.batch(batch).codes) == {"0": WEEKLY_CODE, "1": WEEKLY_CODE}
        assert bench.gateway.texted == {people(3)[0]: 2, people(3)[1]: 2, people(3)[2]: 1}
        bench.check()


def test_batch_wholly_over_the_weekly_cap_is_done_without_a_request(
    tables: Database,
) -> None:
    with opened(tables, weekly_messages=1) as bench:
        bench.submit(3)
        bench.work()
        bench.submit(3, "brocante")
        bench.work()
        bench.tick()
        assert bench.messages("brocante") == {"rejected": 3}
        assert bench.progress("brocante").state == "finished"
        assert len(bench.gateway.requests) == 1
        assert bench.attempts(bench.batches()[1].id) == []


def test_weekly_cap_counts_the_last_seven_days(tables: Database) -> None:
    with opened(tables, weekly_messages=1) as bench:
        bench.submit(3)
        bench.work()
        bench.clock.forward(days=7, seconds=-1)
        bench.submit(1, "un peu tôt")
        bench.work()
        bench.clock.forward(seconds=1)
        bench.submit(1, "une semaine après")
        bench.work()
        assert bench.messages("un peu tôt") == {"rejected": 1}
        assert bench.messages("une semaine après") == {"sent": 1}


@pytest.mark.parametrize(
    ("final", "then"),
    [
        (MessageState.DELIVERED, {"rejected": 3}),
        (MessageState.UNDELIVERED, {"sent": 3}),
    ],
)
def test_undelivered_message_does_not_count_for_the_weekly_cap(
    tables: Database, final: MessageState, then: dict[str, int]
) -> None:
    with opened(tables, weekly_messages=1) as bench:
        bench.submit(3)
        bench.work()
        bench.gateway.final = final
        bench.gateway.deliver()
        bench.pass_by(seconds=15)
        assert bench.messages() == {final.value: 3}
        bench.submit(3, "brocante")
        bench.work()
        assert bench.messages("brocante") == then


def test_message_in_doubt_counts_for_the_weekly_cap(tables: Database) -> None:
    with opened(tables, weekly_messages=1) as bench:
        bench.gateway.behave = bench.gateway.lose
        bench.send(bench.submit(3))
        bench.gateway.behave = bench.gateway.take
        bench.send(bench.submit(3, "brocante"))
        assert bench.messages() == {"in_doubt": 3}
        assert bench.messages("brocante") == {"rejected": 3}


def test_alert_neither_counts_for_the_weekly_cap_nor_is_stopped_by_it(tables: Database) -> None:
    with opened(tables, weekly_messages=1) as bench:
        bench.submit(3, "colis 1", commercial=False, reason="notice")
        bench.submit(3, "soldes")
        bench.submit(3, "colis 2", commercial=False, reason="notice")
        bench.work()
        assert bench.messages("colis 1") == bench.messages("soldes") == {"sent": 3}
        assert bench.messages("colis 2") == {"sent": 3}


def test_plan_counts_recipients_over_the_weekly_cap_at_its_hour(tables: Database) -> None:
    with opened(tables, weekly_messages=1) as bench:
        bench.submit(2)
        bench.work()
        text = "Une autre offre"
        assert bench.dispatcher.plan(text, people(3)).capped == 2
        bench.opt_out(people(3)[0])
        plan = bench.dispatcher.plan(text, people(3))
        assert (plan.opted_out, plan.capped) == (1, 1)
        later = OPEN + timedelta(days=8)
        assert bench.dispatcher.plan(text, people(3), not_before=later).capped == 0
        notice = bench.dispatcher.plan(text, people(3), commercial=False)
        assert notice.capped == 0


def test_two_campaigns_at_once_do_not_exceed_the_weekly_cap(
    tables: Database,
) -> None:
    with opened(tables, weekly_messages=1, connections=4) as bench:
        process = other(bench, weekly_messages=1, connections=4)
        for n in range(4):
            bench.submit(3, f"soldes-{n}")
        ids = [batch.id for batch in bench.batches()]
        bench.gateway.on_connect = together(len(ids))
        run([lambda n=n: (bench, process)[n % 2].send(ids[n]) for n in range(len(ids))])  # type: ignore[misc]
        assert bench.gateway.texted == dict.fromkeys(people(3), 1)
        bench.gateway.on_connect = lambda: None
        bench.work()
        sums = [bench.messages(f"soldes-{n}") for n in range(4)]
        assert sorted(map(str, sums)) == ["{'rejected': 3}"] * 3 + ["{'sent': 3}"]
        bench.check()


# -- without caps


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The SQL that is executed meanwhile."""
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)


def test_claim_without_caps_queries_and_locks_nothing_more(tables: Database) -> None:
    def asked(**settings: Any) -> list[str]:
        with opened(tables, **settings) as bench:
            bench.opt_out("+33639989000")  # the list has a version
            bench.submit(3, f"soldes-{len(settings)}", start=10 * len(settings))
            batch = bench.batches()[-1].id
            with statements(tables) as seen:
                bench.send(batch)
            return seen

    free = asked()
    guarded = asked(daily_recipients=1000, weekly_messages=9, campaign_recipients=1000)
    assert not any("advisory" in sql or "sum(" in sql for sql in free)
    assert not any(LISTED.search(sql) for sql in free)
    assert any(LISTED.search(sql) for sql in guarded)
    assert any("sum(" in sql for sql in guarded)
    assert len(free) < len(guarded)


# -- the same text again


def test_plan_warns_of_a_text_that_recipients_got_lately(bench: Bench) -> None:
    bench.submit(5)
    bench.work()
    bench.submit(5, "une autre", start=2)  # waits, for all that the plan knows
    plan = bench.dispatcher.plan(f" {TEXT.upper()}  ", people(4, start=1))
    assert plan.warnings[-2:] == (
        "the same text reaches 4 of these people within 7 days under 'soldes'",
        "the same text reaches 3 of these people within 7 days under 'une autre'",
    )
    assert bench.dispatcher.plan("Autre chose", people(4)).warnings == (
        "no price is set for metropole (DISPATCHER_PRICES)",
    )


def overlap(bench: Bench, count: int = 5, **options: Any) -> int:
    """How many people the plan of a campaign warns of."""
    warnings = bench.dispatcher.plan(TEXT, people(count), **options).warnings
    return sum(int(one.split()[4]) for one in warnings if "the same text" in one)


def test_repetition_counts_only_recipients_of_the_same_text(bench: Bench) -> None:
    bench.submit(4)
    bench.opt_out(people(1)[0])
    bench.work()
    assert overlap(bench) == 3
    bench.gateway.final = MessageState.UNDELIVERED
    bench.gateway.deliver()
    bench.pass_by(seconds=15)
    assert overlap(bench) == 0
    bench.submit(2, "annulée", start=10)
    bench.dispatcher.cancel("annulée")
    assert bench.dispatcher.plan(TEXT, people(2, start=10)).warnings == (
        "no price is set for metropole (DISPATCHER_PRICES)",
    )


def test_repetition_counts_only_the_days_of_the_setting(bench: Bench) -> None:
    bench.submit(2, not_before=OPEN + timedelta(days=20))
    assert overlap(bench) == 0
    assert overlap(bench, not_before=OPEN + timedelta(days=12)) == 0
    assert overlap(bench, not_before=OPEN + timedelta(days=14)) == 2
    bench.clock.forward(days=20)
    bench.work()
    assert overlap(bench, not_before=bench.clock.at + timedelta(days=6)) == 2
    assert overlap(bench, not_before=bench.clock.at + timedelta(days=8)) == 0


def test_alert_may_repeat_its_text(bench: Bench) -> None:
    bench.submit(2, commercial=False, reason="notice")
    assert overlap(bench, commercial=False) == 0
    assert overlap(bench) == 0


def test_repetition_is_rejected_if_the_settings_say_so(tables: Database) -> None:
    with opened(tables, repeat_mode="block", repeat_days=1) as bench:
        bench.submit(5)
        before = rows(bench)
        words = "the same text reaches 3 of these people within a day under 'soldes'"
        plan = bench.dispatcher.plan(TEXT, people(3))
        assert plan.warnings[-1] == f"{words}: submit refuses it (DISPATCHER_REPEAT_MODE=block)"
        with pytest.raises(InvalidCampaign) as refusal:
            bench.submit(3, "brocante")
        assert str(refusal.value) == f"{words} (DISPATCHER_REPEAT_MODE=block)"
        assert rows(bench) == before
        bench.submit(3, "brocante", start=5)  # other people
        assert bench.dispatcher.submit("soldes", TEXT, people(5)) == 1  # no repetition: the same


def test_one_of_two_repetitions_at_once_is_rejected(tables: Database) -> None:
    with opened(tables, repeat_mode="block") as bench:
        start = threading.Barrier(4, timeout=PATIENCE)
        result: list[str] = []

        def slowly() -> Iterator[Recipient]:
            yield from map(Recipient, people(8))
            start.wait()  # every list is read before any is stored

        def submit(reference: str) -> None:
            try:
                bench.dispatcher.submit(reference, TEXT, slowly())
            except InvalidCampaign as error:
                result.append(str(error))

        run([lambda n=n: submit(f"soldes-{n}") for n in range(4)])  # type: ignore[misc]
        assert rows(bench) == (1, 8)
        assert len(result) == 3
        assert all("the same text reaches 8 of these people" in words for words in result)


def test_campaign_submitted_four_times_at_once_is_one(tables: Database) -> None:
    with opened(tables, repeat_mode="block") as bench:
        start = threading.Barrier(4, timeout=PATIENCE)
        ids: list[int] = []

        def slowly() -> Iterator[Recipient]:
            yield from map(Recipient, people(8))
            start.wait()

        run([lambda: ids.append(bench.dispatcher.submit("soldes", TEXT, slowly()))] * 4)
        assert len(ids) == 4
        assert len(set(ids)) == 1
        assert rows(bench) == (1, 8)


# -- the forecast


def test_forecast_includes_the_daily_cap(tables: Database) -> None:
    with opened(tables, daily_recipients=10) as bench:
        bench.submit(6)
        bench.work()
        plan = bench.dispatcher.plan("Une autre offre", people(8, start=100))
        first, then = plan.forecast.departures
        assert (first.messages, first.starts, first.why) == (3, OPEN, "")
        assert (then.messages, then.starts) == (5, TOMORROW.astimezone(UTC))
        assert then.why == "daily cap of 10 messages reached"
        late = OPEN + timedelta(hours=8)
        assert bench.dispatcher.plan(TEXT, people(8, start=100), not_after=late).forecast.late == 5
