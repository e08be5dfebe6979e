"""One process under a supervisor: its command, and its state."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from typing import IO

from dispatcher.local.tied_process import tied_to_parent

_LONGEST_LINE = 64 * 1024


@dataclass(frozen=True)
class Child:
    """A process to keep running: its name in the output, and the command that starts it."""

    name: str
    argv: Sequence[str]
    _: KW_ONLY
    #: the whole environment, None for the supervisor's own; never shown, it holds secrets
    env: Mapping[str, str] | None = field(default=None, repr=False)
    #: seconds between the request to stop (SIGTERM) and SIGKILL
    grace: float = 10.0
    #: whether it is started again when it ends by itself
    restart: bool = True
    #: the line by which it says that it is ready
    ready: re.Pattern[str] | None = None
    #: children of one group are stopped together instead of one after the other
    group: str = ""


@dataclass
class ChildState:
    """The state of one child process; times are those of the monotonic clock."""

    child: Child
    #: seconds to wait before the next restart
    delay: float
    process: subprocess.Popen[bytes] | None = None
    #: when to start it (again); infinite while it runs and when it must not start again
    start_at: float = -math.inf
    started_at: float = 0.0
    asked_to_stop: bool = False
    kill_at: float = math.inf
    early_deaths: int = 0
    #: it outlived its first seconds once, so that its command works
    stable: bool = False
    ready: bool = False
    unfinished: bytes = b""

    @property
    def output(self) -> IO[bytes]:
        """The pipe that the child writes to; call it only while there is a process."""
        assert self.process is not None  # noqa: S101
        assert self.process.stdout is not None  # noqa: S101
        return self.process.stdout

    def start(self) -> None:
        """Start the process in a session of its own. Raises OSError if it cannot be started."""
        self.start_at, self.started_at, self.ready = math.inf, time.monotonic(), False
        self.process = subprocess.Popen(  # noqa: S603 - running commands is its purpose
            tied_to_parent(self.child.argv),
            env=self.child.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.set_blocking(self.output.fileno(), False)

    def read(self) -> list[str] | None:
        """The lines written since the last call; None at the end of the pipe."""
        try:
            # more than a pipe holds: one read takes all that a dead child has left
            chunk = os.read(self.output.fileno(), 1024 * 1024)
        except BlockingIOError:
            return []
        if not chunk:
            return None
        *lines, self.unfinished = (self.unfinished + chunk).split(b"\n")
        if len(self.unfinished) > _LONGEST_LINE:
            lines.append(self.unfinished)
            self.unfinished = b""
        return [_text(line) for line in lines]

    def ask_to_stop(self) -> None:
        """Send SIGTERM, once, to the process alone: it stops its own children."""
        if self.process is not None and not self.asked_to_stop:
            self.process.send_signal(signal.SIGTERM)
            self.asked_to_stop, self.kill_at = True, time.monotonic() + self.child.grace

    def kill(self) -> None:
        """Send SIGKILL to the process and to its process group."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def reap(self) -> list[str]:
        """Close what the dead process left open, and return its last lines."""
        self.kill()
        lines = self.read() or []
        if self.unfinished:
            lines.append(_text(self.unfinished))
        self.output.close()
        self.process, self.kill_at, self.unfinished = None, math.inf, b""
        return lines


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")
