"""``dispatcher plan`` and ``submit`` of campaigns from a long number, and of surveys."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.integration.cli.test_commands import Shell

OURS = "06 39 98 88 88"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell(tmp_path, monkeypatch)
    shell.write()
    return shell


def test_survey_is_planned_without_a_text_a_length_or_a_cost(shell: Shell) -> None:
    shell.set(prices="metropole=0.045")
    output = shell("plan", "clients.csv", "--survey", "a1b2")
    assert output.exit_code == 0, output.output
    lines = output.stdout.splitlines()
    assert lines[0] == "2 recipients kept of 5 rows, 1 duplicate, 2 rejects, 2 batches"
    assert "segments and cost are not known here: progress tells what the gateway charges" in lines
    assert "the survey a1b2, as it is in the gateway's dashboard" in lines
    assert "0.00" not in output.stdout
    result = json.loads(shell("plan", "clients.csv", "--survey", "a1b2", "--json").stdout)
    assert (result["segments"], result["cost"], result["batches"], result["advice"]) == (
        None,
        None,
        2,
        [],
    )


def test_survey_is_stored_and_its_plan_may_be_approved(shell: Shell) -> None:
    assert shell("plan", "clients.csv", "--survey", "a1b2", "--save", "p.json").exit_code == 0
    command = ("submit", "clients.csv", "--plan", "p.json", "--reference", "enquete")
    other = shell(*command, "--survey", "b2")
    assert other.exit_code == 2
    assert "approved were 2 recipients. Nothing was stored" in other.stderr
    assert shell(*command, "--survey", "a1b2").exit_code == 0
    assert shell.rows("SELECT survey, text, from_number FROM dispatcher_campaign") == [
        ("a1b2", "", None)
    ]
    assert shell.rows("SELECT count(*), max(size) FROM dispatcher_batch") == [(2, 1)]


def test_manifest_of_a_survey_has_no_segments_and_no_cost(shell: Shell) -> None:
    shell.set(prices="metropole=0.045")
    shell("migrate")
    assert shell("opt-outs", "add", "06 39 98 00 01", "--reason", "by phone").exit_code == 0
    assert shell("plan", "clients.csv", "--survey", "a1", "--manifest", "m.csv").exit_code == 0
    with (shell.directory / "m.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    known = [(row["batch"], row["segments"], row["cost"]) for row in rows]
    assert known == [("1", "0", "0.000"), ("2", "", "")]
    assert [row["leaves_about"] == "opted out" for row in rows] == [True, False]


def test_long_number_becomes_the_sender_of_the_campaign(shell: Shell) -> None:
    values = ("--text", "Bonjour", "--from-number", OURS)
    assert shell("submit", "clients.csv", "--reference", "r", *values).exit_code == 0
    assert shell.rows("SELECT sender, from_number FROM dispatcher_campaign") == [
        (None, "+33639988888")
    ]
    output = shell("plan", "clients.csv", *values).stdout
    assert "operators may block a mobile number as sender: ask SMS Partner about yours" in output


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["--survey", "a1", "--text", "Bonjour"], "give none"),
        (["--survey", "a1", "--sender", "Boutique"], "neither a sender nor a long number"),
        (["--survey", "a 1"], "without blanks"),
        (["--survey", ""], "give either --text or --text-file"),
        (["--from-number", "0637", "--text", "Bonjour"], "the long number is not one like"),
        (["--from-number", OURS, "--text", "Юлия"], "needs Unicode, which no long number sends"),
        (["--from-number", OURS, "--sender", "Abc", "--text", "Bonjour"], "not both"),
    ],
)
def test_impossible_combination_of_options_stores_nothing(
    shell: Shell, values: list[str], says: str
) -> None:
    for command in (("plan", "clients.csv"), ("submit", "clients.csv", "--reference", "r")):
        refused = shell(*command, *values)
        assert refused.exit_code == 2
        assert says in refused.stderr
        assert "Traceback" not in refused.stderr
