"""Processes of a benchmark: started, released, measured by the operating system, ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import psutil

from dispatcher.local.tied_process import tied_to_parent

ROOT = Path(__file__).parents[1]
#: output, which is not committed
RESULTS = ROOT / "var"
PATIENCE = 120.0


class Failed(Exception):
    """Raised when a process fails; names it and quotes its last output."""


class Process:
    """A child process that dies with this one; its output goes to a file."""

    def __init__(
        self, name: str, arguments: Sequence[str], directory: Path, **settings: object
    ) -> None:
        self.name = name
        self._log = directory / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                tied_to_parent([sys.executable, "-P", "-m", *arguments]),
                env=environment(**settings),
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def output(self) -> str:
        """Its output so far."""
        return self._log.read_text(errors="replace")

    def wait_to_say(self, words: str) -> str:
        """Wait until its output matches ``words``; returns the first group. Raises Failed."""
        found: list[re.Match[str]] = []

        def has_said() -> bool:
            if self._process.poll() is not None:
                raise Failed(f"{self.name} has ended: {self.output[-2000:]}")
            match = re.search(words, self.output)
            found.extend([match] if match else [])
            return match is not None

        wait(has_said, f"{self.name} to say {words}", every=0.005)
        return found[0][1] if found[0].groups() else found[0][0]

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def stop(self) -> None:
        """End it, first by SIGTERM; does nothing if it has ended."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()


def tell_all(processes: Iterable[Process], line: str) -> None:
    """Write a line to the standard input of each."""
    for process in processes:
        process.tell(line)


def environment(**settings: object) -> dict[str, str]:
    """A child's environment: this process's own without its settings, and ``settings``."""
    # a process that compiles every module at its start costs more than what is measured
    unwanted = ("DISPATCHER_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    variables = {name.upper(): str(value) for name, value in settings.items()}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **variables}


def wait(
    condition: Callable[[], object], what: str, *, every: float = 0.02, within: float = PATIENCE
) -> None:
    """Wait for a condition. Raises Failed after ``within`` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"waited {within:.0f} s for {what}")
        time.sleep(every)


class Meter:
    """CPU seconds (user and system) of process trees, by the name of each part.

    What has been reaped counts: a parent inherits the time of the children that it waits for.
    The system counts in hundredths of a second a process: measure two seconds of work or more.
    """

    def __init__(self, parts: Mapping[str, Iterable[int]]) -> None:
        self._parts = {name: list(pids) for name, pids in parts.items()}
        self._before = self._read()
        self._start = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since this meter was made."""
        return time.perf_counter() - self._start

    def spent(self) -> dict[str, float]:
        """CPU seconds of each part since this meter was made."""
        return {name: now - self._before[name] for name, now in self._read().items()}

    def _read(self) -> dict[str, float]:
        return {name: sum(map(_spent, pids)) for name, pids in self._parts.items()}


def _spent(root: int) -> float:
    try:
        family = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    total = 0.0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@contextmanager
def profiled(pid: int, file: Path) -> Iterator[None]:
    """Have py-spy draw a flame graph of a process, for as long as the block lasts."""
    file.parent.mkdir(exist_ok=True)
    # threads that hold the interpreter: the others wait, which costs nothing
    command = ["py-spy", "record", "--gil", "--nonblocking", "-p", str(pid), "-o", str(file)]
    spy = subprocess.Popen(
        [str(Path(sys.executable).with_name(command[0])), *command[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        spy.send_signal(signal.SIGINT)  # it writes its file then
        spy.wait()


def peak_memory(pid: int) -> int:
    """The largest resident set that a process ever had, in bytes (VmHWM; Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match, "the system does not tell the peak of a process"
    return int(match[1]) * 1024
