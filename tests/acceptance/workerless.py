"""A site without workers: its steps are called by the test, and its clock can be moved.

The gateway is the real process all the same, with its ledger. What varies in the tests that use
this is what the gateway says, when, and how its connections end; the steps and the client are
the very objects that a worker process calls, so that a worker would only add its two seconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from unittest import mock

from sqlalchemy import select

from dispatcher import Dispatcher, Settings
from dispatcher.dispatch.steps import Due
from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.gateway.ledger import Entry
from dispatcher.sandbox.process import Sandbox
from dispatcher.storage.tables import Action, Attempt
from tests.acceptance.installation import OPEN, Installation

#: opens a site by hand on the database of the test, with these settings; see ``Workerless``
OpenWorkerless = Callable[..., "Workerless"]


class Workerless(Installation):
    """Nothing happens between two calls, except that time goes on. There is no Redis.

    ``gateway`` is a process that has served other tests: it is as good as new.
    """

    def __init__(
        self,
        directory: Path,
        database_url: str,
        gateway: Sandbox,
        *,
        at: datetime = OPEN,
        switches: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(directory, database_url, at=at, **settings)
        self.gateway = gateway
        self._offset = at - datetime.now(UTC)
        self._switches = switches or {}
        self._patches = ExitStack()
        self._seen = 0

    def __enter__(self) -> Self:
        self._renew_gateway()
        self._values = {
            "api_url": self.gateway.url,
            "api_key": self.gateway.key,
            **self._values,
        }
        self.settings = Settings.of(**self._values)
        self.dispatcher = Dispatcher(self.settings, clock=self.clock)
        self.dispatcher.prepare()
        # a clock that is moved is one that PostgreSQL's own contradicts
        self._patches.enter_context(
            mock.patch("dispatcher.dispatch.sending.attempt.MOST_SKEW", timedelta.max)
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.close()
        self.dispatcher.database.close()

    def _renew_gateway(self) -> None:
        self.gateway.clear_faults()
        self.gateway.release()
        self.gateway.wait_until(lambda gateway: gateway.held() == 0)
        self.gateway.configure(**asdict(Behaviour(delivery_seconds=(0.1, 0.5))))
        self.gateway.configure(**self._switches)
        self.gateway.set_clock(self._offset.total_seconds())
        self._seen = len(self.gateway.requests())
        os.truncate(self.gateway.ledger_path, 0)

    # -- time

    def clock(self) -> datetime:
        """The instant that dispatcher and gateway agree on."""
        return datetime.now(UTC) + self._offset

    def forward(self, **duration: float) -> None:
        """Let time pass, for the gateway too."""
        self._offset += timedelta(**duration)
        self.gateway.set_clock(self._offset.total_seconds())

    def forward_to(self, at: datetime) -> None:
        """Let time pass until ``at``."""
        self.forward(seconds=(at - self.clock()).total_seconds())

    # -- doing

    def work(self) -> Due:
        """Tick, and do all that is due."""
        due = self.dispatcher.tick()
        steps = self.dispatcher.dispatch
        for batch_id in due.send:
            steps.send_batch(batch_id)
        for batch_id in due.settle:
            steps.settle_batch(batch_id)
        if due.recall:
            steps.recall()
        for _ in range(due.polls):
            steps.poll()
        return due

    def pass_by(self, **duration: float) -> Due:
        """Let time pass, then work."""
        self.forward(**duration)
        return self.work()

    def work_to_the_end(self, reference: str = "soldes") -> None:
        """Go on until the campaign is finished; fails if it does not come to that."""
        for _ in range(10):
            if self.progress(reference).state == "finished":
                return
            self.pass_by(seconds=10)
        raise AssertionError(f"{reference} does not finish: {self.progress(reference)}")

    # -- looking

    def said(self, reference: str = "soldes") -> dict[str, int]:
        """How many messages of the campaign are in each state that has any."""
        return {state: n for state, n in self.progress(reference).messages.items() if n}

    def attempts(self) -> list[Attempt]:
        """Every attempt, in its order."""
        with self.dispatcher.database.read() as session:
            query = select(Attempt).order_by(Attempt.batch_id, Attempt.number)
            return list(session.scalars(query))

    def actions(self, verb: str) -> list[Action]:
        """What is on record under a verb."""
        with self.dispatcher.database.read() as session:
            query = select(Action).where(Action.verb == verb).order_by(Action.id)
            return list(session.scalars(query))

    def requests(self, path: str | None = None) -> list[dict[str, Any]]:
        """The requests that have reached the gateway, to one path or to all."""
        seen = self.gateway.requests()[self._seen :]
        return [request for request in seen if path in (None, request["path"])]

    def sends(self) -> int:
        """How many bulk sends have reached the gateway."""
        return len(self.requests("/v1/bulk-send"))

    def taken(self) -> list[Entry]:
        """What the gateway has taken."""
        return self.gateway.entries()
