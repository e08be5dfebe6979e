"""The page on the architecture names rooms, files and functions that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
WALKS = re.findall(r"^\| \d+ \| `([\w/]+\.py)` `(\w+)` \|", PAGE, re.MULTILINE)
ROOMS = {path.parent.name for path in (ROOT / "dispatcher").glob("*/__init__.py")}


def test_every_room_has_a_line_in_the_picture_and_a_paragraph() -> None:
    picture = PAGE.partition("```text\n")[2].partition("```")[0]
    assert set(re.findall(r"\b(\w+)/(?=  )", picture)) == ROOMS | {"workers"}
    assert set(re.findall(r"^\*\*(\w+)/\*\*", PAGE, re.MULTILINE)) == ROOMS | {"workers"}


def test_the_picture_has_the_layers_of_the_contract() -> None:
    contract = (ROOT / "pyproject.toml").read_text("utf-8").partition("layers = [\n")[2]
    layers = re.findall(r"\w+", contract.partition("]")[0])
    picture = PAGE.partition("```text\n")[2].partition("```")[0]
    named = re.findall(r"\b(\w+)(?:/(?=  )|\.py(?= ))", picture)
    assert named == ["workers", *layers]


def test_both_walks_are_told() -> None:
    assert len(WALKS) > 20


@pytest.mark.parametrize(("file", "function"), WALKS)
def test_a_step_of_a_walk_exists(file: str, function: str) -> None:
    assert re.search(rf"\bdef {function}\(", (ROOT / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_]+/[\w/]*(?:\.py)?)`", PAGE))))
def test_a_named_path_exists(path: str) -> None:
    places = [ROOT, ROOT / "dispatcher", *(ROOT / "dispatcher").glob("*")]
    assert any((place / path).exists() for place in places)
