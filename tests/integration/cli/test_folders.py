"""A database that is named without its whole path is another one in each folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from dispatcher.cli import cli
from tests.integration.cli.test_commands import Shell

#: commands that make tables, or that answer without any
_DO_WITHOUT = {
    *("lint", "check-numbers", "plan", "rehearse", "submit", "drafts write", "series add"),
    *("why", "opt-outs import", "window", "run", "celery", "webhooks", "console"),
    *("console createuser", "doctor", "migrate", "settings", "sandbox", "evidence verify"),
    *("recording", "demo", "opt-outs add", "opt-outs sync", "testers add", "budgets set", "tick"),
}
#: every other as it may be called; migrate makes tables, but not with this option
_NEED_TABLES = """
drafts
drafts show soldes
drafts plan soldes
drafts hand-in soldes
drafts take-back soldes
drafts submit soldes
drafts discard soldes --yes
approve soldes --yes
refuse soldes --reason x
series
series list
series show weekly
series plan weekly
series change weekly --rule FREQ=WEEKLY
series pause weekly
series resume weekly
series skip weekly
series end weekly --yes
series approve weekly --yes
series end-approval weekly
test soldes --to zoe
testers
testers list
testers remove zoe
progress soldes
results soldes
messages since 0
spend
budgets
budgets remove shop
campaigns
pause --all
pause soldes
resume --all
cancel soldes --yes
doubts
resend 1 --reason x --yes
give-up 1 --reason x --yes
opt-outs list
opt-outs remove 0639980001 --reason x
opt-outs undecided
opt-outs decide 0639980001 --refused --reason x
opt-outs take-back --source x --since 2026-11-24T10:00Z --until 2026-11-24T11:00Z --reason x --yes
opt-outs export stops.csv
opt-outs erase 0639980001 --yes
opt-outs history 0639980001
person show 0639980001
person erase 0639980001 --reason x --yes
person stale
person export-erasures new.jsonl
person replay erased.jsonl
person forget-key --reason x --yes
unreachable
unreachable list
unreachable show 0639980001
unreachable lift 0639980001 --reason x
replies
unread
migrate --restored
record show
record verify
evidence write soldes
evidence key
""".strip().splitlines()


def _all_commands() -> Iterator[str]:
    """The name of each command that does something by itself."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        if not isinstance(command, click.Group):
            yield name
            continue
        if command.invoke_without_command:
            yield name
        yield from (f"{name} {one}" for one in command.list_commands(context))


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
    shell("migrate")
    assert shell("tick").exit_code == 0
    assert shell.submit().stderr == ""


def test_import_in_a_new_folder_says_that_its_database_is_new(shell: Shell, tmp_path: Path) -> None:
    shell.write("phone\n0639980001\n")
    said = shell("opt-outs", "import", "clients.csv").stderr
    assert (
        f"a new database was made: SQLite {tmp_path / 'dispatcher.db'}; to use one from every"
        in said
    )
    assert shell("opt-outs", "add", "0639980002").stderr == ""


def test_every_command_is_known_to_need_tables_or_not() -> None:
    for name in _all_commands():
        called = any(f"{words} ".startswith(f"{name} ") for words in _NEED_TABLES)
        assert called or name in _DO_WITHOUT, name


@pytest.mark.parametrize("words", _NEED_TABLES)
def test_command_where_no_database_is_fails_and_makes_none(
    shell: Shell, tmp_path: Path, words: str
) -> None:
    (tmp_path / "erased.jsonl").write_text("{}\n", encoding="utf-8")
    result = shell(*words.split())
    assert (result.exit_code, result.stdout) == (3, ""), result.output
    assert result.stderr == (
        f"dispatcher: SQLite {tmp_path / 'dispatcher.db'} does not exist: nothing was ever"
        " submitted to it; dispatcher migrate; if another is meant, correct"
        " DISPATCHER_DATABASE_URL\n"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["erased.jsonl"]


def test_emergency_stop_of_a_database_without_tables_fails(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "dispatcher.db").touch()
    for _ in range(2):  # the first has made none
        result = shell("pause", "--all")
        assert result.exit_code == 3
        assert "has no tables: nothing was ever submitted to it" in result.stderr


def test_emergency_stop_where_no_worker_was_seen_says_so(shell: Shell, tmp_path: Path) -> None:
    shell.set(api_key="k" * 40)
    shell("migrate")
    said = shell("pause", "--all").stderr
    assert (
        f"no worker has ever used SQLite {tmp_path / 'dispatcher.db'}: what workers of another"
        " database send is not paused" in said
    )
    shell("tick")
    result = shell("pause", "--all")
    assert (result.exit_code, result.stderr) == (0, "")


def test_command_that_makes_no_database_says_nothing(shell: Shell) -> None:
    assert shell("window").stderr == ""


def test_database_with_its_whole_path_is_the_same_everywhere(shell: Shell, tmp_path: Path) -> None:
    shell.set(database_url=f"sqlite:///{tmp_path / 'dispatcher.db'}")
    assert shell.submit().stderr == ""


def test_doctor_shows_the_database_with_its_whole_path(shell: Shell, tmp_path: Path) -> None:
    shell("migrate")
    assert f"SQLite {tmp_path / 'dispatcher.db'}" in shell("doctor").stdout
