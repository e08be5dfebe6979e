"""Latency: how soon a campaign starts, in an idle installation and beside a big one."""

from __future__ import annotations

import threading
import time
from typing import Self

from redis import Redis

from benchmarks.contenders.ours import CAMPAIGN, Installation, recipients
from benchmarks.figures import Row, Spread, Table
from benchmarks.options import Bench, name_of
from benchmarks.people import BATCH, TEXT, phone
from benchmarks.processes import wait
from dispatcher.dispatch.hints import QUEUES
from tests.postgres_server import PostgresServer

_CONNECTIONS = 16
_LATENCY = 0.05
_APART = 20_000_000


def measure(bench: Bench) -> list[Table]:
    """From the call of ``submit`` to the first request at the gateway."""
    rows = []
    for database in bench.databases():
        idle, beside, hints = _starts(bench, database)
        bench.say(f"  {name_of(database)}: idle {idle}, beside a big one {beside}, hints {hints}")
        rows.append(
            Row(
                f"ours on {name_of(database)}",
                (
                    Spread.of(idle).text(2),
                    Spread.of(beside).text(2),
                    f"{hints}",
                ),
            )
        )
    return [
        Table(
            key="latency",
            title="Latency: seconds from `submit` to the first request, in an open window",
            headings=("idle", "while a big campaign is sent", "hints in Redis, at most"),
            rows=tuple(rows),
            notes=(
                (
                    f"A campaign of 500, submitted {bench.options.rounds} times; medians, and the"
                    " least and the most. The big one has enough batches for the whole time. One"
                    f" worker of {_CONNECTIONS} connections, a tick every 2 s (the default), the"
                    f" gateway at {_LATENCY * 1000:.0f} ms."
                ),
            ),
        )
    ]


def _starts(bench: Bench, database: PostgresServer | None) -> tuple[list[float], list[float], int]:
    bench.gateway.reset(latency=_LATENCY)
    rounds = bench.options.rounds
    with (
        bench.directory() as directory,
        Installation(
            directory,
            bench.gateway.url,
            database,
            connections=_CONNECTIONS,
            poll_intervals="600",
        ) as installation,
        Redis.from_url(str(installation.redis.url)) as redis,
    ):
        silent = installation.silent
        silent.submit(CAMPAIGN, TEXT, recipients(bench.options.count(1_000_000, 100_000)))
        silent.pause(CAMPAIGN)
        installation.start()
        installation.warm()
        idle = [_start(bench, installation, number) for number in range(rounds)]
        installation.dispatcher.resume(CAMPAIGN)
        wait(lambda: bench.gateway.counts().accepted > 10 * BATCH, "the big one to be sent")
        with _Watch(redis) as watch:
            beside = [_start(bench, installation, rounds + number) for number in range(rounds)]
        silent.cancel(CAMPAIGN)
        wait(installation.is_sent, "the rest to be sent")
    return idle, beside, watch.most


def _start(bench: Bench, installation: Installation, number: int) -> float:
    """Seconds until the first request of a campaign of 500, the number-th one."""
    first = _APART + number * BATCH
    people = list(recipients(BATCH, first))
    numbers = {phone(person) for person in range(first, first + BATCH)}
    time.sleep(0.3)  # not in step with the tick
    start = time.monotonic()
    installation.dispatcher.submit(f"small-{number}", TEXT, people)
    found: list[float] = []

    def arrived() -> bool:
        found.extend(at for at, first in bench.gateway.arrivals() if first in numbers)
        return bool(found)

    wait(arrived, "the small one to be sent")
    return found[0] - start


class _Watch:
    """Looks at the length of the queues now and then."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            queued = sum(int(self._redis.llen(queue)) for queue in set(QUEUES.values()))
            self.most = max(self.most, queued)
