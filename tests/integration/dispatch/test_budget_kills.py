"""What a killed worker had armed is counted once in its budget: not lost, and not twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from dispatcher.campaigns.states import MessageState
from dispatcher.storage import budgets
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened, people
from tests.integration.dispatch.turn_killed import POINTS
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
PRICE = Decimal("0.038")
BOTH = 6 * PRICE


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    """A budget that pays for two campaigns, which began, and not for the message of a third."""
    with opened(tables, prices=f"metropole={PRICE}") as bench:
        with bench.dispatcher.database.write() as session:
            budgets.put(session, "shop", BOTH + PRICE / 2)
        for number, (name, count) in enumerate((("one", 3), ("two", 3), ("third", 1))):
            bench.submit(count, name, start=10 * number, tags=["shop"])
        bench.tick()
        yield bench
        bench.check()


def counted(bench: Bench) -> Decimal:
    """What is charged and reserved; the third campaign waits whatever has become of the others."""
    [budget] = bench.dispatcher.budgets.all()
    assert bench.dispatcher.budgets.waiting() == [3]
    return budget.charged + budget.reserved


def killed(bench: Bench, point: str, directory: Path) -> tuple[int, str, list[str]]:
    """Let SIGKILL end a worker; the other batch, and tag and people of what the gateway took."""
    url = bench.dispatcher.database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.integration.dispatch.turn_killed"]
    ledger = directory / "ledger"
    worker = subprocess.run(
        [*command, url, point, str(ledger)], cwd=ROOT, check=False, timeout=PATIENCE
    )
    assert worker.returncode == -signal.SIGKILL
    [(tag, taken)] = (json.loads(line) for line in ledger.read_text().splitlines())
    return 2 if taken == people(3) else 1, tag, taken


def shown(bench: Bench, tag: str, taken: list[str]) -> None:
    """The gateway shows what it took, and the leases of the killed worker end."""
    bench.gateway.accept(tag, taken)
    bench.gateway.tags[tag] = dict.fromkeys(taken, MessageState.SENT)
    bench.send(bench.submit(1, "control", start=9000))
    bench.pass_by(seconds=bench.settings.lease + 1)
    bench.pass_by(minutes=1)


@pytest.mark.parametrize("point", POINTS)
def test_kill_between_arming_and_answer_counts_the_money_of_a_batch_once(
    bench: Bench, tmp_path: Path, point: str
) -> None:
    assert counted(bench) == BOTH
    other, tag, taken = killed(bench, point, tmp_path)
    assert counted(bench) == BOTH

    shown(bench, tag, taken)
    assert counted(bench) == BOTH

    if bench.batch(other).state == "in_doubt":
        bench.dispatcher.resend(other, reason="their dashboard does not show it")
        bench.work()
    assert {one.state for one in bench.batches()[:2]} == {"sent"}
    assert counted(bench) == BOTH
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    assert counted(bench) == BOTH
    assert bench.gateway.texted == dict.fromkeys([*people(3), *people(3, 10), *people(1, 9000)], 1)


def test_batch_that_a_person_gives_up_stays_counted_because_it_may_have_left(
    bench: Bench, tmp_path: Path
) -> None:
    other, tag, taken = killed(bench, "told", tmp_path)
    shown(bench, tag, taken)
    assert bench.batch(other).state == "in_doubt"
    assert counted(bench) == BOTH

    bench.dispatcher.give_up(other, reason="their dashboard does not show it")
    bench.pass_by(minutes=1)

    assert counted(bench) == BOTH
    with bench.dispatcher.database.write() as session:
        budgets.put(session, "shop", BOTH + PRICE)
    bench.work()
    assert bench.messages("third") == {"sent": 1}
