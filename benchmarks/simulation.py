"""What 10 and 100 machines would carry: a simulation fed by what a batch costs on this machine.

A send loop takes turns at its machine's processors, at the database's processors, at the database's
log (one flush serves all who wait for it) and at the gateway, which answers everybody after its
latency. What is not in it is said in docs/performance.md.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks import figures
from benchmarks.figures import Row, Table, thousands
from benchmarks.options import Bench
from benchmarks.people import BATCH
from benchmarks.processes import Failed

_MACHINES = (1, 10, 100)
_DATABASE_CORES = (4, 16, 64)
_LATENCIES = (0.05, 0.5)
_DAY = 100_000_000
#: of the window, in seconds
_WINDOW = 12 * 3600


@dataclass(frozen=True, slots=True)
class Costs:
    """What a batch takes, in seconds: CPU of the worker and of the database, a flush of its log."""

    worker: float
    database: float
    flush: float = 0.001


@dataclass(frozen=True, slots=True)
class Place:
    """Machines of so many cores and loops each, one database, a gateway of some latency (s)."""

    machines: int
    database_cores: int
    latency: float
    cores: int = 4
    loops: int = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    """Batches a second, and how busy the processors were (0 to 1)."""

    rate: float
    workers: float
    database: float


@dataclass(slots=True)
class _Station:
    """Some servers and one queue; ``together`` serves everything that waits at once."""

    servers: int
    together: bool = False
    waiting: deque[tuple[float, Callable[[], None]]] = field(default_factory=deque)
    busy: int = 0
    worked: float = 0.0


class _World:
    """The events to come, in the order of their time."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        """Schedule an event."""
        self._number += 1
        heapq.heappush(self._events, (self.now + seconds, self._number, then))

    def step(self) -> None:
        """Run the next event."""
        self.now, _, then = heapq.heappop(self._events)
        then()

    def serve(self, station: _Station, seconds: float, then: Callable[[], None]) -> None:
        """Queue for a service of about so many seconds."""
        drawn = seconds if station.together else self.random.expovariate(1 / seconds)
        station.waiting.append((drawn, then))
        self._begin(station)

    def _begin(self, station: _Station) -> None:
        while station.waiting and station.busy < station.servers:
            served = [station.waiting.popleft()]
            if station.together:
                served += station.waiting
                station.waiting.clear()
            seconds = served[0][0]
            station.busy += 1
            station.worked += seconds
            self.after(seconds, lambda served=served: self._end(station, served))  # type: ignore[misc]

    def _end(self, station: _Station, served: Sequence[tuple[float, Callable[[], None]]]) -> None:
        station.busy -= 1
        for _, then in served:
            then()
        self._begin(station)


def simulate(place: Place, costs: Costs, *, batches: int = 20_000, seed: int = 7) -> Outcome:
    """Send so many batches in one place; the first half warms up and is not counted."""
    world = _World(seed)
    database = _Station(place.database_cores)
    log = _Station(1, together=True)
    machines = [_Station(place.cores) for _ in range(place.machines)]
    done = 0

    def claim(machine: _Station) -> None:
        world.serve(
            machine,
            costs.worker / 2,
            lambda: world.serve(
                database,
                costs.database / 2,
                lambda: world.serve(log, costs.flush, lambda: send(machine)),
            ),
        )

    def send(machine: _Station) -> None:
        world.after(
            place.latency * world.random.uniform(0.9, 1.1),
            lambda: world.serve(machine, costs.worker / 2, lambda: record(machine)),
        )

    def record(machine: _Station) -> None:
        def recorded() -> None:
            nonlocal done
            done += 1
            claim(machine)

        world.serve(database, costs.database / 2, lambda: world.serve(log, costs.flush, recorded))

    for machine in machines:
        for _ in range(place.loops):
            world.after(world.random.uniform(0, place.latency), lambda own=machine: claim(own))  # type: ignore[misc]
    batches = max(batches, 8 * place.machines * place.loops)
    while done < batches // 2:
        world.step()
    start, before = world.now, (sum(one.worked for one in machines), database.worked)
    while done < batches:
        world.step()
    elapsed = world.now - start
    return Outcome(
        rate=(batches - batches // 2) / elapsed,
        workers=(sum(one.worked for one in machines) - before[0])
        / (elapsed * place.machines * place.cores),
        database=(database.worked - before[1]) / (elapsed * place.database_cores),
    )


def measured() -> Costs:
    """The results of the last run of the send benchmark. Raises Failed without one."""
    for table in figures.load():
        if table.key == "send-50" and "ours on PostgreSQL worker" in table.values:
            per_batch = BATCH / 1e6
            return Costs(
                worker=table.values["ours on PostgreSQL worker"] * per_batch,
                database=table.values["ours on PostgreSQL postgres"] * per_batch,
            )
    raise Failed("no costs to simulate with: run --only send --latency 50 first")


def measure(bench: Bench) -> list[Table]:
    """A row for each place."""
    costs = measured()
    bench.say(
        f"  a batch costs {costs.worker * 1e3:.2f} ms of worker,"
        f" {costs.database * 1e3:.2f} ms of database"
    )
    places = [
        Place(machines, cores, latency)
        for latency in _LATENCIES
        for machines, cores in zip(_MACHINES, _DATABASE_CORES, strict=True)
    ]
    return [
        Table(
            key="simulation",
            title="Simulated: more machines",
            headings=(
                *(
                    "gateway",
                    "database cores",
                    "requests/s",
                    "recipients/s",
                    "of the latency limit",
                ),
                *("workers busy", "database busy", "100 million in"),
            ),
            rows=tuple(_row(place, simulate(place, costs)) for place in places),
            notes=(
                (
                    f"Machines of {places[0].cores} cores and {places[0].loops} connections; a"
                    f" batch takes {costs.worker * 1e3:.2f} ms of a worker's core and"
                    f" {costs.database * 1e3:.2f} ms of the database's (measured, see the first"
                    f" table), a flush of the log {costs.flush * 1e3:.0f} ms (assumed)."
                ),
                (
                    f"100 million in a window of 12 h are {_DAY / BATCH / _WINDOW:.1f} requests a"
                    f" second on average, {_DAY / BATCH / 3600:.0f} if all leave in one hour."
                ),
            ),
        )
    ]


def _row(place: Place, outcome: Outcome) -> Row:
    limit = place.machines * place.loops / place.latency
    seconds = _DAY / BATCH / outcome.rate
    plural = "s" * (place.machines > 1)
    return Row(
        f"{place.machines} machine{plural}",
        (
            f"{place.latency * 1000:.0f} ms",
            f"{place.database_cores}",
            thousands(outcome.rate),
            thousands(outcome.rate * BATCH),
            f"{outcome.rate / limit:.2f}",
            f"{outcome.workers:.0%}",
            f"{outcome.database:.0%}",
            f"{seconds / 60:.1f} min",
        ),
    )
