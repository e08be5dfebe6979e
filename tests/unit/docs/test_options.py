"""The table of the options of submit and plan has what Python, the shell and the JSON API take."""

from __future__ import annotations

import re
from pathlib import Path

import click

from dispatcher.campaigns.submission import Options
from dispatcher.cli.commands.plan import plan
from dispatcher.cli.commands.submit import submit
from dispatcher.contrib.flask.schemas import NewCampaign

PAGE = Path(__file__).parents[3] / "docs/api.md"
#: what the shell needs to read a file, and what it writes: no option of the campaign
OF_THE_SHELL = {
    "--reference", "--text", "--text-file", "--column", "--territory-column", "--key-column",
    "--last-contact-column",
    "--encoding", "--sheet", "--skip-lines", "--hidden", "--rejects", "--json", "--svg",
    "--manifest", "--save",
}  # fmt: skip
#: what a call takes beside the options
ARGUMENTS = {"reference", "text", "recipients"}


def column(number: int) -> list[str]:
    section = PAGE.read_text(encoding="utf-8").split("## Every option of", 1)[1].split("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| `")]
    cells = [row[number].strip() for row in rows]
    return [name for cell in cells for name in re.findall(r"^`([^`]+)`$", cell)]


def flags(command: click.Command) -> set[str]:
    return {flag for one in command.params for flag in one.opts if flag.startswith("--")}


def test_table_has_every_option_of_python() -> None:
    assert sorted(column(0)) == sorted(Options.__annotations__)


def test_table_has_every_option_of_the_shell() -> None:
    named = column(1)
    assert sorted(named) == sorted((flags(submit) | flags(plan)) - OF_THE_SHELL)
    # --plan is what only submit can be held to
    assert flags(plan) >= {*named} - {"--plan"}
    assert flags(submit) >= {*named}


def test_table_has_every_field_of_the_json_api() -> None:
    assert sorted(column(2)) == sorted(NewCampaign.model_fields.keys() - ARGUMENTS)
