"""Metrics for Prometheus, of this process and of the whole installation.

What a process does is counted in it; the installation is read from the database when somebody
asks, so every worker tells the same of it: take ``max`` over workers, never ``sum``. No label
names a campaign, a number or a host: there is no end to those.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from math import inf

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from dispatcher.api import Dispatcher
from dispatcher.campaigns.beats import missing
from dispatcher.campaigns.causes import Name
from dispatcher.campaigns.progress import Share, messages_of
from dispatcher.campaigns.states import BatchState
from dispatcher.dispatch.call_counts import BOUNDS, Counts
from dispatcher.errors import DispatcherError
from dispatcher.monitoring.account_metrics import Accounts
from dispatcher.monitoring.cached import cached
from dispatcher.monitoring.doctor import Finding
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import message_position, monitoring, pauses, stop_list
from dispatcher.storage.campaigns import totals
from dispatcher.storage.monitoring import AccountSnapshot, Snapshot
from dispatcher.window.territories import TERRITORIES

#: seconds between two reads of the database, and between two sums of ended campaigns
FRESH, PAST_FRESH = 5.0, 600.0
#: seconds after which a query is given up: the scraper has disconnected by then
_LONGEST_QUERY = 10
#: the transaction that ended a campaign may become visible this much later
_MARGIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Reading:
    at: datetime
    shares: list[Share]
    standing: Snapshot
    #: changes of messages that nobody has had
    changes: int
    accounts: Mapping[str, AccountSnapshot]
    #: when the STOP list was last read; of several accounts the one that was read longest ago
    stop_list: datetime | None
    paused: bool
    restored: bool
    #: campaigns that wait, by the first cause of each
    waiting: Mapping[str, int]


def registry_of(
    dispatcher: Dispatcher, findings: Callable[[], Iterable[Finding]]
) -> CollectorRegistry:
    """All metrics of a worker; ``findings`` are the checks of its progress."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Metrics(dispatcher, findings))
    return registry


class _Metrics(Collector):
    """Reads the values at each scrape."""

    def __init__(self, dispatcher: Dispatcher, findings: Callable[[], Iterable[Finding]]) -> None:
        self._dispatcher = dispatcher
        self._findings = findings
        self._accounts = Accounts(dispatcher)
        self._past = cached(PAST_FRESH, self._read_past)
        self._reading = cached(FRESH, self._read)

    def collect(self) -> Iterator[Metric]:
        """All metrics; without those of the database if it does not answer."""
        yield self._build()
        yield from _calls(self._dispatcher.call_counts.counts())
        ready = {finding.name: float(finding.ok) for finding in self._findings()}
        yield _gauge("ready", "whether this check is ok: 1 or 0", ready, label="check")
        yield _gauge(
            "window_open", "whether it may leave now: 1 or 0", self._windows(), "territory"
        )
        limit = self._dispatcher.settings.doubt_limit
        yield _gauge("doubt_limit", "with this many batches in doubt nothing is sent", limit)
        yield from self._accounts.of_process()
        try:
            reading = self._reading()
        except DispatcherError:
            yield _gauge("database_up", "whether the database could be read: 1 or 0", 0)
            return
        yield _gauge("database_up", "whether the database could be read: 1 or 0", 1)
        yield from self._installation(reading)
        yield from self._accounts.of_installation(reading.accounts)

    def _build(self) -> Metric:
        labels = {
            "version": version("sms-campaign-dispatcher"),
            "python": platform.python_version(),
            "database": "sqlite" if self._dispatcher.database.is_sqlite else "postgresql",
        }
        return InfoMetricFamily("dispatcher_build", "what runs here", labels)

    def _windows(self) -> dict[str, float]:
        return {territory: float(self._is_open(territory)) for territory in TERRITORIES}

    def _is_open(self, territory: str) -> bool:
        try:
            return self._dispatcher.hold(territory=territory) is None
        except DispatcherError:  # not in the next weeks
            return False

    def _installation(self, reading: _Reading) -> Iterator[Metric]:
        standing, at = reading.standing, reading.at
        batches = {state.value: 0 for state in BatchState}
        for share in reading.shares:
            batches[share.state.value] += share.batches
        messages = messages_of(reading.shares)
        spend = sum((share.cost for share in reading.shares), Decimal(0))
        yield _gauge("recipients", "recipients of all campaigns", messages, label="state")
        yield _gauge("batches", "batches of all campaigns", batches, label="state")
        waiting = {name.value: reading.waiting.get(name.value, 0) for name in Name}
        yield _gauge("waiting_campaigns", "campaigns that wait, by the cause", waiting, "cause")
        yield CounterMetricFamily("dispatcher_spend_euros", "spent so far", float(spend))
        campaigns = {state.value: count for state, count in standing.campaigns.items()}
        yield _gauge("campaigns", "campaigns that have not ended", campaigns, label="state")
        may_leave = [
            it for it in standing.waiting if not it.commercial or self._is_open(it.territory)
        ]
        oldest = min((it.since for it in may_leave), default=None)
        yield _gauge(
            "due_batches",
            "batches that may leave now, window open",
            sum(it.batches for it in may_leave),
        )
        for name, what, since in (
            ("due_age_seconds", "how long the oldest batch that may leave has waited", oldest),
            ("doubt_age_seconds", "how long the oldest doubt has lasted", standing.oldest_doubt),
            ("poll_age_seconds", "how late the latest poll for reports is", standing.oldest_poll),
        ):
            age = 0.0 if since is None else max((at - since).total_seconds(), 0.0)
            yield _gauge(name, f"{what}; 0 when there is none", age)
        tick = standing.last_tick
        age = inf if tick is None else max((at - tick).total_seconds(), 0.0)
        yield _gauge("tick_age_seconds", "how long ago the last tick was; +Inf without any", age)
        silent = missing(standing.beats, tick, at, self._dispatcher.settings.tick)
        yield _gauge("missing_beats", "beats that are silent while ticks go on", len(silent))
        listed = reading.stop_list
        age = inf if listed is None else max((at - listed).total_seconds(), 0.0)
        yield _gauge(
            "stop_list_age_seconds", "since the STOP list was last read; +Inf if it never was", age
        )
        yield _gauge("paused", "whether everything or an account is paused: 1 or 0", reading.paused)
        yield _gauge("restored", "whether the database was restored: 1 or 0", reading.restored)
        yield _gauge("incidents", "double texts on record", standing.incidents)
        inbox = standing.inbox
        yield _gauge("probable_refusals", "people to decide about", inbox.refusals)
        yield _gauge("unread_calls", "calls to the webhooks that nobody could read", inbox.unread)
        yield _gauge("untexted_stops", "STOPs in 24 hours for numbers never texted", inbox.untexted)
        says = "changes of messages that were neither delivered nor read"
        yield _gauge("message_changes_waiting", says, reading.changes)

    def _read(self) -> _Reading:
        dispatcher = self._dispatcher
        past, at = self._past(), dispatcher.clock()
        with dispatcher.database.stream() as session:  # limits hold in a transaction only
            monitoring.limit_time(session, _LONGEST_QUERY)
            shares = [*past.shares, *totals.still_open(session, past)]
            found = monitoring.snapshot(session, at)
            accounts = self._accounts.read(session, at)
            names = (DEFAULT, *dispatcher.settings.accounts)
            read = [stop_list.age(session, name).read_at for name in names]
            oldest = None if None in read else min(filter(None, read))
            paused, restored = pauses.any_holds(session), bool(dispatcher.objection())
            changes = message_position.unread(session).count
            state = oldest, paused, restored, dispatcher.waiting(session)
            return _Reading(at, shares, found, changes, accounts, *state)

    def _read_past(self) -> totals.EndedTotals:
        with self._dispatcher.database.read() as session:
            return totals.ended(session, self._dispatcher.clock() - _MARGIN)


def _gauge(name: str, what: str, value: float | Mapping[str, float], label: str = "") -> Metric:
    if not isinstance(value, Mapping):
        return GaugeMetricFamily(f"dispatcher_{name}", what, value)
    family = GaugeMetricFamily(f"dispatcher_{name}", what, labels=[label])
    for key, number in value.items():
        family.add_metric([key], number)
    return family


def _calls(counts: Counts) -> Iterator[Metric]:
    verdicts = CounterMetricFamily(
        "dispatcher_calls", "bulk sends of this process by what they came to", labels=["verdict"]
    )
    for verdict, count in counts.verdicts.items():
        verdicts.add_metric([verdict], count)
    yield verdicts
    yield CounterMetricFamily(
        "dispatcher_unusable_answers",
        "answers to this process that lack what the page of their call documents",
        counts.unusable,
    )
    bounds = [*map(str, BOUNDS), "+Inf"]
    yield HistogramMetricFamily(
        "dispatcher_call_seconds",
        "how long the bulk sends of this process took",
        buckets=list(zip(bounds, counts.within, strict=True)),
        sum_value=counts.seconds,
    )
