"""Retention: numbers of a big old campaign are replaced while another campaign is sent."""

from __future__ import annotations

import functools
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from sqlalchemy import text

from benchmarks.contenders.ours import CAMPAIGN, Installation, recipients
from benchmarks.figures import Row, Spread, Table
from benchmarks.options import Bench, name_of
from benchmarks.people import BATCH, TEXT
from benchmarks.processes import Failed, Process
from dispatcher.campaigns.states import MessageState
from dispatcher.dispatch.sending.attempt import Attempts
from dispatcher.dispatch.sending.gather import Gather
from dispatcher.errors import StorageError
from tests.postgres_server import PostgresServer

_CONNECTIONS = 2
#: of the gateway: about 20 batches a second leave, in pace with nothing
_LATENCY = 0.1
_DAYS = 40
_APART = 20_000_000
#: recipients for one phase of each kind, more than are sent in it
_SUPPLY = 60_000
#: how long the first phase without retention takes, in seconds
_FIRST = 3.0


@dataclass
class _Samples:
    """How long it took to arm batches, by kind of phase: with retention, or without."""

    seconds: dict[bool, list[float]] = field(default_factory=lambda: {False: [], True: []})

    @property
    def ratio(self) -> float:
        """The median with retention, divided by that without."""
        return self.middle(with_it=True) / self.middle(with_it=False)

    def middle(self, *, with_it: bool) -> float:
        """The median, in seconds."""
        return statistics.median(self.seconds[with_it])

    def late(self, *, with_it: bool) -> float:
        """The 95th percentile, in seconds."""
        return statistics.quantiles(self.seconds[with_it], n=20)[-1]


@dataclass(frozen=True)
class _Found:
    """What one run has found; each round has one phase without retention and one with it."""

    all: _Samples
    ratios: Sequence[float]
    #: recipients replaced per second of retention
    rate: float
    #: the largest resident set of the process that replaces, in bytes
    peak: int


def measure(bench: Bench) -> list[Table]:
    """Latency of arming with and without retention, and memory at two sizes."""
    count = bench.options.count(1_000_000, 100_000)
    rows = [_row(bench, database, count) for database in bench.databases()]
    return [
        Table(
            key="retention",
            title=f"Retention: {count:,} numbers are replaced while a campaign is sent",
            headings=(
                "arming, ms: median",
                "with retention",
                "ratio",
                "95th percentile",
                "with retention",
                "replaced/s",
                f"MiB at {count // 10:,}",
                f"at {count:,}",
            ),
            rows=tuple(rows),
            notes=(
                (
                    "Arming is to gather a batch of 500 and to commit its claim. Phases with"
                    " retention and without take turns and are as long; the ratio is that of the"
                    " medians, with the least and the most of one pair of phases."
                    f" {_CONNECTIONS} connections send, the gateway at {_LATENCY * 1000:.0f} ms."
                ),
                (
                    "A process of its own replaces, as fast as the dispatcher ever does; MiB are"
                    " its largest resident set. A worker does so in between, once an hour."
                ),
            ),
        )
    ]


def _row(bench: Bench, database: PostgresServer | None, count: int) -> Row:
    small = _run(bench, database, count // 10)
    large = _run(bench, database, count)
    found = large.all
    ratios = Spread.of(large.ratios)
    name = f"ours on {name_of(database)}"
    bench.say(f"  {name}: {found.ratio:.2f} times, {large.rate:,.0f} replaced/s")
    return Row(
        name,
        (
            *_pair(found.middle),
            f"{found.ratio:.2f} ({ratios.least:.2f}–{ratios.most:.2f})",
            *_pair(found.late),
            f"{large.rate:,.0f}",
            *(f"{one.peak / 2**20:.0f}" for one in (small, large)),
        ),
    )


def _pair(figure: Callable[..., float]) -> tuple[str, str]:
    without, with_it = (figure(with_it=kind) * 1000 for kind in (False, True))
    return f"{without:.1f}", f"{with_it:.1f}"


def _run(bench: Bench, database: PostgresServer | None, count: int) -> _Found:
    bench.gateway.reset(latency=_LATENCY)
    with (
        bench.directory() as directory,
        Installation(
            directory,
            bench.gateway.url,
            database,
            connections=_CONNECTIONS,
            poll_intervals="600",
            credit_check="off",
            recipient_days=_DAYS,
            pseudonym_key="a key of the benchmarks, which hides nobody",
        ) as installation,
        ExitStack() as stack,
    ):
        _store_old_campaign(installation, count)
        pruner = stack.enter_context(
            Process("pruner", ["benchmarks.pruner"], directory, **installation.environment)
        )
        pruner.wait_to_say(r"ready\n")
        sender = stack.enter_context(_Sender(installation))
        rounds: list[_Samples] = []
        replaced, spent, peak, phase = 0, 0.0, 0, _FIRST
        while replaced < count:
            sender.supply()
            samples = _Samples()
            with sender.watched(samples.seconds[False]):
                time.sleep(phase)
            start = time.monotonic()
            with sender.watched(samples.seconds[True]):
                batches, peak = _prune(pruner, len(rounds) + 1)
            phase = time.monotonic() - start
            if not batches:
                raise Failed(f"retention ended after {replaced:,} of {count:,} recipients")
            replaced, spent = replaced + batches * BATCH, spent + phase
            rounds.append(samples)
        sender.stop()
        bench.gateway.check(sender.supplied)
    full = [one for one in rounds if min(map(len, one.seconds.values())) > 1]
    if not full:
        raise Failed("too few batches left while retention ran")
    pooled = _Samples(
        {kind: [one for each in rounds for one in each.seconds[kind]] for kind in (False, True)}
    )
    return _Found(pooled, [one.ratio for one in full], replaced / spent, peak)


def _prune(pruner: Process, turn: int) -> tuple[int, int]:
    """Have it run once; returns how many batches were replaced, and its peak in bytes."""
    pruner.tell("run")
    said = pruner.wait_to_say(rf"(run {turn} replaced \d+ with \d+)\n")
    _, batches, peak = map(int, re.findall(r"\d+", said))
    return batches, peak


def _store_old_campaign(installation: Installation, count: int) -> None:
    """Store a campaign that was delivered and ended before its numbers are due."""
    installation.silent.submit(CAMPAIGN, TEXT, recipients(count, _APART))
    ended = installation.silent.clock() - timedelta(days=_DAYS + 1)
    delivered = (
        "UPDATE dispatcher_batch SET state = 'done', pending = 0, delivered = pending,"
        " states = replace(states, :pending, :delivered)"
    )
    letters = {
        "pending": MessageState.PENDING.letter,
        "delivered": MessageState.DELIVERED.letter,
    }
    with installation.silent.database.write() as session:
        session.execute(text(delivered), letters)
        over = "UPDATE dispatcher_campaign SET state = 'finished', ended_at = :at"
        session.execute(text(over), {"at": ended})


class _Sender:
    """Sends in threads of this process, and times what it takes to arm each batch."""

    def __init__(self, installation: Installation) -> None:
        self._dispatcher = installation.silent
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(_CONNECTIONS)]
        self._arming = threading.local()
        self._samples: list[float] | None = None
        self._campaigns = 0

    def __enter__(self) -> Self:
        self._originals = Gather.gather, Attempts._claim
        Gather.gather = self._timed(Gather.gather, begins=True)  # type: ignore[method-assign]
        Attempts._claim = self._timed(Attempts._claim)  # type: ignore[method-assign]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        Gather.gather, Attempts._claim = self._originals  # type: ignore[method-assign]

    @property
    def supplied(self) -> int:
        """How many recipients it was given."""
        return self._campaigns * _SUPPLY

    def supply(self) -> None:
        """Store enough for two phases, if less than a half of it is left."""
        left = self._dispatcher.progress(f"new-{self._campaigns}") if self._campaigns else None
        if left is None or left.messages["pending"] < _SUPPLY // 2:
            first = self.supplied
            self._campaigns += 1
            people = recipients(_SUPPLY, first)
            self._dispatcher.submit(f"new-{self._campaigns}", TEXT, people)

    @contextmanager
    def watched(self, samples: list[float]) -> Iterator[None]:
        """Put into ``samples`` how many seconds it took to arm what is armed in the block."""
        self._samples = samples
        yield
        self._samples = None

    def stop(self) -> None:
        """Send what is left, and end."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        while True:
            due: Sequence[int] = ()
            with suppress(StorageError):  # SQLite's lock: a campaign is being stored
                due = self._dispatcher.tick().send
                if not due and self._over.is_set():
                    return
            if due:
                self._dispatcher.steps.send_batch(due[0])
            else:
                time.sleep(0.05)

    def _timed(self, step: Callable[..., Any], *, begins: bool = False) -> Callable[..., Any]:
        @functools.wraps(step)
        def call(*args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            if begins:
                self._arming.samples, self._arming.seconds = self._samples, 0.0
            try:
                return step(*args, **options)
            finally:
                self._arming.seconds += time.perf_counter() - start
                if not begins and self._arming.samples is not None:
                    self._arming.samples.append(self._arming.seconds)

        return call
