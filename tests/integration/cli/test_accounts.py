"""Several accounts on the command line: each campaign names its own, each can be seen alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.cli.test_commands import Shell

KEY, SHOP, NEWS = (40 * letter for letter in "abc")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell(tmp_path, monkeypatch)
    shell.set(api_key=KEY, accounts="shop,news", api_key_shop=SHOP, api_key_news=NEWS)
    return shell


def test_campaign_of_an_account_shows_its_account(shell: Shell) -> None:
    shell.submit("--account", "shop")
    assert "soldes (campaign 1, account shop): running" in shell("progress", "soldes").stdout
    assert json.loads(shell("progress", "soldes", "--json").stdout)["account"] == "shop"


def test_unknown_account_ends_with_one_sentence_that_names_the_known_ones(shell: Shell) -> None:
    shell.write()
    for arguments in (
        ("submit", "clients.csv", "--reference", "soldes", "--text", "Soldes"),
        ("plan", "clients.csv", "--text", "Soldes"),
        ("campaigns",),
        ("progress", "soldes"),
        ("doubts",),
        ("replies",),
    ):
        result = shell(*arguments, "--account", "shoes")
        assert result.exit_code == 2
        assert result.stderr == (
            "dispatcher: there is no account 'shoes':"
            " there are shop, news, and the default account\n"
        )


def test_account_option_hides_other_accounts(shell: Shell) -> None:
    shell.submit("--account", "shop", reference="mine")
    shell.submit("--account", "news", reference="theirs")
    shell.submit(reference="plain")

    def listed(*arguments: str) -> list[str]:
        found = json.loads(shell("campaigns", "--json", *arguments).stdout)
        return [one["reference"] for one in found]

    assert listed() == ["plain", "theirs", "mine"]
    assert listed("--account", "shop") == ["mine"]
    assert listed("--account", "") == ["plain"]
    table = shell("campaigns").stdout
    assert "account" in table
    assert "news" in table
    assert "theirs" not in shell("campaigns", "--account", "shop").stdout
    for verb in (["progress"], ["pause"], ["resume"], ["cancel", "--yes"]):
        result = shell(*verb, "theirs", "--account", "shop")
        assert (result.exit_code, result.stderr) == (1, "dispatcher: no campaign 'theirs'\n")
    assert shell("pause", "theirs", "--account", "news").exit_code == 0


def test_output_without_accounts_names_no_account(shell: Shell) -> None:
    shell.unset("accounts")
    shell.unset("api_key_shop")
    shell.unset("api_key_news")
    shell.submit()
    for command in (["campaigns"], ["progress", "soldes"]):
        assert "account" not in shell(*command).stdout


def test_plan_uses_the_settings_of_its_account(shell: Shell) -> None:
    shell.set(daily_recipients_news=1)
    shell.write()
    plan = ("plan", "clients.csv", "--text", "Soldes")
    output = shell(*plan, "--account", "shop", "--save", "plan.json")
    assert "through account shop" in output.stdout
    assert json.loads((shell.directory / "plan.json").read_text(encoding="utf-8"))["account"] == (
        "shop"
    )
    refused = shell(*plan, "--account", "news")
    assert refused.exit_code == 2
    assert "exceed the cap of 1 per day" in refused.stderr
    submit = ("submit", "clients.csv", "--reference", "soldes", "--text", "Soldes")
    other = shell(*submit, "--plan", "plan.json")
    assert "this is not the plan that was approved" in other.stderr
    assert shell(*submit, "--plan", "plan.json", "--account", "shop").exit_code == 0


def test_settings_show_values_of_each_account_without_keys(shell: Shell) -> None:
    shell.set(rate_shop=2.5)
    result = json.loads(shell("settings", "--json").stdout)
    assert result["DISPATCHER_ACCOUNTS"] == "shop,news"
    assert result["DISPATCHER_API_KEY_SHOP"] == "********"
    assert result["DISPATCHER_RATE_SHOP"] == "2.5"
    shown = shell("settings").stdout
    assert "DISPATCHER_API_KEY_NEWS" in shown
    assert not any(key in shown for key in (KEY, SHOP, NEWS))


def test_doctor_checks_each_account(shell: Shell) -> None:
    shell.submit("--account", "news")
    found = json.loads(shell("doctor", "--only", "gateway", "--json").stdout)
    cure = "repair this host's network or DNS; if it is well, correct DISPATCHER_API_URL"
    assert [(one["name"], one["remedy"]) for one in found] == [
        ("gateway", cure),
        ("gateway shop", cure),
        ("gateway news", cure),
    ]
    shell.unset("api_key_shop")
    output = json.loads(shell("doctor", "--only", "gateway", "--json").stdout)
    assert output[1]["remedy"] == "set DISPATCHER_API_KEY_SHOP"
    assert [("DISPATCHER_API_KEY_SHOP is not set" in one["says"]) for one in output] == [
        False,
        True,
        False,
    ]
    shell.set(api_key_shop=SHOP)
    shell.set(accounts="shop")
    shell.unset("api_key_news")
    result = shell("doctor", "--only", "accounts")
    assert "campaigns of accounts that are not set up here: 1 of 'news'" in result.stdout
    assert "is not set up here: see DISPATCHER_ACCOUNTS" in shell("progress", "soldes").stdout


def test_worker_without_the_key_of_an_account_does_not_start(shell: Shell) -> None:
    shell("migrate")
    shell.unset("api_key_news")
    result = shell("tick", "--inline")
    assert result.exit_code == 2
    assert result.stderr == (
        "dispatcher: DISPATCHER_API_KEY_NEWS is not set: the key of SMS Partner\n"
    )
