"""The page for operators names what exists."""

from __future__ import annotations

import ast
import json
import re
import shlex
from datetime import datetime
from importlib import import_module
from pathlib import Path

import pytest

from dispatcher.campaigns.events import Event
from dispatcher.dispatch.hints import QUEUES
from dispatcher.settings import PREFIX, Settings
from dispatcher.settings.accounts import split
from tests.unit.programs import check_command

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_what_is_imported_in_its_code_exists() -> None:
    for kind, block in BLOCKS:
        if kind != "python":
            continue
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                for alias in node.names:
                    assert hasattr(import_module(node.module), alias.name)


def test_its_json_is_json_and_has_the_fields_that_are_written() -> None:
    told, line = [json.loads(block) for kind, block in BLOCKS if kind == "json"]
    written = Event(
        id=told["id"],
        kind=told["type"],
        at=datetime.fromisoformat(told["timestamp"]),
        **told["data"],
    )
    assert written.as_json() == told
    assert {"time", "level", "logger", "event", "batch", "outcome", "seconds"} < line.keys()


def test_its_commands_exist() -> None:
    shells = [block for kind, block in BLOCKS if kind == "sh"]
    for line in "".join(shells).splitlines():
        if line.startswith(("celery ", "dispatcher ")):
            check_command(shlex.split(line, comments=True))
    said = re.findall(r"`dispatcher ([\w-]+)", PAGE.replace("\n", " "))
    for name in said:
        check_command(["dispatcher", name])


def test_its_variables_are_settings() -> None:
    for name in re.findall(rf"\b{PREFIX}(\w+)", PAGE):
        setting = name.lower().removesuffix("_file")
        assert setting in Settings.model_fields or split(setting), name


def test_it_tells_of_every_task_and_its_queue() -> None:
    told = dict(
        re.findall(r"^\| `(dispatcher\.\w+)` \| `(dispatcher\.\w+)` \|", PAGE, re.MULTILINE)
    )
    assert told == QUEUES


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE))))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()


def test_its_pictures_are_small() -> None:
    pictures = list((ROOT / "docs/images").glob("*.png"))
    assert pictures
    assert {path.name for path in pictures if path.stat().st_size > 150_000} == set()
