"""The console on a file of SQLite to which others write all the time, as workers do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import django
import pytest


@pytest.mark.skipif(django.VERSION < (5, 1), reason="Django begins every transaction as a reader")
def test_user_is_made_while_others_write(tmp_path: Path) -> None:
    file, over, written = tmp_path / "dispatcher.db", threading.Event(), threading.Event()

    def write() -> None:
        mine = sqlite3.connect(file, timeout=200, isolation_level=None)
        mine.execute("PRAGMA journal_mode=WAL")
        mine.execute("CREATE TABLE busy (value)")
        while not over.wait(0.0005):
            mine.execute("INSERT INTO busy VALUES (1)")
            written.set()
        mine.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(200)
        made = subprocess.run(
            [
                *(sys.executable, "-m", "dispatcher.cli", "console", "createuser", "zoe"),
                *("--role", "writes", "--password", "soleil-vert-27-matin"),
            ],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "DISPATCHER_DATABASE_URL": f"sqlite:///{file}"},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        over.set()
        writer.join()

    assert (made.returncode, made.stdout) == (0, "zoe may sign in: writes\n"), made.stderr
