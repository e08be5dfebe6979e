"""``dispatcher.monitoring.doctor`` and ``dispatcher doctor``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dispatcher import Dispatcher, GatewayError, Settings
from dispatcher.cli.commands.doctor import _CHECKS
from dispatcher.gateway import Account
from dispatcher.local.redis import EmbeddedRedis
from dispatcher.monitoring.doctor import CHECKS, PROGRESS, Finding, examine
from dispatcher.sandbox.process import Sandbox
from dispatcher.storage import budgets
from dispatcher.storage.database import Database
from tests.fakes import FakeGateway
from tests.integration.bench import Bench, opened, people
from tests.integration.cli.test_commands import Shell, command, in_terminal

NAMES = ["database", "broker", "gateway", "clock", "beat", "workers", "pause", "accounts", "doubts"]
NAMES += ["credit", "costs", "budgets", "stops", "refusals", "webhooks", "series", "messages"]
NAMES += ["consent", "people"]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, monkeypatch)


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def dispatcher(database_url: str, gateway: FakeGateway) -> Iterator[Dispatcher]:
    made = Dispatcher(Settings.of(database_url=database_url, credit_check="off"), gateway=gateway)
    made.prepare()
    yield made
    made.database.close()


def found(dispatcher: Dispatcher, name: str) -> Finding:
    return {finding.name: finding for finding in examine(dispatcher)}[name]


def test_all_checks_are_ok_if_everything_answers(dispatcher: Dispatcher) -> None:
    dispatcher.tick()

    findings = list(examine(dispatcher))

    assert [finding.name for finding in findings] == NAMES
    assert [(finding.ok, finding.remedy) for finding in findings] == [(True, "")] * len(NAMES)
    output = {finding.name: finding.says for finding in findings}
    assert dispatcher.look_at_tables() in output["database"]
    assert output["gateway"].endswith("/v1: the key is good, balance 100.000 €")
    assert output["doubts"] == "none"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "postgresql://u:secret@db.invalid:6432/sms?connect_timeout=1",
            "'sms' at db.invalid:6432: ",
        ),
        ("postgresql:///sms?host=/nowhere", "PostgreSQL 'sms' at /nowhere: "),
        ("sqlite:////nowhere/sms.db", "SQLite /nowhere/sms.db: "),
    ],
)
def test_failed_check_names_where_it_looked_and_no_password(url: str, says: str) -> None:
    settings = Settings.of(
        database_url=url, broker_url="redis://:secret@127.0.0.1:1/3", api_key="k"
    )
    dispatcher = Dispatcher(settings)
    database, broker = examine(dispatcher, ["database", "broker"])
    dispatcher.database.close()
    assert says in database.says
    assert broker.says.startswith("redis://127.0.0.1:1/3: ")
    assert all(finding.remedy and not finding.ok for finding in (database, broker))
    assert "secret" not in f"{database} {broker}"


def test_broker_check_covers_redis(tmp_path: Path, gateway: FakeGateway) -> None:
    with EmbeddedRedis(tmp_path / "redis") as redis:
        settings = Settings.of(
            database_url=f"sqlite:///{tmp_path / 'x.db'}", broker_url=str(redis.url)
        )
        dispatcher = Dispatcher(settings, gateway=gateway)
        dispatcher.prepare()
        assert found(dispatcher, "broker").says.endswith("keeps its keys")

        from redis import Redis

        with Redis.from_url(redis.url) as client:
            client.config_set("maxmemory-policy", "volatile-lru")
        evicting = found(dispatcher, "broker")
    gone = found(dispatcher, "broker")
    dispatcher.database.close()

    assert not evicting.ok
    assert "volatile-lru" in evicting.says
    assert not gone.ok
    assert "/0: Redis does not answer at DISPATCHER_BROKER_URL: nothing listens" in gone.says
    assert gone.remedy == "start it, or correct DISPATCHER_BROKER_URL"


def test_gateway_out_of_order_fails_its_check_alone(
    dispatcher: Dispatcher, gateway: FakeGateway
) -> None:
    gateway.blind = True

    finding = found(dispatcher, "gateway")

    assert not finding.ok
    assert finding.remedy.startswith("wait: the gateway is out of order")
    alone = dispatcher.database.is_sqlite  # there is nothing else to compare the clock with
    assert found(dispatcher, "clock").level == ("skipped" if alone else "ok")


@pytest.mark.parametrize(("minutes", "ok"), [(0, True), (2, False), (-2, False)])
def test_clock_that_differs_from_the_gateway_fails(
    dispatcher: Dispatcher,
    gateway: FakeGateway,
    monkeypatch: pytest.MonkeyPatch,
    minutes: int,
    ok: bool,
) -> None:
    def account() -> Account:
        return Account(None, at=datetime.now(UTC) + timedelta(minutes=minutes))

    monkeypatch.setattr(gateway, "account", account)

    finding = found(dispatcher, "clock")

    assert finding.ok is ok
    assert "the gateway" in finding.says
    assert finding.remedy == (
        "" if ok else "set this host's clock by NTP: timedatectl set-ntp true"
    )


def beat_of(dispatcher: Dispatcher) -> Finding:
    """The finding about beats alone: the clock is set by hand, and no other agrees with it."""
    [finding] = examine(dispatcher, ["beat"])
    return finding


def test_silent_beat_of_two_is_a_warning_until_it_ticks_or_is_forgotten(bench: Bench) -> None:
    dispatcher = bench.dispatcher
    dispatcher.tick("one:7")
    dispatcher.tick("two:7")
    dispatcher.tick()
    assert beat_of(dispatcher).level == "ok"
    bench.clock.forward(minutes=3)
    assert beat_of(dispatcher).level == "failed"
    dispatcher.tick("")
    assert beat_of(dispatcher).level == "failed"
    dispatcher.tick("one:7")
    warned = beat_of(dispatcher)
    assert (warned.level, warned.ok) == ("warning", True)
    assert "two:7 for 0:03:00" in warned.says
    assert "one:7" not in warned.says
    assert warned.remedy.startswith("start it again: dispatcher celery beat; ")
    dispatcher.tick("two:7")
    assert beat_of(dispatcher).level == "ok"
    bench.clock.forward(days=1, seconds=1)
    dispatcher.tick("one:7")
    assert beat_of(dispatcher).level == "ok"


def test_beat_that_comes_back_after_a_day_replaces_one_that_ended_then(bench: Bench) -> None:
    dispatcher = bench.dispatcher
    dispatcher.tick("one:7")
    bench.clock.forward(days=2)
    dispatcher.tick("two:7")
    bench.clock.forward(hours=1)
    dispatcher.tick("one:7")
    assert beat_of(dispatcher).level == "ok"


def test_silent_beat_fails(tmp_path: Path, gateway: FakeGateway) -> None:
    at = datetime(2026, 11, 24, 9, tzinfo=UTC)
    dispatcher = Dispatcher(
        Settings.of(database_url=f"sqlite:///{tmp_path / 'x.db'}"),
        gateway=gateway,
        clock=lambda: at,
    )
    assert found(dispatcher, "beat").says == "not looked at: needs the database"
    dispatcher.prepare()
    assert found(dispatcher, "beat").says == "no worker has ever ticked"
    dispatcher.tick()
    assert found(dispatcher, "beat").ok
    at += timedelta(seconds=61)
    stopped = found(dispatcher, "beat")
    dispatcher.database.close()

    assert not stopped.ok
    assert "0:01:01 ago" in stopped.says
    assert "dispatcher run" in stopped.remedy


def test_batch_in_doubt_fails(dispatcher: Dispatcher, gateway: FakeGateway) -> None:
    gateway.behave = gateway.swallow
    dispatcher.submit(
        "alarm", "Alerte", people(3), sender="Mairie", commercial=False, reason="notice"
    )
    for batch_id in dispatcher.tick().send:
        dispatcher.steps.send_batch(batch_id)

    finding = found(dispatcher, "doubts")

    assert (finding.level, finding.says) == ("warning", "1 batch in doubt")
    assert finding.remedy == "dispatcher doubts, then dispatcher resend or give-up"
    strict = Dispatcher(dispatcher.settings.model_copy(update={"doubt_limit": 1}), gateway=gateway)
    many = found(strict, "doubts")
    assert (many.level, many.says) == ("failed", "1 batch in doubt: nothing is sent from 1 on")
    strict.database.close()


def test_failed_check_does_not_stop_the_others(gateway: FakeGateway) -> None:
    dispatcher = Dispatcher(
        Settings.of(database_url="sqlite:////no/such/place/x.db"), gateway=gateway
    )

    findings = list(examine(dispatcher))
    dispatcher.database.close()

    assert [finding.name for finding in findings] == NAMES
    assert {finding.name for finding in findings if finding.ok} >= {"broker", "gateway"}
    assert not findings[0].ok


@pytest.fixture
def watched(database_url: str, gateway: FakeGateway) -> Iterator[Dispatcher]:
    """A dispatcher that holds what runs against the balance."""
    settings = Settings.of(database_url=database_url, prices="metropole=0.03")
    made = Dispatcher(settings, gateway=gateway)
    made.prepare()
    yield made
    made.database.close()


def test_missing_money_fails_the_credit_check(watched: Dispatcher, gateway: FakeGateway) -> None:
    watched.submit(
        "alarm", "Alerte", people(100), sender="Mairie", commercial=False, reason="notice"
    )
    assert found(watched, "credit").says == "balance 100.00 €, 3.00 € to go"
    gateway.balance = Decimal("1.5")
    short = found(watched, "credit")
    assert (short.ok, short.says) == (False, "1.50 € are missing: 3.00 € to go")
    assert "top the account up" in short.remedy


def test_unreadable_balance_fails_the_credit_check(
    watched: Dispatcher, gateway: FakeGateway
) -> None:
    watched.submit("alarm", "Alerte", people(3), sender="Mairie", commercial=False, reason="notice")
    gateway.blind = True
    watched.check_credit()
    assert found(watched, "credit").says == "not looked at: needs the gateway"
    gateway.blind = False
    blind = found(watched, "credit")
    assert blind.level == "warning"
    assert "workers could not read the balance 1 times in a row, never" in blind.says


def test_unplanned_charges_fail_the_costs_check(watched: Dispatcher, gateway: FakeGateway) -> None:
    watched.submit(
        "alarm", "Alerte", people(100), sender="Mairie", commercial=False, reason="notice"
    )
    watched.check_credit()
    for batch_id in watched.tick().send:
        watched.steps.send_batch(batch_id)
    costs = found(watched, "costs")
    assert (costs.level, costs.says) == (
        "warning",
        "3.80 € charged in 30 days, 3.00 € were planned",
    )
    assert "DISPATCHER_PRICES" in costs.remedy


# -- budgets


def budgeted(bench: Bench, euros: str) -> None:
    """A budget below one batch, and a campaign of 3 messages that counts for it."""
    with bench.dispatcher.database.write() as session:
        budgets.put(session, "shop", Decimal(euros))
    bench.submit(3, tags=["shop"])
    bench.tick()


@pytest.mark.parametrize(
    ("euros", "level", "says"),
    [
        (
            "0.10",
            "warning",
            (
                "1 campaign waits for a budget; 'soldes': the budget of tag shop has 0.10 € left in"
                " 2026-11, and the campaign needs 0.12 €"
            ),
        ),
        ("0.12", "warning", "the budget of tag shop has 0.006 € of 0.12 € left"),
        ("0.20", "ok", "none is nearly spent this month"),
    ],
)
def test_doctor_warns_of_a_budget_that_blocks_or_is_nearly_spent(
    database_url: str, euros: str, level: str, says: str
) -> None:
    database = Database(database_url)
    with opened(database, prices="metropole=0.038", database_url=database_url) as bench:
        bench.dispatcher.prepare()
        budgeted(bench, euros)
        check = found(bench.dispatcher, "budgets")
    database.close()
    assert (check.level, check.says) == (level, says)
    assert ("dispatcher budgets set" in check.remedy) is (level == "warning")


# -- the command


def test_doctor_ends_with_0_if_all_checks_are_ok(shell: Shell) -> None:
    with Sandbox() as gateway:
        shell.set(api_url=gateway.url, api_key=gateway.key)
        shell.unset("clock_offset")
        shell("migrate")
        assert shell("tick").exit_code == 0

        result = shell("doctor")

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"✓ {name}" for name in NAMES]
    assert gateway.key not in result.output


def test_doctor_ends_with_3_and_says_what_to_do(shell: Shell) -> None:
    shell("migrate")
    result = shell("doctor")

    assert (result.exit_code, result.stderr) == (3, "")
    lines = dict(line.split(": ", 1) for line in result.stdout.splitlines())
    assert list(lines) == [
        "✓ database",
        "✓ broker",
        "✗ gateway",
        "– clock",
        "– beat",
        "– workers",
        "✓ pause",
        "✓ accounts",
        "✓ doubts",
        "– credit",
        "✓ costs",
        "✓ budgets",
        "– stops",
        "✓ refusals",
        "✓ webhooks",
        "✓ series",
        "✓ messages",
        "✓ consent",
        "✓ people",
    ]
    assert "DISPATCHER_API_KEY is not set" in lines["✗ gateway"]
    assert lines["– clock"].startswith("not looked at: ")


def test_doctor_only_makes_one_check(shell: Shell) -> None:
    shell("migrate")
    result = shell("doctor", "--only", "beat", "--only", "database", "--json")
    assert result.exit_code == 3
    checks = json.loads(result.stdout)
    assert [(check["name"], check["well"]) for check in checks] == [
        ("database", True),
        ("beat", False),
    ]
    assert shell("doctor", "--only", "database").exit_code == 0
    assert shell("doctor", "--only", "moon").exit_code == 2


def test_command_knows_every_check() -> None:
    assert CHECKS == _CHECKS
    assert set(PROGRESS) < set(CHECKS)


def test_doctor_prints_json(shell: Shell) -> None:
    result = shell("doctor", "--json")

    assert result.exit_code == 3
    findings = json.loads(result.stdout)
    assert [finding["name"] for finding in findings] == NAMES
    assert set(findings[0]) == {"name", "well", "level", "says", "remedy"}


def test_terminal_without_accents_gets_plain_marks(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    shell.set(api_key="any")
    with Sandbox() as gateway:
        shell.set(api_url=gateway.url, api_key=gateway.key)
        shell.unset("clock_offset")
        shell("migrate")
        shell("tick")
        output = in_terminal(command("doctor"))

    assert output.splitlines()[0].startswith("ok database: ")


def test_gateway_error_is_a_failed_check(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise GatewayError("HTTP 503")

    monkeypatch.setattr(Dispatcher, "account", away)

    result = shell("doctor")

    assert "/v1: HTTP 503; " in result.stdout
