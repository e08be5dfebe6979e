"""The table of docs/privacy.md names every table, and its settings exist."""

from __future__ import annotations

import re
from pathlib import Path

from dispatcher.settings import PREFIX, Settings
from dispatcher.storage.tables import Base

PAGE = (Path(__file__).parents[3] / "docs/privacy.md").read_text(encoding="utf-8")
#: they hold nothing about a recipient: values of the installation, signs of life, seals
ABOUT_NOBODY = {"dispatcher_meta", "dispatcher_heartbeat", "dispatcher_seal", "dispatcher_pace"}


def rows() -> list[list[str]]:
    """The cells of the table "data · where · how long · how erased"."""
    section = PAGE.partition("## Data · where")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_table_has_a_row() -> None:
    named = set(re.findall(r"dispatcher_\w+", " ".join(row[1] for row in rows())))
    assert named == set(Base.metadata.tables) - ABOUT_NOBODY


def test_no_cell_is_empty() -> None:
    assert all(len(row) == 5 and all(row) for row in rows())


def test_every_row_names_its_tests_or_why_it_has_none() -> None:
    for row in rows():  # ``test_faults`` holds that they exist
        assert re.search(r"`[\w/]+\.py::test_\w+`", row[4]) or row[4].startswith("none: "), row[0]


def test_its_variables_are_settings() -> None:
    named = set(re.findall(rf"{PREFIX}([A-Z_]+)", PAGE))
    assert {name.lower() for name in named} <= set(Settings.model_fields)
