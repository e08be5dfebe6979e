"""The page on installing names every extra."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_page_names_every_extra_and_no_other() -> None:
    page = (ROOT / "docs/installation.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    table = page.partition("| extra |")[2].partition("\n\n")[0]
    assert {
        name for row in table.splitlines() for name in re.findall("`([a-z]+)`", row[:20])
    } == extras
    for wanted in re.findall(r"\.\[([a-z,]+)\]", page):
        assert set(wanted.split(",")) <= extras
