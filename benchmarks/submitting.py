"""Runs commands, such as ``submit`` of a file, in processes of their own that are measured."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders.ours import Installation
from benchmarks.people import TEXT, rows
from benchmarks.processes import Failed, environment


@dataclass(frozen=True, slots=True)
class Took:
    """The cost of a command: wall and CPU seconds from its start, most bytes of memory."""

    seconds: float
    cpu: float
    peak: int


def write_csv(file: Path, count: int) -> Path:
    """A file of people with three columns, like a shop's export."""
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, delimiter=";")
        writer.writerow(("prenom", "telephone", "client"))
        writer.writerows(
            (name, f"0{phone[3:]}", f"C{number:07d}")
            for number, (phone, name) in enumerate(rows(count))
        )
    return file


def submit(installation: Installation, file: Path, reference: str, *, hints: bool = True) -> Took:
    """``dispatcher submit``. Raises Failed."""
    command = ["submit", str(file), "--reference", reference, "--text", TEXT, "--json"]
    return run(installation, *command, hints=hints)


def run(installation: Installation, *command: str, hints: bool = False) -> Took:
    """``dispatcher`` with these arguments; without ``hints`` it knows no broker. Raises Failed."""
    settings = installation.environment
    if not hints:
        settings.pop("dispatcher_broker_url")
    start = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "benchmarks.watched", *command],
        env=environment(**settings),
        cwd=installation.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    lines = ended.stdout.splitlines()
    took = json.loads(lines[-1]) if lines else {"code": ended.returncode}
    if took["code"] not in (0, None):
        raise Failed(f"dispatcher {command[0]} ended with {took['code']}: {ended.stderr[-2000:]}")
    return Took(seconds, took["cpu"], took["peak"])
