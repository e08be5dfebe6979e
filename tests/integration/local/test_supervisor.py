from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import psutil
import pytest

from dispatcher.local.supervisor import Child
from tests.waiting import PATIENCE, eventually

if TYPE_CHECKING:
    from pathlib import Path

#: runs a supervisor over the children given as JSON, in a session of its own; given a terminal,
#: it makes that the session's, as a shell does
DRIVER = """
import fcntl, json, os, re, signal, sys, termios
from dispatcher.local import supervisor
told = json.loads(sys.argv[1])
signal.signal(signal.SIGHUP, signal.SIG_IGN if told["nohup"] else signal.SIG_DFL)
if told["terminal"]:
    terminal = os.open(told["terminal"], os.O_RDWR)
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    os.dup2(terminal, 1)
for name, value in told["constants"].items():
    setattr(supervisor, name, value)
children = []
for child in told["children"]:
    ready = child.pop("ready", None)
    children.append(supervisor.Child(**child, ready=re.compile(ready) if ready else None))
sys.exit(supervisor.Supervisor(children, sys.stdout).run())
"""

SLEEPS = "import time; time.sleep(600)"
#: says when it is asked to stop, and stops
POLITE = """
import os, signal, sys, time
def stop(signum, frame):
    # not print: the signal may come while the one below is still at it
    os.write(1, b"asked by " + signal.Signals(signum).name.encode() + b"\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
print("up", os.getpid(), flush=True)
time.sleep(600)
"""
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"not now\\n"))
print("up", os.getpid(), flush=True)
while True:
    time.sleep(600)
"""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the tie is the Linux kernel's")


def child(name: str, script: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "argv": [sys.executable, "-c", script], **more}


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Running:
    """A supervisor in a process of its own, and the lines that it has printed."""

    def __init__(
        self,
        *children: dict[str, Any],
        in_terminal: bool = False,
        nohup: bool = False,
        env: dict[str, str] | None = None,
        **constants: float,
    ) -> None:
        self.lines: list[str] = []
        self._news = threading.Condition()
        self.keyboard, self._their_end = os.openpty() if in_terminal else os.pipe()
        result = {
            "children": children,
            "terminal": os.ttyname(self._their_end) if in_terminal else None,
            "nohup": nohup,
            "constants": constants,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, json.dumps(result)],
            env={**os.environ, "NO_COLOR": "", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=self._their_end,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.process.kill()
        self.end()
        os.close(self.keyboard)

    def _read(self) -> None:
        # a terminal whose other end is closed is an error, a pipe is at its end
        with suppress(OSError), os.fdopen(self.keyboard, "rb", closefd=False) as stream:
            for line in stream:
                with self._news:
                    self.lines.append(line.decode().rstrip("\r\n"))
                    self._news.notify_all()

    def wait_for(self, pattern: str, count: int = 1) -> re.Match[str]:
        """The last of so many lines that match."""
        found: list[re.Match[str]] = []

        def enough() -> bool:
            found[:] = [match for line in self.lines if (match := re.search(pattern, line))]
            return len(found) >= count

        with self._news:
            assert self._news.wait_for(enough, timeout=PATIENCE), f"no {pattern} in {self.lines}"
        return found[-1]

    def signal(self, signum: signal.Signals) -> None:
        self.process.send_signal(signum)

    def end(self) -> int:
        """Its exit code, once it has ended and every line is read."""
        status = self.process.wait(PATIENCE)
        if self._reader.is_alive():
            with suppress(OSError):  # closed by an earlier call
                os.close(self._their_end)
        self._reader.join()
        return status

    def order(self, pattern: str) -> list[str]:
        """What the first group of ``pattern`` was, line by line."""
        return [match[1] for line in self.lines if (match := re.search(pattern, line))]


def test_line_of_either_stream_starts_with_the_name_of_its_child() -> None:
    script = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    with Running(child("w", script, restart=False)) as run:
        assert run.end() == 0

    assert [line for line in run.lines if line.startswith("w")] == [
        "w          | out",
        "w          | err",
    ]
    assert "supervisor | w ended with status 0" in run.lines


def test_last_line_without_an_end_is_shown() -> None:
    with Running(child("w", "print('the end', end='')", restart=False)) as run:
        run.end()

    assert "w          | the end" in run.lines


def test_undecodable_and_unprintable_characters_are_replaced() -> None:
    script = "import sys; sys.stdout.buffer.write(b'caf\\xe9 \\xe2\\x82\\xac\\n')"
    with Running(
        child("w", script, restart=False), env={"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    ) as run:
        assert run.end() == 0

    assert "w          | caf? ?" in run.lines


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_endless_line_is_cut_and_complete(unbuffered: str) -> None:
    script = "print('x' * 300_000)"
    with Running(child("w", script, restart=False), env={"PYTHONUNBUFFERED": unbuffered}) as run:
        run.end()

    assert sum(line.count("x") for line in run.lines if line.startswith("w ")) == 300_000


def test_output_larger_than_a_pipe_is_complete_and_in_order() -> None:
    script = "for i in range(20_000): print('line', i)"
    with Running(child("w", script, restart=False)) as run:
        run.end()

    assert run.order(r"^w .* line (\d+)$") == [str(i) for i in range(20_000)]


def test_child_gets_exactly_its_environment() -> None:
    script = "import os; print('greeting', os.environ.get('GREETING'))"
    values = child("w", script, restart=False, env={"GREETING": "salut"})
    with Running(values) as run:
        run.end()

    assert "w          | greeting salut" in run.lines


def test_environment_of_a_child_is_not_displayed() -> None:
    values = Child("w", ["true"], env={"DISPATCHER_API_KEY": "of-great-price"})

    assert "of-great-price" not in repr(values)


def test_crashed_child_is_restarted_and_its_status_shown() -> None:
    with Running(child("w", POLITE), FIRST_DELAY=0.01) as run:
        first = int(run.wait_for(r"^w .* up (\d+)")[1])
        os.kill(first, signal.SIGKILL)
        second = int(run.wait_for(r"^w .* up (\d+)", count=2)[1])
        run.signal(signal.SIGTERM)
        assert run.end() == 0

    assert second != first
    assert run.order(r"(w was ended by signal 9) .* starting it again") == [
        "w was ended by signal 9"
    ]


def test_restart_delay_doubles_up_to_its_maximum() -> None:
    with Running(child("w", "raise SystemExit(3)"), EARLY=0.0, LONGEST_DELAY=3.0) as run:
        run.wait_for("w ended with status 3 .* starting it again in 3 s")
        run.signal(signal.SIGINT)
        assert run.end() == 0

    assert run.order(r"again in (\d+) s") == ["1", "2", "3"]


def test_child_that_always_ends_early_stops_everything() -> None:
    with Running(
        child("redis", POLITE),
        child("w", "raise SystemExit('no such database')"),
        FIRST_DELAY=0.01,
        EARLY=90.0,
    ) as run:
        assert run.end() == 1

    assert run.order(r"^w .* (no such database)") == ["no such database"] * 3
    run.wait_for(r"w ended with status 1, and 3 times within 90 s .* correct that and start again")
    assert run.order(r"(redis) (?:was )?ended") == ["redis"]


def test_missing_command_stops_everything_and_is_named(tmp_path: Path) -> None:
    missing = {"name": "w", "argv": [str(tmp_path / "no-such-program")]}
    with Running(missing, FIRST_DELAY=0.01) as run:
        assert run.end() == 1

    run.wait_for(r"no-such-program: No such file")


def test_stable_child_is_restarted_after_every_crash() -> None:
    with Running(child("w", "raise SystemExit(1)"), EARLY=0.0, FIRST_DELAY=0.001) as run:
        run.wait_for("starting it again", count=6)
        run.signal(signal.SIGTERM)
        assert run.end() == 0


def test_stop_while_a_child_waits_for_its_restart_ends_at_once() -> None:
    with Running(child("w", "raise SystemExit(1)"), FIRST_DELAY=3600.0) as run:
        run.wait_for("starting it again in 3600 s")
        run.signal(signal.SIGTERM)
        assert run.end() == 0


@pytest.mark.parametrize(("status", "expected"), [(0, 0), (7, 1)])
def test_supervisor_ends_when_its_children_without_restart_end(status: int, expected: int) -> None:
    with Running(child("w", f"raise SystemExit({status})", restart=False)) as run:
        assert run.end() == expected

    run.wait_for(f"w ended with status {status}")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_children_get_one_sigterm_each_in_reverse_order(
    signum: signal.Signals,
) -> None:
    names = ["redis", "beat", "worker"]
    with Running(*(child(name, POLITE) for name in names)) as run:
        run.wait_for(" up ", count=3)
        run.signal(signum)
        assert run.end() == 0

    assert run.order(r"^(\w+) .* asked by SIGTERM") == ["worker", "beat", "redis"]
    # none is asked before the one above it has ended
    assert run.order(r"(asked|ended)") == ["asked", "ended"] * 3


def test_children_of_one_group_are_stopped_together(tmp_path: Path) -> None:
    # each waits for the other's word before it ends
    script = """
import os, pathlib, signal, sys, time
mine, other = map(pathlib.Path, sys.argv[1:])
def stop(*_):
    mine.touch()
    while not other.exists():
        time.sleep(0.01)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
time.sleep(600)
"""

    def worker(mine: Path, other: Path) -> dict[str, Any]:
        argv = [sys.executable, "-c", script, str(mine), str(other)]
        return {"name": mine.name, "argv": argv, "group": "workers", "grace": 60.0}

    a, b = tmp_path / "a", tmp_path / "b"
    with Running(child("redis", POLITE), worker(a, b), worker(b, a)) as run:
        run.wait_for(" up", count=3)
        run.signal(signal.SIGTERM)
        assert run.end() == 0

    assert run.order(r"(a|b|redis) ended")[-1] == "redis"


def test_child_that_exceeds_its_grace_is_killed_and_exit_code_is_1() -> None:
    with Running(child("redis", POLITE), child("w", STUBBORN, grace=3.0)) as run:
        run.wait_for(" up ", count=2)
        run.signal(signal.SIGTERM)
        assert run.end() == 1

    assert run.order(r"(not now|did not stop within|signal 9|asked by SIGTERM)") == [
        "not now",
        "did not stop within",
        "signal 9",
        "asked by SIGTERM",  # redis, in its turn
    ]


def test_second_interrupt_kills_at_once() -> None:
    with Running(child("redis", POLITE), child("w", STUBBORN, grace=3600.0)) as run:
        run.wait_for(" up ", count=2)
        run.signal(signal.SIGINT)
        run.wait_for("not now")
        run.signal(signal.SIGINT)
        assert run.end() == 1

    run.wait_for("killing what is left")
    assert sorted(run.order(r"(\w+) was ended by signal 9")) == ["redis", "w"]


def test_second_sigterm_kills_nothing() -> None:
    with Running(child("w", STUBBORN, grace=3.0)) as run:
        run.wait_for(" up ")
        run.signal(signal.SIGTERM)
        run.wait_for("not now")
        run.signal(signal.SIGTERM)
        assert run.end() == 1

    assert run.order("(not now|killing|did not stop)") == ["not now", "did not stop"]


def test_hangup_under_nohup_is_ignored() -> None:
    with Running(child("w", POLITE), nohup=True, FIRST_DELAY=0.01) as run:
        first = int(run.wait_for(r" up (\d+)")[1])
        run.signal(signal.SIGHUP)
        os.kill(first, signal.SIGKILL)
        run.wait_for(" up ", count=2)
        run.signal(signal.SIGTERM)
        assert run.end() == 0


def test_processes_left_by_a_dead_child_are_killed() -> None:
    script = f"""
import subprocess, sys, time
left = subprocess.Popen([sys.executable, "-c", {SLEEPS!r}])
print("left", left.pid, flush=True)
"""
    with Running(child("w", script, restart=False)) as run:
        assert run.end() == 0
        left = int(run.wait_for(r"left (\d+)")[1])

    eventually(lambda: ended(left), "the grandchild ends")


def test_child_is_reported_ready_after_every_start() -> None:
    with Running(child("w", POLITE, ready=r"^up \d+$"), FIRST_DELAY=0.01) as run:
        run.wait_for(r"^supervisor \| w ready$")
        os.kill(int(run.wait_for(r" up (\d+)")[1]), signal.SIGKILL)
        run.wait_for(r"^supervisor \| w ready$", count=2)


@linux_only
def test_children_die_with_a_supervisor_that_is_killed() -> None:
    with Running(child("a", STUBBORN), child("b", STUBBORN)) as run:
        run.wait_for(" up ", count=2)
        pids = [int(pid) for pid in run.order(r" up (\d+)")]
        run.process.kill()
        eventually(lambda: all(map(ended, pids)), "the children end")


def test_closed_output_stops_children_with_grace() -> None:
    talks = POLITE.replace("time.sleep(600)", "while True: print('talk', flush=True)")
    result: dict[str, Any] = {"children": [child("w", talks)], "terminal": None, "nohup": False}
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, json.dumps({**result, "constants": {}})],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        up = re.search(rb"up (\d+)", process.stdout.readline())
        assert up
        process.stdout.close()
        process.wait(PATIENCE)

    assert ended(int(up[1]))


def test_one_ctrl_c_sends_each_child_one_sigterm() -> None:
    with Running(child("w", POLITE), in_terminal=True) as run:
        run.wait_for(" up ")
        os.write(run.keyboard, b"\x03")
        assert run.end() == 0

    assert run.order(r"asked by (\w+)") == ["SIGTERM"]


def test_terminal_gets_coloured_names() -> None:
    with Running(child("w", "print('hello')", restart=False), in_terminal=True) as run:
        assert run.end() == 0

    assert "\x1b[36mw          |\x1b[0m hello" in run.lines


def test_no_color_turns_off_coloured_names() -> None:
    hello = child("w", "print('hello')", restart=False)
    with Running(hello, in_terminal=True, env={"NO_COLOR": "1"}) as run:
        assert run.end() == 0

    assert "w          | hello" in run.lines


def test_supervisor_without_children_ends_at_once() -> None:
    with Running() as run:
        assert run.end() == 0

    assert run.lines == []
