"""``dispatcher drafts``, ``approve`` and ``refuse``, by the users of the system."""

from __future__ import annotations

import json
import pwd
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dispatcher.cli.main import cli
from dispatcher.settings import PREFIX
from tests.integration.bench import people

TEXT = "Bonjour {{ prenom }}"


class Shell:
    """Commands of whichever user of the system."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def run(self, *args: str, as_: str = "zoe") -> Result:
        user = pwd.struct_passwd((as_, "", 0, 0, "", "", ""))
        self._monkeypatch.setattr("dispatcher.api.actor.pwd.getpwuid", lambda _: user)
        return CliRunner().invoke(cli, list(args))

    def do(self, *args: str, as_: str = "zoe") -> str:
        result = self.run(*args, as_=as_)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *args: str, as_: str = "zoe", code: int = 1) -> str:
        result = self.run(*args, as_=as_)
        assert result.exit_code == code, result.output
        return result.output


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A folder with a list, where approval is required."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", f"sqlite:///{tmp_path / 'own.db'}")
    monkeypatch.setenv(f"{PREFIX}APPROVAL", "required")
    monkeypatch.setenv(f"{PREFIX}SENDER", "MaBoutique")
    rows = "".join(f"{phone};Zoé\n" for phone in people(3))
    Path("list.csv").write_text(f"mobile;prenom\n{rows}12;Luc\n", encoding="utf-8")
    return Shell(monkeypatch)


def write(shell: Shell, *more: str) -> str:
    return shell.do("drafts", "write", "soldes", "list.csv", "--text", TEXT, *more)


def test_draft_is_written_handed_in_and_approved_by_somebody_else(shell: Shell) -> None:
    said = write(shell)
    assert "3 recipients kept of 4 rows" in said
    assert "dispatcher drafts hand-in soldes" in said
    shell.do("drafts", "hand-in", "soldes")

    assert "somebody else approves" in shell.refused("approve", "soldes", "--yes")
    said = shell.do("approve", "soldes", "--yes", as_="luc")

    assert TEXT in said
    assert "soldes is campaign 1" in said
    assert json.loads(shell.do("progress", "soldes", "--json"))["recipients"] == 3
    [draft] = json.loads(shell.do("drafts", "--json"))
    assert (draft["state"], draft["decided_by"]) == ("submitted", "luc (system user)")
    assert draft["author"] == "zoe (system user)"


def test_environment_makes_nobody_somebody_else(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(shell)
    shell.do("drafts", "hand-in", "soldes")
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "luc")

    assert "somebody else approves" in shell.refused("approve", "soldes", "--yes")


def test_approval_without_a_terminal_needs_yes(shell: Shell) -> None:
    write(shell)
    shell.do("drafts", "hand-in", "soldes")

    assert "confirm it by --yes" in shell.refused("approve", "soldes", as_="luc", code=2)


def test_approval_of_another_plan_is_refused(shell: Shell) -> None:
    write(shell)
    shell.do("drafts", "hand-in", "soldes")

    said = shell.refused("approve", "soldes", "--yes", "--plan", "abc", as_="luc", code=2)

    assert "not the plan that was read" in said


def test_refused_draft_is_written_again(shell: Shell) -> None:
    write(shell)
    shell.do("drafts", "hand-in", "soldes")
    shell.do("refuse", "soldes", "--reason", "trop cher", as_="luc")
    assert "refused by luc (system user): trop cher" in shell.do("drafts", "show", "soldes")

    write(shell, "--sender", "Autre")

    shown = json.loads(shell.do("drafts", "show", "soldes", "--json"))
    assert (shown["state"], shown["options"]) == ("planned", {"sender": "Autre"})
    assert shown["refusal"] == ""


def test_submit_is_refused_where_approval_is_required(shell: Shell) -> None:
    said = shell.refused("submit", "list.csv", "--reference", "soldes", "--text", TEXT)

    assert "dispatcher drafts write" in said
    refused = shell.refused("submit", "list.csv", "--reference", "s", "--text", TEXT, "--json")
    assert json.loads(refused.splitlines()[0])["code"] == "not_allowed"


def test_writer_submits_where_no_approval_is_required(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(shell)
    assert "needs the approval" in shell.refused("drafts", "submit", "soldes")
    monkeypatch.setenv(f"{PREFIX}APPROVAL", "off")

    assert "soldes is campaign 1" in shell.do("drafts", "submit", "soldes")


def test_price_that_has_changed_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    write(shell)
    shell.do("drafts", "hand-in", "soldes")
    monkeypatch.setenv(f"{PREFIX}PRICES", "metropole=0.05")

    said = shell.refused("approve", "soldes", "--yes", as_="luc", code=2)

    assert "the price of metropole was not set and is 0.05 €" in said
    assert "changed: the price of metropole" in shell.do("drafts", "show", "soldes")


def test_draft_is_discarded_after_a_confirmation(shell: Shell) -> None:
    write(shell)
    shell.refused("drafts", "discard", "soldes", code=2)

    shell.do("drafts", "discard", "soldes", "--yes")

    assert "there is no draft" in shell.do("drafts")
    assert "no draft 'soldes'" in shell.refused("drafts", "show", "soldes")


def test_list_shows_drafts_and_what_to_do(shell: Shell) -> None:
    write(shell)

    said = shell.do("drafts")

    assert "planned" in said
    assert "zoe (system user)" in said
