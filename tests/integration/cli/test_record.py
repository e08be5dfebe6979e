"""``dispatcher record`` as a process: the entries, and a record that somebody changed."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.waiting import PATIENCE


def dispatcher(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DISPATCHER_")}
    return subprocess.run(
        [sys.executable, "-m", "dispatcher.cli", *arguments],
        cwd=directory,
        env=environment | {"DISPATCHER_DATABASE_URL": "sqlite:///d.db"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.fixture
def acted(tmp_path: Path) -> Path:
    """A folder with a database in which somebody did something."""
    assert dispatcher(tmp_path, "migrate").returncode == 0
    for number, why in (("0639980001", "by letter"), ("0639980002", "06 39 98 00 02 called")):
        done = dispatcher(tmp_path, "opt-outs", "add", number, "--reason", why)
        assert done.returncode == 0, done.stderr
    return tmp_path


def test_entries_say_who_from_where_what_and_why(acted: Path) -> None:
    shown = dispatcher(acted, "record", "show", "--json")
    latest, first = json.loads(shown.stdout)
    assert (first["actor"], first["verb"]) == (getpass.getuser(), "opt out")
    assert first["origin"] == f"the shell on {socket.gethostname()}"
    assert first["reason"] == "1 new number, by hand; by letter"
    assert latest["reason"].endswith("06••••••02 called")
    assert dispatcher(acted, "record", "show", "--by", "nobody").stdout == "no entry\n"
    assert "the shell on" in dispatcher(acted, "record", "show").stdout


def test_changed_entry_is_named_and_ends_with_1(acted: Path) -> None:
    sound = dispatcher(acted, "record", "verify")
    assert sound.returncode == 0
    assert "2 entries, none altered or missing" in sound.stdout
    seal = sound.stdout.split()[-1]
    assert dispatcher(acted, "record", "verify", "--seal", seal).returncode == 0
    with closing(sqlite3.connect(acted / "d.db")) as database:
        database.execute("UPDATE dispatcher_action SET actor = 'paul' WHERE id = 1")
        database.commit()
    changed = dispatcher(acted, "record", "verify")
    assert changed.returncode == 1
    assert "entry 1 (opt out, by paul) or its seal was altered" in changed.stdout
    assert "the record was changed: 1 problem" in changed.stderr


def test_what_is_no_seal_is_refused_by_name(acted: Path) -> None:
    refused = dispatcher(acted, "record", "verify", "--seal", "abc")
    assert (refused.returncode, refused.stderr) == (
        2,
        "dispatcher: 'abc' is no seal of the record of actions\n",
    )
