"""Many workers on one machine: throughput grows with the connections, and nobody is sent twice."""

from __future__ import annotations

from benchmarks.contenders.course import Course, Run
from benchmarks.contenders.loop import Loop
from benchmarks.contenders.ours import Ours
from benchmarks.figures import Row, Spread, Table, medians, thousands
from benchmarks.options import Bench, name_of

_WORKERS = (1, 2, 4, 8)
_LANES = 4
_LATENCY = 0.05
#: of a run that is limited by latency alone
_SECONDS = 3.0


def measure(bench: Bench) -> list[Table]:
    """1, 2, 4 and 8 worker processes, each with the bare loop on as many connections."""
    rows = []
    for database in bench.databases():
        ours = Ours(database)
        for workers in _WORKERS:
            pairs = [
                (_run(bench, Loop(), workers), _run(bench, ours, workers))
                for _ in range(bench.options.rounds)
            ]
            rate = medians([run.rate for _, run in pairs])
            rows.append(
                Row(
                    f"ours on {name_of(database)}, {workers} × {_LANES}",
                    (
                        thousands(rate),
                        thousands(medians([limit.rate for limit, _ in pairs])),
                        Spread.of(run.rate / limit.rate for limit, run in pairs).text(2),
                        Spread.of(run.cpu_per_million for _, run in pairs).text(1),
                    ),
                    bar=rate,
                )
            )
    return [
        Table(
            key="workers",
            title=f"Worker processes of {_LANES} connections each, at {_LATENCY * 1000:.0f} ms",
            headings=("recipients/s", "bare loop", "ratio", "CPU s per million"),
            rows=tuple(rows),
            notes=(
                (
                    "The bare loop has as many connections, in one process. Every run was checked:"
                    " exactly as many texted as there are recipients, nobody twice."
                ),
            ),
            unit="recipients a second",
        )
    ]


def _run(bench: Bench, contender: Loop | Ours, workers: int) -> Run:
    connections = workers * _LANES
    limited = int(connections / _LATENCY * 500 * _SECONDS)
    with bench.directory() as directory:
        bench.gateway.reset(latency=_LATENCY)
        course = Course(
            gateway=bench.gateway,
            directory=directory,
            recipients=bench.options.count(limited, 20_000),
            connections=connections,
            processes=workers,
            latency=_LATENCY,
        )
        run = contender.run(course)
        bench.gateway.check(run.recipients)
    bench.say(f"  {workers} × {_LANES}  {run.contender:20} {run.rate:>10,.0f}/s")
    return run
