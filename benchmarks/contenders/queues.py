"""The other queue libraries, each in runner processes with threads."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.contenders import runner
from benchmarks.contenders.course import Course, Run, answered, timed
from benchmarks.processes import Meter, Process, tell_all
from dispatcher.local.redis import EmbeddedRedis


class Queue:
    """A queue library with the rows of a chunk of 500 in each message."""

    def __init__(self, library: str) -> None:
        self.name = library
        self.what = "a message per 500 recipients, their rows in it; stores nothing"
        self._module = f"benchmarks.contenders.{library}_queue"

    def recipients(self, course: Course) -> int:
        """All of them."""
        return course.recipients

    def run(self, course: Course) -> Run:
        """Measure from the moment when the workers may take from the full queue."""
        with ExitStack() as stack:
            redis = stack.enter_context(EmbeddedRedis())
            workers = []
            for turn in range(course.processes):
                options = runner.RunOptions(
                    course.gateway.url,
                    str(redis.url),
                    course.threads,
                    0,
                    0 if turn else course.recipients,
                )
                arguments = [self._module, *runner.arguments(options)]
                worker = Process(f"{self.name}{turn}", arguments, course.directory)
                workers.append(stack.enter_context(worker))
            for worker in workers:
                worker.wait_to_say("ready\n")
            return timed(
                self.name,
                course.recipients,
                lambda: Meter({"worker": [one.pid for one in workers], "redis": [redis.pid]}),
                lambda: tell_all(workers, "go"),
                answered(course, course.recipients),
            )
