"""Plain Celery: a task per chunk of 500, or a task per recipient; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from celery import Celery
from redis import Redis

from benchmarks.contenders.celery_app import SEND_CHUNK, SEND_ONE, build
from benchmarks.contenders.course import Course, Run, answered, timed
from benchmarks.people import chunks, rows
from benchmarks.processes import Meter, Process
from dispatcher.local.redis import EmbeddedRedis

#: the worker's queue, and the one that holds the messages until the clock starts
_QUEUE, _HELD = "bench", "bench.held"
#: recipients of the slow one
_SAMPLE = 2000


class CeleryChunks:
    """A script that queues chunks of 500 rows, and workers that post them."""

    name = "Celery, chunks"
    what = "a task per 500 recipients, their rows in the message; stores nothing"
    task = SEND_CHUNK

    def recipients(self, course: Course) -> int:
        """All of them."""
        return course.recipients

    def messages(self, count: int) -> Iterator[tuple[object, ...]]:
        """The arguments of each task."""
        return ((chunk,) for chunk in chunks(count))

    def run(self, course: Course) -> Run:
        """Measure from the moment when the workers may take from the full queue."""
        count = self.recipients(course)
        with ExitStack() as stack:
            redis = stack.enter_context(EmbeddedRedis())
            app = stack.enter_context(build(str(redis.url)))
            client = stack.enter_context(Redis.from_url(str(redis.url)))
            # threads where the gateway is waited for, a process a core where nothing is
            pool = "threads" if course.latency else "prefork"
            slots = course.connections if course.latency else course.processes
            worker = Process(
                "celery",
                [
                    *("celery", "-q", "-A", "benchmarks.contenders.celery_app", "worker"),
                    *("-P", pool, "-c", str(slots), "-Q", _QUEUE),
                    *("--without-mingle", "--loglevel", "INFO"),
                ],
                course.directory,
                bench_broker=redis.url,
                bench_gateway=course.gateway.url,
            )
            stack.enter_context(worker).wait_to_say(r" ready\.")
            self._fill(app, count)
            return timed(
                self.name,
                count,
                lambda: Meter({"worker": [worker.pid], "redis": [redis.pid]}),
                # at once; a queue that is added to a worker waits for a poll of a second to end
                lambda: client.rename(_HELD, _QUEUE),
                answered(course, count),
            )

    def _fill(self, app: Celery, count: int) -> None:
        with app.producer_pool.acquire() as producer:
            for arguments in self.messages(count):
                app.send_task(self.task, arguments, queue=_HELD, producer=producer)


class CeleryEach(CeleryChunks):
    """The design of most examples: a task for each recipient."""

    name = "Celery, one by one"
    what = "a task and a call per recipient; measured on a few thousand, given per recipient"
    task = SEND_ONE

    def recipients(self, course: Course) -> int:
        """As many as take some seconds."""
        return min(course.recipients, _SAMPLE)

    def messages(self, count: int) -> Iterator[tuple[object, ...]]:
        """The arguments of each task."""
        return iter(rows(count))
