"""``dispatcher opt-outs``: what each command does, says, and never says."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import Result

from dispatcher.cli import confirm as consent
from dispatcher.sandbox.process import Sandbox
from tests.integration.cli.test_commands import CLIENTS, Shell, command, in_terminal

ANNE, BRUNO, CHLOE = (f"+3363998000{n}" for n in range(3))
RUBBISH = """client;mobile;depuis
1;06 39 98 00 00;2026-01-05
2;néant;2026-01-06
3;=cmd|' /C calc'!A0;2026-01-07
4;+33639980001;2026-01-08
5;0639980001;2026-01-09

6;01 99 00 00 00;2026-01-10
7;;2026-01-11
"""


class OptOutShell(Shell):
    """A ``Shell`` for the commands of this group."""

    def opt_outs(self, *arguments: object, stdin: str | bytes | None = None) -> Result:
        return self("opt-outs", *arguments, stdin=stdin)

    def done(self, *arguments: object, stdin: str | bytes | None = None) -> str:
        """What a command says that does what was asked."""
        result = self.opt_outs(*arguments, stdin=stdin)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result.stdout

    def refused(self, *arguments: object, exit_code: int = 2) -> str:
        """The one sentence with which a command ends that has changed nothing."""
        before = self.kept()
        result = self.opt_outs(*arguments)
        assert (result.exit_code, result.stdout) == (exit_code, ""), result.output
        assert result.stderr.startswith("dispatcher: ")
        assert result.stderr.count("\n") == 1
        assert not told_of_somebody(result.stderr)
        assert self.kept() == before
        return result.stderr.removeprefix("dispatcher: ").rstrip("\n")

    def kept(self) -> list[tuple[str, ...]]:
        tables = ("opt_out", "opt_out_event", "meta")
        rows = [row for table in tables for row in self.rows(f"SELECT * FROM dispatcher_{table}")]
        # the migration gives an empty list its version, and an attempt may go on record
        return [row for row in rows if row[0] not in {"opt_outs_version", "record_head"}]

    def phones(self) -> list[str]:
        return [
            phone for (phone,) in self.rows("SELECT phone FROM dispatcher_opt_out ORDER BY phone")
        ]


def told_of_somebody(text: str) -> bool:
    """Whether digits in a row, with or without separators, may be one of our numbers."""
    return "63998" in "".join(filter(str.isalnum, text))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_tables: Path) -> OptOutShell:
    shell = OptOutShell(tmp_path, monkeypatch)
    shutil.copy(empty_tables, shell.directory / "dispatcher.db")
    return shell


# -- add, list, remove, history


def test_number_in_any_spelling_is_added(shell: OptOutShell) -> None:
    output = shell.done("add", "06 39 98 00 00", BRUNO, "--reason", "rang us")

    assert output == "2 numbers added\n"
    assert shell.phones() == [ANNE, BRUNO]
    assert shell.done("add", "0639980001", CHLOE, CHLOE) == "1 number added, 1 listed before\n"


def test_opted_out_number_is_excluded_from_the_next_campaign(shell: OptOutShell) -> None:
    shell.done("add", "0639980001")
    shell.write(CLIENTS)

    shell.submit()

    messages = json.loads(shell("progress", "soldes", "--json").stdout)["messages"]
    assert (messages["pending"], messages["opted_out"]) == (1, 1)


def test_list_masks_numbers_without_the_option_for_whole_numbers(shell: OptOutShell) -> None:
    shell.done("add", ANNE, "--reason", "rang us")

    masked, full = shell.done("list"), shell.done("list", "--full")

    assert masked.splitlines() == [
        "+336••••••00      2026-11-24 10:00  by hand  rang us",
        "1 number opted out",
    ]
    assert full.splitlines()[0].startswith(f"{ANNE}      2026-11-24 10:00")


def test_list_prints_json(shell: OptOutShell) -> None:
    shell.done("add", ANNE, "--reason", "rang us")

    (masked,) = json.loads(shell.done("list", "--json"))
    (full,) = json.loads(shell.done("list", "--json", "--full"))

    assert masked == full | {"phone": "+336••••••00"}
    assert (full["phone"], full["source"], full["reason"]) == (ANNE, "by hand", "rang us")
    assert full["since"].startswith("2026-11-24T09:00:0")


def test_terminal_shows_no_whole_number(shell: OptOutShell) -> None:
    shell.done("add", ANNE)

    assert "+336••••••00" in in_terminal(command("opt-outs", "list"))


def test_empty_list_prints_that_it_is_empty(shell: OptOutShell) -> None:
    assert shell.done("list") == "nobody opted out\n"
    assert shell.done("list", "--json") == "[]\n"


def test_removed_number_leaves_its_reason_on_record(shell: OptOutShell) -> None:
    shell.done("add", ANNE, "--reason", "rang us")

    output = shell.done("remove", "06 39 98 00 00", "--reason", "signed the form")

    assert output.startswith("the number is off the list")
    assert shell.phones() == []
    first, second, last = shell.done("history", "0639980000").splitlines()
    assert first.startswith("2026-11-24 10:00  add     by hand, by ")
    assert first.endswith("  rang us")
    assert second.startswith("2026-11-24 10:00  remove  by hand, by ")
    assert second.endswith("  signed the form")
    assert last == "not on the list"


def test_removing_an_unlisted_number_is_refused(shell: OptOutShell) -> None:
    output = shell.refused("remove", ANNE, "--reason", "signed", exit_code=1)

    assert output == "this number is not on the list"


@pytest.mark.parametrize("options", [[], ["--reason", " "]], ids=["none", "blank"])
def test_removing_without_a_reason_is_refused(shell: OptOutShell, options: list[str]) -> None:
    shell.done("add", ANNE)

    result = shell.opt_outs("remove", ANNE, *options)

    assert result.exit_code == 2
    assert "reason" in result.stderr
    assert shell.phones() == [ANNE]


def test_history_of_unknown_number_is_empty(shell: OptOutShell) -> None:
    assert shell.done("history", ANNE) == "not on the list\n"


# -- numbers that are none, and command lines that are wrong


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["add", ANNE, "01 99 00 00 00"], "number 2 cannot be texted: landline"),
        (["add", "+33", "6", "39", "98", "00", "00"], "number 1 cannot be texted: too_short"),
        (["add", "06399800010639980002"], "number 1 cannot be texted: too_long"),
        (["add", "hello"], "number 1 cannot be texted: not_a_number"),
        (["add", ""], "number 1 cannot be texted: empty"),
        (["remove", "063998", "--reason", "x"], "the number cannot be texted: too_short"),
        (["history", "06399800"], "the number cannot be texted: too_short"),
        (["erase", "06399800", "--yes"], "the number cannot be texted: too_short"),
    ],
)
def test_invalid_number_is_refused(shell: OptOutShell, arguments: list[str], says: str) -> None:
    assert shell.refused(*arguments) == f"{says}; nothing was changed"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["remove", ANNE, BRUNO, "--reason", "x"], id="one too many"),
        pytest.param(["remove", "06", "39", "98", "00", "00", "--reason=x"], id="no quotes"),
        pytest.param(["0639980000"], id="no command"),
        pytest.param(["--0639980000"], id="no such option of the group"),
        pytest.param(["add", "--0639980000"], id="no such option"),
        pytest.param(["list", "--full=0639980000"], id="a flag with a value"),
        pytest.param(["history", "0639980000", "-0639980001"], id="an option by its dash"),
    ],
)
def test_wrong_command_line_is_not_repeated(shell: OptOutShell, arguments: list[str]) -> None:
    result = shell.opt_outs(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert not told_of_somebody(result.stderr)
    assert shell.kept() == []


def test_hidden_command_line_is_explained(shell: OptOutShell) -> None:
    result = shell.opt_outs("remove", ANNE, BRUNO, "--reason", "x")

    assert result.stderr.splitlines()[-1] == (
        "Error: wrong usage, not repeated here: it may hold a number."
        " A number with spaces needs quotes."
    )


def test_wrong_command_line_without_a_number_is_explained(shell: OptOutShell) -> None:
    assert "No such option '--ful'" in shell.opt_outs("list", "--ful").stderr
    assert "No such command 'lits'" in shell.opt_outs("lits").stderr
    assert "Missing argument 'NUMBER...'" in shell.opt_outs("add").stderr
    assert "import" in shell.opt_outs().stderr  # the help


def test_control_characters_of_a_reason_are_not_printed(shell: OptOutShell) -> None:
    output = shell.refused("add", ANNE, "--reason", "\x1b[2J")

    assert output == "a reason has at most 500 printable characters"


# -- import


def test_import_skips_invalid_rows(shell: OptOutShell) -> None:
    shell.write(RUBBISH, "stops.csv")

    result = shell.opt_outs("import", "stops.csv", "--source", "old CRM")

    assert result.exit_code == 0
    assert result.stderr == (
        "dispatcher: warning: 4 rows rejected: whoever is in there may still be texted;"
        " correct the rows and import them again\n"
    )
    output = result.stdout.splitlines()
    assert output[0] == "7 rows: 2 added, 1 listed before or given twice, 4 rejects"
    assert sorted(output[1:7:2]) == ["  1 × empty", "  1 × landline", "  2 × not_a_number"]
    assert sorted(output[2:7:2]) == [
        "      a landline gets no SMS: give a mobile number",
        "      there is no number: give one",
        "      this is no phone number: write its digits",
    ]
    assert output[7:] == ["rejected rows, with line and reason: stops.rejects.csv"]
    assert shell.phones() == [ANNE, BRUNO]
    assert shell.rows("SELECT DISTINCT source FROM dispatcher_opt_out") == [("old CRM",)]
    with (shell.directory / "stops.rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert [row[:5] for row in rows] == [
        ["client", "mobile", "depuis", "line", "reason"],
        ["2", "néant", "2026-01-06", "3", "not_a_number"],
        ["3", "'=cmd|' /C calc'!A0", "2026-01-07", "4", "not_a_number"],
        ["6", "01 99 00 00 00", "2026-01-10", "8", "landline"],
        ["7", "", "2026-01-11", "9", "empty"],
    ]
    assert (shell.directory / "stops.rejects.csv").stat().st_mode & 0o777 == 0o600


def test_strict_import_with_invalid_row_adds_nothing(shell: OptOutShell) -> None:
    shell.write(RUBBISH, "stops.csv")

    output = shell.refused("import", "stops.csv", "--strict", "--rejects", "bad.csv")

    assert output == "4 of 7 rows are no number to text (strict); the reasons are in bad.csv"
    assert (shell.directory / "bad.csv").exists()


def test_import_without_any_number_is_refused(shell: OptOutShell) -> None:
    shell.write("mobile\nnéant\n?\n", "stops.csv")

    output = shell.refused("import", "stops.csv")

    assert output == "none of 2 rows is a number to text; the reasons are in stops.rejects.csv"
    assert (shell.directory / "stops.rejects.csv").exists()


def workbook(*cells: object) -> bytes:
    book = pytest.importorskip("openpyxl").Workbook()
    for cell in cells:
        book.worksheets[0].append([cell])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "options"),
    [
        pytest.param(b"0639980000\r\n0639980001\r\n", [], id="no header"),
        pytest.param("Téléphone;nom\n639980000;É\n639980001;È\n".encode("cp1252"), [], id="cp1252"),
        pytest.param(gzip.compress(b"mobile\n0639980000\n0639980001\n"), [], id="gzip"),
        pytest.param(b"a,b\nx,0639980000\ny,0639980001\n", ["--column", "b"], id="column"),
        pytest.param(
            "téléphone\n0639980000\n0639980001\n".encode("mac-roman"),
            ["--encoding", "mac-roman"],
            id="encoding",
        ),
    ],
)
def test_import_reads_files_as_submit_does(
    shell: OptOutShell, content: bytes, options: list[str]
) -> None:
    shell.write(content, "stops")

    output = shell.done("import", "stops", *options)

    assert output.startswith("2 rows: 2 added, 0 listed before or given twice, 0 rejects\n")
    assert shell.phones() == [ANNE, BRUNO]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            "Téléphone 1;Téléphone 2\n0639980000;0639980001\n0199000000;0639980002\n", id="columns"
        ),
        pytest.param("Mobile pro;GSM;Mobile\n0639980000;0639980001;0639980002\n", id="mobiles"),
        pytest.param("Mobile père;Mobile\n0639980000;0639980001\n;0639980002\n", id="father's"),
        pytest.param("0639980000,0639980001,0639980002\n", id="line"),
        pytest.param("Zoé;0639980000;0639980001\nLuc;;0639980002\n", id="no header"),
        pytest.param("Zoé;0639980000\n" * 30 + "Luc;0639980001;0639980002\n", id="wide row"),
        pytest.param("mobile\n0639980000 / 0639980001\n0639980002 (bureau)\n", id="cell"),
        pytest.param("mobile;nom\n0639980000;0639980001;Zoé\n0639980002;Luc\n", id="too wide"),
    ],
)
def test_import_adds_every_number_of_a_row(shell: OptOutShell, content: str) -> None:
    shell.write(content, "stops.csv")

    output = shell.done("import", "stops.csv")

    assert re.match(r"\d+ rows?: 3 added, \d+ listed before or given twice, 0 rejects\n", output)
    assert shell.phones() == [ANNE, BRUNO, CHLOE]


def test_import_names_the_columns_whose_numbers_count(shell: OptOutShell) -> None:
    shell.write("Téléphone 1;Téléphone 2\n0639980000;0639980001\n", "stops.csv")

    output = shell.done("import", "stops.csv")

    assert output.splitlines()[-1] == ("every number of a row counts: 'Téléphone 1', 'Téléphone 2'")


def test_import_adds_what_is_sure_of_a_row_and_rejects_it(shell: OptOutShell) -> None:
    rows = "Tél 1;Tél 2\n0639980000;06 39 98\n;0639980001 poste 12, 0639980002\n"
    shell.write(rows, "stops.csv")

    result = shell.opt_outs("import", "stops.csv")

    assert result.stdout.startswith("2 rows: 1 added, 0 listed before or given twice, 2 rejects\n")
    assert "  1 × too_short\n" in result.stdout
    assert "  1 × several_numbers\n" in result.stdout
    assert "2 rows rejected: whoever is in there may still be texted" in result.stderr
    assert shell.phones() == [ANNE]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("mobile;territoire\n751234;Nouvelle-Calédonie\n687751235;988\n", []),
        ("mobile;lieu\n751234;Nouvelle-Calédonie\n687751235;988\n", ["--territory-column", "2"]),
        ("751234\n687751235\n", ["--territory", "nouvelle-caledonie"]),
    ],
)
def test_import_reads_numbers_as_those_of_their_territory(
    shell: OptOutShell, content: str, options: list[str]
) -> None:
    shell.write(content, "stops.csv")

    shell.done("import", "stops.csv", *options)

    assert shell.phones() == ["+687751234", "+687751235"]


def test_import_rejects_a_row_of_an_unknown_territory(shell: OptOutShell) -> None:
    shell.write("mobile;territoire\n0639980000;Atlantide\n", "stops.csv")

    result = shell.opt_outs("import", "stops.csv")

    assert "1 × unknown territory 'Atlantide'" in result.stdout
    assert shell.phones() == [ANNE]  # the number may be right all the same


def test_import_reads_standard_input(shell: OptOutShell) -> None:
    result = shell.opt_outs("import", "-", stdin="mobile\n0639980000\nnéant\n")

    assert result.stdout.splitlines()[0].startswith("2 rows: 1 added")
    assert (shell.directory / "rejects.csv").exists()


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        pytest.param(b"", [], "the file is empty", id="empty"),
        pytest.param(b"mobile\n", [], "the file has a header and no recipient", id="header only"),
        pytest.param(
            b"nom;ville\nAnne;Brest\n",
            [],
            "no column name says that it holds phone numbers; name one as column: 'nom', 'ville'",
            id="no column",
        ),
        pytest.param(
            b"mobile;mobile\n0639980000;0639980001\n",
            ["--column", "mobile"],
            "the column 'mobile' is there twice",
            id="a column twice",
        ),
        pytest.param(
            b"mobile\n0639980000\n", ["--column", "gsm"], "no column 'gsm'", id="unknown column"
        ),
        pytest.param(
            b"mobile\n0639980000\n06399\x0080001\n", [], "line 3 holds a NUL byte", id="NUL"
        ),
        pytest.param(
            b'mobile\n0639980000\n"0639980001\n',
            [],
            "the row that begins on line 3 opens a quote that is never closed",
            id="quote",
        ),
        pytest.param(
            b"mobile\n" + b"0639980000\n" * 9000 + b"9" * (1 << 21),
            [],
            "line 9002 is over 1 MB long",
            id="one long line",
        ),
        pytest.param(
            gzip.compress(b"mobile\n" + b"0639980000\n" * 9000)[:-9],
            [],
            "the file is damaged or truncated",
            id="cut gzip",
        ),
        pytest.param(
            b"mobile\n0639980000\n", ["--encoding", "klingon"], "unknown encoding", id="encoding"
        ),
        pytest.param(
            b"mobile\n?\n", ["--rejects", "stops.csv"], "--rejects stops.csv is", id="itself"
        ),
        pytest.param(
            b"mobile\n?\n", ["--rejects", "no/dir.csv"], "the rejects cannot be", id="no folder"
        ),
        pytest.param(
            b"mobile\n0639980000\n",
            ["--source", "\x07"],
            "a source has at most 500 printable characters",
            id="source",
        ),
    ],
)
def test_import_of_unreadable_file_adds_nobody(
    shell: OptOutShell, content: bytes, options: list[str], says: str
) -> None:
    shell.write(content, "stops.csv")

    assert shell.refused("import", "stops.csv", *options).startswith(says)


def test_import_of_missing_file_is_refused(shell: OptOutShell) -> None:
    output = shell.refused("import", "stops.csv")

    assert output == "cannot open stops.csv: No such file or directory"


def test_list_is_read_from_a_workbook(shell: OptOutShell) -> None:
    shell.write(workbook("mobile", 639980000, 639980001.0, "?"), "stops.xlsx")

    output = shell.opt_outs("import", "stops.xlsx").stdout.splitlines()

    assert output[0] == "3 rows: 2 added, 0 listed before or given twice, 1 reject"
    assert shell.phones() == [ANNE, BRUNO]


# -- export


def test_list_is_exported_for_its_owner_alone(shell: OptOutShell) -> None:
    shell.done("add", ANNE, "--reason", "=HYPERLINK(1)")
    target = shell.write("yesterday's", "stops.csv")
    target.chmod(0o644)

    output = shell.done("export", "stops.csv")

    assert output == "1 number exported to stops.csv\n"
    exports = shell.rows("SELECT reason FROM dispatcher_action WHERE verb = 'export'")
    assert exports == [("the opt-out list, to stops.csv",)]
    assert target.stat().st_mode & 0o777 == 0o600
    with target.open(encoding="utf-8-sig", newline="") as file:
        header, row = csv.reader(file, delimiter=";")
    assert header == ["phone", "since", "source", "reason", "keys"]
    # a plus begins a formula, too
    assert (row[0], row[2], row[3]) == (f"'{ANNE}", "by hand", "'=HYPERLINK(1)")
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_export_can_be_imported_elsewhere(shell: OptOutShell) -> None:
    shell.done("add", ANNE, BRUNO, "+262692980000", "--reason", 'said; "stop"')
    shell.done("export", "stops.csv")
    shell.set(database_url=f"sqlite:///{shell.directory / 'elsewhere.db'}")

    output = shell.done("import", "stops.csv")

    assert output == "3 rows: 3 added, 0 listed before or given twice, 0 rejects\n"


def test_export_writes_to_standard_output(shell: OptOutShell) -> None:
    shell.done("add", ANNE)

    lines = shell.done("export", "-").splitlines()

    assert len(lines) == 2
    assert lines[1].startswith(f'"\'{ANNE}";')
    assert not (shell.directory / "-").exists()


def test_export_of_empty_list_is_refused(shell: OptOutShell) -> None:
    output = shell.refused("export", "stops.csv", exit_code=1)

    assert output == "nobody to export: stops.csv was not written"
    assert not (shell.directory / "stops.csv").exists()


def test_unwritable_export_is_refused(shell: OptOutShell) -> None:
    shell.done("add", ANNE)

    output = shell.refused("export", "no/stops.csv", exit_code=1)

    assert output == "the list cannot be written to no/stops.csv: No such file or directory"


# -- erase


def test_erased_number_leaves_a_pseudonym(shell: OptOutShell) -> None:
    shell.done("add", ANNE, BRUNO, "--reason", "rang us")

    output = shell.done("erase", "06 39 98 00 00", "--yes")

    stored = "a pseudonym is stored, so that the number is never texted\n"
    assert output == f"the person is erased: {stored}"
    assert not any(ANNE in map(str, row) for row in shell.kept())
    assert shell.done("history", ANNE).splitlines()[-1] == "opted out"
    last = shell.done("list").splitlines()[-1]
    assert last == "1 number opted out, and 1 erased (only a pseudonym of each is stored)"
    again = shell.done("erase", ANNE, "--yes")
    assert again == f"the person was erased before: {stored}"


def test_erasing_an_unknown_number_is_refused(shell: OptOutShell) -> None:
    output = shell.refused("erase", ANNE, "--yes", exit_code=1)

    assert output == "nothing is stored about this number: nobody is erased"


def test_erasing_needs_a_confirmation(shell: OptOutShell) -> None:
    shell.done("add", ANNE)

    assert shell.refused("erase", ANNE) == "erasing cannot be undone: confirm it by --yes"


def test_erase_answered_no_changes_nothing(
    shell: OptOutShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.done("add", ANNE)
    monkeypatch.setattr(consent, "can_ask", lambda: True)

    result = shell.opt_outs("erase", ANNE, stdin="n\n")

    assert result.exit_code == 1
    assert not told_of_somebody(result.output)
    assert shell.phones() == [ANNE]


# -- sync


def test_sync_adds_the_numbers_of_the_gateway(shell: OptOutShell) -> None:
    with Sandbox(stopped=[ANNE, BRUNO]) as gateway:
        shell.set(api_url=gateway.url, api_key=gateway.key)

        assert shell.done("sync") == "2 new numbers from the gateway's STOP list\n"
        assert shell.done("sync") == "0 new numbers from the gateway's STOP list\n"
        assert len(gateway.requests("/v1/stop-sms/list")) == 2

    assert shell.phones() == [ANNE, BRUNO]


def test_sync_with_push_updates_both_lists(shell: OptOutShell) -> None:
    with Sandbox(stopped=[ANNE]) as gateway:
        shell.set(api_url=gateway.url, api_key=gateway.key, stop_list_push=True)
        shell.done("add", BRUNO)

        assert shell.done("sync").splitlines() == [
            "1 new number from the gateway's STOP list",
            "1 number added to the gateway's STOP list",
        ]
        gateway.configure(stopped=[BRUNO])
        assert shell.done("sync").splitlines() == [
            "0 new numbers from the gateway's STOP list",
            "1 number added to the gateway's STOP list",
            "1 number had come from there and was not on it any more: still opted out here",
        ]
        assert shell.done("remove", ANNE, "--reason", "signed", "--at-gateway") == (
            "the number is off the list and off the gateway's own STOP list\n"
        )
        assert shell.done("sync").startswith("0 new")

    assert shell.phones() == [BRUNO]


def test_sync_with_unreachable_gateway_ends_with_3(shell: OptOutShell) -> None:
    shell.set(api_key="k" * 40)

    output = shell.refused("sync", exit_code=3)

    assert output == "the gateway cannot be reached (DISPATCHER_API_URL)"


def test_sync_without_a_key_is_refused(shell: OptOutShell) -> None:
    assert shell.refused("sync").startswith("DISPATCHER_API_KEY is not set")


def test_first_command_creates_the_database(shell: OptOutShell, tmp_path: Path) -> None:
    shell.set(database_url=f"sqlite:///{tmp_path / 'new.db'}")

    assert shell.done("add", ANNE) == "1 number added\n"


# -- numbers on standard input


def test_numbers_on_standard_input_are_added_and_found(shell: OptOutShell) -> None:
    done = shell.opt_outs("add", "-", stdin=f"{ANNE}\n\n06 39 98 00 77\n".encode())
    asked = shell.opt_outs("history", "-", stdin=ANNE.encode())

    assert done.stdout == "2 numbers added\n"
    assert asked.stdout.endswith("opted out\n")


@pytest.mark.parametrize("given", [b"", b"06 39 98 00 01\n06 39 98 00 02\n"])
def test_one_number_on_standard_input_must_be_one(shell: OptOutShell, given: bytes) -> None:
    result = shell.opt_outs("erase", "-", "--yes", stdin=given)

    assert result.exit_code == 2
    assert "standard input holds" in result.stderr
