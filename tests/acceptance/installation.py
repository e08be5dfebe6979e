"""A whole installation of real processes: Redis, database, gateway, workers and beats.

Tests call it a site. ``check`` compares the gateway's ledger (who was really texted, and how
often) with the rows. The tests of a module may share a site that runs: see ``lent``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
from redis import Redis
from sqlalchemy import func, literal, select, text, update

from dispatcher import Dispatcher, Progress, Settings
from dispatcher.dispatch.hints import QUEUES
from dispatcher.local.redis import EmbeddedRedis
from dispatcher.local.tied_process import tied_to_parent
from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.process import Sandbox
from dispatcher.storage.tables import Attempt, Batch, Campaign
from tests.waiting import PATIENCE, eventually

ROOT = Path(__file__).parents[2]
#: for tests on a ``module_database_url`` to which it is the same on both databases
on_sqlite = pytest.mark.parametrize("module_database_url", ["sqlite"], indirect=True)
#: a Tuesday morning: the window is open for ten hours
OPEN = datetime(2026, 11, 24, 9, tzinfo=UTC)

#: settings that make a test take seconds; every rule stays in force
QUICK = {
    "tick": 0.3,
    "poll_intervals": "1,1,2",
    "settle_intervals": "1,1,2",
    "call_timeout": 6,
    "connect_timeout": 4,
    "lease": 11,
    "connections": 4,
    # only tests of credit need to wait for the balance
    "credit_check": "off",
}


#: settings of calls that may last longer than a test (seconds)
PATIENT: dict[str, Any] = {"call_timeout": 250, "closing_guard": 255, "lease": 280}
#: how the gateway behaves that posts a webhook again for as long as a test waits for it
INSISTENT = {"webhook_retries": int(PATIENCE * 5), "webhook_retry_seconds": 0.2}


class Child:
    """A process of the site, with its log."""

    def __init__(
        self,
        name: str,
        argv: list[str],
        environment: dict[str, str],
        log: Path,
        *,
        cwd: Path = ROOT,
    ) -> None:
        self.name = name
        self.log = log
        self.mark()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                tied_to_parent(argv),
                env=environment,
                cwd=cwd,
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

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """Send SIGKILL and wait until it has ended."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Send SIGTERM, as a deployment does; returns the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def mark(self) -> None:
        """Have ``says`` read only what is logged from now on."""
        self._read_from = self.log.stat().st_size if self.log.exists() else 0

    def says(self, words: str) -> bool:
        """True if the process has logged these words."""
        with self.log.open("rb") as log:
            log.seek(self._read_from)
            return words in log.read().decode(errors="replace")


#: a cap that nothing reaches: it makes a claim count under a lock, in a transaction of its own
CAPPED = {"DISPATCHER_DAILY_RECIPIENTS": "1000000"}


class Installation:
    """Starts processes on request and ends all of them.

    ``at`` is the time when it starts, ``switches`` are those of the gateway, the rest are
    settings of the dispatcher.
    """

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
        self._switches = {"delivery_seconds": (0.1, 0.5), **(switches or {})}
        self.gateway = Sandbox(directory / "ledger.jsonl", clock_offset=offset, **self._switches)
        self.halts = directory / "halts"
        self.halts.mkdir()
        self.children: list[Child] = []
        self._requests_before = 0
        self._first_campaign = 0
        self._lasting: list[Child] = []
        self._over = threading.Event()
        self._ticking: threading.Thread | None = None
        self._tick = threading.Lock()
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
            **{
                f"DISPATCHER_{name.upper()}": str(value)
                for name, value in self._values.items()
                if value is not None
            },
        }

    def change(self, **settings: Any) -> None:
        """Change settings, for all processes that start from now on."""
        self._values |= settings
        self.settings = Settings.of(**self._values)
        with self._tick:  # a tick whose database is closed ends the thread that ticks
            self.dispatcher.database.close()
            self.dispatcher = Dispatcher(self.settings)

    # -- sharing

    @contextmanager
    def lent(self) -> Iterator[Self]:
        """Lend this running site to one test, which finds no campaign and a gateway without faults.

        What runs already goes on. What the test starts is killed, what it configures is reset, and
        what it leaves unfinished is cancelled, so that a worker must run.
        """
        lasting = list(self.children)
        for child in lasting:
            child.mark()
        self._requests_before = len(self.gateway.requests())
        os.truncate(self.gateway.ledger_path, 0)
        with self.dispatcher.database.write() as session:
            # their references may be used again
            earlier = literal("ended-").concat(Campaign.id)
            session.execute(update(Campaign).values(reference=earlier))
            self._first_campaign = (session.scalar(select(func.max(Campaign.id))) or 0) + 1
        self._lasting = lasting
        yield self
        for child in self.children:
            if child.alive:
                child.signal(signal.SIGCONT)
                if child not in lasting:
                    child.kill()
        self.children = lasting
        for path in self.halts.iterdir():
            path.unlink()
        self.reset_gateway()
        self.let_leases_end()
        self.wait(self._all_ended, "every campaign to end")
        assert all(child.alive for child in lasting)

    def _all_ended(self) -> bool:
        with self.dispatcher.database.read() as session:
            query = select(Campaign.reference).where(Campaign.id >= self._first_campaign)
            references = list(session.scalars(query))
        open_ones = [name for name in references if not self.progress(name).ended]
        for name in open_ones:
            if self.progress(name).state in {"running", "paused"}:
                self.dispatcher.cancel(name, reason="the test is over")
        return not open_ones

    def reset_gateway(self) -> None:
        """Take back every fault and switch that a test has set."""
        self.gateway.clear_faults()
        self.gateway.release()
        self.wait(lambda: self.gateway.held() == 0, "the gateway to hold no request")
        self.gateway.configure(**asdict(Behaviour(delivery_seconds=(0.1, 0.5))))
        self.gateway.configure(**self._switches)

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
        """A worker that takes hints. It starts without waiting a second for its neighbours."""
        child = self.start(
            name, "celery", "-A", app, "worker", "-n", f"{name}@%h", "-l", "INFO",
            "--without-mingle", *options, **environment,
        )  # fmt: skip
        self.wait(lambda: child.says(" ready.") or not child.alive, f"{name} to be ready")
        assert child.alive, child.log.read_text()
        return child

    def halting_worker(self, name: str = "halting", *options: str, **environment: str) -> Child:
        """A worker that halts at the breakpoints that ``halt_at`` names."""
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
        """Tick in a thread of this process, for tests that are not about beat."""

        def tick() -> None:
            while not self._over.wait(self.settings.tick):
                with self._tick:
                    self.dispatcher.tick()

        self._ticking = threading.Thread(target=tick)
        self._ticking.start()

    def beat(self, name: str = "beat") -> Child:
        return self.start(name, "celery", "-A", "workers", "beat", "-l", "INFO")

    # -- halting a worker at a breakpoint

    def suspend(self, worker: Child) -> None:
        """Stop it by SIGSTOP, at a moment when none of its threads writes.

        SQLite has one writer: a process that sleeps while it writes blocks all others.
        """
        with self.dispatcher.database.write() as session:
            session.connection()  # the transaction begins with it
            worker.signal(signal.SIGSTOP)
            process = psutil.Process(worker.pid)
            self.wait(lambda: process.status() == psutil.STATUS_STOPPED, "it to fall asleep")

    def wake_standby(self) -> None:
        """Wake the processes that this site had before the test."""
        for child in self._lasting:
            child.signal(signal.SIGCONT)

    def halt_at(self, point: str) -> None:
        (self.halts / f"{point}.on").touch()

    def halted_at(self, point: str) -> bool:
        return (self.halts / f"{point}.reached").exists()

    def wait_halted(self, point: str) -> None:
        """Wait until a worker halts at the point."""
        self.wait(lambda: self.halted_at(point), f"a worker to halt at {point}")

    def go_on(self, point: str) -> None:
        """Let the worker go on from the point, which can be used again."""
        (self.halts / f"{point}.on").unlink(missing_ok=True)
        (self.halts / f"{point}.reached").unlink(missing_ok=True)

    # -- time and rows

    def let_leases_end(self) -> None:
        """Have every lease end now, instead of waiting for it."""
        over = self.dispatcher.clock() - timedelta(seconds=1)
        with self.dispatcher.database.write() as session:
            session.execute(
                update(Batch).where(Batch.lease_until.is_not(None)).values(lease_until=over)
            )

    def batches(self) -> Sequence[Batch]:
        """Every batch of the test, by id."""
        with self.dispatcher.database.read() as session:
            query = select(Batch).where(Batch.campaign_id >= self._first_campaign)
            return session.scalars(query.order_by(Batch.id)).all()

    def batch(self) -> Batch:
        """The only batch of the test."""
        [batch] = self.batches()
        return batch

    def attempts(self) -> list[Attempt]:
        """Every attempt of the test, by batch and number."""
        with self.dispatcher.database.read() as session:
            query = (
                select(Attempt)
                .join(Batch, Batch.id == Attempt.batch_id)
                .where(Batch.campaign_id >= self._first_campaign)
            )
            return list(session.scalars(query.order_by(Attempt.batch_id, Attempt.number)))

    def outcomes(self) -> list[str | None]:
        """The outcome of every attempt of the test, by batch and number."""
        return [attempt.outcome for attempt in self.attempts()]

    def wait_for(self, state: str) -> None:
        """Wait until the only batch is in ``state``."""
        self.wait(lambda: self.batch().state == state, f"the batch to be {state}")

    def wait_in_doubt(self) -> None:
        """Wait until the only batch is in doubt and a lookup has found nothing."""
        self.wait(
            lambda: self.batch().state == "in_doubt" and self.batch().checks > 0,
            "a lookup of the batch to find nothing",
        )

    # -- Redis

    @contextmanager
    def redis_client(self) -> Iterator[Redis]:
        with Redis.from_url(self.redis.url, socket_timeout=PATIENCE) as client:
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

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition, or fail with the end of every log."""
        eventually(condition, lambda: f"{what}\n{self._logs()}", every=0.05)

    def wait_held(self, count: int = 1) -> None:
        """Wait until the gateway holds so many requests."""
        self.wait(lambda: self.gateway.held() >= count, f"{count} requests to be held")

    def wait_finished(self, reference: str) -> Progress:
        self.wait(
            lambda: self.progress(reference).state == "finished",
            f"{reference} to finish",
        )
        return self.progress(reference)

    # -- the gateway's ledger

    def requests(self, path: str | None = None) -> list[dict[str, Any]]:
        """The requests of the test that have reached the gateway, to one path or to all."""
        since = self.gateway.requests()[self._requests_before :]
        return [request for request in since if path in (None, request["path"])]

    def check(self, *references: str) -> None:
        """Assert that nobody was texted twice and nobody is lost, campaign by campaign.

        It is about all campaigns of the test unless their references are given.
        """
        chosen = {self.progress(reference).id for reference in references}
        with self.dispatcher.database.read() as session:
            query = select(Attempt.tag, Batch.campaign_id).join(Batch, Batch.id == Attempt.batch_id)
            campaigns: dict[str, int] = dict(session.execute(query).all())
            rows = session.execute(
                text(
                    "SELECT campaign_id, phone, state FROM dispatcher_message"
                    " WHERE campaign_id >= :first"
                ),
                {"first": self._first_campaign},
            ).all()
        rows = [row for row in rows if not chosen or row[0] in chosen]
        # a tag is in no campaign when its attempt was lost with the database
        texted = Counter(
            (campaign, sms.phone)
            for entry in self.gateway.entries()
            if not entry.cancelled
            for campaign in [campaigns.get(entry.tag)]
            if not chosen or campaign in {None, *chosen}
            for sms in entry.texts
        )
        members = {(campaign, phone) for campaign, phone, _ in rows}
        strangers = [key for key in texted if key[0] is not None and key not in members]
        assert not strangers, f"{len(strangers)} people were texted who are in no such campaign"
        assert {phone for _, phone in texted} <= {phone for _, phone in members}
        for campaign, phone, state in rows:
            times = texted[campaign, phone] + texted[None, phone]
            assert times <= 1, "somebody was texted twice"
            assert times or state not in {"sent", "delivered", "undelivered"}, (
                f"a {state} message is not in the ledger"
            )
            assert not times or state not in {"pending", "rejected", "expired"}, (
                f"a {state} message is in the ledger"
            )
        for progress in self.dispatcher.campaigns():
            assert progress.recipients == sum(progress.messages.values())

    def _logs(self) -> str:
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}"
            for log in sorted(self.directory.glob("*.log"))
        )


def people(count: int, start: int = 0) -> list[str]:
    """``count`` numbers of the block that ARCEP reserves for fiction."""
    return [f"+336399{8:d}{number:04d}" for number in range(start, start + count)]
