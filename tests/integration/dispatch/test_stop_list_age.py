"""A STOP list that cannot be read for long holds back commercial campaigns; both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dispatcher.errors import GatewayError
from dispatcher.monitoring.doctor import examine
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened
from tests.integration.monitoring.test_metrics import Scrape

HOUR = timedelta(hours=1)


def fail_to_read(bench: Bench, hours: int) -> None:
    """Let time pass in which each due reading of the STOP list fails."""
    bench.gateway.blind = True
    for _ in range(hours):
        bench.clock.forward(hours=1)
        if bench.tick().stop_list:
            bench.dispatcher.steps.sync_opt_outs()


def read(bench: Bench) -> None:
    bench.gateway.blind = False
    bench.clock.forward(minutes=5)
    bench.dispatcher.steps.sync_opt_outs()


def stops(bench: Bench) -> tuple[bool, str]:
    finding = {it.name: it for it in examine(bench.dispatcher, ["stops"])}["stops"]
    return finding.level == "ok", finding.says


def test_old_stop_list_holds_back_commercial_campaigns_until_it_is_read(bench: Bench) -> None:
    read(bench)
    fail_to_read(bench, 25)
    bench.clock.at = bench.clock.at.replace(hour=9) + 24 * HOUR
    first = bench.submit()
    assert list(bench.tick().send) == []
    bench.send(first)  # a late hint
    assert bench.messages() == {"pending": 3}
    assert bench.progress().why == "the STOP list was last read at 2026-11-24 09:05 UTC"

    read(bench)
    bench.work()
    assert bench.messages() == {"sent": 3}


def test_old_stop_list_holds_back_no_service_message(bench: Bench) -> None:
    read(bench)
    fail_to_read(bench, 48)
    bench.submit(commercial=False, reason="notice")
    bench.submit(reference="commercial", start=10, priority="high")
    bench.work()
    assert bench.messages() == {"sent": 3}
    assert bench.messages("commercial") == {"pending": 3}


def test_never_read_stop_list_counts_from_the_first_try(bench: Bench) -> None:
    fail_to_read(bench, 1)
    bench.submit()
    bench.work()
    assert bench.messages() == {"sent": 3}
    fail_to_read(bench, 25)
    bench.clock.at = bench.clock.at.replace(hour=9) + 24 * HOUR
    bench.submit(reference="later", start=10)
    bench.work()
    assert bench.progress("later").why == "the STOP list was never read"


def test_limit_of_the_stop_lists_age_can_be_switched_off(tables: Database) -> None:
    with opened(tables, stop_list_max_age=0) as bench:
        read(bench)
        fail_to_read(bench, 48)
        bench.submit()
        bench.work()
        assert bench.messages() == {"sent": 3}


def test_failed_reading_does_not_make_the_stop_list_younger(bench: Bench) -> None:
    assert Scrape(bench)["stop_list_age_seconds"] == float("inf")
    read(bench)
    assert Scrape(bench)["stop_list_age_seconds"] == 0
    assert stops(bench) == (True, "the STOP list was last read at 2026-11-24 09:05 UTC")
    fail_to_read(bench, 3)
    with pytest.raises(GatewayError):
        bench.dispatcher.steps.sync_opt_outs(at_once=True)
    assert Scrape(bench)["stop_list_age_seconds"] == 3 * 3600
    ok, says = stops(bench)
    assert not ok
    assert says.startswith("the STOP list was last read at 2026-11-24 09:05 UTC; commercial")
