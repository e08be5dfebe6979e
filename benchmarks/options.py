"""The options of a run of the benchmarks, and the servers that it shares."""

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
    #: recipients; 0 for the benchmark's default
    recipients: int
    processes: int
    #: whether py-spy profiles ours
    profile: bool

    def count(self, usual: int, quick: int) -> int:
        """How many recipients: the option, or the benchmark's default."""
        return self.recipients or (quick if self.quick else usual)


@dataclass(frozen=True, slots=True)
class Bench:
    """What all benchmarks of a run share."""

    options: Options
    gateway: Gateway
    postgres: PostgresServer
    console: Console

    def say(self, words: str) -> None:
        """Print how far the run is."""
        self.console.print(words, highlight=False, markup=False)

    def databases(self) -> list[PostgresServer | None]:
        """The databases for ours: the server, and None for SQLite."""
        both: dict[str, PostgresServer | None] = {"postgresql": self.postgres, "sqlite": None}
        database = self.options.database
        return [server for name, server in both.items() if database in ("", name)]

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """An empty directory; if the block fails, the ends of the logs in it are printed."""
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
