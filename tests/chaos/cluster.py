"""The installation under attack: two workers, two beats, and a supervisor that restarts them."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dispatcher import Dispatcher, Settings
from dispatcher.settings.clock import shifted
from tests.acceptance.installation import OPEN, QUICK, Child, Installation
from tests.chaos.databases import Database

#: a Wednesday, 16:00 in Paris and 11:00 in Martinique
SECOND_DAY = OPEN + timedelta(days=1, hours=6)
#: by then whoever has no report never gets one
THIRD_DAY = SECOND_DAY + timedelta(days=1)
LEASE = float(QUICK["lease"])  # type: ignore[arg-type]


class Slot:
    """A place that always has a process, sooner or later."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.child: Child | None = None
        self.lives = 0
        self.next_at = 0.0

    @property
    def manned(self) -> bool:
        return self.child is not None and self.child.alive


class Cluster(Installation):
    """A site whose processes are restarted, on a database and a clock that may change."""

    def __init__(
        self, directory: Path, home: Database, *, app: str, luck: random.Random, **parts: Any
    ) -> None:
        super().__init__(
            directory,
            home.url,
            # a batch settled without a person; far more than this and nothing would move
            doubt_limit=16,
            reports_within=6 * 3600,
            rate=40,
            **parts,
        )
        self.home = home
        self.workers = [Slot("worker-1"), Slot("worker-2")]
        self.beats = [Slot("beat-1"), Slot("beat-2")]
        self.restarts = 0
        self._app = app
        self._luck = luck
        self._lock = threading.Lock()
        self._storm = directory / "storm.log"

    def supervise(self) -> None:
        """Restart whoever has died; to be called by the thread that lives longest."""
        for post in (*self.workers, *self.beats):
            if post.manned:
                continue
            if post.child is not None and post.next_at == 0:
                post.next_at = time.monotonic() + self._luck.uniform(0.2, 1.5)
            if time.monotonic() >= post.next_at:
                self._man(post)

    def _man(self, post: Slot) -> None:
        post.lives += 1
        post.next_at = 0.0
        self.restarts += post.lives > 1
        name = f"{post.name}.{post.lives}"
        if post in self.workers:
            options = ["-A", self._app, "worker", "-n", f"{name}@%h"]
        else:
            options = ["-A", "workers", "beat"]
        post.child = self.start(name, "celery", *options, "-l", "INFO")

    def stop_processes(self) -> None:
        """SIGTERM to all, and wait for each; SIGKILL to who does not listen."""
        posts = [post for post in (*self.workers, *self.beats) if post.child is not None]
        for post in posts:
            if post.child is not None and post.child.alive:
                post.child.process.terminate()
        for post in posts:
            assert post.child is not None
            try:
                post.child.process.wait(30)
            except subprocess.TimeoutExpired:
                post.child.kill()
            post.child = None

    def move_to(self, at: datetime) -> None:
        """Set every clock; no process may run."""
        now = shifted()()
        offset = (at - now).total_seconds()
        self.gateway.set_clock(offset)
        self._values["clock_offset"] = offset
        self.dispatcher.database.close()
        self.settings = Settings.of(**self._values)
        self.dispatcher = Dispatcher(self.settings)

    def tell(self, words: str) -> None:
        """Note what is done to the world, in the manner of the workers' logs."""
        now = datetime.now().astimezone()
        with self._lock, self._storm.open("a") as log:
            log.write(f"[{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d}] {words}\n")
