"""``dispatcher unreachable``: what it lists, shows, lifts and never says; the page's example."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.cli.test_commands import TUESDAY, Shell
from tests.statements import end_undelivered

PAGE = Path(__file__).parents[3] / "docs/campaigns.md"
ANNE, BRUNO = "+33639980000", "+33639980001"
LIST = "mobile\n06 39 98 00 00\n"
WHY = ("--reason", "she called")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Two campaigns did not reach Anne."""
    monkeypatch.setenv("COLUMNS", "200")
    shell = Shell(tmp_path, monkeypatch)
    shell.set(unreachable_after=2)
    shell.write(LIST, "anne.csv")
    for reference, left_at in (
        ("octobre", datetime(2026, 10, 20, 8, tzinfo=UTC)),
        ("rentree", datetime(2026, 11, 18, 9, tzinfo=UTC)),
    ):
        done(shell, "submit", "anne.csv", "--reference", reference, "--text", "Soldes")
        end_undelivered(shell.dispatcher(), reference, left_at)
    return shell


def done(shell: Shell, *arguments: str) -> str:
    result = shell(*arguments)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def test_example_of_the_page_prints_what_the_page_says(shell: Shell) -> None:
    section = PAGE.read_text("utf-8").partition("## Numbers that never arrive\n")[2]
    section = section.partition("\n## ")[0]
    [commands] = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    [shown] = re.findall(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line)[1:] for line in commands.splitlines()]
    assert len(lines) == 3
    printed = "".join(done(shell, *line) for line in lines)
    assert [line.rstrip() for line in printed.splitlines()] == shown.splitlines()
    assert done(shell, "unreachable", "list") == "no number is unreachable\n"


def test_json_has_the_reports_and_masks_the_number(shell: Shell) -> None:
    [one] = json.loads(done(shell, "unreachable", "--json"))
    assert one["unreachable"]
    assert [it["campaign"] for it in one["reports"]] == ["rentree", "octobre"]
    assert one["reports"][1] == {
        "campaign": "octobre",
        "left_at": "2026-10-20T08:00:00+00:00",
        "reported_at": "2026-10-20T09:00:00+00:00",
    }
    assert ANNE not in one["phone"]
    assert json.loads(done(shell, "unreachable", "show", ANNE, "--json")) == one
    assert not shell.rows("SELECT * FROM dispatcher_action WHERE verb = 'see numbers'")
    [whole] = json.loads(done(shell, "unreachable", "list", "--numbers", "--json"))
    assert whole == one | {"phone": ANNE}
    assert shell.rows("SELECT reason FROM dispatcher_action WHERE verb = 'see numbers'") == [
        ("of unreachable numbers",)
    ]


def test_show_names_who_lifted_it_and_why(shell: Shell) -> None:
    result = shell("unreachable", "lift", "-", *WHY, stdin="06 39 98 00 00\n")
    assert result.stdout == "the number is texted again\n"
    first, last = done(shell, "unreachable", "show", ANNE).splitlines()
    assert first == "this number is not unreachable"
    assert re.fullmatch(r"lifted on Tuesday \d\d:\d\d by .+: she called", last)
    [(verb, reason)] = shell.rows("SELECT verb, reason FROM dispatcher_action WHERE verb = 'lift'")
    assert (verb, reason) == ("lift", "she called")


def test_number_that_is_not_unreachable_is_not_lifted(shell: Shell) -> None:
    result = shell("unreachable", "lift", BRUNO, *WHY)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "this number is not unreachable: nothing was changed" in result.stderr
    assert shell.rows("SELECT count(*) FROM dispatcher_lift") == [(0,)]
    wrong = shell("unreachable", "lift", "06 39 98 00 00 00", *WHY)
    assert wrong.exit_code == 2
    assert "39980000" not in "".join(filter(str.isdigit, wrong.output))
    assert shell("unreachable", "lift", ANNE).exit_code == 2


def test_list_says_that_the_setting_is_missing(shell: Shell) -> None:
    shell.unset("unreachable_after")
    assert done(shell, "unreachable") == (
        "no number counts as unreachable: DISPATCHER_UNREACHABLE_AFTER is not set\n"
    )
    assert "2 of them" not in done(shell, "plan", "anne.csv", "--text", "Soldes")
    assert done(shell, "unreachable", "show", ANNE).startswith("this number is not unreachable\n")


def test_plan_says_whom_it_leaves_out(shell: Shell) -> None:
    shell.at(TUESDAY)
    shown = done(shell, "plan", "anne.csv", "--text", "Soldes")
    assert "  1 of them unreachable, as of now: nothing is sent to them" in shown.splitlines()


def test_progress_and_why_name_them(shell: Shell) -> None:
    done(shell, "submit", "anne.csv", "--reference", "noel", "--text", "Soldes")
    dispatcher = shell.dispatcher()
    with dispatcher.database.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE dispatcher_batch SET states = 'r', pending = 0, rejected = 1, unreachable = 1,"
            " state = 'done', codes = '{\"0\": -8}' WHERE campaign_id = 3"
        )
    assert "1 of the rejected is unreachable" in done(shell, "progress", "noel")
    assert json.loads(done(shell, "progress", "noel", "--json"))["unreachable"] == 1
    assert "not texted: 1 unreachable person" in done(shell, "why", "noel")
    results = shell("results", "noel", "--format", "csv").stdout
    assert "unreachable: its last messages were not delivered" in results
