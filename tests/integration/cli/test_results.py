"""``dispatcher results``: files, streams, and what is wrong said in one sentence."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dispatcher.cli.main import cli
from dispatcher.settings import PREFIX
from tests.integration.bench import people


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database in which a campaign was submitted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", f"sqlite:///{tmp_path / 'own.db'}")
    monkeypatch.delenv(f"{PREFIX}PRICES", raising=False)
    Path("list.csv").write_text("phone\n" + "\n".join(people(3)) + "\n", encoding="utf-8")
    assert run("submit", "list.csv", "--reference", "soldes", "--text", "Soldes").exit_code == 0
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, list(args))


def refused(*args: str) -> str:
    """The one sentence of a refused command."""
    result = run("results", *args)
    assert result.exit_code in (1, 2), result.output
    [line] = result.stderr.splitlines()
    return line.removeprefix("dispatcher: ")


def names(folder: Path) -> set[str]:
    """The files that there are, hidden ones included."""
    return (
        {path.name for path in folder.iterdir()}
        - {"list.csv", "own.db"}
        - {path.name for path in folder.glob("own.db*")}
    )


def test_csv_file_has_rows_and_another_beside_it_the_sums(shell: Path) -> None:
    result = run("results", "soldes", "--output", "out.csv")
    assert result.exit_code == 0, result.output
    assert result.output == "3 recipients written to out.csv; in all: 3 pending, 0.00 €\n"
    assert names(shell) == {"out.csv", "out.sums.csv"}
    assert stat.S_IMODE(Path("out.csv").stat().st_mode) == 0o600
    with Path("out.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["state"] for row in csv.DictReader(file, delimiter=";")] == ["pending"] * 3
    with Path("out.sums.csv").open(encoding="utf-8-sig", newline="") as file:
        sums = {row["what"]: row["sum"] for row in csv.DictReader(file, delimiter=";")}
    assert (sums["reference"], sums["recipients"], sums["pending"]) == ("soldes", "3", "3")


def test_name_of_the_file_says_its_format(shell: Path) -> None:
    assert run("results", "soldes", "--output", "out.xlsx").exit_code == 0
    openpyxl = pytest.importorskip("openpyxl")
    assert openpyxl.load_workbook("out.xlsx").sheetnames == ["Results", "Sums"]
    assert run("results", "soldes", "--output", "out.jsonl").exit_code == 0
    lines = Path("out.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[-1])["sums"]["recipients"] == 3
    assert names(shell) == {"out.xlsx", "out.jsonl"}


def test_standard_output_has_the_file_and_nothing_else(shell: Path) -> None:
    result = run("results", "1", "--format", "jsonl", "--numbers")
    assert [json.loads(line).get("phone") for line in result.stdout.splitlines()] == [
        *people(3),
        None,
    ]
    assert result.stderr == "3 recipients; in all: 3 pending, 0.00 €\n"
    masked = run("results", "soldes").stdout
    assert "••••••" in masked
    assert not any(phone in masked for phone in people(3))


def test_export_is_on_record_with_what_was_shown(shell: Path) -> None:
    run("results", "soldes", "--numbers", "--output", "out.csv")
    run("results", "soldes")
    record = run("record", "show").stdout
    assert "results of campaign 1, soldes: whole numbers, to out.csv" in record
    assert "results of campaign 1, soldes: masked numbers, to standard output" in record


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx"])
def test_key_that_is_a_number_is_masked_as_the_number_is(shell: Path, form: str) -> None:
    own, number = people(2, 20)
    national = f"0{number[3:]}"
    Path("keys.csv").write_text(f"phone,key\n{own},C-7\n{number},{national}\n", encoding="utf-8")
    args = ("keys.csv", "--reference", "keys", "--text", "Soldes encore")
    assert run("submit", *args).exit_code == 0
    shown = []
    for numbers in ((), ("--numbers",)):
        assert run("results", "keys", "--output", f"out.{form}", *numbers).exit_code == 0
        body = (shell / f"out.{form}").read_bytes()
        if form == "xlsx":
            with zipfile.ZipFile(io.BytesIO(body)) as book:
                body = b"".join(map(book.read, book.namelist()))
        assert b"C-7" in body
        shown.append(national.encode() in body)
    assert shown == [False, True]


def test_states_may_be_given_with_commas_or_one_by_one(shell: Path) -> None:
    for states in (["--state", "sent,pending"], ["--state", "sent", "--state", "pending"]):
        assert run("results", "soldes", *states).stdout.count("pending") == 3
    assert run("results", "soldes", "--state", "sent").stderr.startswith("0 recipients; in all: 3 ")


def test_what_is_wrong_is_one_sentence_and_leaves_no_file(shell: Path) -> None:
    Path("folder").mkdir()
    Path("there.csv").write_text("older", encoding="utf-8")
    assert refused("nobody") == "no campaign 'nobody'"
    assert refused("soldes", "--state", "gone").startswith("no state 'gone': give some of ")
    assert refused("soldes", "--output", "folder").endswith("it is a folder")
    assert refused("soldes", "--output", "/dev/full").endswith("/dev/full: it is a device")
    for no_file in ("", ".", "/"):
        assert refused("soldes", "--output", no_file).endswith("is not the name of a file")
    nowhere = refused("soldes", "--output", "nowhere/out.csv")
    assert nowhere == "the results cannot be written to nowhere/out.csv: No such file or directory"
    assert names(shell) == {"folder", "there.csv"}
    assert Path("there.csv").read_text(encoding="utf-8") == "older"
    assert run("results", "soldes", "--output", "there.csv").exit_code == 0
    assert Path("there.csv").read_text(encoding="utf-8-sig").startswith('"batch"')


@pytest.fixture
def long(shell: Path) -> None:
    """A campaign whose results have some hundred kilobytes."""
    Path("long.csv").write_text("phone\n" + "\n".join(people(3000)) + "\n", encoding="utf-8")
    submitted = run("submit", "long.csv", "--reference", "long", "--text", "Soldes")
    assert submitted.exit_code == 0, submitted.output


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx"])
def test_full_disk_is_one_sentence_and_leaves_no_file(small_disk: Path, form: str) -> None:
    file = str(small_disk / "out")
    said = refused("long", "--output", file, "--format", form)
    assert said == f"the results cannot be written to {file}: No space left on device"
    assert not list(small_disk.iterdir())


@pytest.mark.usefixtures("long")
def test_reader_that_ends_early_ends_the_command_quietly() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "dispatcher.cli", "results", "long"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        assert command.stdout.readline()
        command.stdout.close()
        assert b"Traceback" not in command.stderr.read()
