"""What a beat logs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_beat_logs_that_it_has_started(tmp_path: Path) -> None:
    own = {
        "DISPATCHER_DATABASE_URL": f"sqlite:///{tmp_path / 'sms.db'}",
        "DISPATCHER_BROKER_URL": "redis://127.0.0.1:9/0",  # it starts without
        "DISPATCHER_TICK": "7",
    }
    beat = subprocess.Popen(
        [sys.executable, "-m", "workers", "beat", "--loglevel", "INFO"],
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | own,
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert beat.stdout is not None
        said = []
        for line in beat.stdout:
            said.append(line)
            if "beat has started: a tick every 7 s" in line:
                return
        raise AssertionError("".join(said))
    finally:
        beat.kill()
        beat.communicate()
