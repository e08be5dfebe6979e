"""One whole installation of real processes: Redis, database, gateway, workers and beats.

The judge is the gateway's ledger: who was really texted, and how often.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import psutil
from redis import Redis
from sqlalchemy import select, text, update

from dispatcher import Dispatcher, Progress, Settings
from dispatcher.dispatch.hints import QUEUES
from dispatcher.local.redis import EmbeddedRedis
from dispatcher.local.tied_process import tied_to_parent
from dispatcher.sandbox.process import Sandbox
from dispatcher.storage.tables import Attempt, Batch

ROOT = Path(__file__).parents[2]
#: a Tuesday morning: the window is open for ten hours
OPEN = datetime(2026, 11, 24, 9, tzinfo=UTC)
PATIENCE = 60.0

#: quick, so that a test takes seconds; every rule stays in force
QUICK = {
    "tick": 0.3,
    "poll_intervals": "1,1,2",
    "settle_intervals": "1,1,2",
    "call_timeout": 3,
    "connect_timeout": 2,
    "lease": 8,
    "connections": 4,
    # who is not about credit need not wait for the balance
    "credit_check": "off",
}


class Child:
    """A process of the site, with its log."""

    def __init__(self, name: str, argv: list[str], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                tied_to_parent(argv),
                env=environment,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def forked(self) -> list[psutil.Process]:
        """The processes that it has forked."""
        return psutil.Process(self.pid).children()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self, within: float = 30.0) -> int:
        """SIGTERM, as a deployment does; returns the exit code."""
        self.process.terminate()
        return self.process.wait(within)

    def says(self, words: str) -> bool:
        return words in self.log.read_text(errors="replace")


#: a cap that nothing reaches: claims are counted under a lock, in a transaction of their own
CAPPED = {"DISPATCHER_DAILY_RECIPIENTS": "1000000"}


class Installation:
    """Starts what is asked for and ends all of it."""

    def __init__(
        self,
        directory: Path,
        database_url: str,
        *,
        at: datetime = OPEN,
        switches: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.directory = directory
        offset = (at - datetime.now(UTC)).total_seconds()
        self.redis = EmbeddedRedis()
        self.gateway = Sandbox(
            directory / "ledger.jsonl",
            clock_offset=offset,
            **{"delivery_seconds": [0.1, 0.5], **(switches or {})},
        )
        self.halts = directory / "halts"
        self.halts.mkdir()
        self.children: list[Child] = []
        self._over = threading.Event()
        self._ticking: threading.Thread | None = None
        self._values = {
            **QUICK,
            "database_url": database_url,
            "clock_offset": offset,
            "sender": "MaBoutique",
            **settings,
        }

    def __enter__(self) -> Self:
        self.redis.start()
        self.gateway.start()
        self._values = {
            "broker_url": self.redis.url,
            "api_url": self.gateway.url,
            "api_key": self.gateway.key,
            **self._values,
        }
        self.settings = Settings.of(**self._values)
        self.dispatcher = Dispatcher(self.settings)
        self.dispatcher.prepare()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._ticking is not None:
            self._ticking.join()
        for child in self.children:
            if child.alive:
                child.signal(signal.SIGCONT)
                child.kill()
        self.gateway.stop()
        self.redis.stop()
        self.dispatcher.database.close()

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "SITE_HALTS": str(self.halts),
            **{f"DISPATCHER_{name.upper()}": str(value) for name, value in self._values.items()},
        }

    def change(self, **settings: Any) -> None:
        """Other settings, for all that is started from now on."""
        self._values |= settings
        self.settings = Settings.of(**self._values)
        self.dispatcher.database.close()
        self.dispatcher = Dispatcher(self.settings)

    # -- processes

    def start(self, name: str, *arguments: str, **environment: str) -> Child:
        """A process of ``python -m …``."""
        argv = [sys.executable, "-m", *arguments]
        log = self.directory / f"{name}.log"
        child = Child(name, argv, {**self.environment, **environment}, log)
        self.children.append(child)
        return child

    def worker(
        self, name: str = "worker", *options: str, app: str = "workers", **environment: str
    ) -> Child:
        """A worker that is ready to take hints; it does not wait a second for its neighbours."""
        child = self.start(
            name, "celery", "-A", app, "worker", "-n", f"{name}@%h", "-l", "INFO",
            "--without-mingle", *options, **environment,
        )  # fmt: skip
        self.wait(lambda: child.says(" ready.") or not child.alive, f"{name} to be ready")
        assert child.alive, child.log.read_text()
        return child

    def halting_worker(self, name: str = "halting", *options: str, **environment: str) -> Child:
        """A worker that stops at the points named by ``halt_at``."""
        return self.worker(name, *options, app="tests.acceptance.breakpoints", **environment)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command line, run to its end."""
        return subprocess.run(
            [sys.executable, "-m", "dispatcher.cli", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def ticks(self) -> None:
        """Tick in this process, for tests to which a process of its own for it adds nothing."""

        def tick() -> None:
            while not self._over.wait(self.settings.tick):
                self.dispatcher.tick()

        self._ticking = threading.Thread(target=tick)
        self._ticking.start()

    def beat(self, name: str = "beat") -> Child:
        return self.start(name, "celery", "-A", "workers", "beat", "-l", "INFO")

    # -- halting a worker at a named point

    def suspend(self, worker: Child) -> None:
        """Have it fall asleep, at a moment when none of its threads writes.

        SQLite has one writer, and a process that sleeps as such keeps all others waiting.
        """
        with self.dispatcher.database.write() as session:
            session.connection()  # the transaction begins with it
            worker.signal(signal.SIGSTOP)
            process = psutil.Process(worker.pid)
            self.wait(lambda: process.status() == psutil.STATUS_STOPPED, "it to fall asleep")

    def halt_at(self, point: str) -> None:
        (self.halts / f"{point}.on").touch()

    def halted_at(self, point: str) -> bool:
        return (self.halts / f"{point}.reached").exists()

    def wait_halted(self, point: str) -> None:
        """Wait until a worker stands at the point."""
        self.wait(lambda: self.halted_at(point), f"a worker to halt at {point}")

    def go_on(self, point: str) -> None:
        (self.halts / f"{point}.on").unlink(missing_ok=True)

    # -- time and rows

    def let_leases_end(self) -> None:
        """The moment when every lease is over, without the wait for it."""
        over = self.dispatcher.clock() - timedelta(seconds=1)
        with self.dispatcher.database.write() as session:
            session.execute(
                update(Batch).where(Batch.lease_until.is_not(None)).values(lease_until=over)
            )

    def batches(self) -> Sequence[Batch]:
        """Every batch as its row says now, in the order of their ids."""
        with self.dispatcher.database.read() as session:
            return session.scalars(select(Batch).order_by(Batch.id)).all()

    def batch(self) -> Batch:
        """The only batch there is."""
        [batch] = self.batches()
        return batch

    def outcomes(self) -> list[str | None]:
        """What every attempt came to, in their order."""
        with self.dispatcher.database.read() as session:
            query = select(Attempt.outcome).order_by(Attempt.batch_id, Attempt.number)
            return list(session.scalars(query))

    def wait_for(self, state: str) -> None:
        """Wait until the only batch is in ``state``."""
        self.wait(lambda: self.batch().state == state, f"the batch to be {state}")

    def wait_in_doubt(self) -> None:
        """Wait until the only batch is in doubt and was looked up in vain."""
        self.wait(
            lambda: self.batch().state == "in_doubt" and self.batch().checks > 0,
            "the batch to be looked up in vain",
        )

    # -- Redis

    @contextmanager
    def redis_client(self) -> Iterator[Redis]:
        with Redis.from_url(self.redis.url, socket_timeout=10) as client:
            yield client

    def queued(self) -> int:
        """How many hints wait in Redis."""
        with self.redis_client() as client:
            return sum(int(client.llen(queue)) for queue in set(QUEUES.values()))

    # -- campaigns

    def submit(self, reference: str, people: Iterable[str], **options: Any) -> int:
        return self.dispatcher.submit(reference, "Soldes demain chez nous", people, **options)

    def progress(self, reference: str) -> Progress:
        return self.dispatcher.progress(reference)

    def wait(self, condition: Callable[[], object], what: str, *, within: float = PATIENCE) -> None:
        """Wait for a condition, or fail with the end of every log."""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {within} s for {what}\n{self._logs()}")
            time.sleep(0.05)

    def wait_held(self, count: int = 1) -> None:
        """Wait until the gateway holds so many requests."""
        self.wait(lambda: self.gateway.held() >= count, f"{count} requests to be held")

    def wait_finished(self, reference: str, *, within: float = PATIENCE) -> Progress:
        self.wait(
            lambda: self.progress(reference).state == "finished",
            f"{reference} to finish",
            within=within,
        )
        return self.progress(reference)

    # -- the judge

    def check(self) -> None:
        """Nobody twice, nobody lost: the ledger against the rows, for every campaign."""
        texted = self.gateway.texted()
        twice = {phone for phone, times in texted.items() if times > 1}
        assert not twice, f"{len(twice)} people were texted twice"
        with self.dispatcher.database.read() as session:
            rows = session.execute(text("SELECT phone, state FROM message")).all()
        taken = {"sent", "delivered", "undelivered"}
        for phone, state in rows:
            assert (phone in texted) or state not in taken, (
                f"a {state} message is not in the ledger"
            )
            assert phone not in texted or state not in {"pending", "rejected", "expired"}, (
                f"a {state} message is in the ledger"
            )
        assert set(texted) <= {phone for phone, _ in rows}
        for progress in self.dispatcher.campaigns():
            assert progress.recipients == sum(progress.messages.values())

    def _logs(self) -> str:
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}"
            for log in sorted(self.directory.glob("*.log"))
        )


def people(count: int, start: int = 0) -> list[str]:
    """Numbers of the block that belongs to nobody."""
    return [f"+336399{8:d}{number:04d}" for number in range(start, start + count)]
