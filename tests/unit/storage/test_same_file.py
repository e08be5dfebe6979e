"""What is written beside a SQLite database: how far it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatcher.storage.same_file import Progress


@pytest.mark.parametrize(
    ("database", "rows", "anew", "says"),
    [
        ("a", 8, False, "a 8"),
        ("a", 6, False, "a 7"),
        ("b", 8, False, "a 7"),
        ("b", 6, True, "b 6"),
    ],
    ids=["further", "behind", "another database", "another database, accepted"],
)
def test_small_file_never_says_less(
    tmp_path: Path, database: str, rows: int, anew: bool, says: str
) -> None:
    file = tmp_path / "dispatcher.db-progress"
    Progress(file, "a", 7).write()
    Progress(file, database, rows).write(anew=anew)
    name, rows_there = file.read_text().split()
    assert f"{name} {int(rows_there)}" == says
