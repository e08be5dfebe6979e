"""The page for operators names what exists."""

from __future__ import annotations

import ast
import json
import re
import shlex
from datetime import datetime
from importlib import import_module
from pathlib import Path

from dispatcher.campaigns.events import Event
from dispatcher.dispatch.hints import QUEUES
from dispatcher.settings import PREFIX, Settings
from dispatcher.settings.accounts import split_account
from tests.libraries import needs_workers
from tests.unit.programs import check_command

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@needs_workers
def test_imports_in_its_code_exist() -> None:
    for kind, block in BLOCKS:
        if kind != "python":
            continue
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                for alias in node.names:
                    assert hasattr(import_module(node.module), alias.name)


def test_its_json_has_the_fields_that_the_code_writes() -> None:
    event, line = [json.loads(block) for kind, block in BLOCKS if kind == "json"]
    written = Event(
        id=event["id"],
        kind=event["type"],
        at=datetime.fromisoformat(event["timestamp"]),
        **event["data"],
    )
    assert written.as_json() == event
    assert {"time", "level", "logger", "event", "batch", "outcome", "seconds"} < line.keys()


def test_its_commands_exist() -> None:
    shells = [block for kind, block in BLOCKS if kind == "sh"]
    for line in "".join(shells).splitlines():
        if line.startswith(("celery ", "dispatcher ")):
            check_command(shlex.split(line, comments=True))
    named = re.findall(r"`dispatcher ([\w-]+)", PAGE.replace("\n", " "))
    for name in named:
        check_command(["dispatcher", name])


def test_its_variables_are_settings() -> None:
    for name in re.findall(rf"\b{PREFIX}(\w+)", PAGE):
        setting = name.lower().removesuffix("_file")
        assert setting in Settings.model_fields or split_account(setting), name


def test_it_lists_every_task_with_its_queue() -> None:
    listed = dict(
        re.findall(r"^\| `(dispatcher\.\w+)` \| `(dispatcher\.\w+)` \|", PAGE, re.MULTILINE)
    )
    assert listed == QUEUES


def test_its_pictures_are_small() -> None:
    pictures = list((ROOT / "docs/images").glob("*.png"))
    assert pictures
    assert {path.name for path in pictures if path.stat().st_size > 150_000} == set()
