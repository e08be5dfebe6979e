"""``dispatcher spend``: a table, JSON, CSV and XLSX, and what is wrong said in one sentence."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dispatcher.cli.main import cli
from dispatcher.settings import PREFIX
from tests.integration.bench import people


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database in which two campaigns were submitted, one with two tags."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", f"sqlite:///{tmp_path / 'own.db'}")
    monkeypatch.setenv(f"{PREFIX}PRICES", "metropole=0.045")
    Path("list.csv").write_text("phone\n" + "\n".join(people(3)) + "\n", encoding="utf-8")
    submit = ("submit", "list.csv", "--text", "Soldes", "--not-before", "2030-03-12T10:00+01:00")
    assert run(*submit, "--reference", "a", "--tag", "lyon", "--tag", "sale").exit_code == 0
    assert run(*submit, "--reference", "b").exit_code == 0
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, list(args))


def words(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


def test_table_has_three_units_a_row_and_a_total(shell: Path) -> None:
    result = run("spend")
    assert result.exit_code == 0, result.output
    assert words(result.output) == [
        ["month", "planned", "reserved", "charged", "difference"],
        ["2030-03", "messages", "6", "6", "0", "0"],
        ["segments", "6", "6", "0", "0"],
        ["euros", "0.27", "0.27", "0.00", "0.00"],
        ["total", "messages", "6", "6", "0", "0"],
        ["segments", "6", "6", "0", "0"],
        ["euros", "0.27", "0.27", "0.00", "0.00"],
    ]


def test_total_by_tag_says_that_campaigns_count_in_several_rows(shell: Path) -> None:
    output = run("spend", "--by", "tag").output
    assert [line[0] for line in words(output)[1::3]] == ["(no", "lyon", "sale", "total", "1"]
    assert output.splitlines()[-1] == (
        "1 campaign with several tags: in the row of each, and once in the total"
    )


def test_json_is_that_of_the_library_and_nothing_else(shell: Path) -> None:
    found = json.loads(run("spend", "--from", "2030-03", "--to", "2030-03", "--json").output)
    assert (found["from"], found["to"]) == ("2030-03-01T00:00:00+01:00",
                                            "2030-04-01T00:00:00+02:00")  # fmt: skip
    assert found["rows"][0]["euros"]["reserved"] == "0.2700"
    assert json.loads(run("spend", "--to", "2030-02", "--json").output)["rows"] == []
    assert run("spend", "--to", "2030-02").output == "no campaign in this period\n"


def test_csv_file_has_the_rows_alone_for_its_owner(shell: Path) -> None:
    result = run("spend", "--by", "account", "--csv", "out.csv")
    assert result.output == (
        "1 row written to out.csv; in all: 0.27 € planned, 0.27 € reserved, 0.00 € charged\n"
    )
    assert stat.S_IMODE(Path("out.csv").stat().st_mode) == 0o600
    with Path("out.csv").open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file, delimiter=";")
    assert (row["account"], row["campaigns"], row["messages_planned"]) == ("", "2", "6")
    assert row["euros_planned"] == "0.2700"


def test_workbook_has_rows_and_total(shell: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    assert run("spend", "--by", "tag", "--xlsx", "out.xlsx").exit_code == 0
    book = openpyxl.load_workbook("out.xlsx")
    assert book.sheetnames == ["Spend", "Total"]
    rows = [*book["Spend"].iter_rows(values_only=True)]
    assert [row[0] or "" for row in rows] == ["tag", "", "lyon", "sale"]
    total = dict(zip(*[*book["Total"].iter_rows(values_only=True)][:2], strict=True))
    assert (total["what"], total["messages_planned"], total["euros_planned"]) == ("total", 6, 0.27)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--from", "2027-13"], "from '2027-13' is no month, no day and no instant"),
        (["--from", "2027-03", "--to", "2027-02"], "the period ends before it begins"),
        (["--tag", "a b"], "a campaign tag has 1 to 50"),
        (["--csv", "."], ". cannot be written"),
        (["--account", "nobody"], "there is no account 'nobody'"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    shell: Path, args: list[str], sentence: str
) -> None:
    result = run("spend", *args)
    assert result.exit_code in (1, 2), result.output
    [line] = result.stderr.splitlines()
    assert line.removeprefix("dispatcher: ").startswith(sentence)


def test_one_form_at_a_time_is_written(shell: Path) -> None:
    result = run("spend", "--json", "--csv", "out.csv")
    assert result.exit_code == 2
    assert "give one of --csv, --xlsx and --json" in result.stderr
    assert not Path("out.csv").exists()
