"""``dispatcher evidence``: written, verified, and what is wrong said in one sentence."""

from __future__ import annotations

import json
import os
import re
import subprocess
import zipfile
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dispatcher.cli.main import cli
from dispatcher.settings import PREFIX
from tests.integration.bench import people

ROOT = Path(__file__).parents[3]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database in which a campaign was submitted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", f"sqlite:///{tmp_path / 'own.db'}")
    Path("list.csv").write_text("phone\n" + "\n".join(people(3)) + "\n", encoding="utf-8")
    assert run("submit", "list.csv", "--reference", "soldes", "--text", "Soldes").exit_code == 0
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, list(args))


def test_evidence_is_written_and_verified_by_its_key(shell: Path) -> None:
    written = run("evidence", "soldes")
    assert written.exit_code == 0, written.output
    assert "3 recipients in 1 batch and 0 attempts, written to evidence-1.zip" in written.output
    Path("key.pem").write_text(run("evidence", "key").stdout, encoding="ascii")
    verified = run("evidence", "verify", "evidence-1.zip", "--key", "key.pem")
    assert verified.exit_code == 0, verified.output
    assert "the evidence of soldes" in verified.output
    assert "signed with the expected key" in verified.output


def test_evidence_is_verified_without_database_and_settings(
    shell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("evidence", "soldes", "--output", "one.zip").exit_code == 0
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", "nothing at all")
    verified = run("evidence", "verify", "one.zip")
    assert verified.exit_code == 0, verified.output
    assert "compare this key" in verified.stderr


def test_altered_evidence_exits_with_1_and_names_the_member(shell: Path) -> None:
    run("evidence", "soldes", "--output", "one.zip")
    data = bytearray(Path("one.zip").read_bytes())
    with zipfile.ZipFile("one.zip") as file:
        place = file.getinfo("recipients.jsonl").header_offset + 80
    data[place] ^= 1
    Path("one.zip").write_bytes(bytes(data))
    verified = run("evidence", "verify", "one.zip")
    assert verified.exit_code == 1
    assert "recipients.jsonl was altered" in verified.output
    as_json = run("evidence", "verify", "one.zip", "--json")
    assert as_json.exit_code == 1
    assert "recipients.jsonl" in json.loads(as_json.stdout.splitlines()[0])["problems"][0]


def test_evidence_of_another_installation_exits_with_1(shell: Path) -> None:
    run("evidence", "soldes", "--output", "one.zip")
    verified = run("evidence", "verify", "one.zip", "--key", "ab" * 32)
    assert verified.exit_code == 1
    assert "signed by another key" in verified.output


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("none",), 1, "no campaign"),
        (("verify", "none.zip"), 2, "none.zip: No such file"),
        (("verify", "list.csv", "--key", "list.csv"), 2, "holds no public key in PEM"),
        (("verify", "list.csv", "--key", "none.pem"), 2, "no fingerprint"),
        (("verify", "list.csv"), 1, "this is no file of evidence, or it was cut off"),
        (("verify", "."), 2, "Is a directory"),
        (("soldes", "--output", "none/one.zip"), 1, "cannot be written to none/one.zip"),
        (("soldes", "--output", "."), 1, "it is a folder"),
    ],
)
def test_bad_input_is_one_sentence(
    shell: Path, args: tuple[str, ...], code: int, says: str
) -> None:
    ended = run("evidence", *args)
    assert ended.exit_code == code, ended.output
    assert says in ended.output


def test_pipe_is_no_file_of_evidence(shell: Path) -> None:
    pipe = shell / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)  # else opening it waits for a writer
    try:
        ended = run("evidence", "verify", str(pipe))
    finally:
        os.close(end)
    assert ended.exit_code == 2
    assert "it is a pipe, and evidence is read from a file" in ended.output


def test_evidence_to_standard_output_is_the_file_alone(shell: Path) -> None:
    ended = run("evidence", "soldes", "--output", "-")
    assert ended.exit_code == 0
    Path("one.zip").write_bytes(ended.stdout_bytes)
    assert run("evidence", "verify", "one.zip").exit_code == 0


def test_masked_evidence_holds_no_number(shell: Path) -> None:
    assert run("evidence", "soldes", "--output", "one.zip", "--masked").exit_code == 0
    with zipfile.ZipFile("one.zip") as file:
        rows = file.read("recipients.jsonl").decode()
    assert people(1)[0] not in rows
    assert "+336••••••00" in rows


def test_campaign_that_is_called_like_a_command_is_written_by_write(shell: Path) -> None:
    run("submit", "list.csv", "--reference", "verify", "--text", "Autres")
    assert run("evidence", "write", "verify", "--output", "one.zip").exit_code == 0


# -- the page


def blocks(language: str) -> list[str]:
    page = (ROOT / "docs/evidence.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_list_hash_of_the_page_is_the_one_in_the_file(shell: Path) -> None:
    run("evidence", "soldes", "--output", "one.zip")
    with zipfile.ZipFile("one.zip") as file:
        stored = json.loads(file.read("campaign.json"))["list"]["hash"]
    names: dict[str, Any] = {}
    exec(blocks("python")[0], names)
    assert names["list_hash"]((one, "metropole", None) for one in people(3)) == stored


def test_commands_of_the_page_verify_a_file(shell: Path) -> None:
    run("evidence", "soldes", "--output", "soldes.zip")
    for line in blocks("sh")[0].splitlines():
        words = line.partition("#")[0].split()
        assert words.pop(0) == "dispatcher"
        command, _, target = " ".join(words).partition(" > ")
        ended = run(*command.split())
        assert ended.exit_code == 0, ended.output
        if target:
            Path(target.strip()).write_text(ended.stdout, encoding="ascii")


@pytest.mark.skipif(which("openssl") is None, reason="there is no openssl: install it")
def test_openssl_line_of_the_page_checks_the_manifest(shell: Path) -> None:
    run("evidence", "soldes", "--output", "one.zip")
    with zipfile.ZipFile("one.zip") as file:
        for name in ("manifest.json", "manifest.sig"):
            Path(name).write_bytes(file.read(name))
    Path("key.pem").write_text(run("evidence", "key").stdout, encoding="ascii")
    line = blocks("sh")[1]
    ended = subprocess.run(line.split(), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Verified Successfully" in ended.stdout
