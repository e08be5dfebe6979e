"""The send path: ours beside the bare loop and the usual designs, in interleaved rounds."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contenders.celery_queue import CeleryChunks, CeleryEach
from benchmarks.contenders.course import Contender, Course, Run
from benchmarks.contenders.loop import Loop
from benchmarks.contenders.ours import Ours
from benchmarks.contenders.queues import Queue
from benchmarks.figures import Row, Spread, Table, medians, thousands
from benchmarks.options import Bench

_CONNECTIONS = 16
#: as many as the machine has cores: one interpreter lets one thread at a time compute
_PROCESSES = 2
_HEADINGS = ("recipients/s", "of the bare loop", "CPU s per million", "of it, by part")
_CLOCK = (
    "What is to be sent lies ready when the clock starts: ours stored and paused, the others' in"
    " their queue. It stops when the last outcome is committed (ours, read from the store) or the"
    " last answer has left the gateway (theirs). Every run was checked: exactly as many texted as"
    " there are recipients, nobody twice."
)
_WORDS = {0.05: "at 50 ms and 16 connections", 0.0: "at no latency"}


def measure(bench: Bench) -> list[Table]:
    """A table for each latency."""
    return [_at(bench, latency) for latency in bench.options.latencies or (0.05, 0.0)]


def _connections(latency: float) -> int:
    # without latency, more threads than cores only take turns
    return _CONNECTIONS if latency else 4


def contenders(bench: Bench) -> list[Contender]:
    """The contenders of the run, without the bare loop."""
    listed: list[Contender] = [
        *(Ours(database) for database in bench.databases()),
        *(CeleryChunks(), CeleryEach(), Queue("dramatiq"), Queue("huey")),
    ]
    wanted = bench.options.contenders
    return [one for one in listed if not wanted or any(name in one.name for name in wanted)]


def _at(bench: Bench, latency: float) -> Table:
    listed = contenders(bench)
    rounds: list[list[Run]] = []
    for turn in range(bench.options.rounds):
        turned = listed[turn % len(listed) :] + listed[: turn % len(listed)] if listed else []
        rounds.append([_run(bench, one, latency) for one in (Loop(), *turned)])
    title = f"Sending {_WORDS.get(latency, f'at {latency * 1000:.0f} ms')}"
    order: list[Contender] = [Loop(), *listed]
    return Table(
        key=f"send-{latency * 1000:.0f}",
        title=title,
        headings=_HEADINGS,
        rows=tuple(_row(one, rounds) for one in order),
        notes=_notes(bench, latency, order),
        unit="recipients a second",
        values={
            f"{one.name} {part}": medians([run.cpu[part] / run.recipients * 1e6 for run in runs])
            for one in order
            for runs in [_runs(one, rounds)]
            for part in runs[0].cpu
        },
    )


def _run(bench: Bench, contender: Contender, latency: float) -> Run:
    options = bench.options
    usual, quick = (600_000, 50_000) if latency == 0 else (400_000, 50_000)
    with bench.directory() as directory:
        bench.gateway.reset(latency=latency)
        course = Course(
            gateway=bench.gateway,
            directory=directory,
            recipients=options.count(usual, quick),
            connections=_connections(latency),
            processes=options.processes or _PROCESSES,
            latency=latency,
            profile=options.profile,
        )
        run = contender.run(course)
        bench.gateway.check(run.recipients)
    bench.say(
        f"  {run.contender:20} {run.rate:>10,.0f}/s   {run.cpu_per_million:8.2f} CPU s/M"
        f"   {_parts([run])}"
    )
    return run


def _runs(contender: Contender, rounds: Sequence[Sequence[Run]]) -> list[Run]:
    return [run for runs in rounds for run in runs if run.contender == contender.name]


def _row(contender: Contender, rounds: Sequence[Sequence[Run]]) -> Row:
    runs = _runs(contender, rounds)
    ratio = Spread.of(run.rate / rounds[turn][0].rate for turn, run in enumerate(runs))
    rate = medians([run.rate for run in runs])
    return Row(
        contender.name,
        (
            thousands(rate),
            ratio.text(2 if ratio.middle > 0.01 else 4),
            Spread.of(run.cpu_per_million for run in runs).text(1),
            _parts(runs),
        ),
        bar=rate,
    )


def _parts(runs: Sequence[Run]) -> str:
    return ", ".join(
        f"{part} {medians([run.cpu[part] / run.recipients * 1e6 for run in runs]):.1f}"
        for part in runs[0].cpu
    )


def _notes(bench: Bench, latency: float, listed: Sequence[Contender]) -> tuple[str, ...]:
    options = bench.options
    rounds = f"{options.rounds} interleaved round{'s' * (options.rounds > 1)}"
    processes = options.processes or _PROCESSES
    alone = f"1 × {_CONNECTIONS}" if latency else "1 thread"
    threads = max(1, _connections(latency) // processes)
    pool = f"{processes} processes × {threads} threads, the bare loop {alone}"
    return (
        f"{rounds}: medians (least–most), each ratio within its round. {pool}.",
        _CLOCK,
        *(f"{one.name}: {one.what}." for one in listed),
    )
