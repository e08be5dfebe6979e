"""Nobody is texted twice or lost, however often a worker with several threads is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.integration.bench import Bench, people
from tests.integration.dispatch.killed_senders import CONNECTIONS

ROOT = Path(__file__).parents[3]
CAMPAIGNS = 40
#: after how many requests each life ends; the last one sends the rest
LIVES = (1, 3, 2, 5, 4, 2, 0)


def test_killed_workers_text_nobody_twice_and_leave_a_doubt_a_connection_at_most(
    bench: Bench, tmp_path: Path
) -> None:
    for number in range(CAMPAIGNS):
        bench.submit(3, f"campaign {number}", start=3 * number)
    url = bench.dispatcher.database.engine.url.render_as_string(hide_password=False)
    file = tmp_path / "ledger"
    file.touch()
    command = [sys.executable, "-m", "tests.integration.dispatch.killed_senders", url, str(file)]
    lives = "".join(f"{most}\n" for most in LIVES)
    worker = subprocess.run(
        command, cwd=ROOT, input=lives, capture_output=True, text=True, check=True
    )
    kills = [-int(line) for line in worker.stdout.split()]
    assert kills == [-signal.SIGKILL] * (len(LIVES) - 1) + [0]

    requests = [json.loads(line) for line in file.read_text().splitlines()]
    texted = Counter(phone for _, phones in requests for phone in phones)
    assert set(texted.values()) == {1}
    tags = {tag for tag, _ in requests}
    assert tags <= {attempt.tag for attempt in bench.attempts()}
    states = Counter(batch.state for batch in bench.batches())
    assert set(states) <= {"sent", "sending"}
    assert states["sending"] <= CONNECTIONS * (len(LIVES) - 1)
    sent = {phone for batch, phone in _phones(bench) if bench.batch(batch).state == "sent"}
    assert sent <= set(texted) <= set(people(3 * CAMPAIGNS))


def _phones(bench: Bench) -> list[tuple[int, str]]:
    return [(batch, phone) for _, batch, phone, _ in bench.view()]
