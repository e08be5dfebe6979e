"""Measured figures, as rows from which the table, the plot and the JSON file are made."""

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
    """One line of a table: its contender, and its figures as text in the order of the headings."""

    name: str
    figures: tuple[str, ...]
    #: the value that the plot draws, if any
    bar: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The results of one benchmark."""

    #: the benchmark's name; a new run of it takes the place of the old one
    key: str
    title: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    #: how it was measured, in sentences
    notes: tuple[str, ...] = ()
    #: the meaning of the plot's bars
    unit: str = ""
    #: other benchmarks' use: plain numbers by name
    values: dict[str, float] = field(default_factory=dict)
    machine: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of several measurements."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Make one from one measurement or more."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])

    def text(self, places: int) -> str:
        """Such as ``0.83 (0.81–0.84)``; the median alone where there is no spread."""
        middle = f"{self.middle:.{places}f}"
        if self.least == self.most:
            return middle
        return f"{middle} ({self.least:.{places}f}–{self.most:.{places}f})"


def machine() -> str:
    """The machine, described in one line."""
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
    """Store a table in the place of the earlier one with its key."""
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
    """A rate or a count with three significant figures."""
    rounded = round(value, -max(0, len(str(int(value))) - 3))
    return f"{rounded:,.0f}"


def medians(values: Sequence[float]) -> float:
    """The median; NaN without values."""
    return statistics.median(values) if values else float("nan")
