"""A whole installation for the demo: real Redis, real Celery processes, the fake gateway."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from dispatcher.errors import ConfigurationError
from dispatcher.local.redis import EmbeddedRedis
from dispatcher.local.tied_process import tied_to_parent
from dispatcher.recipients.files.new_file import new_log
from dispatcher.sandbox.process import Sandbox
from dispatcher.settings import PREFIX

DATABASE: Final = "demo.db"
LEDGER: Final = "ledger.jsonl"
#: marks a directory that may be emptied
_MARK: Final = "made-by-dispatcher-demo"
_READY_WITHIN: Final = 60.0
_STOPS_WITHIN: Final = 8.0
#: shorter intervals than those of a real campaign
_QUICK: Final = {"tick": "0.5", "poll_intervals": "2,3,5", "settle_intervals": "2,3,5"}
#: made up: euros a segment
_PRICES: Final = "metropole=0.045," + ",".join(
    f"{overseas}=0.06"
    for overseas in ("guadeloupe", "martinique", "guyane", "la-reunion", "mayotte")
)
# -P: what lies in the directory is nobody's module
_PYTHON: Final = (sys.executable, "-P", "-m")


class InstallationError(Exception):
    """Raised when a process fails or takes too long; names it and quotes the end of its log."""


class Installation:
    """Starts everything at the beginning of its ``with`` block, and ends everything at its end.

    All processes run in ``directory`` with the same environment; their clocks show ``at`` now.
    """

    def __init__(self, directory: Path, at: datetime) -> None:
        self.directory = directory
        offset = (at - datetime.now(UTC)).total_seconds()
        self.redis = EmbeddedRedis()
        self.gateway = Sandbox(
            directory / LEDGER,
            clock_offset=offset,
            delivery_seconds=[0.5, 2.5],
            share_not_delivered=0.03,
        )
        self._settings = {
            **_QUICK,
            "sender": "MaBoutique",
            "prices": _PRICES,
            "clock_offset": str(offset),
        }
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Make the directory, start Redis and the gateway.

        Raises ConfigurationError or InstallationError.
        """
        _empty(self.directory)
        with _undisturbed(), ExitStack() as stack:
            stack.enter_context(self.redis)
            try:
                stack.enter_context(self.gateway)
            except RuntimeError as error:
                raise InstallationError(str(error)) from None
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with _undisturbed():
            self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process, without the user's own settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        settings = {
            **self._settings,
            "database_url": f"sqlite:///{DATABASE}",
            "broker_url": str(self.redis.url),
            "api_url": self.gateway.url,
            "api_key": self.gateway.key,
        }
        return {**kept, **{PREFIX + name.upper(): value for name, value in settings.items()}}

    def celery(self, **processes: list[str]) -> None:
        """Start ``celery -A workers …`` for each, its log in ``name.log``; wait for the workers.

        Raises InstallationError.
        """
        started = {
            name: self._start(name, ["celery", "-A", "workers", *arguments])
            for name, arguments in processes.items()
        }
        deadline = time.monotonic() + _READY_WITHIN
        while started:
            for name, process in list(started.items()):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise InstallationError(
                        f"{name} did not start; the end of its log:\n{self.log(name)}"
                    )
                # a beat does not say that it is ready
                if processes[name][0] == "beat" or " ready." in self.log(name, lines=100):
                    del started[name]
            time.sleep(0.02)

    def dispatcher(self, *arguments: str, within: float = 120.0, **options: Any) -> str:
        """Run ``dispatcher …`` in the user's terminal; returns its output where it is captured.

        Raises InstallationError when it ends with an error or not ``within`` so many seconds.
        """
        try:
            done = subprocess.run(  # noqa: S603 - our own module
                tied_to_parent([*_PYTHON, "dispatcher.cli", *arguments]),
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=within,
                check=True,
                **options,
            )
        except subprocess.TimeoutExpired:
            raise InstallationError(
                f"dispatcher {arguments[0]} did not end within {within:.0f} s"
            ) from None
        except subprocess.CalledProcessError as error:
            raise InstallationError(
                f"dispatcher {arguments[0]} ended with status {error.returncode}"
            ) from None
        return done.stdout or ""

    def log(self, name: str, lines: int = 8) -> str:
        """The end of a process's log."""
        text = (self.directory / f"{name}.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _start(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        with _undisturbed(), new_log(self.directory / f"{name}.log") as output:
            process = subprocess.Popen(  # noqa: S603 - celery, or our own module
                tied_to_parent([*_PYTHON, *arguments]),
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is for the demo, which then ends them
            )
            self._stack.callback(_end, process)
        return process


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Delay a Ctrl-C or SIGTERM until a process that is being started or ended is known."""
    held: list[int] = []
    before = {
        signum: signal.signal(signum, lambda signum, _frame: held.append(signum))
        for signum in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
        for number in held:
            signal.raise_signal(number)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _empty(directory: Path) -> None:
    """Make a directory, or empty one that was made here. Raises ConfigurationError."""
    mark = directory / _MARK
    try:
        if directory.exists() and any(directory.iterdir()):
            if not mark.exists():
                raise ConfigurationError(
                    f"{directory} is not empty and was not made by the demo: remove it, or start"
                    " the demo in another directory"
                )
            shutil.rmtree(directory)
        directory.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        raise ConfigurationError(
            f"{directory} cannot be written ({error.strerror}): start the demo where you may write"
        ) from None
