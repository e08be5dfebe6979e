"""Steps: where the time of one batch goes, in a process that has one send loop and nothing else."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.contenders.ours import CAMPAIGN, Installation, recipients
from benchmarks.figures import Row, Spread, Table
from benchmarks.options import Bench, name_of
from benchmarks.people import BATCH, TEXT
from benchmarks.processes import Meter
from dispatcher.dispatch.sending import attempt, request
from dispatcher.dispatch.sending.attempt import Attempts
from dispatcher.dispatch.sending.fair_queue import FairQueue
from dispatcher.dispatch.sending.gather import Gather
from dispatcher.dispatch.sending.results import Results
from dispatcher.gateway.smspartner.transport import Transport
from tests.postgres_server import PostgresServer
from workers.memory import calm_collector

#: the timed functions, and their names in the table; a step within another is subtracted from it
_STEPS: tuple[tuple[Any, str, str], ...] = (
    (FairQueue, "next_batch", "choose the next batch"),
    (Gather, "gather", "gather: the batch, its people, who opted out"),
    (attempt, "call_of", "render 500 texts, and spell them"),
    (attempt, "request_of", "build the request"),
    (Attempts, "_claim", "claim the batch, and commit"),
    (Transport, "_call", "the call: send and receive, through requests"),
    (Attempts, "_deliver", "read the answer, and ask the window again"),
    (request, "verdict", "judge the answer"),
    (Results, "record", "record the outcome, and commit"),
    (Attempts, "make", "everything between these"),
)
#: a step, and those within it
_WITHIN = {
    "_deliver": ("_call", "verdict"),
    "make": ("gather", "call_of", "request_of", "_claim", "_deliver", "record"),
}


class _Timers:
    """CPU seconds of the calling thread in each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def timed(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        """``step``, whose time is added up under ``name``."""

        @functools.wraps(step)
        def call(*args: Any, **options: Any) -> Any:
            start = time.thread_time()
            try:
                return step(*args, **options)
            finally:
                self.seconds[name] += time.thread_time() - start

        return call

    def alone(self, name: str) -> float:
        """A step without those within it."""
        return self.seconds[name] - sum(self.seconds[part] for part in _WITHIN.get(name, ()))


@contextmanager
def _watched() -> Iterator[_Timers]:
    timers = _Timers()
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in _STEPS]
    for owner, name, step in originals:
        setattr(owner, name, timers.timed(name, step))
    try:
        yield timers
    finally:
        for owner, name, step in originals:
            setattr(owner, name, step)


def measure(bench: Bench) -> list[Table]:
    """A row for each step, on PostgreSQL."""
    database = next((one for one in bench.databases() if one is not None), None)
    runs = [_run(bench, database) for _ in range(bench.options.rounds)]
    headings = ("CPU ms of a batch", "CPU s per million")
    names = [(name, label) for _, name, label in _STEPS] + [("server", "the server's side of it")]
    if database is None:
        names.pop()
    rows = [
        _row(label, [run[name] for run in runs], bench.options.count(300_000, 20_000))
        for name, label in names
    ]
    whole = [sum(run.values()) for run in runs]
    return [
        Table(
            key="steps",
            title=f"Where a batch's time goes, on {name_of(database)}",
            headings=headings,
            rows=(*rows, _row("in all", whole, bench.options.count(300_000, 20_000))),
            notes=(
                (
                    "One send loop in one process, the gateway without latency: the work itself,"
                    " without other threads that want the interpreter, Celery, or a second busy"
                    " core."
                    f" Medians of {bench.options.rounds}, with the least and the most."
                ),
            ),
        )
    ]


def _run(bench: Bench, database: PostgresServer | None) -> dict[str, float]:
    """CPU seconds by step."""
    bench.gateway.reset()
    count = bench.options.count(300_000, 20_000)
    with (
        bench.directory() as directory,
        Installation(
            directory,
            bench.gateway.url,
            database,
            connections=1,
            poll_intervals="600",
            credit_check="off",
        ) as installation,
    ):
        silent = installation.silent
        silent.submit(CAMPAIGN, TEXT, recipients(count))
        calm_collector()
        server = Meter({"server": [] if database is None else [database.pid]})
        with _watched() as timers:
            while due := silent.tick().send:
                silent.steps.send_batch(due[0])
        found = {name: timers.alone(name) for _, name, _ in _STEPS}
        if database is not None:
            found |= server.spent()
        bench.gateway.check(count)
    bench.say(f"  {name_of(database)}: {sum(found.values()) / count * 1e6:.2f} CPU s/M")
    return found


def _row(label: str, seconds: list[float], count: int) -> Row:
    of_batch = Spread.of(one / count * BATCH * 1000 for one in seconds)
    return Row(label, (of_batch.text(2), f"{of_batch.middle * 1000 / BATCH:.2f}"))
