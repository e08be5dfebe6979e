"""Every test and test file that the documentation names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
#: `test_x.py`, `folder/test_x.py::test_y`, `test_x.py::test_y[an-id]`
_FILE = re.compile(r"`((?:[\w/]+/)?test_\w+\.py)(?:::(\w+)(?:\[([^\]`]+)\])?)?`")
#: anything in code type that has the name of a test in it
_NAME = re.compile(r"`[^`\n]*\btest_[a-z][^`\n]*`")


@cache
def functions(path: Path) -> frozenset[str]:
    """The names of the test functions in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def pages() -> list[Path]:
    return sorted((ROOT / "docs").rglob("*.md"))


def named() -> list[tuple[str, str, str | None, str | None]]:
    """Page, file, test and id of every test that a page names."""
    return [
        (page.name, match[1], match[2], match[3])
        for page in pages()
        for match in _FILE.finditer(page.read_text(encoding="utf-8"))
    ]


def test_some_page_names_tests() -> None:
    assert len(named()) > 50


@pytest.mark.parametrize(("page", "name", "test", "case"), named())
def test_named_test_exists(page: str, name: str, test: str | None, case: str | None) -> None:
    folder = "" if "/" in name else "tests/acceptance/"
    path = ROOT / folder / name
    assert path.is_file(), f"{page} names {name}"
    if test is not None:
        assert test in functions(path), f"{page} names {name}::{test}"
    if case is not None:
        assert f'id="{case}"' in path.read_text(encoding="utf-8"), f"{page} names [{case}]"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_page_names_every_test_with_its_file(page: Path) -> None:
    names = _NAME.findall(page.read_text(encoding="utf-8"))
    assert [name for name in names if not _FILE.fullmatch(name)] == []
