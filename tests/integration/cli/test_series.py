"""``dispatcher series``, and the page that describes it."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dispatcher.cli.campaign_options import text_of
from dispatcher.cli.main import cli
from dispatcher.settings import PREFIX
from tests.integration.bench import people

PAGE = Path(__file__).parents[3] / "docs/series.md"
RULE = ("--rule", "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10")
TEXT = ("--text", "Bonjour {{ prenom }}")
LIST = ("--list", "clients.csv")


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, ["series", *args])


def do(*args: str) -> str:
    result = run(*args)
    assert result.exit_code == 0, result.output
    return result.output


def shown(name: str = "weekly-offer") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(do("show", name, "--json"))
    return found


@pytest.fixture(autouse=True)
def tuesday(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a list, on a Tuesday."""
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    monkeypatch.chdir(tmp_path)
    offset = (at - datetime.now(UTC)).total_seconds()
    for name, value in (
        ("DATABASE_URL", f"sqlite:///{tmp_path / 'own.db'}"),
        ("SENDER", "MaBoutique"),
        ("API_URL", "http://127.0.0.1:9/v1"),  # nobody is there
        ("CLOCK_OFFSET", f"{offset}"),
    ):
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    one, two = people(2)
    Path("clients.csv").write_text(f"portable;prenom\n{one};Zoé\n{two};Luc\n", encoding="utf-8")


def blocks(language: str) -> list[str]:
    page = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_commands_of_the_page_do_what_it_shows() -> None:
    added, *others = [
        shlex.split(line)
        for block in blocks("sh")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    [printed] = blocks("text")
    where = r"/\S*/clients.csv"
    said = re.sub(where, "LIST", do(*added[2:]))
    assert re.sub(r"by .* \(", "by luc (", said) == re.sub(where, "LIST", printed)
    for words in others:
        assert words[:2] == ["dispatcher", "series"]
        do(*words[2:])
    found = shown()
    assert found["state"] == "ended"
    assert [one["reason"].partition(": ")[2] for one in found["occurrences"]] == ["grève"]


def test_program_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    [program] = blocks("python")
    exec(compile(program, "docs/series.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "2026-11-27 09:00:00+00:00"
    assert len(printed) == 5
    assert shown()["options"] == {"tags": ["shop-lyon"]}


def test_rules_of_the_page_are_rules() -> None:
    rules = re.findall(r"^\| `(FREQ=[^`]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(rules) == 5
    for number, rule in enumerate(rules):
        do("add", f"offer-{'abcde'[number]}", "--rule", rule, *LIST, *TEXT)


def test_series_leaves_out_people_of_other_campaigns() -> None:
    lyon = CliRunner().invoke(cli, ["submit", "clients.csv", "--reference", "lyon", *TEXT])
    assert lyon.exit_code == 0, lyon.output
    options = ("--except-campaign", "lyon", "--only-campaign", "lyon:silent")
    refused = run("add", "weekly-offer", *RULE, *LIST, *TEXT, *options)
    assert "except_campaign and only_campaign both name 'lyon': nobody is left" in refused.output
    do("add", "weekly-offer", *RULE, *LIST, *TEXT, *options[2:])
    assert shown()["options"] == {"only_campaign": "lyon:silent"}
    assert "of them wait until it is certain what becomes of them in" in do("plan", "weekly-offer")


def test_series_is_listed_shown_planned_and_changed() -> None:
    CliRunner().invoke(cli, ["migrate"])
    assert "there is no series" in do()
    options = ("--missed", "skip", "--tag", "b", "--priority", "low", "--column", "portable")
    do("add", "weekly-offer", *RULE, *LIST, *TEXT, "--not-after", "90min", *options)
    assert "Friday 10:00" in do("list")
    found = shown()
    assert found["options"] == {"tags": ["b"], "priority": "low"}
    assert (found["not_after"], found["missed"]) == (5400, "skip")
    assert found["reading"] == {"column": "portable"}
    plan = do("plan", "weekly-offer")
    assert "2 recipients kept of 2 rows" in plan
    assert "2 messages from Friday 10:00 on" in plan
    assert json.loads(do("plan", "weekly-offer", "--json"))["kept"] == 2

    do("change", "weekly-offer", "--not-after", "none", "--tag", "c", "--lead", "1d")
    found = shown()
    assert found["options"] == {"tags": ["c"], "priority": "low"}
    assert (found["not_after"], found["lead"], found["version"]) == (None, 86_400, 2)
    assert "read 1 d before" in do("show", "weekly-offer")


def test_change_of_one_column_keeps_the_others_until_they_are_taken_away() -> None:
    one, two = people(2)
    Path("clients.csv").write_text(
        f"portable;autre;prenom;vu\n{one};{two};Zoé;2026-11-01\n", encoding="utf-8"
    )
    do("add", "weekly-offer", *RULE, *LIST, *TEXT, "--column", "portable")
    do("change", "weekly-offer", "--last-contact-column", "vu")
    assert shown()["reading"] == {"column": "portable", "last_contact_column": "vu"}
    do("change", "weekly-offer", *LIST, "--key-column", "prenom", "--last-contact-column", "")
    assert shown()["reading"] == {"column": "portable", "key_column": "prenom"}


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("add", "x", *RULE, *LIST), 2, "give either --text or --text-file"),
        (("add", "x", *RULE, "--list", "none.csv", *TEXT), 2, "cannot open"),
        (("add", "x", "--rule", "FREQ=MINUTELY", *LIST, *TEXT), 2, "more often than hourly"),
        (("add", "x", *RULE, *LIST, *TEXT, "--lead", "soon"), 2, "--lead is a duration"),
        (("add", "x", *RULE, *LIST, *TEXT, "--over", "soon"), 2, "--over is a duration"),
        (("add", "x", *RULE, *LIST, *TEXT, "--per-hour", "0"), 2, "per_hour is 1 to"),
        (("add", "x", *RULE, *LIST, *TEXT, "--since", "soon"), 2, "--since 'soon' is no day"),
        (("add", "x", *RULE, *LIST, *TEXT, "--field", "a"), 2, "--field 'a' is no pair"),
        (("add", "x", *RULE, *LIST, *TEXT, "--transactional"), 2, "give a reason"),
        (("show", "x"), 1, "no series 'x'"),
        (("change", "weekly"), 1, "no series 'weekly'"),
        (("end", "x"), 1, "no series 'x'"),
    ],
)
def test_command_that_cannot_be_done_says_so_in_one_sentence(
    args: tuple[str, ...], code: int, says: str
) -> None:
    CliRunner().invoke(cli, ["migrate"])
    result = run(*args)
    assert result.exit_code == code, result.output
    assert says in result.output
    assert "Traceback" not in result.output


def test_series_is_smoothed_by_one_kind_at_a_time() -> None:
    do("add", "weekly-offer", *RULE, *LIST, *TEXT, "--per-hour", "2000")
    assert shown()["options"] == {"per_hour": 2000}
    assert "smoothed: about 2,000 messages an hour" in do("plan", "weekly-offer")
    do("change", "weekly-offer", "--over", "6h")
    assert shown()["options"] == {"over": 21_600}


def test_series_is_smoothed_until_that_is_taken_away() -> None:
    do("add", "weekly-offer", *RULE, *LIST, *TEXT, "--over", "6h", "--tag", "lyon")
    do("change", "weekly-offer", "--no-smoothing")
    assert shown()["options"] == {"tags": ["lyon"]}
    assert "smoothed" not in do("plan", "weekly-offer")
    do("change", "weekly-offer", "--no-smoothing", "--priority", "high")
    assert shown()["options"] == {"tags": ["lyon"], "priority": "high"}


def test_smoothing_is_not_given_and_taken_away_at_once() -> None:
    do("add", "weekly-offer", *RULE, *LIST, *TEXT, "--over", "6h")
    refused = run("change", "weekly-offer", "--no-smoothing", "--per-hour", "100")
    assert refused.exit_code == 2
    assert "takes away what --per-hour and --over say" in refused.output
    assert shown()["options"] == {"over": 21_600}


def test_series_whose_occurrences_cannot_be_smoothed_is_refused_when_it_is_set_up() -> None:
    result = run("add", "x", *RULE, *LIST, *TEXT, "--over", "12h", "--not-after", "5h")
    assert result.exit_code == 2
    assert "over 12 h does not fit" in result.output


def test_who_approves_a_series_reads_all_that_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--transactional", "--why", "avis", "--sender", "BANQUE", "--tag", "lyon")
    do("add", "weekly-offer", *RULE, *LIST, "--text", "missed: no", *options, "--over", "6h")
    monkeypatch.setenv(f"{PREFIX}LANGUAGE", "fr")
    lines = run("approve", "weekly-offer", "--recipients", "5").output.splitlines()
    assert lines[0] == "missed: no"  # the text, which is in no language of the library
    monkeypatch.setenv(f"{PREFIX}LANGUAGE", "en")
    lines = run("approve", "weekly-offer", "--recipients", "5").output.splitlines()
    assert {
        "  kind      not commercial: avis",
        "  sender    BANQUE",
        "  tags      lyon",
        "  smoothed  evenly over 6 h of opening hours",
    } <= set(lines)


def test_series_says_whom_it_leaves_out_and_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for reference in ("soldes", "hiver"):
        submit = ("submit", "clients.csv", "--reference", reference, "--text", reference)
        assert CliRunner().invoke(cli, submit).exit_code == 0
    others = ("--except-campaign", "soldes", "--only-campaign", "hiver:silent")
    own = ("--territory", "la-reunion", "--consent", "column:accord")
    one, two = people(2)
    rows = f"portable;prenom;accord\n{one};Zoé;2026-01-02\n{two};Luc;2026-01-02\n"
    Path("clients.csv").write_text(rows, encoding="utf-8")
    lines = do("add", "weekly-offer", *RULE, *LIST, *TEXT, *others, *own).splitlines()
    assert {
        "  without   the people of soldes",
        "  only      the people of hiver:silent",
        "  consents  column:accord",
        "  where     La Réunion",
    } <= set(lines)
    monkeypatch.setenv(f"{PREFIX}LANGUAGE", "fr")
    french = do("show", "weekly-offer")
    assert "  sauf      les personnes de soldes" in french
    assert "  seulement les personnes de hiver:silent" in french


def test_end_asks_first() -> None:
    do("add", "weekly-offer", *RULE, *LIST, *TEXT)
    result = run("end", "weekly-offer")
    assert result.exit_code == 2
    assert shown()["state"] == "running"
    do("end", "weekly-offer", "--yes")
    assert shown()["state"] == "ended"


def test_change_of_a_series_that_somebody_else_changes_meanwhile_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    do("add", "weekly-offer", *RULE, *LIST, *TEXT)

    def read(*given: str | None) -> str:
        with monkeypatch.context() as patch:
            patch.setattr("dispatcher.cli.series_options.text_of", text_of)
            do("change", "weekly-offer", "--text", "Celui de Luc")
        return text_of(*given)

    monkeypatch.setattr("dispatcher.cli.series_options.text_of", read)
    refused = run("change", "weekly-offer", "--text", "Celui de Zoé")
    assert refused.exit_code != 0
    assert "was changed meanwhile: look at it again" in refused.output
    assert shown()["text"] == "Celui de Luc"


def test_series_is_approved_up_to_a_cap_by_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}APPROVAL", "required")
    monkeypatch.setenv(f"{PREFIX}PRICES", "metropole=0.04")
    do("add", "weekly-offer", *RULE, *LIST, *TEXT)
    cap = ("--recipients", "500", "--euros", "30")
    assert "has written in this series" in run("approve", "weekly-offer", *cap, "--yes").output
    monkeypatch.setattr("dispatcher.api.actor._system_user", lambda: "ada")
    assert "confirm it by --yes" in run("approve", "weekly-offer", *cap).output
    assert shown()["approval"] is None

    said = do("approve", "weekly-offer", *cap, "--yes", "--reason", "lu")
    assert (
        "  approved  by ada (system user) on Tuesday 11:00, up to 500 recipients and 30 € each"
        in said
    )
    assert shown()["approval"]["recipients"] == 500

    assert "approved  no longer" in do("change", "weekly-offer", "--missed", "skip")
    assert shown()["approval"] is None
    monkeypatch.setattr("dispatcher.api.actor._system_user", lambda: "luc")
    do("approve", "weekly-offer", "--recipients", "10", "--yes")
    do("end-approval", "weekly-offer", "--reason", "trop souvent")
    assert shown()["approval"] is None
