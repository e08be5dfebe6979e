"""The dispatcher: real workers and a real beat, on PostgreSQL or SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import func, select, text

from benchmarks.contenders.course import Course, Run, timed
from benchmarks.people import BATCH, KEY, SENDER, TEXT, rows
from benchmarks.processes import RESULTS, Failed, Meter, Process, profiled, wait
from dispatcher import Dispatcher, Recipient, Settings
from dispatcher.campaigns.states import BatchState
from dispatcher.local.redis import EmbeddedRedis
from dispatcher.storage.tables import Batch
from dispatcher.window import CommercialWindow
from tests.databases import create_database, drop_database
from tests.postgres_server import PostgresServer

CAMPAIGN = "bench"
#: people who are texted before the clock starts, so that everything is warm
_WARM = 10_000_000


class Installation:
    """One installation: a database, a Redis, and workers and a beat when they are started.

    Its clock says the morning of the next working day: the window is open whenever it is measured.
    """

    def __init__(
        self, directory: Path, gateway_url: str, postgres: PostgresServer | None, **settings: Any
    ) -> None:
        self.directory = directory
        self._gateway_url = gateway_url
        self._postgres = postgres
        self._stack = ExitStack()
        self._settings = settings
        self.workers: list[Process] = []
        self.beats: list[Process] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.redis = stack.enter_context(EmbeddedRedis())
            if self._postgres is None:
                url = f"sqlite:///{self.directory / 'dispatcher.db'}"
            else:
                url = create_database(self._postgres.url())
                stack.callback(drop_database, url)
            now = datetime.now(UTC)
            self._values = {
                "database_url": url,
                "broker_url": str(self.redis.url),
                "api_url": self._gateway_url,
                "api_key": KEY,
                "sender": SENDER,
                "clock_offset": (_morning(now) - now).total_seconds(),
                **self._settings,
            }
            self.settings = Settings.of(**self._values)
            self.dispatcher = Dispatcher(self.settings)
            #: stores without telling a worker
            self.silent = Dispatcher(Settings.of(**{**self._values, "broker_url": None}))
            stack.callback(self.dispatcher.database.close)
            stack.callback(self.silent.database.close)
            self.dispatcher.prepare()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, object]:
        """The settings as the processes read them."""
        return {f"dispatcher_{name}": value for name, value in self._values.items()}

    def start(self, workers: int = 1, *, beat: bool = True) -> None:
        """Start workers, and a beat; returns when the workers are ready."""
        started = [self._celery(f"worker{turn}", "worker") for turn in range(1, workers + 1)]
        if beat:
            self.beats.append(self._celery("beat", "beat"))
        for worker in started:
            worker.wait_to_say(r" ready\.")
        self.workers += started

    def _celery(self, name: str, kind: str) -> Process:
        node = ("-n", f"{name}@%h", "--without-mingle") if kind == "worker" else ()
        process = Process(
            name,
            ["workers", "-q", kind, *node, "--loglevel", "INFO"],
            self.directory,
            **self.environment,
        )
        return self._stack.enter_context(process)

    def warm(self) -> None:
        """Have every send loop send a few batches."""
        count = 3 * BATCH * self.settings.connections * len(self.workers)
        self.dispatcher.submit("warm", TEXT, recipients(count, _WARM))
        wait(lambda: not self._unsent("warm"), "the workers to be warm")

    def _unsent(self, reference: str) -> int:
        batches = self.silent.progress(reference).batches
        return batches.get("pending", 0) + batches.get("sending", 0)

    def is_sent(self) -> bool:
        """Whether nothing waits to be sent or is being sent; a cheap query."""
        unsent = select(Batch.id).where(Batch.state.in_((BatchState.PENDING, BatchState.SENDING)))
        with self.silent.database.read() as session:
            return session.scalar(unsent.limit(1)) is None

    def sending(self) -> bool:
        """Whether a batch is being sent."""
        with self.silent.database.read() as session:
            armed = select(Batch.id).where(Batch.state == BatchState.SENDING).limit(1)
            return session.scalar(armed) is not None

    def has_ended(self) -> bool:
        """Whether every batch has ended; a cheap query, because it is counted in the costs."""
        live = [BatchState.PENDING, BatchState.SENDING, BatchState.IN_DOUBT, BatchState.SENT]
        with self.silent.database.read() as session:
            return session.scalar(select(Batch.id).where(Batch.state.in_(live)).limit(1)) is None

    def waiting(self) -> int:
        """How many messages wait for a report."""
        with self.silent.database.read() as session:
            return session.scalar(select(func.coalesce(func.sum(Batch.sent), 0))) or 0

    def size(self) -> int:
        """How large the database is, in bytes."""
        if self._postgres is None:
            return sum(file.stat().st_size for file in self.directory.glob("dispatcher.db*"))
        with self.silent.database.read() as session:
            statement = text("SELECT pg_database_size(current_database())")
            return int(session.execute(statement).scalar_one())

    def meter(self) -> Meter:
        """CPU of all its processes, without the harness."""
        parts = {
            "worker": [worker.pid for worker in self.workers],
            "beat": [beat.pid for beat in self.beats],
            "redis": [self.redis.pid],
        }
        if self._postgres is not None:
            parts["postgres"] = [self._postgres.pid]
        return Meter(parts)


class Ours:
    """The dispatcher; its campaign is stored and paused when the clock starts."""

    def __init__(self, postgres: PostgresServer | None) -> None:
        self._postgres = postgres
        self.name = "ours on SQLite" if postgres is None else "ours on PostgreSQL"
        self.what = (
            "claim, attempt and outcome each committed, window asked twice,"
            f" {'`synchronous=FULL`' if postgres is None else '`fsync` on'}"
        )

    def recipients(self, course: Course) -> int:
        """All of them."""
        return course.recipients

    def run(self, course: Course) -> Run:
        """Measure from ``resume`` to the last stored outcome."""
        with self.prepared(course) as installation, ExitStack() as stack:
            if course.profile:
                file = RESULTS / f"profile-{self.name.split()[-1]}-{course.latency * 1000:.0f}.svg"
                stack.enter_context(profiled(installation.workers[0].pid, file))
            run = timed(
                self.name,
                course.recipients,
                installation.meter,
                lambda: installation.dispatcher.resume(CAMPAIGN),
                installation.is_sent,
            )
            _check(installation, course.recipients)
            return run

    @contextmanager
    def prepared(self, course: Course) -> Iterator[Installation]:
        """An installation, warm, with the campaign stored and paused."""
        with Installation(
            course.directory,
            course.gateway.url,
            self._postgres,
            connections=course.threads,
            # reports, and how soon a campaign starts, are other benchmarks' subjects
            poll_intervals="600",
            credit_check="off",
        ) as installation:
            silent = installation.silent
            silent.submit(CAMPAIGN, TEXT, recipients(course.recipients))
            silent.pause(CAMPAIGN)
            installation.start(course.processes)
            installation.warm()
            course.gateway.reset(latency=course.latency)
            yield installation


def _check(installation: Installation, recipients: int) -> None:
    progress = installation.silent.progress(CAMPAIGN)
    if progress.messages["sent"] != recipients:
        raise Failed(f"the store knows {progress.messages} of {recipients:,} recipients")


def recipients(count: int, start: int = 0) -> Iterator[Recipient]:
    """Recipients as a caller passes them."""
    return (Recipient(phone, {"prenom": name}) for phone, name in rows(count, start))


def _morning(now: datetime) -> datetime:
    """Two hours after the next opening."""
    return CommercialWindow().next_open(now.replace(hour=22)) + timedelta(hours=2)
