"""Number checks from the command line, against the fake gateway over HTTP."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.sandbox.process import Sandbox
from tests.integration.bench import people
from tests.integration.cli.test_commands import Shell

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


def test_plan_shows_how_the_gateway_reads_numbers(shell: Shell) -> None:
    result = shell("plan", "clients.csv", "--text", "Soldes", "--check-numbers")
    assert (result.exit_code, result.stderr) == (0, "")
    output = result.stdout.splitlines()
    at = output.index("the numbers, as the gateway reads them")
    assert output[at + 1 : at + 6] == [
        "  2 × France, Mobile",
        "  1 × France, Fixed line",
        "  1 × “Fixed line”, the gateway says, and no mobile, kept: line 4",
        "  1 × no number, the gateway says, kept: line 5",
        "  1 × no number, the gateway says, left out: line 6",
    ]
    assert "  1 × invalid_at_gateway" in output
    assert not any(phone[-8:] in result.output for phone in [*people(4, start=1), FOREIGN])


def test_submit_writes_rejects_with_reasons(shell: Shell) -> None:
    options = ["--reference", "soldes", "--text", "Soldes", "--check-numbers", "--json"]
    result = shell("submit", "clients.csv", *options)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["reasons"] == {"invalid_at_gateway": 1, "not_a_number": 1}
    assert "left out: line 6" in found["number_checks"]
    with (shell.directory / "clients.rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        assert sorted(row[1:3] for row in csv.reader(file, delimiter=";")) == [
            ["6", "invalid_at_gateway"],
            ["7", "not_a_number"],
            ["line", "reason"],
        ]
    again = shell("submit", "clients.csv", *options)
    assert json.loads(again.stdout)["already_submitted"]


def test_unreachable_gateway_is_reported_and_the_plan_is_shown(shell: Shell) -> None:
    shell.set(api_url="http://127.0.0.1:9/v1")
    result = shell("plan", "clients.csv", "--text", "Soldes", "--check-numbers")
    assert result.exit_code == 0, result.output
    assert "  5 were not looked up: " in result.stdout


def test_option_without_a_key_is_refused(shell: Shell) -> None:
    shell.unset("api_key")
    result = shell("plan", "clients.csv", "--text", "Soldes", "--check-numbers")
    assert result.exit_code == 2
    assert "DISPATCHER_API_KEY is not set" in result.stderr


# -- check-numbers

ORDER = ["check-numbers", "clients.csv", "--hlr"]


def orders(gateway: Sandbox) -> int:
    return len(gateway.requests("/v1/hlr/notify"))


def listening(shell: Shell) -> None:
    """The webhooks have an address; nobody needs to listen there for an order."""
    shell.set(webhook_url="http://127.0.0.1:9", webhook_secret="q8Zr4-Tn0_Vb6Hs2Lk")


def test_list_is_checked_without_cost(shell: Shell, gateway: Sandbox) -> None:
    result = shell("check-numbers", "clients.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "5 numbers in 6 rows, 0 duplicates, 1 reject",
        "  1 × not_a_number",
        "",
        "the numbers, as the gateway reads them",
        "  2 × France, Mobile",
        "  1 × France, Fixed line",
        "  1 × “Fixed line”, the gateway says, and no mobile, kept: line 4",
        "  1 × no number, the gateway says, kept: line 5",
        "  1 × no number, the gateway says, left out: line 6",
        "",
        "the numbers, as the networks know them",
        "  5 × not checked",
        "5 checks at 0.005 €: 0.025 €",
    ]
    found = json.loads(shell("check-numbers", "clients.csv", "--json").stdout)
    assert (found["numbers"], found["unknown"], found["cost"]) == (5, 5, "0.025")
    assert orders(gateway) == 0


def test_order_without_max_cost_shows_the_cost_and_orders_nothing(
    shell: Shell, gateway: Sandbox
) -> None:
    listening(shell)
    result = shell(*ORDER)
    assert result.exit_code == 1
    assert "5 checks at 0.005 €: 0.025 €" in result.stdout
    assert "nothing was ordered" in result.stderr
    assert orders(gateway) == 0


def test_order_shows_its_cost(shell: Shell, gateway: Sandbox) -> None:
    listening(shell)
    result = shell(*ORDER, "--max-cost", "0,03")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-2:] == [
        "5 checks at 0.005 €: 0.025 €",
        "5 checks ordered for 0.025 €",
    ]
    again = shell(*ORDER, "--max-cost", "5")
    assert "  5 × ordered, and without a result so far" in again.stdout
    assert "nothing to order" in again.stdout
    found = json.loads(shell(*ORDER, "--max-cost", "5", "--json").stdout)
    assert (found["known"], found["order"]["ordered"]) == ({"waiting": 5}, 0)
    assert orders(gateway) == 1
    assert shell(*ORDER, "--max-cost", "5", "--again").exit_code == 0
    assert orders(gateway) == 2


def test_price_that_differs_from_the_setting_is_shown(shell: Shell) -> None:
    listening(shell)
    shell.set(check_price="0.004")
    output = shell(*ORDER, "--max-cost", "5").stdout.splitlines()
    assert output[-1] == (
        "5 checks ordered for 0.025 €, as the gateway says: 0.02 € by our own count"
    )


def test_order_above_the_cap_is_refused(shell: Shell, gateway: Sandbox) -> None:
    listening(shell)
    result = shell(*ORDER, "--max-cost", "0.02")
    assert result.exit_code == 2
    assert "5 checks cost 0.025 €, more than 0.02 €: nothing was ordered" in result.stderr
    assert orders(gateway) == 0


@pytest.mark.parametrize("kind", ["close_after_read", "empty", "truncated_body"])
def test_order_with_lost_answer_is_reported(shell: Shell, gateway: Sandbox, kind: str) -> None:
    listening(shell)
    gateway.fault(kind, "/v1/hlr/notify")
    result = shell(*ORDER, "--max-cost", "5")
    assert result.exit_code == 1
    assert "of 5 nobody knows whether they were ordered, and paid" in result.stderr
    assert "nothing to order" in shell(*ORDER, "--max-cost", "5").stdout
    assert orders(gateway) == 1


def test_order_without_credit_is_refused_and_stores_nothing(shell: Shell, gateway: Sandbox) -> None:
    listening(shell)
    gateway.fault("code", "/v1/hlr/notify", code=11)
    result = shell(*ORDER, "--max-cost", "5")
    assert result.exit_code == 1
    assert "5 checks not ordered: the gateway answered code 11" in result.stderr
    assert shell(*ORDER, "--max-cost", "5").exit_code == 0


@pytest.mark.parametrize("cap", ["0", "-1", "nan", "inf", "five"])
def test_invalid_max_cost_is_refused(shell: Shell, cap: str) -> None:
    result = shell(*ORDER, f"--max-cost={cap}")
    assert result.exit_code == 2
    assert "write it like 12.50" in result.stderr


@pytest.mark.parametrize("options", [["--max-cost", "5"], ["--again"]])
def test_order_options_need_hlr(shell: Shell, options: list[str]) -> None:
    result = shell("check-numbers", "clients.csv", *options)
    assert result.exit_code == 2
    assert "give --hlr, too" in result.stderr


def test_order_without_webhooks_is_refused(shell: Shell, gateway: Sandbox) -> None:
    result = shell(*ORDER, "--max-cost", "5")
    assert result.exit_code == 2
    assert "set DISPATCHER_WEBHOOK_URL" in result.stderr
    assert orders(gateway) == 0


def test_missing_file_is_refused(shell: Shell) -> None:
    result = shell("check-numbers", "nowhere.csv")
    assert result.exit_code == 2
    assert "nowhere.csv" in result.stderr
