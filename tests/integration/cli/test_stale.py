"""``dispatcher person stale``: who has given no sign of life for years."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.integration.cli.test_commands import Shell
from tests.integration.cli.test_opt_outs import ANNE, told_of_somebody
from tests.integration.cli.test_person import done, refused

LIST = """mobile;key;dernier contact
06 39 98 00 00;A1;24/11/2019
06 39 98 00 01;B1;2019-11-25
06 39 98 00 02;C1;oui
06 39 98 00 03;D1;24/11/2099
06 39 98 00 04;E1;
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell(tmp_path, monkeypatch)
    shell("migrate")
    return shell


def submit(shell: Shell, rows: str = LIST, *options: str) -> str:
    shell.write(rows)
    result = shell("submit", "clients.csv", "--reference", "soldes", "--text", "Soldes", *options)
    assert result.exit_code == 0, result.output
    return result.output


def test_stale_people_are_named_by_masks_and_dates(shell: Shell) -> None:
    said = submit(shell)

    assert "cannot be read in 1 row, first in row 4" in said
    assert "in the future in 1 row, first in row 5" in said
    shown = done(shell, "stale")
    assert not told_of_somebody(shown)
    assert [line.split()[1:] for line in shown.splitlines()] == [
        ["2019-11-24", "A1"],
        ["2019-11-25", "B1"],
        ["people", "without", "a", "sign", "of", "life", "for", "3", "years"],
    ]
    assert "export" not in shell("record", "show").output


def test_nobody_is_stale(shell: Shell) -> None:
    submit(shell)
    assert done(shell, "stale", "--years", "30") == "nobody without a sign of life for 30 years\n"
    assert done(shell, "stale", "--years", "30", "--json") == ""


def test_json_is_one_object_a_line_and_whole_numbers_go_on_record(shell: Shell) -> None:
    submit(shell)

    lines = done(shell, "stale", "--json", "--numbers").splitlines()

    assert json.loads(lines[0]) == {"phone": ANNE, "last_contact": "2019-11-24", "keys": ["A1"]}
    assert len(lines) == 2
    record = shell("record", "show").output
    assert "people without a sign of life for 3 years: whole numbers, to standard output" in record


def test_csv_has_a_row_for_each(shell: Shell) -> None:
    submit(shell)

    assert done(shell, "stale", "--csv", "stale.csv") == "2 people written to stale.csv\n"

    text = Path("stale.csv").read_text(encoding="utf-8-sig")
    assert not told_of_somebody(text)
    head, *rows = csv.reader(io.StringIO(text), delimiter=";")
    assert (head, len(rows)) == (["phone", "last_contact", "keys"], 2)


def test_csv_of_nobody_has_its_header(shell: Shell) -> None:
    assert done(shell, "stale", "--csv", "-").strip("\ufeff\r\n") == '"phone";"last_contact";"keys"'


def test_column_of_last_contacts_may_be_named(shell: Shell) -> None:
    submit(shell, "mobile;achat\n06 39 98 00 00;24/11/2019\n", "--last-contact-column", "achat")
    assert "2019-11-24" in done(shell, "stale")


def test_stale_people_are_erased_one_by_one(shell: Shell) -> None:
    submit(shell)

    for line in done(shell, "stale", "--json", "--numbers").splitlines():
        number = json.loads(line)["phone"]
        done(shell, "erase", number, "--reason", "no contact for three years", "--yes")

    assert done(shell, "stale").startswith("nobody")


@pytest.mark.parametrize("years", ["0", "31", "trois"])
def test_other_years_are_refused(shell: Shell, years: str) -> None:
    result = shell("person", "stale", "--years", years)
    assert (result.exit_code, result.stdout) == (2, "")


def test_file_that_cannot_be_written_is_one_sentence(shell: Shell) -> None:
    submit(shell)
    said = refused(shell, "stale", "--csv", "nowhere/stale.csv", exit_code=1)
    assert said.startswith("the people cannot be written to nowhere/stale.csv")
