"""What ``/metrics`` says, held against the rows; on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from dispatcher.campaigns.progress import messages_of
from dispatcher.campaigns.states import BatchState
from dispatcher.errors import StorageError
from dispatcher.monitoring.doctor import Finding, Level
from dispatcher.monitoring.metrics import registry_of
from dispatcher.storage import monitoring
from dispatcher.storage.campaigns import totals
from dispatcher.storage.database import Database
from dispatcher.window.territories import TERRITORIES
from tests.integration.bench import OPEN, Bench
from tests.integration.bench import opened as opened_bench
from tests.integration.dispatch.test_accounts import opened

SUNDAY = datetime(2026, 11, 22, 9, tzinfo=UTC)
WELL = [
    Finding("database", Level.OK, ""),
    Finding("broker", Level.OK, ""),
    Finding("beat", Level.FAILED, ""),
]


class Scrape:
    """The metrics at this moment, read anew."""

    def __init__(self, bench: Bench, findings: Iterable[Finding] = WELL) -> None:
        self.text = generate_latest(registry_of(bench.dispatcher, lambda: findings)).decode()
        samples = [
            sample
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        ]
        self.samples = {
            (sample.name.removeprefix("dispatcher_"), *sample.labels.values()): sample.value
            for sample in samples
        }
        #: the full name and the labels of each sample
        self.labels = [(sample.name, sample.labels) for sample in samples]

    def __getitem__(self, name: str | tuple[str, ...]) -> float:
        return self.samples[(name,) if isinstance(name, str) else name]

    def by(self, name: str) -> dict[str, float]:
        """The samples of a metric that are not 0, by their label."""
        return {key[1]: value for key, value in self.samples.items() if key[0] == name and value}


def test_several_accounts_have_metrics_of_their_own(tables: Database) -> None:
    for bench in opened(tables, doubt_limit_shop=2):
        bench.shop.behave = bench.shop.swallow
        bench.send(bench.submit(3, "lost", account="shop"))
        bench.send(bench.submit(3, "sent", start=10, account="news"))
        bench.submit(3, "due", start=20)
        result = Scrape(bench)
        assert [result["account_doubts", name] for name in ("", "shop", "news")] == [0, 1, 0]
        assert [result["account_doubt_limit", name] for name in ("", "shop")] == [5, 2]
        assert [result["account_due_batches", name] for name in ("", "shop")] == [1, 0]
        assert result["account_campaigns", "shop", "running"] == 1
        assert result["account_calls_total", "shop", "in_doubt"] == 1
        assert result["account_calls_total", "news", "sent"] == 1
        assert result["account_calls_total", "", "sent"] == 0
        assert (result["calls_total", "sent"], result["calls_total", "in_doubt"]) == (1, 1)


def test_single_account_has_its_figures_under_the_empty_label(tables: Database) -> None:
    with opened_bench(tables, credit_check="pause") as bench:
        bench.submit(3)
        bench.work()
        result = Scrape(bench)
        assert result["account_balance_euros", ""] == bench.dispatcher.credit().euros
        assert result["account_calls_total", "", "sent"] == 1
        assert result["account_campaigns", "", "running"] == 1
        assert result["account_doubt_limit", ""] == 5
        assert result["spend_euros_total"] > 0


def test_empty_installation_exposes_zeros(bench: Bench) -> None:
    result = Scrape(bench)
    for name in ("due_batches", "due_age_seconds", "doubt_age_seconds", "spend_euros_total"):
        assert result[name] == 0
    assert result["tick_age_seconds"] == inf
    assert result["database_up"] == 1
    assert result["doubt_limit"] == bench.settings.doubt_limit
    assert result["calls_total", "sent"] == 0
    assert result["recipients", "in_doubt"] == 0
    assert result["batches", "pending"] == 0
    assert result["campaigns", "paused"] == 0


def test_recipients_batches_and_spend_are_those_of_all_campaigns(bench: Bench) -> None:
    bench.submit(700, "first")
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(minutes=1)
    bench.submit(30, "second", start=700)
    bench.gateway.behave = bench.gateway.lose
    bench.gateway.blind = True
    bench.work()
    bench.submit(5, "third", start=800, not_before=OPEN + timedelta(days=1))
    bench.dispatcher.cancel("third")
    bench.submit(7, "fourth", start=900, not_before=OPEN + timedelta(days=1))

    result = Scrape(bench)

    assert result.by("recipients") == Counter(state for *_, state in bench.view())
    assert result.by("recipients") == {
        "delivered": 700,
        "in_doubt": 30,
        "cancelled": 5,
        "pending": 7,
    }
    assert result.by("batches") == Counter(batch.state for batch in bench.batches())
    assert result["spend_euros_total"] == pytest.approx(
        float(sum(progress.cost for progress in bench.dispatcher.campaigns()))
    )
    assert result["spend_euros_total"] == pytest.approx(700 * 0.038)
    assert result.by("campaigns") == {"running": 2}


def test_calls_are_counted_by_verdict_with_their_lengths(bench: Bench) -> None:
    bench.submit(1, "first")
    bench.work()
    bench.gateway.behave = bench.gateway.lose
    bench.submit(1, "second", start=1)
    bench.work()
    bench.gateway.unreachable = "the gateway cannot be reached"
    bench.submit(1, "third", start=2)
    bench.work()

    result = Scrape(bench)

    assert result.by("calls_total") == {"sent": 1, "in_doubt": 1, "unreachable": 1}
    assert result["call_seconds_count"] == 2
    assert result["call_seconds_bucket", "60.0"] == result["call_seconds_bucket", "+Inf"] == 2


def test_batch_is_due_when_nothing_holds_it(bench: Bench) -> None:
    bench.submit(1, "due")
    bench.submit(1, "scheduled", start=1, not_before=OPEN + timedelta(hours=1))
    bench.submit(1, "paused", start=2)
    bench.dispatcher.pause("paused")
    bench.clock.forward(minutes=3)
    result = Scrape(bench)
    assert (result["due_batches"], result["due_age_seconds"]) == (1, 180)
    assert result.by("campaigns") == {"running": 2, "paused": 1}
    bench.work()
    result = Scrape(bench)
    assert (result["due_batches"], result["due_age_seconds"]) == (0, 0)


def test_closed_window_leaves_transactional_batches_due(bench: Bench) -> None:
    bench.submit(1, "commercial")
    bench.submit(1, "alert", start=1, commercial=False, reason="notice")
    bench.clock.at = SUNDAY + timedelta(days=7)
    result = Scrape(bench)
    assert result["due_batches"] == 1


def test_window_metric_covers_every_territory(bench: Bench) -> None:
    assert Scrape(bench).by("window_open").keys() < TERRITORIES.keys()
    assert Scrape(bench)["window_open", "metropole"] == 1
    bench.clock.at = SUNDAY
    result = Scrape(bench)
    assert result.by("window_open") == {}
    assert result["window_open", "mayotte"] == 0


def test_doubt_a_late_poll_and_a_silent_beat_have_an_age(bench: Bench) -> None:
    bench.submit(1, "first")
    bench.work()
    bench.gateway.behave = bench.gateway.lose
    bench.gateway.blind = True
    bench.submit(1, "second", start=1)
    bench.work()
    bench.clock.forward(seconds=100)
    result = Scrape(bench)
    assert result["doubt_age_seconds"] == 100
    assert result["poll_age_seconds"] == 100 - bench.settings.poll_intervals[0]
    assert result["tick_age_seconds"] == 100


def test_missing_beat_is_counted_and_a_hint_does_not_tick(bench: Bench) -> None:
    bench.dispatcher.tick("one:7")
    bench.dispatcher.tick("two:7")
    assert Scrape(bench)["missing_beats"] == 0
    bench.clock.forward(seconds=100)
    bench.dispatcher.tick("")
    result = Scrape(bench)
    assert (result["missing_beats"], result["tick_age_seconds"]) == (0, 100)
    bench.dispatcher.tick("one:7")
    result = Scrape(bench)
    assert (result["missing_beats"], result["tick_age_seconds"]) == (1, 0)


def test_double_text_is_an_incident(bench: Bench) -> None:
    batch_id = bench.submit(3)
    bench.gateway.behave = bench.gateway.lose
    bench.gateway.hidden = {"everything"}
    bench.work()
    tag = bench.batch(batch_id).tag or ""
    bench.gateway.hidden = {tag}
    bench.dispatcher.resend(batch_id, reason="nothing arrived")
    bench.gateway.behave = bench.gateway.take
    bench.work()
    assert Scrape(bench)["incidents"] == 0
    bench.gateway.hidden = set()
    bench.pass_by(hours=1)
    assert Scrape(bench)["incidents"] == len(bench.dispatcher.incidents()) == 1


def test_checks_are_exposed_as_1_and_0(bench: Bench) -> None:
    result = Scrape(bench)
    assert (result["ready", "database"], result["ready", "beat"]) == (1, 0)


def test_unreachable_database_leaves_the_other_metrics(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.submit()
    bench.work()

    def down(_: Database) -> None:
        raise StorageError("the connection to the database was lost")

    monkeypatch.setattr(Database, "read", down)
    result = Scrape(bench)
    assert result["database_up"] == 0
    assert result["calls_total", "sent"] == 1
    assert result["window_open", "metropole"] == 1
    assert ("due_batches",) not in result.samples
    monkeypatch.undo()


def test_no_label_has_more_values_than_are_known_beforehand(bench: Bench) -> None:
    bench.submit(3, "customers of July")
    bench.work()
    result = Scrape(bench)
    assert "July" not in result.text
    assert "3363998" not in result.text
    labels = {key[1:] for key in result.samples if len(key) > 1}
    bench.submit(3, "customers of August", start=10)
    bench.work()
    assert {key[1:] for key in Scrape(bench).samples if len(key) > 1} == labels


def test_ended_and_open_totals_sum_to_everything(bench: Bench) -> None:
    bench.submit(3, "delivered")
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(minutes=1)
    bench.gateway.behave = bench.gateway.lose
    bench.gateway.blind = True
    bench.submit(4, "cancelled in doubt", start=10)
    bench.work()
    bench.dispatcher.cancel("cancelled in doubt")
    bench.pass_by(minutes=20)
    bench.submit(5, "runs", start=20, not_before=bench.clock() + timedelta(days=1))
    database = bench.dispatcher.database
    everybody = Counter(state for *_, state in bench.view())
    ages = []
    for minutes in (-10, 0, 1, 10, 30):
        with database.read() as session:
            past = totals.ended(session, OPEN + timedelta(minutes=minutes))
        ages.append(sum(share.batches for share in past.shares))
        # what ends after the past was read stays in the sum
        bench.dispatcher.tick()
        with database.read() as session:
            shares = [*past.shares, *totals.still_open(session, past)]
        assert Counter(messages_of(shares)) == Counter(everybody)
    assert ages == [0, 0, 1, 1, 1]  # the cancelled one lingers: its batch is in doubt


def test_doubt_that_ends_in_an_old_campaign_stays_in_the_sum(bench: Bench) -> None:
    batch_id = bench.submit(4)
    bench.gateway.behave = bench.gateway.swallow
    bench.work()
    bench.dispatcher.cancel("soldes")
    bench.pass_by(hours=1)
    database = bench.dispatcher.database
    with database.read() as session:
        past = totals.ended(session, bench.clock())
    bench.dispatcher.give_up(batch_id, reason="the gateway's dashboard shows nothing")
    with database.read() as session:
        present = totals.still_open(session, past)
    assert past.shares == []
    assert [(share.state, share.batches) for share in present] == [(BatchState.FAILED, 1)]


def test_ended_campaigns_are_not_read_at_every_scrape(bench: Bench) -> None:
    bench.submit(1200)
    query: list[str] = []
    with bench.dispatcher.database.read() as session:
        past = totals.ended(session, bench.clock())

        def note(*arguments: object) -> None:
            query.append(str(arguments[2]))

        event.listen(session.connection(), "before_cursor_execute", note)
        shares = totals.still_open(session, past)
    assert messages_of(shares)["pending"] == 1200
    assert "batch.campaign_id IN" in query[-1]  # there is an index for that


def test_queries_of_metrics_have_a_time_limit(
    postgres_tables: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[str] = []
    ask = monitoring.snapshot

    def note(session: Session, now: datetime) -> monitoring.Snapshot:
        limits.append(session.execute(text("SHOW statement_timeout")).scalar_one())
        return ask(session, now)

    for bench in opened(postgres_tables):
        monkeypatch.setattr(monitoring, "snapshot", note)
        Scrape(bench)
    assert set(limits) == {"10s"}
