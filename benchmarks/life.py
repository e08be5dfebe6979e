"""The whole life of a list, from its file to the last report, and the memory that it takes."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contenders.ours import CAMPAIGN, Installation
from benchmarks.figures import Row, Table
from benchmarks.options import Bench, name_of
from benchmarks.processes import Failed, peak_memory, wait
from benchmarks.submitting import submit, write_csv
from tests.postgres_server import PostgresServer

_CONNECTIONS = 16
_LATENCY = 0.05
_SIZES = (10_000, 100_000, 1_000_000)
_QUICK = (10_000, 50_000)
_WARM = 1000
_MILLION = 1_000_000
#: seconds that the longest life may take
_PATIENCE = 900.0


@dataclass(frozen=True, slots=True)
class Life:
    """Time, processor and memory that one list took."""

    recipients: int
    #: wall seconds until it was stored, and until all was delivered
    stored: float
    delivered: float
    #: CPU seconds of each part
    cpu: dict[str, float]
    #: the largest resident sets of the submitting process and of the worker, in bytes
    submit_peak: int
    worker_peak: int
    #: what the database has grown by, in bytes
    grown: int

    @property
    def per_million(self) -> float:
        """CPU seconds for a million recipients."""
        return sum(self.cpu.values()) / self.recipients * _MILLION


def measure(bench: Bench) -> list[Table]:
    """Growth of cost and memory with the length of the list, for each database."""
    for database in bench.databases():
        _live(bench, database, _WARM)  # Python compiles what it runs for the first time
    sizes: tuple[int, ...] = _QUICK if bench.options.quick else _SIZES
    if bench.options.recipients:
        sizes = (bench.options.recipients,)
    lives = {
        name_of(database): [_live(bench, database, size) for size in sizes]
        for database in bench.databases()
    }
    return [_costs(lives), _memory(lives)]


def _live(bench: Bench, database: PostgresServer | None, size: int) -> Life:
    bench.gateway.reset(latency=_LATENCY)
    with (
        bench.directory() as directory,
        Installation(
            directory,
            bench.gateway.url,
            database,
            connections=_CONNECTIONS,
            poll_intervals="2,5,10",
        ) as installation,
    ):
        file = write_csv(directory / "people.csv", size)
        installation.start()
        empty = installation.size()
        meter = installation.meter()
        took = submit(installation, file, CAMPAIGN)
        stored = meter.elapsed
        wait(
            installation.has_ended,
            "all to be delivered",
            every=0.1,
            within=_PATIENCE,
        )
        seconds, cpu = meter.elapsed, meter.spent()
        messages = installation.silent.progress(CAMPAIGN).messages
        if messages["delivered"] != size:
            raise Failed(f"the store knows {messages} of {size:,} recipients")
        bench.gateway.check(size)
        life = Life(
            recipients=size,
            stored=stored,
            delivered=seconds,
            cpu={"submit": took.cpu, **cpu},
            submit_peak=took.peak,
            worker_peak=peak_memory(installation.workers[0].pid),
            grown=installation.size() - empty,
        )
    bench.say(
        f"  {name_of(database)} {size:>9,}: stored {stored:.1f} s, delivered {seconds:.1f} s,"
        f" {life.per_million:.1f} CPU s/M, {life.cpu}"
    )
    return life


def _costs(lives: dict[str, list[Life]]) -> Table:
    return Table(
        key="life",
        title="The whole life of a list: file, plan, store, send, record, poll until delivered",
        headings=(
            *("recipients", "CPU s per million", "of it, by part", "delivered after"),
            "bytes a recipient",
        ),
        rows=tuple(
            Row(
                f"ours on {name}",
                (
                    f"{life.recipients:,}",
                    f"{life.per_million:.1f}",
                    ", ".join(
                        f"{part} {spent / life.recipients * _MILLION:.1f}"
                        for part, spent in life.cpu.items()
                    ),
                    f"{life.delivered:.1f} s",
                    f"{life.grown / life.recipients:.0f}",
                ),
            )
            for name, listed in lives.items()
            for life in listed
        ),
        notes=(
            (
                f"`dispatcher submit FILE.csv`, a worker of {_CONNECTIONS} connections and a beat,"
                f" the gateway at {_LATENCY * 1000:.0f} ms; the first poll is 2 s after a batch was"
                " sent and finds it delivered. CPU of every process, the database's included; those"
                " that run are idle for some of the seconds."
            ),
            *_growth(lives),
        ),
        values={
            f"{name} {part}": spent / listed[-1].recipients * _MILLION
            for name, listed in lives.items()
            for part, spent in listed[-1].cpu.items()
        },
    )


def _growth(lives: dict[str, list[Life]]) -> list[str]:
    return [
        f"{name}: a recipient of {listed[-1].recipients:,} costs"
        f" {listed[-1].per_million / listed[-2].per_million:.2f} times one of"
        f" {listed[-2].recipients:,}."
        for name, listed in lives.items()
        if len(listed) > 1
    ]


def _memory(lives: dict[str, list[Life]]) -> Table:
    return Table(
        key="memory",
        title="Memory: the largest resident set of a process",
        headings=("recipients", "`dispatcher submit`", f"worker, {_CONNECTIONS} connections"),
        rows=tuple(
            Row(
                f"ours on {name}",
                (
                    f"{life.recipients:,}",
                    _megabytes(life.submit_peak),
                    _megabytes(life.worker_peak),
                ),
            )
            for name, listed in lives.items()
            for life in listed
        ),
        notes=("From the system (VmHWM), at the end of each life of the table before.",),
    )


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
