"""``dispatcher rehearse``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dispatcher.rehearsal import FAULTS
from tests.integration.bench import people
from tests.integration.cli.test_commands import Shell
from tests.unit.docs.test_examples import blocks

SECTION = "Rehearse it"
SMOOTHING = "Smooth a campaign"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell(tmp_path, monkeypatch)
    shell.set(sender="MaBoutique", prices="metropole=0.038")
    shell.write("telephone\n" + "\n".join(people(2300)) + "\n")
    return shell


def rehearsed(shell: Shell, *options: object, code: int = 0) -> str:
    result = shell("rehearse", "clients.csv", "--text", "Soldes", *options)
    assert (result.exit_code, result.stderr) == (code, ""), result.output
    return result.stdout


def lines(text: str) -> Sequence[str]:
    """Without the blanks that fill a table."""
    return [line.rstrip() for line in text.strip().splitlines()]


def test_example_of_the_docs_is_what_the_command_prints(shell: Shell) -> None:
    (command,) = blocks("docs/campaigns.md", "sh", SECTION)
    (shown,) = blocks("docs/campaigns.md", "text", SECTION)
    variable, _, written = command.strip().partition(" dispatcher rehearse ")
    name, _, value = variable.partition("=")
    shell.set(**{name.removeprefix("DISPATCHER_").lower(): value})
    words = [one.strip("'") for one in re.findall(r"'[^']*'|\S+", written)]

    result = shell("rehearse", *words)

    assert (result.exit_code, result.stderr) == (0, "")
    assert lines(result.stdout) == lines(shown)
    assert [path.name for path in shell.directory.iterdir()] == ["clients.csv"]


def test_smoothed_example_of_the_docs_is_what_the_command_prints(shell: Shell) -> None:
    [block] = blocks("docs/campaigns.md", "sh", SMOOTHING)
    (shown,) = blocks("docs/campaigns.md", "text", SMOOTHING)
    rehearse, submit = block.strip().splitlines()
    words = [one.strip("'") for one in re.findall(r"'[^']*'|\S+", rehearse)]
    result = shell(*words[1:])
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines(result.stdout) == lines(shown)
    words = [one.strip("'") for one in re.findall(r"'[^']*'|\S+", submit)]
    assert shell(*words[1:]).exit_code == 0
    said = json.loads(shell("progress", "rappels", "--json").stdout)
    assert said["per_hour"] == 384  # 2,300 people in six hours


def test_python_example_of_the_docs_works(shell: Shell) -> None:
    (code,) = blocks("docs/campaigns.md", "python", SECTION)
    found: dict[str, Any] = {}
    exec(code, found)
    assert found["found"].left == 2


def test_docs_have_every_fault_with_its_meaning() -> None:
    page = (Path(__file__).parents[3] / "docs/campaigns.md").read_text(encoding="utf-8")
    for fault in FAULTS.values():
        assert f"| `{fault.name}` | {fault.meaning} | " in page


def test_difference_is_named_with_the_fault_that_explains_it(shell: Shell) -> None:
    options = ("--from", "2027-03-12T10:00", "--fault", "refusals")
    output = rehearsed(shell, *options)
    assert "  the gateway refuses one number in ten" in output
    assert (
        "Metropolitan France: 230 messages planned: Friday 12 March 2027 10:00, left: never"
        " (refusals)"
    ) in output
    assert lines(output)[-1] == "what left differs from the plan as its faults explain"


def test_difference_that_nothing_explains_ends_with_1(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = type(FAULTS["stops"])("wrong", "nothing", switches={"stopped": people(3)})
    monkeypatch.setitem(FAULTS, "wrong", fault)
    options = ("--from", "2027-03-12T10:00", "--fault", "wrong")
    output = rehearsed(shell, *options, code=1)
    assert lines(output)[-1] == "what left differs from the plan, and no fault explains it"


def test_json_has_days_differences_and_the_plan(shell: Shell) -> None:
    options = ("--from", "2027-03-12T10:00+01:00")
    found = json.loads(rehearsed(shell, "--json", *options))
    assert (found["agrees"], found["planned"], found["left"]) == (True, 2300, 2300)
    (day,) = found["days"]
    assert day["planned"]["first"] == day["left"]["first"] == "2027-03-12T09:00:00+00:00"
    assert found["plan"]["batches"] == 5
    assert (found["differences"], found["rejected"]) == ([], [])


def test_rehearsal_is_told_in_french(shell: Shell) -> None:
    shell.set(language="fr")
    options = ("--from", "2027-03-12T10:00", "--fault", "stop-list")
    output = rehearsed(shell, *options)
    assert "une répétition à partir du vendredi 12 mars 2027 à 10 h" in output.replace("\xa0", " ")
    assert not re.search(r"\b(?:the|planned|left|messages on|day|never)\b", output)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--from", "noon"], "--from 'noon' is no instant; write it like 2027-03-27T20:00+01:00"),
        (["--fault", "rain"], "there is no fault 'rain': there are "),
        (["--opted-out", "nobody.csv"], "cannot open nobody.csv"),
        (
            ["--from", "2027-12-24T21:00", "--not-after", "2027-12-25T12:00+01:00"],
            "not_after, Saturday 2027-12-25 12:00 in Paris, is before the next opening, ",
        ),
    ],
)
def test_bad_option_is_refused_with_one_sentence(
    shell: Shell, options: list[str], sentence: str
) -> None:
    result = shell("rehearse", "clients.csv", "--text", "Soldes", *options)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"dispatcher: {sentence}")
    assert len(result.stderr.splitlines()) == 1


def test_list_that_cannot_be_read_is_refused(shell: Shell) -> None:
    result = shell("rehearse", "nobody.csv", "--text", "Soldes")
    assert result.exit_code == 2
    assert result.stderr.startswith("dispatcher: cannot open nobody.csv")
