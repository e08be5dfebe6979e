"""``make bench``: measures, and writes what it found to docs/performance.md."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.console import Console

from benchmarks import (
    console_pages,
    evidence,
    figures,
    ingest,
    latency,
    life,
    polling,
    report,
    retention,
    send,
    simulation,
    steps,
    throttle,
    workers,
)
from benchmarks.figures import Table
from benchmarks.options import Bench, Options
from benchmarks.processes import Failed
from benchmarks.servers import Gateway, durable_postgres
from tests.postgres_server import NoPostgresError

BENCHMARKS: dict[str, Callable[[Bench], list[Table]]] = {
    "send": send.measure,
    "steps": steps.measure,
    "life": life.measure,
    "ingest": ingest.measure,
    "evidence": evidence.measure,
    "retention": retention.measure,
    "console": console_pages.measure,
    "polling": polling.measure,
    "latency": latency.measure,
    "throttle": throttle.measure,
    "workers": workers.measure,
    "simulation": simulation.measure,
}


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; 0 when all of it was measured."""
    flags = _parser().parse_args(arguments)
    console = Console(width=max(120, Console().width))
    command = "make bench" + (f" BENCH_ARGS={shlex.quote(shlex.join(arguments))}" * bool(arguments))
    if not flags.report:
        try:
            _measure(flags, console, command)
        except (Failed, NoPostgresError) as error:
            console.print(f"error: {error}", markup=False)
            return 1
    if not flags.dry:
        console.print(f"written: {report.write(figures.load())}", highlight=False)
    return 0


def _measure(flags: argparse.Namespace, console: Console, command: str) -> None:
    options = Options(
        rounds=flags.rounds or (1 if flags.quick else 5),
        quick=flags.quick,
        database=flags.database,
        contenders=tuple(flags.contenders.split(",")) if flags.contenders else (),
        latencies=tuple(ms / 1000 for ms in flags.latency),
        recipients=flags.recipients,
        processes=flags.processes,
        profile=flags.profile,
    )
    with Gateway() as gateway, durable_postgres() as postgres:
        bench = Bench(options, gateway, postgres, console)
        for name in flags.only or BENCHMARKS:
            bench.say(name)
            for table in BENCHMARKS[name](bench):
                found = replace(table, machine=figures.machine(), command=command)
                if not flags.dry:
                    figures.save(found)
                report.show(console, found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(BENCHMARKS), help="one or more")
    parser.add_argument("--rounds", type=int, default=0, help="interleaved rounds (5; quick 1)")
    parser.add_argument("--quick", action="store_true", help="few recipients: does it run at all?")
    parser.add_argument(
        "--database", choices=["postgresql", "sqlite"], default="", help="ours on one alone"
    )
    parser.add_argument("--contenders", default="", help="parts of their names: ours,huey")
    parser.add_argument(
        "--latency", type=float, action="append", default=[], help="of the gateway, in ms"
    )
    parser.add_argument("--recipients", type=int, default=0, help="instead of what suits")
    parser.add_argument("--processes", type=int, default=0, help="worker processes")
    parser.add_argument("--profile", action="store_true", help="py-spy looks at our worker")
    parser.add_argument("--dry", action="store_true", help="show, and write nothing")
    parser.add_argument("--report", action="store_true", help="write the report anew, no more")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
