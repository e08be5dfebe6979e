"""Polling: how many calls a round of delivery reports takes, when many small batches wait."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import accumulate, count, takewhile

from benchmarks.contenders.ours import Installation, recipients
from benchmarks.figures import Row, Table
from benchmarks.options import Bench, name_of
from benchmarks.people import BATCH, TEXT
from benchmarks.processes import Failed
from dispatcher import Dispatcher, Settings
from dispatcher.campaigns.waits import interval
from tests.postgres_server import PostgresServer

_ROUNDS = 3
_INTERVAL = 3600
_TWO_DAYS = 48 * 3600


class _Clock:
    """The installation's clock, which can be set forward."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._clock = dispatcher.clock
        self._forward = timedelta()

    def __call__(self) -> datetime:
        return self._clock() + self._forward

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self._forward += timedelta(seconds=seconds)


def measure(bench: Bench) -> list[Table]:
    """Calls of a round, as a multiple of what the numbers need."""
    # campaigns, recipients of each
    shapes = [(40, 31)] if bench.options.quick else [(400, 31), (20, 5_010)]
    rows = [
        _row(bench, database, campaigns, size)
        for database in bench.databases()
        for campaigns, size in shapes
    ]
    return [
        Table(
            key="polling",
            title="Polling: calls of one round of delivery reports",
            headings=("waiting", "batches", "calls a round", "needed", "ratio", "pairs a round"),
            rows=tuple(rows),
            notes=(
                (
                    "Every number waits; a round asks once for each. Needed is how many wait,"
                    " divided by 500. The steps run in one process, one after the other."
                ),
                (
                    f"With the default `poll_intervals` a batch that waits is polled"
                    f" {_rounds_within(_TWO_DAYS)} times in 48 hours."
                ),
            ),
        )
    ]


def _row(bench: Bench, database: PostgresServer | None, campaigns: int, size: int) -> Row:
    bench.gateway.reset(delivered=False)
    with (
        bench.directory() as directory,
        Installation(
            directory,
            bench.gateway.url,
            database,
            poll_intervals=str(_INTERVAL),
            credit_check="off",
        ) as installation,
    ):
        clock = _Clock(installation.silent)
        dispatcher = Dispatcher(installation.silent.settings, clock=clock)
        for number in range(campaigns):
            dispatcher.submit(f"small-{number}", TEXT, recipients(size, number * size))
        while due := dispatcher.tick().send:
            for batch_id in due:
                dispatcher.steps.send_batch(batch_id)
        waiting = installation.waiting()
        if waiting != campaigns * size:
            raise Failed(f"{waiting:,} of {campaigns * size:,} were sent")
        for _ in range(_ROUNDS):
            clock.forward(2 * _INTERVAL)  # polls that come late may share the calls of others
            while polls := dispatcher.tick().polls:
                for _ in range(polls):
                    dispatcher.steps.poll()
        counts = bench.gateway.counts()
        batches = sum(sum(one.batches.values()) for one in dispatcher.campaigns(campaigns))
        dispatcher.database.close()
    if counts.pairs != _ROUNDS * waiting:
        raise Failed(f"{counts.pairs:,} numbers were asked for, not {_ROUNDS} × {waiting:,}")
    calls = counts.calls["/multi-status"] / _ROUNDS
    needed = -(-waiting // BATCH)
    bench.say(f"  {name_of(database)}: {calls:.1f} calls a round, {needed} needed")
    return Row(
        f"ours on {name_of(database)}, {campaigns} campaigns",
        (
            f"{waiting:,}",
            f"{batches:,}",
            f"{calls:.1f}",
            f"{needed}",
            f"{calls / needed:.2f}",
            f"{counts.pairs / _ROUNDS:,.0f}",
        ),
    )


def _rounds_within(seconds: float) -> int:
    """How often the default intervals poll a batch within that time of its sending."""
    intervals = Settings().poll_intervals
    times = accumulate(interval(intervals, done) for done in count())
    return sum(1 for _ in takewhile(lambda at: at <= seconds, times))
