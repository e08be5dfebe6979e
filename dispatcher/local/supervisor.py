"""Runs several processes as one: one stream of lines, restarts after a crash, one stop.

It never sends a child two stop signals: Celery takes the second one as an order to stop at
once, without finishing the calls that are under way.
"""

from __future__ import annotations

import math
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

from dispatcher.local.child import Child, ChildState
from dispatcher.settings.visible import visible

__all__ = ["Child", "Supervisor"]

#: a child that ends within so many seconds, so many times in a row, cannot be started
EARLY, EARLY_DEATHS = 5.0, 3
#: seconds before a restart: the first, and the longest of the doublings
FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0
#: a child that lived this many seconds starts again with the first delay
LONG_LIFE = 60.0
_NAME = "supervisor"
_COLOURS = (36, 33, 35, 32, 34, 31)


class Supervisor:
    """Starts ``children`` in their order, and stops them in reverse order.

    Each is in a session of its own: a Ctrl-C in the terminal reaches the supervisor alone. On
    Linux the children are killed with the supervisor even if it dies by SIGKILL. ``line`` makes
    an output line of a child's name and its line; by default the name is put in front, coloured.
    """

    def __init__(
        self,
        children: Sequence[Child],
        out: TextIO,
        line: Callable[[str, str], str] | None = None,
    ) -> None:
        self._states = [ChildState(child, FIRST_DELAY) for child in children]
        self._out = out
        self._line = line or self._labelled
        coloured = out.isatty() and not os.environ.get("NO_COLOR")
        names = [_NAME, *(child.name for child in children)]
        width = max(map(len, names))
        self._labels = {name: f"{name:<{width}} |" for name in names}
        if coloured:
            colours = [1, *(_COLOURS[i % len(_COLOURS)] for i in range(len(children)))]
            for name, colour in zip(names, colours, strict=True):
                self._labels[name] = f"\x1b[{colour}m{self._labels[name]}\x1b[0m"
        self._stopping = self._hurried = False
        self._status = 0

    def run(self) -> int:
        """Run until a SIGINT, a SIGTERM or the end of all children; call from the main thread.

        Returns 0 after a clean stop, 1 when a child could not be started, failed for good or
        had to be killed. A SIGINT while stopping kills at once.
        """
        with selectors.DefaultSelector() as selector, self._signals(selector):
            try:
                while self._move(selector):
                    self._watch(selector)
            finally:
                for state in self._states:
                    state.kill()
        return self._status

    @contextmanager
    def _signals(self, selector: selectors.BaseSelector) -> Iterator[None]:
        """Handle the signals, and let each of them wake the selector up."""

        def on_stop(signum: int, _frame: object) -> None:
            self._hurried = self._hurried or (self._stopping and signum == signal.SIGINT)
            self._stopping = True

        handlers = {
            signal.SIGINT: on_stop,
            signal.SIGTERM: on_stop,
            signal.SIGCHLD: lambda _signum, _frame: None,
        }
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
            handlers[signal.SIGHUP] = on_stop
        reading, writing = socket.socketpair()
        with reading, writing:
            reading.setblocking(False)
            writing.setblocking(False)
            selector.register(reading, selectors.EVENT_READ)
            before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
            replaced = {signum: signal.signal(signum, do) for signum, do in handlers.items()}
            try:
                yield
            finally:
                for signum, handler in replaced.items():
                    signal.signal(signum, handler)
                signal.set_wakeup_fd(before)

    def _move(self, selector: selectors.BaseSelector) -> bool:
        """Start and stop whatever is due; False when nothing runs and nothing will."""
        if self._stopping:
            self._stop_some()
        for state in self._states:
            if state.start_at <= time.monotonic():
                self._start(state, selector)
        return any(state.process or state.start_at < math.inf for state in self._states)

    def _watch(self, selector: selectors.BaseSelector) -> None:
        """Wait for a line, the end of a child, a signal or the next due time, and handle it."""
        due = min(min(state.start_at, state.kill_at) for state in self._states)
        wait = max(0.0, due - time.monotonic()) if due < math.inf else None
        for key, _events in selector.select(wait):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.recv(4096)
                continue
            lines = key.data.read()
            if lines is None:
                selector.unregister(key.fileobj)
            else:
                self._show(key.data, lines)
        for state in self._states:
            status = state.process.poll() if state.process else None
            if status is not None:
                with suppress(KeyError):  # the pipe may have ended before the process
                    selector.unregister(state.output)
                self._show(state, state.reap())
                self._ended(state, status)

    def _start(self, state: ChildState, selector: selectors.BaseSelector) -> None:
        try:
            state.start()
        except OSError as error:
            self._say(f"{state.child.name}: {error.strerror}")
            self._ended(state, 127)
        else:
            selector.register(state.output, selectors.EVENT_READ, state)

    def _ended(self, state: ChildState, status: int) -> None:
        """Decide whether a child that ended is started again."""
        lived = time.monotonic() - state.started_at
        end = f"{state.child.name} {_ending(status)}"
        if self._stopping or not state.child.restart:
            self._say(end)
            self._status = 1 if status and not self._stopping else self._status
            return
        state.stable = state.stable or lived >= EARLY
        state.early_deaths += 1
        if not state.stable and state.early_deaths >= EARLY_DEATHS:
            self._say(
                f"{end}, and {EARLY_DEATHS} times within {EARLY:.0f} s of its start: giving up."
                " Its last lines above say why; correct that and start again."
            )
            self._status, self._stopping = 1, True
            return
        if lived >= LONG_LIFE:
            state.delay = FIRST_DELAY
        self._say(f"{end} after {lived:.0f} s; starting it again in {state.delay:.0f} s")
        state.start_at = time.monotonic() + state.delay
        state.delay = min(2 * state.delay, LONGEST_DELAY)

    def _stop_some(self) -> None:
        """Stop the last running child and its group; kill those that exceed their grace period."""
        hurried, self._hurried = self._hurried, False
        if hurried:
            self._say("killing what is left")
        elif not any(state.asked_to_stop for state in self._states):
            self._say("stopping: running work may end (Ctrl-C again: kill at once)")
        for state in self._states:
            state.start_at = math.inf
        running = [state for state in self._states if state.process]
        for state in running:
            late = time.monotonic() >= state.kill_at
            if late:
                self._say(f"{state.child.name} did not stop within {state.child.grace:.0f} s")
            if late or hurried:
                state.kill()
                state.asked_to_stop, state.kill_at, self._status = True, math.inf, 1
            elif state is running[-1] or state.child.group == running[-1].child.group != "":
                state.ask_to_stop()

    def _show(self, state: ChildState, lines: list[str]) -> None:
        for line in lines:
            self._print(state.child.name, line)
            if state.child.ready and not state.ready and state.child.ready.search(line):
                state.ready = True
                self._say(f"{state.child.name} ready")

    def _say(self, text: str) -> None:
        self._print(_NAME, text)

    def _print(self, name: str, text: str) -> None:
        encoding = self._out.encoding or "utf-8"
        rest = memoryview(f"{self._line(name, visible(text))}\n".encode(encoding, "replace"))
        try:
            # not by the text layer: under PYTHONUNBUFFERED it loses what a signal interrupts
            while rest:
                rest = rest[self._out.buffer.write(rest) or 0 :]
            self._out.flush()
        except OSError:  # the terminal or the pipe is closed
            self._stopping = True

    def _labelled(self, name: str, text: str) -> str:
        return f"{self._labels[name]} {text}"


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended by signal {-status} ({signal.strsignal(-status)})"
    return f"ended with status {status}"
