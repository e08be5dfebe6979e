"""``dispatcher budgets``: the commands of docs/campaigns.md, and what is wrong in one sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dispatcher.cli.main import cli
from dispatcher.settings import PREFIX
from tests.integration.bench import OPEN, people
from tests.unit.docs.test_examples import blocks


@pytest.fixture(autouse=True)
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a list and a database, on a Tuesday morning."""
    monkeypatch.chdir(tmp_path)
    offset = (OPEN - datetime.now(UTC)).total_seconds()
    for name, value in (
        ("DATABASE_URL", f"sqlite:///{tmp_path / 'own.db'}"),
        ("SENDER", "MaBoutique"),
        ("API_URL", "http://127.0.0.1:9/v1"),  # nobody is there
        ("API_KEY", "k" * 40),
        ("CLOCK_OFFSET", f"{offset}"),
        ("PRICES", "metropole=0.04"),
    ):
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    Path("list.csv").write_text("phone\n" + "\n".join(people(501)) + "\n", encoding="utf-8")
    do("migrate")


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, list(args))


def do(*args: str) -> str:
    result = run(*args)
    assert result.exit_code == 0, result.output
    return result.output


def test_commands_of_the_page_set_show_and_remove_a_budget() -> None:
    [block] = blocks("docs/campaigns.md", "sh", "Set budgets")
    set_, show, remove = (line.split()[1:] for line in block.splitlines())
    said = do(*set_)
    assert said == ("campaigns with tag shop-lyon may cost 500 € a month; 500 € left in 2026-11\n")
    assert [line.split() for line in do(*show).splitlines()] == [
        ["tag", "month", "budget", "charged", "reserved", "left"],
        ["shop-lyon", "2026-11", "500.00", "0.00", "0.00", "500.00"],
    ]
    [one] = json.loads(do(*show, "--json"))
    assert (one["tag"], one["left"]) == ("shop-lyon", "500.0000")
    assert do(*remove) == "campaigns with tag shop-lyon may cost anything\n"
    assert do(*show) == "there is no budget: dispatcher budgets set TAG EUROS sets one\n"


def test_campaign_beyond_its_budget_is_warned_of_and_waits() -> None:
    do("budgets", "set", "shop", "20")
    asked = ("list.csv", "--text", "Soldes", "--tag", "shop")
    says = "the budget of tag shop has 20.00 € left in 2026-11, and the campaign needs 20.04 €"
    assert f"the campaign would wait: {says}" in do("plan", *asked)
    assert f"the campaign would wait: {says}" in do("submit", *asked, "--reference", "soldes")
    do("tick")
    found = json.loads(do("progress", "soldes", "--json"))
    assert (found["cause"], found["why"]) == ("budget", says)
    assert says in do("why", "soldes")
    assert do("budgets").endswith("1 campaign waiting for a budget\n")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("set", "shop", "19"), "a budget of 19 € is below one batch"),
        (("set", "shop", "x"), "a budget is an amount of euros a month"),
        (("set", "a shop", "50"), "a campaign tag has 1 to 50 letters"),
        (("remove", "shop"), "no budget of tag 'shop'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(args: tuple[str, ...], says: str) -> None:
    result = run("budgets", *args)
    assert result.exit_code != 0
    assert says in result.output
    assert "Traceback" not in result.output
