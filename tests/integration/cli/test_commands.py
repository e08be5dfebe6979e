from __future__ import annotations

import csv
import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest
from click.testing import CliRunner, Result

from dispatcher import Dispatcher, Settings
from dispatcher.cli import cli, commands_of
from dispatcher.cli import confirm as consent
from dispatcher.cli.commands import progress as progress_command
from dispatcher.sandbox.process import Sandbox
from tests.waiting import PATIENCE

PARIS = ZoneInfo("Europe/Paris")
#: a Tuesday morning: the window is open for ten hours
TUESDAY = datetime(2026, 11, 24, 10, tzinfo=PARIS)
BEFORE_EASTER = datetime(2027, 3, 27, 20, tzinfo=PARIS)
CLIENTS = """nom;mobile;ville
Zoé;06 39 98 00 01;Sète
Bob;+33639980002;Nîmes
Bob;0639980002;Nîmes
Luc;01 40 00 00 00;Paris

Eva;hello;Lyon
"""


class Shell:
    """Runs ``dispatcher`` in a directory and an environment of its own, at a given hour."""

    def __init__(self, directory: Path, patch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self._patch = patch
        for name in os.environ:
            if name.startswith("DISPATCHER_"):
                patch.delenv(name)
        patch.chdir(directory)
        self.set(database_url=f"sqlite:///{directory / 'dispatcher.db'}")
        self.set(api_url="http://127.0.0.1:9/v1")  # nobody is there
        self.set(credit_check="off")
        self.at(TUESDAY)

    def set(self, **values: object) -> None:
        for name, value in values.items():
            self._patch.setenv(f"DISPATCHER_{name.upper()}", str(value))

    def unset(self, name: str) -> None:
        self._patch.delenv(f"DISPATCHER_{name.upper()}")

    def at(self, moment: datetime) -> None:
        self.set(clock_offset=(moment - datetime.now(UTC)).total_seconds())

    def __call__(self, *arguments: object, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(
            cli, [*map(str, arguments)], input=stdin, prog_name="dispatcher", catch_exceptions=False
        )

    def write(self, content: str | bytes = CLIENTS, name: str = "clients.csv") -> Path:
        path = self.directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def submit(self, *arguments: object, reference: str = "soldes") -> Result:
        """Submits, and passes for a user who does it right."""
        self.write()
        result = self(
            "submit", "clients.csv", "--reference", reference, "--text", "Soldes", *arguments
        )
        assert result.exit_code == 0, result.output
        return result

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.directory / "dispatcher.db") as connection:
            return connection.execute(question).fetchall()

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(Settings.from_env())


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, monkeypatch)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dispatcher.cli", *arguments]


def in_terminal(argv: Sequence[str], *, streams: Sequence[str] = ("stdout",)) -> str:
    """What a command writes to a terminal that is these streams of its; others go nowhere."""
    ours, theirs = pty.openpty()
    values = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    values.update(dict.fromkeys(streams, theirs))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, **values) as process:  # type: ignore[call-overload]
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # Linux's way to say that the other side has closed
            pass
        finally:
            os.close(ours)
        assert process.wait(PATIENCE) == 0, shown.decode()
    return shown.decode()


# -- submit


def test_submit_counts_accepted_and_rejected_rows(shell: Shell) -> None:
    output = shell.submit().stdout.splitlines()

    assert output[0] == "soldes is campaign 1"
    assert output[1] == "2 recipients kept of 5 rows, 1 duplicate, 2 rejects, 1 batch"
    assert sorted(output[2:6:2]) == ["  1 × landline", "  1 × not_a_number"]
    assert output[6] == "rejected rows, with line and reason: clients.rejects.csv"


def test_rejected_rows_are_written_next_to_the_list_with_line_and_reason(shell: Shell) -> None:
    shell.submit()

    with (shell.directory / "clients.rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert rows == [
        ["nom", "mobile", "ville", "line", "reason", "explanation"],
        [
            *("Luc", "01 40 00 00 00", "Paris", "5", "landline"),
            "a landline gets no SMS: give a mobile number",
        ],
        [
            *("Eva", "hello", "Lyon", "7", "not_a_number"),
            "this is no phone number: write its digits",
        ],
    ]


@pytest.mark.parametrize(
    ("name", "options", "rejects"),
    [
        ("clients.csv", [], "clients.rejects.csv"),
        ("clients.csv", ["--rejects", "bad.csv"], "bad.csv"),
        ("clients.v2.txt", [], "clients.v2.rejects.csv"),
        ("-", [], "rejects.csv"),
    ],
)
def test_rejects_file_is_named_after_its_source(
    shell: Shell, name: str, options: list[str], rejects: str
) -> None:
    if name != "-":
        shell.write(name=name)

    result = shell(
        "submit", name, "--reference", "r", "--text", "x", *options, stdin=CLIENTS.encode()
    )

    assert result.exit_code == 0, result.output
    assert (shell.directory / rejects).exists()


def test_list_without_rejected_rows_leaves_no_rejects_file(shell: Shell) -> None:
    shell.write("06 39 98 00 01\n")

    result = shell("submit", "clients.csv", "--reference", "r", "--text", "x")

    assert "1 recipient kept of 1 row, 0 duplicates, 0 rejects, 1 batch" in result.stdout
    assert not list(shell.directory.glob("*rejects*"))


def test_saturday_evening_waits_until_tuesday_and_says_why(shell: Shell) -> None:
    shell.at(BEFORE_EASTER)

    output = shell.submit().stdout

    assert output.endswith("waits until Tuesday 08:00: Sunday, Easter Monday\n")


def test_opening_more_than_a_week_away_is_shown_with_its_date(shell: Shell) -> None:
    output = shell.submit("--not-before", "2027-03-27T20:00+01:00").stdout

    assert output.endswith("waits until Tuesday 30 March 2027 08:00: Sunday, Easter Monday\n")


def test_transactional_campaign_does_not_wait_for_the_window(shell: Shell) -> None:
    shell.at(BEFORE_EASTER)

    assert "waits for nothing" in shell.submit("--transactional", "--reason", "notice").stdout


def test_transactional_campaign_without_a_reason_is_refused(shell: Shell) -> None:
    shell.write()
    options = ("--reference", "alerte", "--text", "Colis", "--transactional")

    refused = shell("submit", "clients.csv", *options)

    assert refused.exit_code == 2
    assert "--reason" in refused.stderr


def test_submit_stores_only_the_fields_of_the_text(shell: Shell) -> None:
    shell.write()
    shell.write("Bonjour {{ NOM }} !\n", "text.txt")

    result = shell(
        "submit", "clients.csv", "--reference", "r", "--text-file", "text.txt", "--sender", "Moi"
    )

    assert result.exit_code == 0, result.output
    assert shell.rows("SELECT text, sender FROM dispatcher_campaign") == [
        ("Bonjour {{ NOM }} !", "Moi")
    ]
    kept = [
        json.loads(fields) for (fields,) in shell.rows("SELECT fields FROM dispatcher_recipient")
    ]
    assert kept == [{"NOM": "Zoé"}, {"NOM": "Bob"}]


def test_same_submission_again_returns_the_same_campaign(shell: Shell) -> None:
    shell.submit()

    again = shell.submit()

    assert "soldes is campaign 1, submitted before: nothing was added" in again.stdout
    assert shell.rows("SELECT count(*) FROM dispatcher_campaign") == [(1,)]


def test_different_content_under_the_same_reference_is_refused(shell: Shell) -> None:
    shell.submit()

    result = shell("submit", "clients.csv", "--reference", "soldes", "--text", "Other")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "dispatcher: reference 'soldes' was submitted with another body\n"


def test_submit_json_has_the_progress_and_the_counts_of_excluded_rows(shell: Shell) -> None:
    output = json.loads(shell.submit("--json").stdout)

    progress = shell.dispatcher().progress("soldes").as_json()
    assert output == progress | {
        "reasons": {"landline": 1, "not_a_number": 1},
        "rejected": [
            {
                "code": "landline",
                "detail": "a landline gets no SMS: give a mobile number",
                "row": 5,
                "column": None,
                "value": "01 •• •• •• 00",
            },
            {
                "code": "not_a_number",
                "detail": "this is no phone number: write its digits",
                "row": 7,
                "column": None,
                "value": "hello",
            },
        ],
        "rejects": "clients.rejects.csv",
        "notes": [],
        "already_submitted": False,
        "warnings": [
            "2 of 5 rows cannot be texted: is it the right column?",
            "no price is set for metropole (DISPATCHER_PRICES)",
            (
                "one number is there more than once and gets one text: 2 people share it, first in"
                " rows 3 and 4"
            ),
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code", "rejected"),
    [
        (["progress", "nothing"], "not_found", 1, None),
        (["campaigns", "--state", "held"], "wrong_usage", 2, None),
        (["campaigns", "--since", "yesterday"], "unusable_input", 2, None),
        (["submit", "clients.csv", "--reference", "a", "--text", ""], "unusable_input", 2, None),
        (["submit", "clients.csv", "--reference", "a", "--text", "Soldes", "--strict"],
         "unusable_input", 2, ["landline", "not_a_number"]),
        (["plan", "clients.csv", "--text", "Soldes", "--not-before", "tomorrow"],
         "unusable_input", 2, None),
    ],
)  # fmt: skip
def test_refusal_is_printed_in_the_shape_of_the_json_api(
    shell: Shell, arguments: list[str], code: str, exit_code: int, rejected: list[str] | None
) -> None:
    shell("migrate")
    shell.write()

    result = shell(*arguments, "--json")

    output = json.loads(result.stdout)
    assert (result.exit_code, output["code"], output["row"]) == (exit_code, code, None)
    assert output["detail"] in result.stderr
    assert [one["code"] for one in output.get("rejected", [])] == (rejected or [])


def test_tags_are_submitted_shown_and_filtered_by(shell: Shell) -> None:
    shell.write()
    options = ("--text", "Soldes", "--tag", "Shop-Lyon", "--tag", "sale")
    assert shell("submit", "clients.csv", "--reference", "soldes", *options).exit_code == 0
    assert shell.submit(reference="autre").exit_code == 0

    assert "tags: sale, shop-lyon" in shell("progress", "soldes").stdout
    assert "tags" not in shell("progress", "autre").stdout
    assert json.loads(shell("progress", "soldes", "--json").stdout)["tags"] == ["sale", "shop-lyon"]
    assert "sale, shop-lyon" in shell("campaigns").stdout
    listed = json.loads(shell("campaigns", "--tag", "nice", "--tag", "SALE", "--json").stdout)
    assert [one["reference"] for one in listed] == ["soldes"]
    refused = shell("submit", "clients.csv", "--reference", "b", "--text", "Hi", "--tag", "a b")
    assert (refused.exit_code, refused.stderr.splitlines()) == (
        2,
        [("dispatcher: a campaign tag has 1 to 50 letters, digits and signs of . _ : / -, begins"
         " with a letter or digit, and has no blank: shop-lyon")],
    )  # fmt: skip


def test_refusal_prints_no_json_unless_it_is_asked_for(shell: Shell) -> None:
    assert shell("progress", "nothing").stdout == ""


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], ["autre", "soldes-2", "soldes-1"]),
        (["--state", "paused"], ["soldes-2"]),
        (["--state", "paused", "--state", "running"], ["autre", "soldes-2", "soldes-1"]),
        (["--reference-prefix", "soldes"], ["soldes-2", "soldes-1"]),
        (["--reference", "soldes"], []),
        (["--reference", "autre", "--since", "2000-01-01"], ["autre"]),
        (["--since", "2099-01-01T08:00+01:00"], []),
    ],
)
def test_campaigns_are_filtered(shell: Shell, filters: list[str], found: list[str]) -> None:
    for reference in ("soldes-1", "soldes-2", "autre"):
        shell.submit(reference=reference)
    shell("pause", "soldes-2")

    listed = json.loads(shell("campaigns", *filters, "--json").stdout)

    assert [one["reference"] for one in listed] == found
    assert all(reference in shell("campaigns", *filters).stdout for reference in found)


@pytest.fixture
def long_list(shell: Shell) -> None:
    shell.write("".join(f"06 39 98 {n // 100:02} {n % 100:02}\n" for n in range(8000)))


_SUBMIT = ("submit", "clients.csv", "--reference", "r", "--text", "x")
_PLAN = ("plan", "clients.csv", "--text", "x")
#: rows so far, the bar, the rate and the time left
_BAR = r"{} [\d,]+ rows .*[━╸╺]+.* [\d,]+ rows/s .*(-:--:--|\d:\d\d:\d\d)"


@pytest.mark.usefixtures("long_list")
@pytest.mark.parametrize(
    ("query", "phases"),
    [
        pytest.param(_SUBMIT, ("reading", "storing"), id="submit"),
        pytest.param(_PLAN, ("reading",), id="plan"),
    ],
)
def test_terminal_shows_a_progress_bar(query: Sequence[str], phases: Sequence[str]) -> None:
    colour = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
    shown = colour.sub("", in_terminal(command(*query), streams=("stdout", "stderr")))

    for phase in phases:
        assert re.search(_BAR.format(phase), shown), shown
    assert "8,000 recipients kept of 8,000 rows" in shown


@pytest.mark.usefixtures("long_list")
@pytest.mark.parametrize(
    ("query", "streams"),
    [
        pytest.param(_SUBMIT, ("stderr",), id="submit, its answer goes elsewhere"),
        pytest.param((*_SUBMIT, "--json"), ("stdout", "stderr"), id="submit --json"),
        pytest.param(_PLAN, ("stderr",), id="plan, its answer goes elsewhere"),
        pytest.param((*_PLAN, "--json"), ("stdout", "stderr"), id="plan --json"),
    ],
)
def test_output_to_a_pipe_shows_no_progress_bar(
    query: Sequence[str], streams: Sequence[str]
) -> None:
    shown = in_terminal(command(*query), streams=streams)

    assert "rows/s" not in shown
    assert "\x1b" not in shown


# -- progress


def test_progress_json_is_one_line_without_other_output(shell: Shell) -> None:
    shell.submit()

    result = shell("progress", "soldes", "--json")

    assert result.stderr == ""
    assert result.stdout.count("\n") == 1
    assert json.loads(result.stdout) == shell.dispatcher().progress("soldes").as_json()


def test_progress_counts_recipients_excluded_by_the_weekly_cap(shell: Shell) -> None:
    shell.submit()
    assert "of the rejected" not in shell("progress", "soldes").stdout
    with closing(sqlite3.connect(shell.directory / "dispatcher.db")) as rows, rows:
        rows.execute(
            "UPDATE dispatcher_batch SET states = 'rp', pending = 1, rejected = 1, capped = 1"
        )

    output = shell("progress", "soldes").stdout

    assert "1 of the rejected had as many messages as a week allows" in output
    assert json.loads(shell("progress", "soldes", "--json").stdout)["capped"] == 1


@pytest.mark.parametrize(
    ("prices", "says"),
    [
        ("", "1 message sent at a cost that the gateway did not tell"),
        (
            "metropole=0.06",
            "1 message sent at a cost that the gateway did not tell: 0.06 € planned",
        ),
    ],
)
def test_progress_says_what_a_message_should_cost_of_which_the_gateway_told_nothing(
    shell: Shell, prices: str, says: str
) -> None:
    shell.set(prices=prices)
    shell.submit()
    assert "did not tell" not in shell("progress", "soldes").stdout
    with closing(sqlite3.connect(shell.directory / "dispatcher.db")) as rows, rows:
        rows.execute("UPDATE dispatcher_batch SET states = 'sp', pending = 1, sent = 1")

    assert says in shell("progress", "soldes").stdout.splitlines()

    found = json.loads(shell("progress", "soldes", "--json").stdout)
    assert (found["untold"], found["untold_planned"]) == (1, "0.060" if prices else None)
    shell.set(language="fr")
    assert "à un coût que la passerelle n'a pas dit" in shell("progress", "soldes").stdout


def test_progress_shows_every_state_and_the_sum(shell: Shell) -> None:
    shell.at(BEFORE_EASTER)
    shell.submit()

    output = shell("progress", "soldes").stdout

    found = shell.dispatcher().progress("soldes")
    for bucket, count in {**found.messages, "recipients": found.recipients}.items():
        assert re.search(rf"^{bucket.replace('_', ' ')} +{count}\b", output, re.MULTILINE), bucket
    assert "soldes (campaign 1): running" in output
    assert "cost 0.00 €" in output
    assert "waits until Tuesday 08:00: Sunday, Easter Monday" in output
    assert "\x1b" not in output


def test_digits_that_are_a_reference_and_an_id_name_the_reference(shell: Shell) -> None:
    shell.submit(reference="first")
    shell.submit(reference="1")

    assert json.loads(shell("progress", "1", "--json").stdout)["reference"] == "1"
    assert json.loads(shell("progress", "2", "--json").stdout)["reference"] == "1"
    assert shell("progress", "3").exit_code == 1
    assert shell("progress", "9" * 30).exit_code == 1


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_watch_to_a_pipe_writes_a_line_for_each_change(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    shell.submit()
    dispatcher = shell.dispatcher()
    later: list[Callable[[], object]] = [
        lambda: None,
        lambda: dispatcher.pause("soldes", reason="lunch"),
        lambda: dispatcher.cancel("soldes"),
    ]
    monkeypatch.setattr(progress_command.time, "sleep", lambda _: later.pop(0)())  # type: ignore[attr-defined]

    output = shell("progress", "soldes", "--watch", *options).stdout.splitlines()

    assert not later
    if options:
        assert [json.loads(line)["state"] for line in output] == ["running", "paused", "cancelled"]
    else:
        assert output == [
            "soldes running: 2 pending",
            "soldes paused: 2 pending; paused: lunch",
            "soldes cancelled: 2 cancelled",
        ]


def test_reference_with_brackets_is_not_read_as_markup(shell: Shell) -> None:
    shell.submit(reference="[red]x :smile:")

    assert "[red]x :smile: (campaign 1)" in shell("progress", "1").stdout
    assert "[red]x :smile:" in shell("campaigns").stdout


def test_terminal_gets_colours_unless_no_color_is_set(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.submit()
    coloured = re.compile(r"\x1b\[[\d;]*[39]\dm")

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert coloured.search(in_terminal(command("progress", "soldes")))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured.search(in_terminal(command("progress", "soldes")))


def test_watch_on_a_terminal_ends_with_the_campaign(shell: Shell) -> None:
    shell.submit()
    shell("cancel", "soldes", "--yes")

    assert "100 % have ended" in in_terminal(command("progress", "soldes", "--watch"))


# -- campaigns, pause, resume, cancel


def test_campaigns_are_listed_newest_first(shell: Shell) -> None:
    shell("migrate")
    assert shell("campaigns").stdout == "no campaign yet\n"
    for reference in ("a", "b", "c"):
        shell.submit(reference=reference)

    listed = json.loads(shell("campaigns", "--limit", 2, "--json").stdout)

    assert listed == [shell.dispatcher().progress(name).as_json() for name in ("c", "b")]
    assert re.findall(r"^\d +(\w)", shell("campaigns").stdout, re.MULTILINE) == ["c", "b", "a"]


def test_pause_and_resume_show_the_new_state(shell: Shell) -> None:
    shell.submit()

    paused = shell("pause", "soldes", "--reason", "wrong price")
    assert paused.stdout == "soldes is paused; nothing is in flight\n"
    assert "paused: wrong price" in shell("progress", "soldes").stdout

    assert shell("resume", "soldes").stdout == "soldes is running\n"


def test_pause_shows_batches_in_flight(shell: Shell) -> None:
    shell.submit()
    with sqlite3.connect(shell.directory / "dispatcher.db") as connection:
        connection.execute("UPDATE dispatcher_batch SET state = 'sending', lease_until = 1")

    output = shell("pause", 1).stdout

    assert output == "soldes is paused; 1 batch in flight, which cannot be stopped\n"


def test_cancel_without_terminal_needs_yes(shell: Shell) -> None:
    shell.submit()

    refused = shell("cancel", "soldes")
    assert refused.exit_code == 2
    assert refused.stderr == "dispatcher: cancelling cannot be undone: confirm it by --yes\n"
    assert shell.dispatcher().progress("soldes").state == "running"

    cancelled = shell("cancel", "soldes", "--yes").stdout
    assert cancelled == "soldes is cancelled, 2 messages with it; nothing is in flight\n"


def test_handed_over_campaign_shows_its_hour_and_is_recalled(shell: Shell, tmp_path: Path) -> None:
    offset = (TUESDAY - datetime.now(UTC)).total_seconds()
    with Sandbox(tmp_path / "ledger.jsonl", clock_offset=offset) as sandbox:
        shell.set(api_url=sandbox.url, api_key=sandbox.key, clock_offset=offset)
        file = shell.write()
        query = (
            "--reference",
            "soldes",
            "--text",
            "Soldes",
            "--sender",
            "MaBoutique",
            "--hand-over",
        )

        refused = shell("submit", file, *query)
        assert refused.exit_code == 2
        assert "hand_over needs not_before" in refused.stderr

        later = "2026-11-25T10:00+01:00"
        stored = shell("submit", file, *query, "--not-before", later)
        assert stored.exit_code == 0, stored.stderr
        assert stored.stdout.endswith(
            "to be handed over to the gateway, which holds it until 2026-11-25 10:00 in Paris\n"
        )
        shell("tick", "--inline")
        assert (
            "waits until Wednesday 10:00: handed over to the gateway"
            in shell("progress", "soldes").stdout
        )
        assert shell("pause", "soldes").stdout == (
            "soldes is paused; 1 batch asked back from the gateway\n"
        )
        assert shell("tick").stdout.endswith(", some to have back from the gateway\n")
        shell("tick", "--inline")
        shell("resume", "soldes")
        shell("tick", "--inline")
        cancelled = shell("cancel", "soldes", "--yes").stdout
        assert cancelled == (
            "soldes is cancelled, 0 messages with it; 1 batch asked back from the gateway\n"
        )
        shell("tick", "--inline")
        assert (
            json.loads(shell("progress", "soldes", "--json").stdout)["messages"]["cancelled"] == 2
        )
        assert not sandbox.texted()


@pytest.mark.parametrize(("answer", "state"), [("n\n", "running"), ("y\n", "cancelled")])
def test_cancel_asks_on_a_terminal(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, answer: str, state: str
) -> None:
    shell.submit()
    monkeypatch.setattr(consent, "can_ask", lambda: True)

    result = shell("cancel", "soldes", stdin=answer)

    assert "Cancel soldes (2 messages to go) for good?" in result.output
    assert shell.dispatcher().progress("soldes").state == state


def test_forbidden_change_of_state_is_refused(shell: Shell) -> None:
    shell.submit()
    shell("cancel", "soldes", "--yes")

    result = shell("resume", "soldes")

    assert result.exit_code == 1
    assert result.stderr == "dispatcher: a cancelled campaign cannot become running\n"


@pytest.mark.parametrize("verb", ["progress", "pause", "resume", "cancel"])
def test_unknown_campaign_is_named(shell: Shell, verb: str) -> None:
    shell("migrate")

    result = shell(verb, "nope")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "dispatcher: no campaign 'nope'\n"


# -- window


def test_closed_window_shows_its_reason_and_next_opening(shell: Shell) -> None:
    output = shell("window", "--at", BEFORE_EASTER.isoformat()).stdout.splitlines()

    assert output[:4] == [
        "Metropolitan France, Saturday 2027-03-27 20:00 in Paris",
        "closed: Sunday, Easter Monday",
        "next opening Tuesday 2027-03-30 08:00 in Paris",
        "next closed days",
    ]
    assert output[4:6] == ["  Sun 2027-03-28  Sunday", "  Mon 2027-03-29  Easter Monday"]
    assert len(output) == 14


def test_window_without_a_time_is_judged_now(shell: Shell) -> None:
    output = shell("window").stdout.splitlines()

    assert output[1:3] == ["open", "closes at    Tuesday 2026-11-24 20:00 in Paris"]


def test_overseas_window_shows_both_clocks(shell: Shell) -> None:
    output = shell("window", "--at", BEFORE_EASTER.isoformat(), "--territory", "la-reunion").stdout

    assert (
        "La Réunion, Saturday 2027-03-27 23:00 there, Saturday 2027-03-27 20:00 in Paris" in output
    )


def test_window_prints_json(shell: Shell) -> None:
    closed = json.loads(shell("window", "--at", BEFORE_EASTER.isoformat(), "--json").stdout)
    opened = json.loads(shell("window", "--at", TUESDAY.isoformat(), "--json").stdout)

    assert closed | {"closed_days": []} == {
        "territory": "metropole",
        "at": "2027-03-27T20:00:00+01:00",
        "open": False,
        "why": "Sunday, Easter Monday",
        "next_open": "2027-03-30T06:00:00+00:00",
        "closes_at": None,
        "closed_days": [],
    }
    assert closed["closed_days"][1] == {"date": "2027-03-29", "name": "Easter Monday"}
    assert len(closed["closed_days"]) == 10
    assert (opened["open"], opened["why"], opened["next_open"]) == (True, "", None)
    assert opened["closes_at"] == "2026-11-24T19:00:00+00:00"


# -- upkeep


def test_settings_show_no_secret(shell: Shell) -> None:
    shell.set(
        api_key="hidden-key",
        broker_url="redis://:hidden-word@localhost:6379/0",
        database_url="postgresql+psycopg://bob:hidden-word@db.example/sms?password=hidden-word",
    )

    shown = json.loads(shell("settings", "--json").stdout)

    assert shown["DISPATCHER_DATABASE_URL"] == "postgresql+psycopg://bob:********@db.example/sms?…"
    assert shown["DISPATCHER_BROKER_URL"] == "redis://:********@localhost:6379/0"
    assert shown["DISPATCHER_API_KEY"] == "********"
    assert list(shown) == [f"DISPATCHER_{name.upper()}" for name in Settings.model_fields]
    assert "hidden" not in shell("settings").stdout
    assert "DISPATCHER_LEASE" in shell("settings").stdout


def test_settings_are_shown_as_environment_variables_spell_them(shell: Shell) -> None:
    assert re.search(r"DISPATCHER_PRICES +not set ", shell("settings").stdout)
    shell.set(prices="metropole=0.045,mayotte=0.06", settle_intervals="15,30")

    output = shell("settings").stdout

    assert re.search(r"DISPATCHER_PRICES +metropole=0.045,mayotte=0.06 ", output)
    assert re.search(r"DISPATCHER_SETTLE_INTERVALS +15,30 ", output)
    shown = json.loads(shell("settings", "--json").stdout)
    assert shown["DISPATCHER_PRICES"] == {"metropole": "0.045", "mayotte": "0.06"}
    assert shown["DISPATCHER_SETTLE_INTERVALS"] == [15, 30]


def test_migrate_twice_changes_nothing(shell: Shell) -> None:
    for _ in range(2):
        assert shell("migrate").stdout == "the database has the schema of this version\n"

    assert shell.rows("SELECT count(*) FROM dispatcher_campaign") == [(0,)]


def test_tick_prints_what_is_due(shell: Shell) -> None:
    shell.set(api_key="any")
    shell("migrate")
    assert shell("tick").stdout == "nothing is due\n"
    shell.submit()

    assert shell("tick").stdout == "due: 1 batch to send, 0 to settle, 0 polls\n"


def test_tick_inline_sends_and_polls_without_redis(shell: Shell) -> None:
    with Sandbox(delivery_seconds=[0, 0]) as gateway:
        shell.set(api_url=gateway.url, api_key=gateway.key, poll_intervals="1")
        shell.submit("--transactional", "--reason", "notice")
        sent = shell("tick", "--inline")
        assert "sent 1 batch, " in sent.stdout
        deadline = time.monotonic() + 60
        while not shell.dispatcher().progress("soldes").ended:
            assert time.monotonic() < deadline
            assert shell("tick", "--inline").exit_code == 0
        texted = gateway.texted()

    assert shell.dispatcher().progress("soldes").messages["delivered"] == 2
    assert sorted(texted.items()) == [("+33639980001", 1), ("+33639980002", 1)]


def test_tick_inline_ends_if_the_gateway_is_unreachable(shell: Shell) -> None:
    shell.set(api_key="any")
    shell.submit()

    result = shell("tick", "--inline")

    assert result.exit_code == 0
    assert "sent 0 batches, 0 messages ended" in result.stdout
    assert shell.dispatcher().progress("soldes").messages["pending"] == 2


# -- all of them


def every_command() -> list[tuple[str, click.Command]]:
    context = click.Context(cli)
    names = cli.list_commands(context)
    found = [(name, cli.get_command(context, name)) for name in names]
    return [(name, command) for name, command in found if command]


def test_help_names_exit_codes_and_every_command_that_is_not_hidden() -> None:
    output = CliRunner().invoke(cli, ["--help"]).stdout

    for name, command in every_command():
        assert bool(re.search(rf"^  {name} ", output, re.MULTILINE)) is not command.hidden
    for line in ("0   done", "1   cannot be done", "2   wrong usage", "3   the database", "70  a"):
        assert f"  {line}" in output


def test_every_option_has_help() -> None:
    for name, each in every_command():
        for parameter in each.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.opts}"


def test_help_loads_no_heavy_library() -> None:
    script = """
import sys
from dispatcher.cli import cli
try:
    cli(["--help"])
except SystemExit:
    pass
heavy = {"celery", "sqlalchemy", "redis", "requests", "holidays", "phonenumbers"}
sys.exit(repr(heavy & sys.modules.keys()) if heavy & sys.modules.keys() else 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert done.returncode == 0, done.stderr


def test_version_option_prints_the_version() -> None:
    assert re.fullmatch(
        r"dispatcher, version \d+\.\d+\.\d+\n", CliRunner().invoke(cli, ["--version"]).stdout
    )


def test_unexpected_error_is_reported_without_its_message(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        people = ["+33639980001", "secret-key"]
        raise RuntimeError(*people)

    shell("migrate")
    monkeypatch.setattr(Dispatcher, "progress", stumble)

    result = shell("progress", "soldes")

    assert result.exit_code == 70
    assert "this is a bug: an unexpected RuntimeError" in result.stderr
    assert "in stumble" in result.stderr
    assert "raise RuntimeError(*people)" in result.stderr


# -- an app's settings


def test_command_of_an_app_uses_its_settings(shell: Shell) -> None:
    shell.set(sender="Ailleurs")
    elsewhere = f"sqlite:///{shell.directory / 'app.db'}"
    commands = commands_of(lambda: Settings.of(database_url=elsewhere, sender="MaBoutique"))
    result = CliRunner().invoke(commands, ["settings", "--json"])
    assert json.loads(result.stdout)["DISPATCHER_SENDER"] == "MaBoutique"
    assert CliRunner().invoke(commands, ["migrate"]).exit_code == 0
    assert (shell.directory / "app.db").exists()
    assert not (shell.directory / "dispatcher.db").exists()
    # and only of those
    assert json.loads(shell("settings", "--json").stdout)["DISPATCHER_SENDER"] == "Ailleurs"


def test_wrong_settings_of_an_app_end_with_one_sentence(shell: Shell) -> None:
    commands = commands_of(lambda: Settings.of(rate=-1))
    result = CliRunner().invoke(commands, ["campaigns"])
    assert result.exit_code == 2
    assert result.stderr.startswith("dispatcher: DISPATCHER_RATE: ")
    assert CliRunner().invoke(commands, ["campaigns", "--help"]).exit_code == 0
