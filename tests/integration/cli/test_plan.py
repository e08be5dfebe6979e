"""``dispatcher plan``, ``submit --plan``, ``lint`` and ``window --days``."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import stat
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dispatcher import Dispatcher, PlanChanged
from dispatcher.campaigns.batch import PlannedBatch
from tests.integration.bench import people
from tests.integration.cli.test_commands import BEFORE_EASTER, Shell, command, in_terminal

HALF_PAST_SEVEN = BEFORE_EASTER.replace(hour=19, minute=30)
TEXT = 'Bonjour {{ nom | default("") }}, c’est les soldes !'


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell(tmp_path, monkeypatch)
    shell.write()
    return shell


def plan(shell: Shell, *options: object, text: str = "Soldes", file: str = "clients.csv") -> str:
    """What is said about a plan that can be made."""
    result = shell("plan", file, "--text", text, *options)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def planned(shell: Shell, *options: object, text: str = "Soldes") -> dict[str, Any]:
    output: dict[str, Any] = json.loads(plan(shell, "--json", *options, text=text))
    return output


#: mobiles of La Réunion, of which none belongs to nobody
REUNION = "0692"


def numbers(shell: Shell, count: int, name: str = "many.csv", *more: str) -> str:
    """A file of that many people, and of rows beside them."""
    shell.write("telephone\n" + "\n".join([*people(count), *more]) + "\n", name)
    return name


def files(shell: Shell) -> set[str]:
    return {path.name for path in shell.directory.iterdir()}


# -- what is said


def test_plan_counts_rows_without_a_consent(shell: Shell) -> None:
    phones = people(3)
    rows = f"{phones[0]};03/05/2026\n{phones[1]};\n{phones[2]};oui\n"
    shell.write("mobile;Consenti le\n" + rows, "c.csv")

    output = plan(shell, "--consent", "column:consenti_le", file="c.csv").splitlines()

    assert output[0] == "1 recipient kept of 3 rows, 0 duplicates, 2 rejects, 1 batch"
    assert output[1] == "  2 × no_consent"


def test_column_of_consents_that_the_file_lacks_is_named(shell: Shell) -> None:
    asked = ("--reference", "soldes", "--consent", "column:accord")
    result = shell("submit", "clients.csv", "--text", "Soldes", *asked)

    assert result.exit_code
    assert "'accord'" in result.stderr
    assert "soldes" not in shell("campaigns").stdout


def test_plan_counts_accepted_and_rejected_rows(shell: Shell) -> None:
    output = plan(shell).splitlines()

    assert output[0] == ("2 recipients kept of 5 rows, 1 duplicate, 2 rejects, 1 batch")
    assert sorted(output[1:5:2]) == ["  1 × landline", "  1 × not_a_number"]
    assert "      a landline gets no SMS: give a mobile number" in output[2:5:2]


def test_plan_excludes_who_opted_out(shell: Shell) -> None:
    shell.set(prices="metropole=0.045")
    shell.dispatcher().opt_out("06 39 98 00 01")

    output = plan(shell, "--manifest", "m.csv").splitlines()

    assert "  1 of them opted out: nothing is sent to them or paid" in output
    out, kept = manifest(shell.directory / "m.csv")
    assert (out["leaves_about"], out["segments"], out["cost"]) == ("opted out", "0", "0.000")
    assert (kept["segments"], kept["cost"]) == ("1", "0.045")


def test_plan_counts_weekly_cap_and_repeats(shell: Shell) -> None:
    shell.set(weekly_messages=1)
    shell.submit()
    with closing(sqlite3.connect(shell.directory / "dispatcher.db")) as rows, rows:
        # as after a send a minute ago; to one of the two it was not delivered
        rows.execute(
            "UPDATE dispatcher_batch SET state = 'sent', states = 'su', pending = 0, sent = 1,"
            " undelivered = 1, sent_at = '2026-11-24 08:59:00.000000'"
        )

    output = plan(shell, text="Brocante").splitlines()
    again = plan(shell).splitlines()

    enough = "  1 of them will have had 1 message in 7 days: nothing more is sent to them"
    repeated = "  the same text reaches 1 of these people within 7 days under 'soldes'"
    assert enough in output
    assert repeated not in output
    assert repeated in again


def test_plan_above_a_cap_is_refused_in_one_sentence(shell: Shell) -> None:
    shell.set(campaign_recipients=1)
    for words in (["plan"], ["submit", "--reference", "soldes"]):
        result = shell(words[0], "clients.csv", *words[1:], "--text", "Soldes")
        assert result.exit_code == 2
        assert result.stderr.startswith(
            "dispatcher: 2 recipients exceed the cap of 1 per campaign"
            " (DISPATCHER_CAMPAIGN_RECIPIENTS)"
        )


def test_plan_shows_its_cost_by_destination(shell: Shell) -> None:
    numbers(shell, 100, "many.csv", REUNION + " 00 00 01", "+32 470 00 00 01")

    def money() -> list[str]:
        lines = plan(shell, file="many.csv", text="x" * 150).splitlines()
        start = next(n for n, line in enumerate(lines) if "segments, " in line)
        return [" ".join(line.split()) for line in lines[start : start + 4]]

    shell.set(prices="metropole=0.045,la-reunion=0.06,foreign=0.0912")
    # 150 characters and 14 for the STOP mention
    assert money() == [
        "204 segments, 9.30 €",
        "metropole 200 9.00 €",
        "la-reunion 2 0.12 €",
        "foreign 2 0.18 €",
    ]
    shell.set(prices="metropole=0.045")
    assert money()[0] == "204 segments, 9.00 € and 4 segments without a price"
    assert money()[2] == "la-reunion 2 no price is set"
    shell.unset("prices")
    assert money()[0] == "204 segments, no price is set"


def test_plan_shows_the_longest_texts_as_they_arrive(shell: Shell) -> None:
    output = plan(shell, text=TEXT)

    assert "the longest texts, as they arrive\n" in output
    assert "  “Bonjour Zoé, c'est les soldes !”\n" in output
    assert (
        "     1 segment of GSM-7: 45 characters with 14 for the STOP mention, 115 to spare"
        in output
    )
    assert "  ’ becomes “'”." in output


def test_identical_text_is_shown_once(shell: Shell) -> None:
    output = plan(shell, text="Ligne 1\nLigne 2")

    assert "the longest text, as it arrives\n  “Ligne 1\n   Ligne 2”\n" in output


def test_plan_shows_opening_and_reason_on_each_local_clock(shell: Shell) -> None:
    shell.at(HALF_PAST_SEVEN)
    name = numbers(shell, 600, "many.csv", REUNION + " 00 00 01")

    output = plan(shell, file=name)

    assert "  Metropolitan France  2 batches, 600 messages: now\n" in output
    assert (
        "  La Réunion           1 batch, 1 message: Tuesday 10:00 (Sunday, Easter Monday)\n"
        in output
    )


def test_plan_shows_when_the_last_batch_leaves(shell: Shell) -> None:
    shell.at(HALF_PAST_SEVEN)
    shell.set(rate=1 / 60)

    output = plan(shell, file=numbers(shell, 20_000 // 2))
    all_leave = output
    shell.set(rate=1 / 600)
    output = plan(shell, file="many.csv")

    assert "Metropolitan France: 10,000 leave Saturday 19:30\n" in all_leave
    assert "forecast, at 0.00166667 batches a second\n" in output
    assert (
        "  Metropolitan France: 1,500 leave Saturday 19:30, before it closes Saturday 20:00\n"
        "  Metropolitan France: 8,500 leave Tuesday 08:00 (Sunday, Easter Monday)\n"
        "  all have left about Tuesday 10:50 in Paris\n"
        "  the last report can be expected by Thursday 10:50\n"
    ) in output


def test_plan_shows_messages_that_will_expire(shell: Shell) -> None:
    shell.at(HALF_PAST_SEVEN)
    shell.set(rate=1 / 600)

    output = plan(shell, "--not-after", "2027-03-28T00:00+01:00", file=numbers(shell, 2000))

    assert "  500 messages would be too late and expire\n" in output
    assert "warnings\n" in output
    assert "  500 messages would leave after not_after: they would expire\n" in output


def test_plan_draws_the_coming_days(shell: Shell) -> None:
    shell.at(HALF_PAST_SEVEN)

    output = plan(shell)

    (row,) = re.findall(r"^Metropolitan France +(░.*)$", output, re.MULTILINE)
    assert "█2░" in row
    assert "hours of Paris; ░ closed, ▼ now, █ that many messages leave" in output


def test_transactional_plan_shows_no_closed_hours(shell: Shell) -> None:
    shell.at(BEFORE_EASTER)

    output = plan(shell, "--transactional")

    assert "2 messages: now\n" in output
    assert not re.search(r"^Metropolitan France .*░", output, re.MULTILINE)
    assert "6 characters, 154 to spare" in output
    assert "no STOP mention and no window" in output


def test_plan_of_a_later_campaign_is_drawn_from_its_opening_day(shell: Shell) -> None:
    output = plan(shell, "--not-before", "2027-03-27T20:00+01:00")

    assert "Sat 27 Mar" not in output  # it opens on Tuesday
    assert "Tue 30 Mar" in output
    assert "Tuesday 30 March 2027 08:00 (Sunday, Easter Monday)" in output


def test_terminal_gets_colours_and_unwrapped_lines(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)

    output = in_terminal(command("plan", "clients.csv", "--text", "Soldes"))

    assert re.search(r"\x1b\[[\d;]*m█", output)
    plain = re.sub(r"\x1b\[[\d;]*m", "", output)
    drawn = [line for line in plain.splitlines() if line.startswith("Metropolitan France  ░")]
    assert [len(line) <= 100 for line in drawn] == [True]


# -- for machines


def test_plan_json_equals_the_library_plan(shell: Shell) -> None:
    output = planned(shell, text=TEXT)

    dispatcher = shell.dispatcher()
    rows = [
        {"nom": "Zoé", "mobile": "0639980001"},
        {"nom": "Bob", "mobile": "0639980002"},
    ]
    same = dispatcher.plan(TEXT, rows).as_json()
    for name in ("kept", "segments", "billed", "cost", "longest", "fingerprint", "late"):
        assert output[name] == same[name], name
    assert output["reasons"] == {"landline": 1, "not_a_number": 1}
    assert [(one["row"], one["code"]) for one in output["rejected"]] == [
        (5, "landline"), (7, "not_a_number"),
    ]  # fmt: skip
    assert [each["character"] for each in output["advice"]] == ["’"]


# -- nothing is stored


def test_plan_writes_no_file_without_option(shell: Shell) -> None:
    plan(shell)
    plan(shell, "--json")

    assert files(shell) == {"clients.csv"}


def test_line_of_numbers_is_not_planned_as_one_recipient(shell: Shell) -> None:
    shell.write("0639980001,0639980002,0639980003\n")

    result = shell("plan", "clients.csv", "--text", "Soldes")

    assert result.exit_code == 2
    assert "1 × several_numbers (it holds several numbers: give each its own row" in result.stderr


def test_rejects_option_writes_rejects(shell: Shell) -> None:
    output = plan(shell, "--rejects", "bad.csv")

    assert "rejected rows, with line and reason: bad.csv\n" in output
    assert "landline" in (shell.directory / "bad.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--text", "{{ x"], "“{{” is never closed"),
        (["--text", "x" * 2000], "segments"),
        (["--text", "x", "--strict"], "2 of 5 rows cannot be texted (strict)"),
        (["--text", "x", "--territory", "mars"], "unknown territory 'mars'"),
        (["--text", "x", "--not-after", "2026-11-24T09:00+01:00"], "lies in the past"),
        ([], "give either --text or --text-file"),
    ],
)
def test_submission_that_submit_refuses_is_refused_by_plan(
    shell: Shell, options: list[str], says: str
) -> None:
    result = shell("plan", "clients.csv", "--manifest", "m.csv", "--save", "p.json", *options)

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert files(shell) == {"clients.csv"}


# -- the manifest


def manifest(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_manifest_has_batch_time_and_cost_of_each_recipient(shell: Shell) -> None:
    shell.at(HALF_PAST_SEVEN)
    shell.set(rate=1 / 1200, prices="metropole=0.045")
    numbers(shell, 1200, "many.csv", REUNION + " 00 00 01")

    assert "manifest: m.csv\n" in plan(
        shell, "--manifest", "m.csv", file="many.csv", text="x" * 150
    )

    rows = manifest(shell.directory / "m.csv")
    assert rows[0] == {
        "phone": f"'{people(1)[0]}",  # a spreadsheet would add up a bare plus
        "batch": "1",
        "territory": "metropole",
        "leaves_about": "2027-03-27 19:30+01:00",
        "segments": "2",
        "cost": "0.090",
    }
    assert [row["phone"] for row in rows[:1200]] == [f"'{phone}" for phone in people(1200)]
    by_batch = Counter((row["batch"], row["territory"], row["leaves_about"]) for row in rows)
    assert by_batch == {
        ("1", "metropole", "2027-03-27 19:30+01:00"): 500,
        ("2", "metropole", "2027-03-27 19:50+01:00"): 500,
        ("3", "metropole", "2027-03-30 08:00+02:00"): 200,
        ("4", "la-reunion", "2027-03-30 10:20+04:00"): 1,
    }
    assert rows[-1]["cost"] == ""  # no price is set there


def test_manifest_has_the_batches_that_submit_stores(shell: Shell) -> None:
    name = numbers(shell, 1100, "many.csv", *(f"0692 {n:06d}" for n in range(600)))
    plan(shell, "--manifest", "m.csv", file=name)

    shell("submit", name, "--reference", "r", "--text", "Soldes")

    listed = {(int(row["batch"]), row["phone"][1:]) for row in manifest(shell.directory / "m.csv")}
    assert listed == set(
        shell.rows(
            "SELECT number, phone FROM dispatcher_recipient"
            " JOIN dispatcher_batch AS batch ON batch.id = batch_id"
        )
    )


def test_manifest_marks_messages_that_expire(shell: Shell) -> None:
    shell.at(HALF_PAST_SEVEN)
    shell.set(rate=1 / 1200)

    plan(
        shell,
        *("--manifest", "m.csv", "--not-after", "2027-03-28T00:00+01:00"),
        file=numbers(shell, 1001),
    )

    times = Counter(row["leaves_about"] for row in manifest(shell.directory / "m.csv"))
    assert times["expires"] == 1


@pytest.mark.parametrize("there_before", [False, True])
def test_files_of_a_plan_are_readable_by_owner_only(shell: Shell, there_before: bool) -> None:
    for name in ("m.csv", "p.json"):
        if there_before:
            shell.write("x", name).chmod(0o644)

    plan(shell, "--manifest", "m.csv", "--save", "p.json")

    for name in ("m.csv", "p.json"):
        assert stat.S_IMODE((shell.directory / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("option", ["--manifest", "--save", "--svg"])
def test_file_that_cannot_be_written_is_named(shell: Shell, option: str) -> None:
    result = shell("plan", "clients.csv", "--text", "x", option, "no/such/place")

    assert result.exit_code == 1
    assert "no/such/place" in result.stderr
    assert result.stderr.endswith(": No such file or directory\n")


# -- the picture


def test_svg_option_draws_the_departures(shell: Shell) -> None:
    shell.at(HALF_PAST_SEVEN)

    plan(shell, "--svg", "when.svg")

    root = ElementTree.parse(shell.directory / "when.svg").getroot()
    assert root.findtext("{http://www.w3.org/2000/svg}title") == (
        "2 messages in 1 batch: when they leave"
    )
    desc = root.findtext("{http://www.w3.org/2000/svg}desc") or ""
    assert "Metropolitan France: 2 messages from Saturday 27 March 19:30" in desc


# -- submit --plan


def approved(shell: Shell, *options: object, text: str = TEXT) -> dict[str, Any]:
    plan(shell, "--save", "p.json", *options, text=text)
    saved: dict[str, Any] = json.loads((shell.directory / "p.json").read_bytes())
    return saved


def submit(shell: Shell, *options: object, text: str = TEXT, reference: str = "r") -> Any:
    return shell(
        *("submit", "clients.csv", "--reference", reference, "--text", text),
        *("--plan", "p.json", *options),
    )


def test_unchanged_submission_with_its_plan_is_stored(shell: Shell) -> None:
    saved = approved(shell, "--sender", "Moi")

    result = submit(shell, "--sender", "Moi")

    assert result.exit_code == 0, result.output
    assert shell.rows("SELECT count(*) FROM dispatcher_recipient") == [(saved["kept"],)]


def test_approved_plan_is_stored_an_hour_later(shell: Shell) -> None:
    approved(shell)
    shell.at(BEFORE_EASTER)

    assert submit(shell).exit_code == 0


def test_approved_plan_submitted_twice_is_one_campaign(shell: Shell) -> None:
    approved(shell)
    submit(shell)

    again = submit(shell)

    assert again.exit_code == 0
    assert "submitted before: nothing was added" in again.stdout


@pytest.mark.parametrize(
    ("options", "text", "clients", "setting"),
    [
        pytest.param([], "Autre chose", None, {}, id="another text"),
        pytest.param(["--sender", "Autre"], TEXT, None, {}, id="another sender"),
        pytest.param(["--not-after", "2026-11-30T18:00+01:00"], TEXT, None, {}, id="a deadline"),
        pytest.param(["--territory", "la-reunion"], TEXT, None, {}, id="another territory"),
        pytest.param(
            ["--transactional", "--reason", "notice"], TEXT, None, {}, id="no STOP mention"
        ),
        pytest.param([], TEXT, "nom;mobile\nZoé;0639980001\n", {}, id="a recipient less"),
        pytest.param(
            [], TEXT, "nom;mobile\nZoë;0639980001\nBob;0639980002\n", {}, id="a name changed"
        ),
        pytest.param([], TEXT, None, {"prices": "metropole=0.05"}, id="a price that rose"),
        pytest.param([], TEXT, None, {"prices": ""}, id="no price any more"),
    ],
)
def test_submission_that_differs_from_its_plan_is_refused(
    shell: Shell,
    options: list[str],
    text: str,
    clients: str | None,
    setting: dict[str, str],
) -> None:
    shell.set(prices="metropole=0.045")
    approved(shell)
    if clients:
        shell.write(clients)
    shell.set(**setting)

    result = submit(shell, *options, text=text)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("dispatcher: this is not the plan that was approved: ")
    assert "; approved were 2 recipients, 2 segments, 0.09 €. Nothing was stored\n" in result.stderr
    assert shell.rows("SELECT count(*) FROM dispatcher_campaign") == [(0,)]
    assert shell.rows("SELECT count(*) FROM dispatcher_recipient") == [(0,)]


def test_longer_stop_mention_is_refused(shell: Shell) -> None:
    text = "x" * 146
    approved(shell, text=text)
    shell.set(stop_budget=15)

    result = submit(shell, text=text)

    assert result.exit_code == 2
    assert "It is now 2 recipients, 4 segments" in result.stderr
    assert "approved were 2 recipients, 2 segments" in result.stderr


def test_existing_campaign_does_not_bypass_an_approval(shell: Shell) -> None:
    approved(shell)
    assert (
        shell("submit", "clients.csv", "--reference", "r", "--text", "Autre chose").exit_code == 0
    )

    result = submit(shell, text="Autre chose")

    assert result.exit_code == 2
    assert "not the plan that was approved" in result.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(None, "--plan p.json: No such file or directory", id="no file"),
        pytest.param("", "is not a plan", id="empty"),
        pytest.param("\xff\xfe", "is not a plan", id="not text"),
        pytest.param("[1]", "is not a plan", id="a list"),
        pytest.param('{"fingerprint": "x"}', "is not a plan", id="half of one"),
        pytest.param(
            '{"fingerprint": 1, "kept": 2, "segments": 2, "cost": null}',
            "is not a plan",
            id="a number",
        ),
        pytest.param("[" * 100_000, "is not a plan", id="nested without end"),
    ],
)
def test_file_that_is_not_a_plan_is_refused(shell: Shell, content: str | None, says: str) -> None:
    if content is not None:
        (shell.directory / "p.json").write_bytes(content.encode("latin-1"))

    result = submit(shell)

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert shell.dispatcher().campaigns() == []


# -- the library


def test_library_refuses_a_submission_that_differs_from_its_plan(shell: Shell) -> None:
    dispatcher: Dispatcher = shell.dispatcher()
    approval = dispatcher.plan("Soldes", people(3)).fingerprint

    with pytest.raises(PlanChanged, match="It is now 4 recipients, 4 segments"):
        dispatcher.submit("soldes", "Soldes", people(4), approved=approval)
    with pytest.raises(PlanChanged):
        dispatcher.plan("Soldes", people(4), approved=approval)
    assert dispatcher.campaigns() == []

    # in another order it is the same list
    dispatcher.submit("soldes", "Soldes", people(3)[::-1], approved=approval)
    assert dispatcher.progress("soldes").recipients == 3


def test_plan_passes_each_batch_to_the_callback(shell: Shell) -> None:
    seen: list[PlannedBatch] = []

    made = shell.dispatcher().plan(
        "x" * 150, people(1001), each=lambda batch, _: seen.append(batch)
    )

    assert [len(batch.messages) for batch in seen] == [500, 500, 1]
    assert {len(batch.segments) for batch in seen} == {500, 1}
    assert sum(batch.total_segments for batch in seen) == made.segments == 2002


# -- lint


def test_lint_shows_the_text_as_it_arrives(shell: Shell) -> None:
    result = shell("lint", "--text", "Fête d’hiver")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "1 segment of GSM-7: 26 characters with 14 for the STOP mention, 134 to spare",
        "  Fete d'hiver",
        "ê becomes “e”.",
        "’ becomes “'”.",
    ]
    assert files(shell) == {"clients.csv"}


@pytest.mark.parametrize(
    ("text", "options", "head"),
    [
        pytest.param(
            "x" * 146, [], "1 segment of GSM-7: 160 characters with 14 for the STOP", id="just fits"
        ),
        pytest.param(
            "x" * 147, [], "2 segments of GSM-7: 161 characters with 14 for the STOP", id="STOP"
        ),
        pytest.param(
            "x" * 147, ["--transactional"], "1 segment of GSM-7: 147 characters, 13", id="no STOP"
        ),
        pytest.param("x STOP au 36180", [], "1 segment of GSM-7: 15 characters, 145", id="its own"),
        pytest.param("😀", [], "1 segment of UCS-2: 16 characters with 14", id="Unicode"),
    ],
)
def test_lint_counts_the_stop_mention(
    shell: Shell, text: str, options: list[str], head: str
) -> None:
    assert shell("lint", "--text", text, *options).stdout.startswith(head)


def test_lint_shows_field_names_as_their_values(shell: Shell) -> None:
    shell.write("Bonjour {{ prenom }} {{ ville | default('') }}!\n", "text.txt")

    output = shell("lint", "--text-file", "text.txt").stdout.splitlines()

    assert output[1:] == [
        "reckoned with the names of the fields: prenom, ville",
        "  Bonjour prenom ville!",
        "arrives as written",
    ]


def test_lint_prints_json(shell: Shell) -> None:
    assert json.loads(shell("lint", "--text", "été ê", "--json").stdout) == {
        "encoding": "GSM-7",
        "units": 19,
        "segments": 1,
        "stop": 14,
        "spare": 141,
        "arrives": "été e",
        "advice": [{"character": "ê", "count": 1, "becomes": "e", "message": "ê becomes “e”."}],
        "warnings": [],
    }


@pytest.mark.parametrize("text", ["", "{{ x", "\x07", "x" * 1600])
def test_lint_refuses_an_unsendable_text(shell: Shell, text: str) -> None:
    result = shell("lint", "--text", text)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("dispatcher: ")


@pytest.mark.parametrize("letters", [1520, 1530])
def test_lint_refuses_a_text_too_long_with_the_stop_mention_as_plan_does(
    shell: Shell, letters: int
) -> None:
    text = "a" * letters
    lint = shell("lint", "--text", text)
    refused = shell("plan", "clients.csv", "--text", text)

    assert (lint.exit_code, lint.stderr) == (refused.exit_code, refused.stderr)
    assert (lint.exit_code, lint.stdout) == (2, "")
    assert "11 segments with the STOP mention" in lint.stderr
    assert shell("lint", "--text", text, "--transactional").exit_code == 0


def test_lint_shows_a_text_in_unicode_as_it_arrives(shell: Shell) -> None:
    output = shell("lint", "--text", "Ça va François ? 🌸").stdout.splitlines()

    assert output[1:] == [
        "  Ça va François ? 🌸",
        "🌸 needs Unicode: 1 segment with such characters, 1 without.",
        "the text needs Unicode for “🌸”: a segment has 70 characters, not 160",
    ]


def test_lint_refuses_unicode_where_the_account_cannot_send_it(shell: Shell) -> None:
    shell.set(unicode="false")

    result = shell("lint", "--text", "Bonjour 🌸")

    assert result.exit_code == 2
    assert "needs Unicode, which this account does not send" in result.stderr


def test_lint_asks_whether_a_field_of_another_program_is_meant(shell: Shell) -> None:
    output = shell("lint", "--text", "Bonjour %PRENOM%").stdout

    assert "“%PRENOM%” is sent as it is written: did you mean {{ prenom }}?" in output


@pytest.mark.parametrize(
    "written", ["Bonjour\\nLigne 2", "Bonjour\\r\\nLigne 2", "Bonjour\nLigne 2"]
)
def test_backslash_n_of_a_shell_is_a_line_break(shell: Shell, written: str) -> None:
    output = shell("lint", "--text", written).stdout.splitlines()

    assert output[1:] == ["  Bonjour", "  Ligne 2", "arrives as written"]
    shell("submit", "clients.csv", "--reference", "deux", "--text", written)
    assert shell.rows("SELECT text FROM dispatcher_campaign") == [("Bonjour\nLigne 2",)]


# -- values


def test_plan_says_what_values_do_to_the_text(shell: Shell) -> None:
    shell.write(
        "mobile;nom;lien\n0639980001;Zoé 🌸;https://ex.fr/a\n0639980002;Noël;https://ex.fr/~z|b\n"
        "0639980003;;https://ex.fr/a\n"
    )
    output = planned(shell, text="{{ nom }}, {{ lien }}" + "x" * 60)

    assert (output["segments"], output["batches"]) == (3, 2)
    assert output["warnings"] == [
        (
            '1 row without “nom” cannot be texted: {{ nom | default("…") }} says what stands in its'
            " place"
        ),
        "1 of 2 needs Unicode for “🌸”: 2 segments instead of 1 (line 2)",
        "1 of 2 loses an accent: “Noël” arrives as “Noel” (line 3)",
        "~ | in “lien” arrive as other characters or not at all: 1 of 2 (line 3)",
        "no price is set for metropole (DISPATCHER_PRICES)",
    ]
    assert list(output["reasons"]) == [
        'The field “nom” is missing or empty; {{ nom | default("…") }} gives it a default.'
    ]


def test_list_without_any_value_is_refused_with_the_field(shell: Shell) -> None:
    shell.write("mobile;prenom\n0639980001;\n0639980002; \n")
    result = shell("plan", "clients.csv", "--text", "Bonjour {{ prenom }}")

    assert result.exit_code == 2
    assert '{{ prenom | default("…") }}' in result.stderr


def test_submit_says_what_plan_warns_of(shell: Shell, caplog: pytest.LogCaptureFixture) -> None:
    shell.write("mobile;nom\n0639980001;Zoé 🌸\n0639980002;Noël\n0639980003;a~b\n")
    arguments = "clients.csv", "--text", "Bonjour {{ nom }}, {prenom}"
    shell("submit", *arguments, "--reference", "une")
    expected = json.loads(shell("plan", *arguments, "--json").stdout)["warnings"]
    assert len(expected) == 6
    caplog.clear()

    output = shell("submit", *arguments, "--reference", "autre").stdout.splitlines()

    at = output.index("warnings")
    assert output[at + 1 : at + 7] == [f"  {warning}" for warning in expected]
    assert expected[-1] == "the same text reaches 3 of these people within 7 days under 'une'"
    logged = [record.getMessage() for record in caplog.records]
    assert len([line for line in logged if line.startswith("campaign 2: ")]) == 6
    assert not any(part in line for part in ("🌸", "Noel", "Noël", "63998") for line in logged)
    again = json.loads(shell("submit", *arguments, "--reference", "autre", "--json").stdout)
    assert (again["already_submitted"], again["warnings"]) == (True, expected[:-1])


# -- window --days


def test_window_with_days_draws_them(shell: Shell) -> None:
    output = shell("window", "--at", BEFORE_EASTER.isoformat(), "--days", 4).stdout.splitlines()

    assert output[-4].split() == [
        word for day in ("Sat 27", "Sun 28", "Mon 29", "Tue 30") for word in (*day.split(), "Mar")
    ]
    assert output[-2].startswith("Metropolitan France  ░░░░░░░░            ░░░░")
    assert output[-1] == "hours of Paris; ░ closed, ▼ now"


def test_window_json_has_the_opening_hours_of_its_days(shell: Shell) -> None:
    arguments = ("window", "--at", BEFORE_EASTER.isoformat(), "--json")

    output = json.loads(shell(*arguments, "--days", 4).stdout)

    assert output["spans"][2] == {
        "starts": "2027-03-27T19:00:00+00:00",
        "ends": "2027-03-30T06:00:00+00:00",
        "why": "Sunday, Easter Monday",
    }
    assert "spans" not in json.loads(shell(*arguments).stdout)


def test_long_plan_is_drawn_for_two_weeks_at_most(shell: Shell) -> None:
    shell.set(rate=1 / 36_000)  # one or two batches a day

    plan(
        shell,
        "--svg",
        "x.svg",
        file=numbers(shell, 9999, "many.csv", *(f"0692 {n:06d}" for n in range(2000))),
    )

    desc = ElementTree.parse(shell.directory / "x.svg").getroot()[1].text or ""
    assert desc.startswith("14 days from Tuesday 24 November 2026")
