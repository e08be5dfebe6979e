"""What the gateway and the networks say of numbers, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import cast

import pytest
from sqlalchemy import select

from dispatcher import (
    ConfigurationError,
    Dispatcher,
    GatewayError,
    GatewayRefused,
    GatewayUnreached,
    InvalidCampaign,
    InvalidRequest,
    PlanChanged,
    Settings,
)
from dispatcher.api.number_checks import OrderResult
from dispatcher.api.screening import Screening
from dispatcher.campaigns.batch import LARGEST_BATCH
from dispatcher.campaigns.places import Places
from dispatcher.recipients import Recipient, Rejection
from dispatcher.recipients.number_checks import NumberCheck
from dispatcher.storage.database import Database
from dispatcher.storage.tables import CheckOrder
from dispatcher.storage.tables import NumberCheck as Checked
from tests.fakes import FakeGateway
from tests.integration.bench import TEXT, Bench, opened, people

FOREIGN = "+447700900123"
EVERYBODY = [*people(2), FOREIGN]


def nothing(request: str) -> NumberCheck:
    """The gateway says that this is no number."""
    return NumberCheck(request, False, refused=True)


@pytest.fixture
def doubted(bench: Bench) -> Bench:
    """A gateway that takes a French and a foreign number for none."""
    for phone in (people(1)[0], FOREIGN):
        bench.gateway.forms[phone] = nothing(phone)
    return bench


def test_plan_without_check_numbers_calls_no_gateway(bench: Bench) -> None:
    assert bench.dispatcher.plan(TEXT, EVERYBODY).lookups is None
    bench.dispatcher.submit("soldes", TEXT, EVERYBODY)
    assert bench.gateway.number_checks == []


def test_checked_plan_counts_forms_and_names_the_lines_that_differ(doubted: Bench) -> None:
    plan = doubted.dispatcher.plan(TEXT, EVERYBODY, check_numbers=True)
    assert plan.lookups is not None
    assert plan.lookups.sentences() == [
        "1 × France, Mobile",
        "1 × no number, the gateway says, kept: line 1",
        "1 × no number, the gateway says, left out: line 3",
    ]
    assert plan.kept == 2
    assert plan.rejected == {"invalid_at_gateway": 1}
    result = plan.as_json()["lookups"]
    assert result["asked"] == 3
    assert {phone for phone in EVERYBODY if phone in str(result)} == set()


def test_french_number_refused_by_the_gateway_stays_in(doubted: Bench) -> None:
    left: list[Rejection] = []
    doubted.dispatcher.submit("soldes", TEXT, EVERYBODY, check_numbers=True, reject=left.append)
    doubted.work()
    assert set(doubted.gateway.texted) == set(people(2))
    assert [(one.row, one.reason) for one in left] == [(3, "invalid_at_gateway")]
    (action,) = doubted.actions("check numbers")
    assert "no number, the gateway says, left out: line 3" in action.reason
    assert not any(phone in action.reason for phone in EVERYBODY)


def test_list_at_hand_with_check_numbers_opens_no_transaction_during_the_call(
    doubted: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    lookup = doubted.gateway.lookup

    def looking(phones: Sequence[str]) -> Sequence[NumberCheck]:
        with doubted.dispatcher.database.write():  # SQLite has one writer: it would wait for ever
            seen.append(len(phones))
        return lookup(phones)

    monkeypatch.setattr(doubted.gateway, "lookup", looking)
    doubted.dispatcher.submit("soldes", TEXT, EVERYBODY, check_numbers=True, at_hand=True)
    assert seen == [3]
    assert doubted.progress().recipients == 2
    assert len(doubted.actions("check numbers")) == 1


def test_foreign_number_stays_in_when_the_gateway_refuses_all(bench: Bench) -> None:
    bench.gateway.forms[FOREIGN] = nothing(FOREIGN)
    plan = bench.dispatcher.plan(TEXT, [FOREIGN], check_numbers=True)
    assert (plan.kept, plan.rejected) == (1, {})


def test_submitted_again_is_the_same_campaign_when_the_gateway_changes_its_answer(
    doubted: Bench,
) -> None:
    first = doubted.dispatcher.submit("soldes", TEXT, EVERYBODY, check_numbers=True)
    doubted.gateway.forms.clear()
    query = len(doubted.gateway.number_checks)
    assert doubted.dispatcher.submit("soldes", TEXT, EVERYBODY, check_numbers=True) == first
    assert doubted.dispatcher.submit("soldes", TEXT, EVERYBODY) == first
    assert len(doubted.gateway.number_checks) == query


def test_approved_plan_raises_plan_changed_when_the_gateway_changes_its_answer(
    doubted: Bench,
) -> None:
    plan = doubted.dispatcher.plan(TEXT, EVERYBODY, check_numbers=True)
    doubted.gateway.forms.clear()
    with pytest.raises(PlanChanged):
        doubted.dispatcher.submit(
            "soldes", TEXT, EVERYBODY, check_numbers=True, approved=plan.fingerprint
        )


def test_strict_list_with_a_number_refused_by_the_gateway_raises(doubted: Bench) -> None:
    with pytest.raises(InvalidCampaign, match="1 of 3 rows"):
        doubted.dispatcher.submit("soldes", TEXT, EVERYBODY, check_numbers=True, strict=True)
    assert doubted.campaigns() == []


def test_failing_lookup_excludes_nobody(bench: Bench) -> None:
    bench.gateway.blind = True
    everybody = people(LARGEST_BATCH + 10)
    plan = bench.dispatcher.plan(TEXT, everybody, check_numbers=True)
    assert plan.kept == len(everybody)
    assert plan.lookups is not None
    assert plan.lookups.sentences() == ["510 were not looked up: HTTP 503 with an unreadable body"]
    assert len(bench.gateway.number_checks) == 1  # each call would wait in vain
    bench.dispatcher.submit("soldes", TEXT, everybody, check_numbers=True)
    assert bench.progress().recipients == len(everybody)


def test_number_is_looked_up_as_its_territory_reads_it(bench: Bench) -> None:
    rows = [{"mobile": "687751234", "territoire": "988"}, {"mobile": "751235", "territoire": "988"}]
    bench.dispatcher.plan(TEXT, rows, check_numbers=True, commercial=False, reason="alert at sea")
    assert bench.gateway.number_checks == [["+687751234", "+687751235"]]
    assert bench.dispatcher.number_checks.survey(rows).unknown == ("+687751234", "+687751235")


def test_duplicate_numbers_are_looked_up_once(bench: Bench) -> None:
    values = [*people(LARGEST_BATCH - 2), "0639980000", "nobody", *people(1, start=600)]
    bench.dispatcher.plan(TEXT, values, check_numbers=True)
    first, second = bench.gateway.number_checks
    assert first == people(LARGEST_BATCH - 2)
    assert second == people(1, start=600)


def test_many_lookups_keep_the_pace_of_the_gateway() -> None:
    waits: list[float] = []
    screening = Screening(FakeGateway(), wait=waits.append)
    everybody = map(Recipient, people(2 * LARGEST_BATCH + 1))
    rows = screening.checked(everybody, Places(None))
    assert sum(1 for _ in rows) == 2 * LARGEST_BATCH + 1
    assert len(waits) == 2
    assert all(0 < wait <= 0.4 for wait in waits)


def test_list_that_fails_midway_raises_its_own_error(bench: Bench) -> None:
    def broken() -> Iterator[str]:
        yield from people(1)
        raise InvalidCampaign("line 2 cannot be read")

    with pytest.raises(InvalidCampaign, match="line 2"):
        bench.dispatcher.submit("soldes", TEXT, broken(), check_numbers=True)


def test_check_numbers_without_a_key_raises_configuration_error(bench: Bench) -> None:
    keyless = Dispatcher(Settings.of(), database=bench.dispatcher.database, clock=bench.clock)
    with pytest.raises(ConfigurationError, match="DISPATCHER_API_KEY"):
        keyless.plan(TEXT, EVERYBODY, check_numbers=True)


def test_opted_out_number_is_not_looked_up(bench: Bench) -> None:
    a, b, c = people(3)
    bench.opt_out(a)
    bench.opt_out(b)
    bench.dispatcher.opt_outs.erase(b)
    plan = bench.dispatcher.plan(TEXT, [a, b, c], check_numbers=True)
    assert bench.gateway.number_checks == [[c]]
    assert (plan.kept, plan.opted_out) == (3, 2)
    assert bench.dispatcher.number_checks.survey([a, b], look_up=True).known == {"opted_out": 2}
    assert bench.gateway.number_checks == [[c]]


def test_words_of_the_gateway_are_shown_without_digits_and_control_characters(
    bench: Bench,
) -> None:
    (a,) = people(1)
    bench.gateway.forms[a] = NumberCheck(a, True, a, f"Fr\x1b[2J{a}", 33, f"Fax\n{a}" + "x" * 200)
    plan = bench.dispatcher.plan(TEXT, [a], check_numbers=True)
    assert plan.lookups is not None
    text = plan.lookups.sentences()
    assert text[0].startswith("1 × Fr [J+, Fax +xxx")
    assert all(line.isprintable() and len(line) < 120 for line in text)
    assert not any(a[-8:] in line for line in text)


# -- networks


SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
ADDRESS = f"https://shop.example/sms/{SECRET}/check"
CAP = Decimal(100)


@pytest.fixture
def paid(tables: Database) -> Iterator[Bench]:
    """A bench whose webhooks the gateway can reach."""
    address = {"webhook_url": "https://shop.example/sms", "webhook_secret": SECRET}
    with opened(tables, **address) as bench:
        yield bench
        bench.check()


def order(
    bench: Bench, phones: list[str], *, cap: Decimal = CAP, again: bool = False
) -> OrderResult:
    checks = bench.dispatcher.number_checks
    return checks.order(checks.survey(phones), max_cost=cap, again=again)


def known(bench: Bench, phones: list[str]) -> dict[str, int]:
    return dict(bench.dispatcher.number_checks.survey(phones).known)


def tell(bench: Bench, phone: str, name: str = "NO_ERROR ", **more: object) -> None:
    """The gateway posts a result, of this very second unless ``more`` says otherwise."""
    result = {
        "phone": phone,
        "messageId": "6c1d",
        "mccMnc": "20815",
        "ported": 1,
        "errorGrpId": int(name != "NO_ERROR "),
        "errorName": name,
        "date": f"{bench.clock():%Y-%m-%dT%H:%M:%S.000+0000}",
        **more,
    }
    bench.dispatcher.inbox.take("check", json.dumps(result).encode())


GONE = "EC_UNKNOWN_SUBSCRIBER"


def orders(bench: Bench) -> list[tuple[int, str | None, Decimal | None]]:
    with bench.dispatcher.database.read() as session:
        rows = session.scalars(select(CheckOrder).order_by(CheckOrder.id)).all()
    return [(row.numbers, row.outcome, row.cost) for row in rows]


def test_large_order_is_sent_500_numbers_at_a_time_with_the_address(paid: Bench) -> None:
    everybody = people(LARGEST_BATCH + 3)
    ordered = order(paid, everybody)
    assert ordered == OrderResult(ordered=503, cost=Decimal("2.515"))
    first, second = paid.gateway.orders
    assert (sorted(first[0]), sorted(second[0])) == (everybody[:500], everybody[500:])
    assert (first[2], second[2]) == (ADDRESS, ADDRESS)
    assert first[1] != second[1]
    assert orders(paid) == [(500, "taken", Decimal("2.5")), (3, "taken", Decimal("0.015"))]
    assert known(paid, everybody) == {"waiting": 503}


def test_order_above_the_cap_orders_nothing(paid: Bench) -> None:
    with pytest.raises(InvalidCampaign, match=r"3 checks cost 0\.015 €, more than 0\.01 €"):
        order(paid, people(3), cap=Decimal("0.01"))
    assert (paid.gateway.orders, orders(paid)) == ([], [])
    assert order(paid, people(3), cap=Decimal("0.015")).ordered == 3


def test_order_stops_at_the_cap_when_the_gateway_charges_more(paid: Bench) -> None:
    paid.gateway.check_price = Decimal("0.01")
    ordered = order(paid, people(1500), cap=Decimal("7.50"))
    assert (ordered.ordered, ordered.cost, ordered.left) == (500, Decimal(5), 1000)
    assert len(paid.gateway.orders) == 1


def test_order_without_an_address_raises_configuration_error(bench: Bench) -> None:
    with pytest.raises(ConfigurationError, match="DISPATCHER_WEBHOOK_URL"):
        order(bench, people(1))
    assert bench.gateway.orders == []


def test_result_out_of_service_excludes_the_number(paid: Bench) -> None:
    a, b, c, d = people(4)
    order(paid, [a, b, c, d])
    tell(paid, a)
    tell(paid, b, GONE)
    tell(paid, c, "EC_ABSENT_SUBSCRIBER")
    assert known(paid, people(4)) == {
        "in_service": 1,
        "out_of_service": 1,
        "undecided": 1,
        "waiting": 1,
    }
    plan = paid.dispatcher.plan(TEXT, people(4))
    assert (plan.kept, plan.rejected) == (3, {"out_of_service": 1})
    left: list[Rejection] = []
    paid.dispatcher.submit("soldes", TEXT, people(4), reject=left.append)
    assert [(one.row, one.reason) for one in left] == [(2, "out_of_service")]
    paid.work()
    assert set(paid.gateway.texted) == {a, c, d}


def test_repeated_results_in_any_order_keep_the_latest(paid: Bench) -> None:
    (a,) = people(1)
    order(paid, [a])
    earlier = f"{paid.clock():%Y-%m-%dT%H:%M:%S.000+0000}"
    paid.clock.forward(minutes=5)
    tell(paid, a, GONE)
    tell(paid, a, date=earlier)  # the older one comes last
    tell(paid, a, GONE)
    assert known(paid, [a]) == {"out_of_service": 1}
    paid.clock.forward(minutes=5)
    tell(paid, a)
    assert known(paid, [a]) == {"in_service": 1}


def test_result_without_a_date_counts_once(paid: Bench) -> None:
    (a,) = people(1)
    order(paid, [a])
    tell(paid, a, GONE, date=None)
    paid.clock.forward(days=20)
    tell(paid, a, GONE, date=None)
    assert known(paid, [a]) == {"out_of_service": 1}
    paid.clock.forward(days=11)
    assert known(paid, [a]) == {}


@pytest.mark.parametrize("date", ["2018-03-05T10:34:52.355+0000", "2026-11-20T10:00:00.000+0000"])
def test_result_dated_before_the_order_is_ignored(paid: Bench, date: str) -> None:
    (a,) = people(1)
    order(paid, [a])
    tell(paid, a, GONE, date=date)
    assert known(paid, [a]) == {"waiting": 1}


def test_result_without_an_order_is_ignored(paid: Bench) -> None:
    a, b = people(2)
    order(paid, [a])
    tell(paid, b, GONE)
    assert paid.dispatcher.plan(TEXT, [a, b]).kept == 2
    assert known(paid, [b]) == {}


def test_result_dated_in_the_future_counts_from_now(paid: Bench) -> None:
    (a,) = people(1)
    order(paid, [a])
    tell(paid, a, GONE, date="2030-01-01T00:00:00.000+0000")
    paid.clock.forward(days=31)
    assert known(paid, [a]) == {}


def test_old_result_is_not_used(paid: Bench) -> None:
    a, b = people(2)
    order(paid, [a, b])
    tell(paid, a, GONE)
    paid.clock.forward(days=30)
    assert paid.dispatcher.plan(TEXT, [a, b]).kept == 1
    paid.clock.forward(seconds=1)
    assert paid.dispatcher.plan(TEXT, [a, b]).kept == 2


def test_known_or_waiting_number_is_not_ordered_again(paid: Bench) -> None:
    a, b, c = people(3)
    order(paid, [a, b])
    tell(paid, a)
    paid.clock.forward(days=1)
    assert order(paid, [a, b, c]).ordered == 1
    assert paid.gateway.orders[1][0] == [c]
    paid.clock.forward(days=31)
    assert order(paid, [a, b, c]).ordered == 3


def test_lost_order_counts_as_paid_and_is_not_repeated(paid: Bench) -> None:
    paid.gateway.order_fails = [None, GatewayError("the connection was cut")]
    everybody = people(1200)
    ordered = order(paid, everybody)
    assert ordered == OrderResult(500, Decimal("2.5"), 500, 200, "the connection was cut")
    assert orders(paid)[1] == (500, "lost", None)
    paid.clock.forward(minutes=1)
    assert order(paid, everybody).ordered == 200  # the rest, and nobody who waits
    lost = paid.gateway.orders[1][0]
    tell(paid, lost[0], GONE)  # it was taken after all
    assert known(paid, everybody) == {"out_of_service": 1, "waiting": 1199}


@pytest.mark.parametrize("code", [500, 12])
def test_unclear_refusal_counts_as_paid(paid: Bench, code: int) -> None:
    paid.gateway.order_fails = [GatewayRefused(code)]
    ordered = order(paid, people(2))
    assert (ordered.ordered, ordered.lost) == (0, 2)
    assert orders(paid) == [(2, "lost", None)]
    assert order(paid, people(2)) == OrderResult()
    assert len(paid.gateway.orders) == 1


def test_waiting_number_is_ordered_again_only_on_request(paid: Bench) -> None:
    paid.gateway.order_fails = [GatewayError("the connection was cut")]
    a, b = people(2)
    order(paid, [a, b])
    paid.clock.forward(minutes=1)
    tell(paid, a)
    assert order(paid, [a, b], again=True).ordered == 1
    assert paid.gateway.orders[1][0] == [b]


def test_opted_out_number_is_not_ordered(paid: Bench) -> None:
    a, b = people(2)
    paid.opt_out(a)
    assert order(paid, [a, b], cap=Decimal("0.005")).ordered == 1
    assert paid.gateway.orders[0][0] == [b]


def test_number_opted_out_after_the_report_is_not_ordered(paid: Bench) -> None:
    a, b, c = people(3)
    checks = paid.dispatcher.number_checks
    report = checks.survey([a, b, c])
    paid.opt_out(a)
    paid.opt_out(b)
    paid.dispatcher.opt_outs.erase(b)
    assert checks.order(report, max_cost=CAP).ordered == 1
    assert paid.gateway.orders[0][0] == [c]
    with paid.dispatcher.database.read() as session:
        assert session.scalars(select(Checked.phone)).all() == [c]


def test_order_for_opted_out_numbers_only_is_not_sent(paid: Bench) -> None:
    checks = paid.dispatcher.number_checks
    report = checks.survey(people(1))
    paid.opt_out(people(1)[0])
    assert checks.order(report, max_cost=CAP) == OrderResult()
    assert (paid.gateway.orders, orders(paid)) == ([], [])


def test_unsendable_order_is_undone(paid: Bench) -> None:
    paid.gateway.order_fails = [InvalidRequest("a webhook's address is an http or https URL")]
    with pytest.raises(InvalidRequest):
        order(paid, people(2))
    assert known(paid, people(2)) == {}


@pytest.mark.parametrize("error", [GatewayRefused(11), GatewayUnreached("no route")])
def test_refused_order_costs_nothing_and_can_be_repeated(paid: Bench, error: GatewayError) -> None:
    a, b = people(2)
    order(paid, [a])
    tell(paid, a)
    paid.clock.forward(days=31)
    paid.gateway.order_fails = [error]
    ordered = order(paid, [a, b])
    assert (ordered.ordered, ordered.lost, ordered.left, ordered.why) == (0, 0, 2, str(error))
    assert orders(paid)[1] == (2, "refused", None)
    assert known(paid, [a, b]) == {}
    assert order(paid, [a, b]).ordered == 2


def test_order_of_a_dead_process_is_not_repeated(paid: Bench) -> None:
    paid.gateway.order_fails = [cast("Exception", KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        order(paid, people(2))
    assert orders(paid) == [(2, None, None)]
    paid.clock.forward(minutes=1)
    assert order(paid, people(2)) == OrderResult()
    assert len(paid.gateway.orders) == 1


@pytest.mark.parametrize("again", [False, True])
def test_two_orders_of_one_list_pay_once(paid: Bench, again: bool) -> None:
    checks = paid.dispatcher.number_checks
    if again:
        order(paid, people(3))
        paid.clock.forward(minutes=1)
    before = len(paid.gateway.orders)
    one, other = checks.survey(people(3)), checks.survey(people(3))
    paid.clock.forward(seconds=1)
    assert checks.order(one, max_cost=CAP, again=again).ordered == 3
    assert checks.order(other, max_cost=CAP, again=again) == OrderResult()
    assert len(paid.gateway.orders) == before + 1


def test_concurrent_orders_of_one_list_pay_once(paid: Bench) -> None:
    checks, everybody = paid.dispatcher.number_checks, people(300)
    reports = [checks.survey(everybody) for _ in range(6)]
    paid.clock.forward(seconds=1)
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda report: checks.order(report, max_cost=CAP), reports))
    assert sum(one.ordered for one in done) == 300
    assert sorted(phone for order in paid.gateway.orders for phone in order[0]) == everybody


def test_erased_number_loses_its_checks_and_later_results(paid: Bench) -> None:
    a, b = people(2)
    order(paid, [a, b])
    tell(paid, a, GONE)
    for phone in (a, b):
        paid.dispatcher.opt_outs.erase(phone)
    tell(paid, b, GONE)
    assert known(paid, [a, b]) == {"opted_out": 2}
    assert paid.dispatcher.plan(TEXT, [a, b]).opted_out == 2


def test_submitted_again_after_a_check_is_the_same_campaign(paid: Bench) -> None:
    first = paid.dispatcher.submit("soldes", TEXT, people(3))
    order(paid, people(3))
    tell(paid, people(1)[0], GONE)
    assert paid.dispatcher.submit("soldes", TEXT, people(3)) == first


@pytest.mark.parametrize(("mode", "warnings"), [("warn", 1), ("off", 0)])
def test_checks_mode_warns_or_skips_numbers_out_of_service(
    tables: Database, mode: str, warnings: int
) -> None:
    address = {"webhook_url": "https://shop.example/sms", "webhook_secret": SECRET}
    with opened(tables, checks_mode=mode, **address) as bench:
        order(bench, people(3))
        tell(bench, people(3)[1], GONE)
        plan = bench.dispatcher.plan(TEXT, people(3))
        assert plan.kept == 3
        about = [text for text in plan.warnings if "out of service" in text]
        assert len(about) == warnings
        assert all("1 of these numbers" in text and "line 2" in text for text in about)


def test_check_logs_no_number(paid: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    order(paid, people(2))
    tell(paid, people(1)[0], GONE)
    assert "the result of a number check came: out_of_service" in caplog.text
    assert "2 number checks ordered" in caplog.text
    assert not any(phone[-8:] in caplog.text for phone in people(2))
    shown = repr(paid.dispatcher.number_checks.survey(people(2)))
    assert not any(phone[-8:] in shown for phone in people(2))
