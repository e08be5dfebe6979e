"""``dispatcher person``: all that is stored about one person, and its erasure."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dispatcher.storage import engines
from tests.integration.cli.test_commands import Shell
from tests.integration.cli.test_opt_outs import ANNE, BRUNO, told_of_somebody

LIST = "prenom;mobile\nZéphirine;06 39 98 00 00\nBruno;06 39 98 00 01\n"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_tables: Path) -> Shell:
    """Anne and Bruno are in a campaign that waits; Anne has opted out."""
    shell = Shell(tmp_path, monkeypatch)
    shutil.copy(empty_tables, shell.directory / "dispatcher.db")
    shell.write(LIST)
    text = "Bonjour {{ prenom }}, soldes demain"
    result = shell("submit", "clients.csv", "--reference", "soldes", "--text", text)
    assert result.exit_code == 0, result.output
    shell("opt-outs", "add", ANNE, "--reason", "a appelé du 0639980000")
    return shell


def done(shell: Shell, *arguments: object) -> str:
    result = shell("person", *arguments)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def refused(shell: Shell, *arguments: object, exit_code: int) -> str:
    result = shell("person", *arguments)
    assert (result.exit_code, result.stdout) == (exit_code, ""), result.output
    assert result.stderr.count("\n") == 1
    assert not told_of_somebody(result.stderr)
    return result.stderr.removeprefix("dispatcher: ").rstrip("\n")


def test_everything_about_a_person_is_shown_table_by_table(shell: Shell) -> None:
    shown = done(shell, "show", "06.39.98.00.00").splitlines()

    assert [line for line in shown if not line.startswith(" ")] == [
        "messages: 1 row",
        "opt outs: 1 row",
        "opt out history: 1 row",
        "texts: 1 row",
    ]
    assert "a appelé du 0639980000" in shown[-1]


def test_json_has_each_table(shell: Shell) -> None:
    held = json.loads(done(shell, "show", ANNE, "--json"))

    assert [row["phone"] for row in held["messages"]] == [ANNE]
    assert held["messages"][0]["campaign"] == "soldes"
    assert json.loads(done(shell, "show", "06 39 98 00 99", "--json")) == {}


def test_csv_has_a_line_for_each_value(shell: Shell) -> None:
    written = done(shell, "show", ANNE, "--csv", "-").removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(written), delimiter=";"))

    assert {row["column"] for row in rows if row["table"] == "opt_outs"} == {
        "phone",
        "source",
        "created_at",
        "probable",
    }
    assert done(shell, "show", ANNE, "--csv", "anne.csv") == "4 rows written to anne.csv\n"
    assert (shell.directory / "anne.csv").stat().st_mode & 0o777 == 0o600


def test_person_is_erased_after_a_confirmation(shell: Shell) -> None:
    unconfirmed = refused(shell, "erase", ANNE, "--reason", "asked", exit_code=2)
    assert unconfirmed == "erasing cannot be undone: confirm it by --yes"

    said = done(shell, "erase", "0639980000", "--reason", "asked", "--yes")

    assert said.startswith("the person is erased: a pseudonym is stored")
    shown = done(shell, "show", ANNE)
    assert not told_of_somebody(shown)
    assert "Zéphirine" not in shown
    assert "asked" in shown
    assert BRUNO in done(shell, "show", BRUNO)


def test_erasure_that_left_old_pages_says_to_run_it_again(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_SQLITE_PATIENCE", 100)
    [file] = shell.directory.glob("*.db")
    with closing(sqlite3.connect(file)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM dispatcher_recipient").fetchone()
        result = shell("person", "erase", ANNE, "--reason", "asked", "--yes")

    assert result.exit_code == 3
    assert result.stdout.startswith("the person is erased: a pseudonym is stored")
    assert result.stderr.splitlines()[-1] == (
        "dispatcher: old pages of the database may still hold the number, because another program"
        " reads it: run this command again"
    )
    assert shell("person", "erase", ANNE, "--reason", "asked", "--yes").exit_code == 0


def test_number_is_read_from_standard_input(shell: Shell) -> None:
    result = shell("person", "show", "-", "--json", stdin=f"{ANNE}\n")

    assert json.loads(result.stdout)["messages"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        (["show", "0639"], 2, "the number cannot be texted: too_short; nothing was changed"),
        (["show", "06 39 98 00 99"], 1, "nothing is stored about this number"),
        (
            ["erase", "0639980099", "--reason", "asked", "--yes"],
            1,
            "nothing is stored about this number: nobody is erased",
        ),
        (["erase", ANNE, "--reason", " ", "--yes"], 2, "a reason is needed: it goes on record"),
    ],
)
def test_bad_input_is_one_sentence(
    shell: Shell, arguments: list[str], exit_code: int, sentence: str
) -> None:
    assert refused(shell, *arguments, exit_code=exit_code) == sentence


def test_erasures_are_written_and_replayed(shell: Shell) -> None:
    assert refused(shell, "export-erasures", "erased.jsonl", exit_code=1) == (
        "nobody was erased: erased.jsonl was not written"
    )
    done(shell, "erase", ANNE, "--reason", "asked", "--yes")

    assert done(shell, "export-erasures", "erased.jsonl") == "1 erasure written to erased.jsonl\n"
    file = shell.directory / "erased.jsonl"
    assert file.stat().st_mode & 0o777 == 0o600
    assert not told_of_somebody(file.read_text())
    assert done(shell, "replay", str(file)) == (
        "1 erasure in the file, 0 of them missing here: all done\n"
    )
    file.write_text("no list")
    assert refused(shell, "replay", str(file), exit_code=2) == (
        "this is no list of erasures; nothing was changed"
    )


def test_missing_key_is_forgotten_after_a_confirmation(shell: Shell) -> None:
    none = "no pseudonym key is missing: nothing was changed"
    assert refused(shell, "forget-key", "--reason", "lost", exit_code=1) == none
    done(shell, "erase", ANNE, "--reason", "asked", "--yes")
    assert refused(shell, "forget-key", "--reason", "lost", "--yes", exit_code=1) == none
    [key] = shell.directory.glob("*-pseudonym-key")
    right = key.read_text()
    key.write_text("a new key of the tests, which is another one\n")

    result = shell("person", "forget-key", "--reason", "the safe burnt")
    assert result.exit_code == 2
    assert result.stdout.startswith("1 pseudonym key missing. If there is a copy, set it again")
    assert "up to 1 erased person can no longer be recognised" in result.stdout
    assert result.stderr == (
        "dispatcher: a forgotten key cannot be made again: confirm it by --yes\n"
    )
    blank = shell("person", "forget-key", "--reason", " ", "--yes")
    assert (blank.exit_code, blank.stderr) == (
        2,
        "dispatcher: a reason is needed: it goes on record\n",
    )
    wrong = shell("person", "show", ANNE)  # nothing was changed so far
    assert wrong.exit_code == 3
    assert "the pseudonym key is not the one" in wrong.stderr

    said = done(shell, "forget-key", "--reason", "the safe burnt", "--yes").splitlines()
    assert said[-1] == "3. dispatcher resume --all"
    assert "the safe burnt (1 key; 1 erased person)" in shell("record", "show").stdout
    assert "a pseudonym key was lost" in shell("progress", "soldes").stdout
    assert refused(shell, "forget-key", "--reason", "lost", "--yes", exit_code=1) == none

    key.write_text(f"{key.read_text()}{right}")  # it turned up after all
    assert "asked" in done(shell, "show", ANNE)


def test_key_that_is_too_short_is_named_by_its_file(shell: Shell) -> None:
    done(shell, "erase", ANNE, "--reason", "asked", "--yes")
    [key] = shell.directory.glob("*-pseudonym-key")
    key.write_text("short\n")

    result = shell("person", "forget-key", "--reason", "lost", "--yes")
    assert result.exit_code == 3
    assert result.stderr == (
        f"dispatcher: the pseudonym key is wrong: {key.name} must have 1 to 8 keys, one a line,"
        " each of at least 32 characters\n"
    )
