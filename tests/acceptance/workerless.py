"""An installation without workers: the test calls the steps itself and moves the clock.

The gateway is a real process with its ledger. The steps and the client are the objects that a
worker calls: a worker would only add the two seconds of its start.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from unittest import mock

from sqlalchemy import select

from dispatcher import Dispatcher, Settings
from dispatcher.dispatch.steps import Due
from dispatcher.sandbox.gateway.ledger import Entry
from dispatcher.sandbox.process import Sandbox
from dispatcher.storage.tables import Action
from tests.acceptance.installation import OPEN, Installation

#: opens an installation without workers, with these settings; see ``Workerless``
OpenWorkerless = Callable[..., "Workerless"]


class Workerless(Installation):
    """Nothing happens between two calls, except that time goes on. There is no Redis.

    ``gateway`` is a process that may have served other tests: it is reset.
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
        super().__init__(directory, database_url, at=at, switches=switches, **settings)
        self.gateway = gateway
        self._offset = at - datetime.now(UTC)
        self._stopped_at: datetime | None = None
        self._patches = ExitStack()

    def __enter__(self) -> Self:
        self.reset_gateway()
        self._set_gateway_clock()
        self._requests_before = len(self.gateway.requests())
        os.truncate(self.gateway.ledger_path, 0)
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
            mock.patch("dispatcher.dispatch.safeguards.MOST_SKEW", timedelta.max)
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.close()
        self.dispatcher.database.close()

    # -- time

    def clock(self) -> datetime:
        """The time of the dispatcher and of the gateway."""
        return self._stopped_at or datetime.now(UTC) + self._offset

    def stop_clock(self) -> None:
        """From now on only ``forward`` moves the clock of the dispatcher."""
        self._stopped_at = self.clock()

    def forward(self, **duration: float) -> None:
        """Move the clock forward, that of the gateway too."""
        if self._stopped_at is None:
            self._offset += timedelta(**duration)
        else:
            self._stopped_at += timedelta(**duration)
        self._set_gateway_clock()

    def forward_to(self, at: datetime) -> None:
        """Move the clock forward to ``at``."""
        self.forward(seconds=(at - self.clock()).total_seconds())

    def _set_gateway_clock(self) -> None:
        self.gateway.set_clock((self.clock() - datetime.now(UTC)).total_seconds())

    # -- steps

    def work(self) -> Due:
        """Tick, and take every step that is due."""
        due = self.dispatcher.tick()
        steps = self.dispatcher.steps
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
        """Move the clock forward, then work."""
        self.forward(**duration)
        return self.work()

    def work_to_the_end(self, reference: str = "soldes") -> None:
        """Work until the campaign is finished; fails if that takes more than ten rounds."""
        for _ in range(10):
            if self.progress(reference).state == "finished":
                return
            self.pass_by(seconds=10)
        raise AssertionError(f"{reference} does not finish: {self.progress(reference)}")

    # -- rows and requests

    def messages(self, reference: str = "soldes") -> dict[str, int]:
        """The number of messages of the campaign in each state that has any."""
        return {state: n for state, n in self.progress(reference).messages.items() if n}

    def actions(self, verb: str) -> list[Action]:
        """The recorded actions with this verb, by id."""
        with self.dispatcher.database.read() as session:
            query = select(Action).where(Action.verb == verb).order_by(Action.id)
            return list(session.scalars(query))

    def sends(self) -> int:
        """The number of bulk sends that have reached the gateway."""
        return len(self.requests("/v1/bulk-send"))

    def taken(self) -> list[Entry]:
        """The sends that the gateway has taken."""
        return self.gateway.entries()
