"""The cluster under test: workers, two beats, and a supervisor that restarts them.

The second worker has other opening hours. On PostgreSQL a third is on a host whose clock is four
days ahead (SQLite has no clock to compare with, and is on one host).
"""

from __future__ import annotations

import random
import secrets
import subprocess
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from dispatcher import Dispatcher, Settings
from dispatcher.settings.clock import shifted
from tests.acceptance.installation import OPEN, QUICK, Child, Installation
from tests.chaos.budgets import PRICES
from tests.chaos.campaigns import OTHER_ACCOUNT
from tests.chaos.consents import WITHDRAWN
from tests.chaos.databases import Database

#: a Wednesday, 16:00 in Paris and 11:00 in Martinique
SECOND_DAY = OPEN + timedelta(days=1, hours=6)
#: by then messages without a report never get one
THIRD_DAY = SECOND_DAY + timedelta(days=1)
LEASE = float(QUICK["lease"])  # type: ignore[arg-type]
OTHER_HOURS = {"DISPATCHER_WINDOW_OPENS": "09:00", "DISPATCHER_WINDOW_CLOSES": "19:00"}
#: of the pseudonyms
KEY = "a key of the tests, which hides nobody"
OTHER_CLOCK = "tests.chaos.other_clock"


class Slot:
    """A process of the cluster, which is started again when it has died."""

    def __init__(self, name: str, app: str, **environment: str) -> None:
        self.name = name
        self.app = app
        self.environment = environment
        self.child: Child | None = None
        self.lives = 0
        self.next_at = 0.0

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.alive


class Cluster(Installation):
    """An installation whose processes are restarted, and whose clock can be moved."""

    def __init__(
        self, directory: Path, database: Database, *, app: str, rng: random.Random, **parts: Any
    ) -> None:
        key = secrets.token_hex(20)
        account: dict[str, Any] = {
            "accounts": OTHER_ACCOUNT,
            f"api_key_{OTHER_ACCOUNT}": key,
            f"sender_{OTHER_ACCOUNT}": "AutreCompte",
        }
        super().__init__(
            directory,
            database.url,
            # enough for doubts to be settled while sending goes on
            doubt_limit=16,
            reports_within=6 * 3600,
            rate=40,
            pseudonym_key=KEY,
            prices=PRICES,
            consent="tests.chaos.consents:consents",
            consent_timeout=2,
            **account,
            **parts,
        )
        self._other_key = key
        self.database = database
        self.workers = [Slot("worker-1", app), Slot("worker-2", app, **OTHER_HOURS)]
        if database.has_a_clock:
            self.workers.append(Slot("worker-3", OTHER_CLOCK))
        self.beats = [Slot("beat-1", "workers"), Slot("beat-2", "workers")]
        self.restarts = 0
        self._random = rng
        self._lock = threading.Lock()
        self._log = directory / "faults.log"
        #: a number a line, of those who have withdrawn their consent
        self.withdrawn = directory / "withdrawn"
        self.withdrawn.touch()

    def __enter__(self) -> Self:
        super().__enter__()
        self.gateway.set_account(self._other_key, credit=100_000)
        return self

    def supervise(self) -> None:
        """Start each process that has died again; call it from the thread that lives longest."""
        for slot in (*self.workers, *self.beats):
            if slot.alive:
                continue
            if slot.child is not None and slot.next_at == 0:
                slot.next_at = time.monotonic() + self._random.uniform(0.2, 1.5)
            if time.monotonic() >= slot.next_at:
                self._start(slot)

    def _start(self, slot: Slot) -> None:
        slot.lives += 1
        slot.next_at = 0.0
        self.restarts += slot.lives > 1
        name = f"{slot.name}.{slot.lives}"
        kind = ["worker", "-n", f"{name}@%h"] if slot in self.workers else ["beat"]
        consents = {WITHDRAWN: str(self.withdrawn)}
        options = ["-A", slot.app, *kind, "-l", "INFO"]
        slot.child = self.start(name, "celery", *options, **slot.environment, **consents)

    def stop_processes(self) -> None:
        """Send SIGTERM to all and wait for each; SIGKILL those that do not end."""
        slots = [slot for slot in (*self.workers, *self.beats) if slot.child is not None]
        for slot in slots:
            if slot.child is not None and slot.child.alive:
                slot.child.process.terminate()
        for slot in slots:
            assert slot.child is not None
            try:
                slot.child.process.wait(30)
            except subprocess.TimeoutExpired:
                slot.child.kill()
            slot.child = None

    def move_to(self, at: datetime) -> None:
        """Set the clocks of gateway and dispatcher; no process may run."""
        now = shifted()()
        offset = (at - now).total_seconds()
        self.gateway.set_clock(offset)
        self._values["clock_offset"] = offset
        self.dispatcher.database.close()
        self.settings = Settings.of(**self._values)
        self.dispatcher = Dispatcher(self.settings)

    def note(self, text: str) -> None:
        """Log an injected fault, in the format of the workers' logs."""
        now = datetime.now().astimezone()
        with self._lock, self._log.open("a") as log:
            log.write(f"[{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d}] {text}\n")
