"""What was measured, as rows that the table, the plot and the JSON file are made of."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.processes import RESULTS

FILE = RESULTS / "benchmarks.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: whose, and its figures as text in the order of the headings."""

    name: str
    figures: tuple[str, ...]
    #: what the plot draws, if anything
    bar: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """What one benchmark has found."""

    #: the benchmark's name; a new run of it takes the place of the old one
    key: str
    title: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    #: how it was measured, in sentences
    notes: tuple[str, ...] = ()
    #: what the bars of the plot are
    unit: str = ""
    #: other benchmarks' use: plain numbers by name
    values: dict[str, float] = field(default_factory=dict)
    machine: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the ends of several measurements."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of one measurement or more."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])

    def text(self, places: int) -> str:
        """Such as ``0.83 (0.81–0.84)``; the middle alone where there is no spread."""
        middle = f"{self.middle:.{places}f}"
        if self.least == self.most:
            return middle
        return f"{middle} ({self.least:.{places}f}–{self.most:.{places}f})"


def machine() -> str:
    """The machine in a line."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} × {_processor()}, {memory:.0f} GiB, {platform.system()}"
        f" {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine()


def load(path: Path = FILE) -> list[Table]:
    """The tables of earlier runs, in the order in which they were first made."""
    if not path.exists():
        return []
    return [_table(one) for one in json.loads(path.read_text(encoding="utf-8"))]


def save(table: Table, path: Path = FILE) -> None:
    """Keep a table, in the place of the one with its key."""
    kept = {one.key: one for one in load(path)} | {table.key: table}
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        json.dumps([asdict(one) for one in kept.values()], ensure_ascii=False, indent=1),
        encoding="utf-8",
    )


def _table(one: dict[str, Any]) -> Table:
    rows = tuple(Row(row["name"], tuple(row["figures"]), row["bar"]) for row in one["rows"])
    listed = {name: tuple(one[name]) for name in ("headings", "notes")}
    return Table(**{**one, **listed, "rows": rows})


def thousands(value: float) -> str:
    """A rate or a count, with three figures that mean something."""
    rounded = round(value, -max(0, len(str(int(value))) - 3))
    return f"{rounded:,.0f}"


def medians(values: Sequence[float]) -> float:
    """The median; NaN of nothing."""
    return statistics.median(values) if values else float("nan")
