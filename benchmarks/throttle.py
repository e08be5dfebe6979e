"""The rate over all workers: what the gateway sees in each second of a minute."""

from __future__ import annotations

import time
from collections import Counter

from benchmarks.contenders.ours import CAMPAIGN, Installation, recipients
from benchmarks.figures import Row, Spread, Table
from benchmarks.options import Bench, name_of
from benchmarks.people import BATCH, TEXT
from benchmarks.processes import Failed, wait
from tests.postgres_server import PostgresServer

_RATE = 20
_WORKERS = 8
_LATENCY = 0.05


def measure(bench: Bench) -> list[Table]:
    """``DISPATCHER_RATE`` with eight worker processes."""
    seconds = 10 if bench.options.quick else 60
    workers = bench.options.processes or _WORKERS
    rows = [_row(bench, database, seconds, workers) for database in bench.databases()]
    return [
        Table(
            key="throttle",
            title=f"Throttle: `DISPATCHER_RATE={_RATE}` over {workers} worker processes",
            headings=("requests a second, mean", "of the rate", "in one second"),
            rows=tuple(rows),
            notes=(
                (
                    f"Counted by the gateway over {seconds} s, from the first request on; in one"
                    " second: the median second (the least–the most)."
                ),
            ),
        )
    ]


def _row(bench: Bench, database: PostgresServer | None, seconds: int, workers: int) -> Row:
    bench.gateway.reset(latency=_LATENCY)
    with (
        bench.directory() as directory,
        Installation(
            directory,
            bench.gateway.url,
            database,
            rate=_RATE,
            connections=4,
            poll_intervals="600",
        ) as installation,
    ):
        silent = installation.silent
        silent.submit(CAMPAIGN, TEXT, recipients(_RATE * (seconds + 15) * BATCH))
        silent.pause(CAMPAIGN)
        installation.start(workers)
        installation.dispatcher.resume(CAMPAIGN)
        wait(bench.gateway.arrivals, "the first request")
        time.sleep(seconds + 1)
        arrivals = bench.gateway.arrivals()
        silent.cancel(CAMPAIGN)
        wait(lambda: not installation.sending(), "the last requests to be recorded")
        if bench.gateway.counts().duplicates:
            raise Failed("somebody was texted twice")
    start = arrivals[0][0]
    by_second = Counter(int(at - start) for at, _ in arrivals)
    counts = [by_second[second] for second in range(seconds)]
    mean = sum(counts) / seconds
    bench.say(f"  {name_of(database)}: {mean:.2f} a second, {min(counts)}–{max(counts)}")
    return Row(
        f"ours on {name_of(database)}",
        (f"{mean:.2f}", f"{mean / _RATE:.3f}", Spread.of(counts).text(0)),
    )
