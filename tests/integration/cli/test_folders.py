"""A database that is named without its whole path is another one in each folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.test_commands import Shell


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell(tmp_path, monkeypatch)
    shell.unset("database_url")
    shell.set(sender="MaBoutique")
    return shell


def test_submit_in_a_folder_without_workers_says_so(shell: Shell, tmp_path: Path) -> None:
    for reference in ("first", "second"):
        said = shell.submit(reference=reference).stderr
        assert (
            f"no worker has ever used SQLite {tmp_path / 'dispatcher.db'}: the campaign waits"
            in said
        )
        assert ("a new database was made" in said) is (reference == "first")


def test_submit_where_workers_run_says_nothing(shell: Shell) -> None:
    shell.set(api_key="k" * 40)
    assert shell("tick").exit_code == 0
    assert shell.submit().stderr == ""


def test_opt_out_in_a_new_folder_says_that_its_database_is_new(
    shell: Shell, tmp_path: Path
) -> None:
    said = shell("opt-outs", "add", "0639980001").stderr
    assert (
        f"a new database was made: SQLite {tmp_path / 'dispatcher.db'}; to use one from every"
        in said
    )
    assert shell("opt-outs", "add", "0639980002").stderr == ""


def test_command_that_makes_no_database_says_nothing(shell: Shell) -> None:
    assert shell("window").stderr == ""


def test_database_with_its_whole_path_is_the_same_everywhere(shell: Shell, tmp_path: Path) -> None:
    shell.set(database_url=f"sqlite:///{tmp_path / 'dispatcher.db'}")
    assert shell.submit().stderr == ""


def test_doctor_shows_the_database_with_its_whole_path(shell: Shell, tmp_path: Path) -> None:
    shell("migrate")
    assert f"SQLite {tmp_path / 'dispatcher.db'}" in shell("doctor").stdout
