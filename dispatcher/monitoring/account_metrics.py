"""Metrics per account at the gateway, also where there is but one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy.orm import Session

from dispatcher.api import Dispatcher
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import monitoring
from dispatcher.storage.monitoring import AccountSnapshot

_PREFIX = "dispatcher_account_"


class Accounts:
    """The metrics that have a label ``account``; it is empty for the default account."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._names = (DEFAULT, *dispatcher.settings.accounts)
        self._dispatcher = dispatcher

    def read(self, session: Session, at: datetime) -> Mapping[str, AccountSnapshot]:
        """The state of each account in the database at ``at``."""
        return {name: monitoring.account_snapshot(session, name, at) for name in self._names}

    def of_process(self) -> Iterator[Metric]:
        """The calls of this process and the doubt limit, for each account."""
        calls = CounterMetricFamily(
            f"{_PREFIX}calls",
            "bulk sends of this process through an account, by what they came to",
            labels=["account", "verdict"],
        )
        limits = _gauge("doubt_limit", "with this many of its batches in doubt nothing is sent")
        for name in self._names:
            for verdict, count in self._dispatcher.call_counts_of[name].counts().verdicts.items():
                calls.add_metric([name, verdict], count)
            limits.add_metric([name], self._dispatcher.settings.of_account(name).doubt_limit)
        yield from (calls, limits)

    def of_installation(self, found: Mapping[str, AccountSnapshot]) -> Iterator[Metric]:
        """Campaigns, doubts, due batches and balance of each account."""
        campaigns = GaugeMetricFamily(
            f"{_PREFIX}campaigns",
            "campaigns of an account that have not ended",
            labels=["account", "state"],
        )
        doubts = _gauge("doubts", "batches of an account in doubt")
        due = _gauge("due_batches", "batches of an account that wait for their window at most")
        balance = _gauge("balance_euros", "the balance of an account as it was last read")
        for name, one in found.items():
            for state, count in one.campaigns.items():
                campaigns.add_metric([name, state.value], count)
            doubts.add_metric([name], one.doubts)
            due.add_metric([name], one.due)
            if one.balance is not None:
                balance.add_metric([name], float(one.balance))
        yield from (campaigns, doubts, due, balance)


def _gauge(name: str, what: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}{name}", what, labels=["account"])
