"""What each command loads: a library that it does not use would take most of its time."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from dispatcher.cli import cli
from dispatcher.cli.command_table import COMMANDS
from dispatcher.storage import schema
from dispatcher.storage.database import Database

#: what a command that reads the database does not need
_BROKERS = {"celery", "kombu", "redis", "limits", "requests", "urllib3", "alembic", "openpyxl"}
#: what a command that asks for nothing but settings does not need
_HEAVY = _BROKERS | {"sqlalchemy", "psycopg", "sqlite3", "asyncio", "dispatcher.api"}
_PROGRAM = """
import json, sys
from dispatcher.cli import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def loaded(directory: Path, *arguments: str) -> set[str]:
    """The modules that a command loads, on a database that has its tables."""
    database = Database(f"sqlite:///{directory}/dispatcher.db")
    schema.prepare(database)
    database.close()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        env={"DISPATCHER_DATABASE_URL": f"sqlite:///{directory}/dispatcher.db"},
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    modules: set[str] = set(json.loads(done.stderr.splitlines()[-1]))
    return modules


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--help"], _HEAVY | {"pydantic", "holidays"}),
        (["--version"], _HEAVY | {"pydantic", "holidays"}),
        (["window"], _HEAVY),
        (["window", "--days", "3", "--json"], _HEAVY),
        (["progress", "soldes"], _BROKERS),
        (["campaigns"], _BROKERS),
    ],
    ids=["help", "version", "window", "window-days", "progress", "campaigns"],
)
def test_command_loads_no_library_that_it_does_not_use(
    tmp_path: Path, arguments: list[str], unused: set[str]
) -> None:
    assert loaded(tmp_path, *arguments) & unused == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_table_of_commands_has_the_first_sentence_of_each(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    says = " ".join(inspect.cleandoc(command.help or "").split("\n\n")[0].split())
    assert COMMANDS[name][1] == ("" if command.hidden else says)
