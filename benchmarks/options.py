"""What a run of the benchmarks is asked for, and the servers that it shares."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.servers import Gateway
from tests.postgres_server import PostgresServer


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured."""

    rounds: int
    quick: bool
    #: "postgresql", "sqlite" or "" for both
    database: str
    #: names of contenders; empty for all
    contenders: tuple[str, ...]
    #: of the gateway, in seconds; empty for all
    latencies: tuple[float, ...]
    #: recipients; 0 for what suits the benchmark
    recipients: int
    processes: int
    #: whether py-spy looks at ours
    profile: bool

    def count(self, usual: int, quick: int) -> int:
        """How many recipients: what was asked for, or what suits."""
        return self.recipients or (quick if self.quick else usual)


@dataclass(frozen=True, slots=True)
class Bench:
    """What all benchmarks of a run share."""

    options: Options
    gateway: Gateway
    postgres: PostgresServer
    console: Console

    def say(self, words: str) -> None:
        """A line for who waits."""
        self.console.print(words, highlight=False, markup=False)

    def databases(self) -> list[PostgresServer | None]:
        """What ours is measured on: the server, and None for SQLite."""
        both: dict[str, PostgresServer | None] = {"postgresql": self.postgres, "sqlite": None}
        asked = self.options.database
        return [server for name, server in both.items() if asked in ("", name)]

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """An empty directory; if what is done in it fails, the ends of its logs are shown."""
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            try:
                yield Path(name)
            except Exception:
                for log in sorted(Path(name).glob("*.log")):
                    self.say(f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}")
                raise


def name_of(database: PostgresServer | None) -> str:
    """The name of a database in a table."""
    return "SQLite" if database is None else "PostgreSQL"
