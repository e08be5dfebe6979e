"""Number checks from the command line, against the fake gateway over HTTP."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.sandbox.process import Sandbox
from tests.integration.bench import people
from tests.integration.test_cli import Shell

FOREIGN = "+447700900123"
LANDLINE, NOBODY, ABROAD = "0003", "0004", "0123"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Sandbox]:
    lookups = {LANDLINE: "Fixed line", NOBODY: "", ABROAD: ""}
    with Sandbox(tmp_path / "ledger.jsonl", lookups=lookups) as gateway:
        yield gateway


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gateway: Sandbox) -> Shell:
    shell = Shell(tmp_path, monkeypatch)
    shell.set(api_url=gateway.url, api_key=gateway.key)
    shell.write("\n".join(["mobile", *people(4, start=1), FOREIGN, "hello"]) + "\n")
    return shell


def test_a_plan_says_what_the_gateway_reads(shell: Shell) -> None:
    result = shell("plan", "clients.csv", "--text", "Soldes", "--check-numbers")
    assert (result.exit_code, result.stderr) == (0, "")
    said = result.stdout.splitlines()
    at = said.index("the numbers, as the gateway reads them")
    assert said[at + 1 : at + 6] == [
        "  2 × France, Mobile",
        "  1 × France, Fixed line",
        "  1 × “Fixed line”, the gateway says, and no mobile, kept: line 4",
        "  1 × no number, the gateway says, kept: line 5",
        "  1 × no number, the gateway says, left out: line 6",
    ]
    assert "  1 × invalid_at_gateway" in said
    assert not any(phone[-8:] in result.output for phone in [*people(4, start=1), FOREIGN])


def test_submit_writes_down_who_is_left_out_and_why(shell: Shell) -> None:
    options = ["--reference", "soldes", "--text", "Soldes", "--check-numbers", "--json"]
    result = shell("submit", "clients.csv", *options)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["rejected"] == {"invalid_at_gateway": 1, "not_a_number": 1}
    assert "left out: line 6" in told["number_checks"]
    with (shell.directory / "clients.rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        assert sorted(row[1:] for row in csv.reader(file, delimiter=";")) == [
            ["6", "invalid_at_gateway"],
            ["7", "not_a_number"],
            ["line", "reason"],
        ]
    again = shell("submit", "clients.csv", *options)
    assert json.loads(again.stdout)["already_submitted"]


def test_a_gateway_out_of_reach_leaves_the_plan_and_says_so(shell: Shell) -> None:
    shell.set(api_url="http://127.0.0.1:9/v1")
    result = shell("plan", "clients.csv", "--text", "Soldes", "--check-numbers")
    assert result.exit_code == 0, result.output
    assert "  5 were not looked up: " in result.stdout


def test_without_a_key_the_option_is_refused(shell: Shell) -> None:
    shell.unset("api_key")
    result = shell("plan", "clients.csv", "--text", "Soldes", "--check-numbers")
    assert result.exit_code == 2
    assert "DISPATCHER_API_KEY is not set" in result.stderr
