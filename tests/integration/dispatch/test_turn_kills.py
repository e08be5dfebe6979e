"""Nobody is texted twice or lost if SIGKILL comes around a turn that ends one batch and arms
another.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dispatcher.campaigns.states import MessageState
from tests.integration.bench import Bench, people
from tests.integration.dispatch.turn_killed import POINTS
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
WHY = "their dashboard does not show it"


@pytest.mark.parametrize("point", POINTS)
def test_kill_around_a_turn_leaves_one_doubt_and_texts_nobody_twice(
    bench: Bench, tmp_path: Path, point: str
) -> None:
    first, second = bench.submit(3, "first"), bench.submit(3, "second", start=10)
    url = bench.dispatcher.database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.integration.dispatch.turn_killed"]
    ledger = tmp_path / "ledger"
    worker = subprocess.run(
        [*command, url, point, str(ledger)], cwd=ROOT, check=False, timeout=PATIENCE
    )
    assert worker.returncode == -signal.SIGKILL
    [(tag, taken)] = (json.loads(line) for line in ledger.read_text().splitlines())
    sent = first if taken == people(3) else second
    other = first + second - sent
    states = {one.id: one.state for one in bench.batches()}
    is_stored = point in ("committed", "told") or (
        point == "statements" and not bench.dispatcher.database.is_sqlite
    )
    assert states == (
        {sent: "sent", other: "sending"} if is_stored else {sent: "sending", other: "pending"}
    )

    # the gateway shows what it took
    bench.gateway.accept(tag, taken)
    bench.gateway.tags[tag] = dict.fromkeys(taken, MessageState.SENT)
    bench.send(bench.submit(1, "control", start=9000))
    bench.pass_by(seconds=bench.settings.lease + 1)
    bench.pass_by(minutes=1)
    if is_stored:
        assert bench.batch(other).state == "in_doubt"
        bench.dispatcher.resend(other, reason=WHY)
        bench.work()
    assert {one.state for one in bench.batches()} == {"sent"}
    assert bench.gateway.texted == dict.fromkeys([*people(3), *people(3, 10), *people(1, 9000)], 1)
