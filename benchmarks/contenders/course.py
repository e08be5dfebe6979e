"""The work that every contender has to do, and its result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.processes import Meter, wait
from benchmarks.servers import Gateway


@dataclass(frozen=True, slots=True)
class Course:
    """So many recipients, over so many connections in so many processes."""

    gateway: Gateway
    #: for logs and files; empty
    directory: Path
    recipients: int
    connections: int
    processes: int
    #: of the gateway, in seconds
    latency: float
    #: whether py-spy profiles ours
    profile: bool = False

    @property
    def threads(self) -> int:
        """Connections of each process."""
        return max(1, self.connections // self.processes)


@dataclass(frozen=True, slots=True)
class Run:
    """Time and processor that one run of one contender took."""

    contender: str
    recipients: int
    seconds: float
    #: CPU seconds of each part: worker, redis, postgres, …
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Recipients a second."""
        return self.recipients / self.seconds

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds of all parts for a million recipients."""
        return sum(self.cpu.values()) / self.recipients * 1e6


class Contender(Protocol):
    """One way to send."""

    #: its name in the table
    name: str
    #: its note below the table
    what: str

    def run(self, course: Course) -> Run:
        """Send to the course's recipients once. Raises Failed."""
        ...

    def recipients(self, course: Course) -> int:
        """How many to send to: all, or fewer for a contender that would take all day."""
        ...


def timed(
    contender: str,
    recipients: int,
    meter: Callable[[], Meter],
    go: Callable[[], object],
    over: Callable[[], object],
) -> Run:
    """Run ``go`` and wait until it is ``over``; the clock and the meter stop then."""
    metered = meter()
    start = time.perf_counter()
    go()
    wait(over, f"{contender} to end")
    seconds = time.perf_counter() - start
    return Run(contender, recipients, seconds, metered.spent())


def answered(course: Course, recipients: int) -> Callable[[], bool]:
    """Whether the gateway has answered for so many recipients."""
    return lambda: course.gateway.counts().answered >= recipients
