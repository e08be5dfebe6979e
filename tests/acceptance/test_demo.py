"""The demo as a user runs it, with a shorter list of recipients."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.waiting import PATIENCE, eventually

CODE = "import sys; from dispatcher.sandbox.demo import run; sys.exit(run(rows=300))"


def started(directory: Path, **environment: str) -> subprocess.Popen[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-c", CODE],
        cwd=directory,
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def output(demo: subprocess.Popen[str]) -> str:
    text, _ = demo.communicate(timeout=PATIENCE)
    return text


def test_demo_compares_ledger_and_rows_and_leaves_nothing_running(tmp_path: Path) -> None:
    # in a directory with a space, after another run, with settings that must have no effect
    directory = tmp_path / "a directory"
    (directory / "var/demo").mkdir(parents=True)
    (directory / "var/demo/made-by-dispatcher-demo").touch()
    (directory / "var/demo/old").touch()
    demo = started(directory, DISPATCHER_API_KEY="not this one", DISPATCHER_WINDOW_PROFILE="strict")
    text = output(demo)
    assert demo.returncode == 0, text
    plan, campaign = text.split("$ celery", maxsplit=1)
    assert "281 recipients kept of 300 rows" in plan
    assert "40 of them opted out" in plan
    assert "281 segments, 12.74 €" in plan
    assert "hours of Paris; ░ closed, ▼ now, █ that many messages leave" in plan
    assert "--plan plan.json" in campaign
    assert "waits until Tuesday 08:00: Sunday, Easter Monday" in campaign
    assert "texted twice: 0" in text
    assert "agree on all 281 recipients" in text
    assert not (directory / "var/demo/old").exists()
    assert running_in(directory) == []


def test_interrupted_demo_stops_everything_it_started(tmp_path: Path) -> None:
    demo = started(tmp_path)
    try:
        log = tmp_path / "var/demo/worker2.log"
        eventually(lambda: log.exists() or demo.poll() is not None, "the log of the second worker")
        assert demo.poll() is None, output(demo)
        assert len(running_in(tmp_path)) >= 2
        demo.send_signal(signal.SIGINT)
        text = output(demo)
    finally:
        demo.kill()
    assert demo.returncode == 130, text
    assert "interrupted" in text
    assert running_in(tmp_path) == []


def test_demo_refuses_a_directory_that_it_has_not_made(tmp_path: Path) -> None:
    (tmp_path / "var/demo").mkdir(parents=True)
    (tmp_path / "var/demo/thesis.txt").write_text("years of work")
    demo = started(tmp_path)
    text = output(demo)
    assert demo.returncode == 1
    assert "was not made by the demo" in text
    assert (tmp_path / "var/demo/thesis.txt").read_text() == "years of work"


def test_demo_names_a_directory_that_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file stands where the directory should be")
    demo = started(tmp_path)
    text = output(demo)
    assert demo.returncode == 1
    assert "var/demo cannot be written" in text


def running_in(directory: Path) -> list[str]:
    """The processes whose working directory is the demo's, or whose command line names it."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            if process.cwd().startswith(str(directory)) or str(directory) in words:
                found.append(words)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found
