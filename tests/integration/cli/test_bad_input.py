"""Whatever is wrong with what was given is said in one sentence, and changes nothing."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import Result

from dispatcher.local.redis import EmbeddedRedis
from dispatcher.sandbox.process import Sandbox
from tests.integration.cli.test_commands import BEFORE_EASTER, CLIENTS, PARIS, Shell
from tests.libraries import needs_workers

HEADER, *PEOPLE = CLIENTS.splitlines(keepends=True)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_tables: Path) -> Shell:
    shell = Shell(tmp_path, monkeypatch)
    shutil.copy(empty_tables, shell.directory / "dispatcher.db")
    shell.write()
    return shell


def refused(shell: Shell, *arguments: object, exit_code: int = 2) -> str:
    """The one sentence with which a command ends that has changed nothing."""
    result = shell(*arguments)
    _check_sentence(result, exit_code)
    for table in ("campaign", "batch", "recipient", "action"):
        assert shell.rows(f"SELECT count(*) FROM dispatcher_{table}") == [(0,)], table
    return result.stderr.removeprefix("dispatcher: ").rstrip("\n")


def submitted(shell: Shell, *options: object, text: str = "Soldes") -> str:
    return refused(shell, "submit", "clients.csv", "--reference", "r", "--text", text, *options)


def _check_sentence(result: Result, exit_code: int) -> None:
    assert (result.exit_code, result.stdout) == (exit_code, ""), result.output
    assert result.stderr.startswith("dispatcher: ")
    assert result.stderr.count("\n") == 1
    assert "063998" not in "".join(filter(str.isalnum, result.stderr))


# -- the key


@needs_workers
@pytest.mark.parametrize("command", [["run"], ["tick"], ["tick", "--inline"]])
def test_missing_key_ends_with_one_sentence(shell: Shell, command: list[str]) -> None:
    assert refused(shell, *command).startswith("DISPATCHER_API_KEY is not set")


@needs_workers
def test_wrong_key_ends_with_one_sentence(shell: Shell) -> None:
    with Sandbox(key="the-right-one") as gateway:
        shell.set(api_url=gateway.url, api_key="the-wrong-one")

        output = refused(shell, "run")

    assert output == "DISPATCHER_API_KEY: the gateway refuses the key (code 10)"


@needs_workers
def test_missing_key_file_ends_with_one_sentence(shell: Shell) -> None:
    shell.set(api_key_file="no-such-file")

    output = refused(shell, "run")

    assert output == "DISPATCHER_API_KEY_FILE cannot be read: No such file or directory"


# -- settings


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("sender", "Ma Boutique", "DISPATCHER_SENDER"),
        ("tick", "soon", "DISPATCHER_TICK"),
        ("api_url", "http://api.example/v1", "DISPATCHER_API_URL"),
        ("database_url", "mysql://localhost/sms", "DISPATCHER_DATABASE_URL"),
        ("ratee", "5", "unknown setting DISPATCHER_RATEE"),
        ("window_clock", "Mars", "DISPATCHER_WINDOW_CLOCK"),
        ("prices", "metropole=0.05,mayotte=-1", "DISPATCHER_PRICES: mayotte: input should be"),
        ("prices", "metropole=0,05", "DISPATCHER_PRICES: write it like metropole=0.045,"),
        ("prices", "metropole=0.05,metropole=0.06", "DISPATCHER_PRICES: a destination is given"),
        ("campaign_recipients", "-1", "DISPATCHER_CAMPAIGN_RECIPIENTS: input should be"),
        ("daily_euros", "-5", "DISPATCHER_DAILY_EUROS: input should be greater than 0"),
        ("daily_euros", "5", "DISPATCHER_DAILY_EUROS needs DISPATCHER_PRICES"),
        ("repeat_mode", "perhaps", "DISPATCHER_REPEAT_MODE: input should be 'warn' or 'block'"),
    ],
)
def test_wrong_setting_is_named(shell: Shell, name: str, value: str, says: str) -> None:
    before = shell.rows("SELECT count(*) FROM dispatcher_campaign")
    shell.set(**{name: value})

    result = shell("submit", "clients.csv", "--reference", "r", "--text", "x")

    _check_sentence(result, 2)
    assert says in result.stderr
    assert shell.rows("SELECT count(*) FROM dispatcher_campaign") == before == [(0,)]


# -- the sender


@pytest.mark.parametrize("sender", ["AB", "MaBoutique12", "Ma Bout", "Été2027", "A_B_C"])
def test_sender_of_wrong_form_is_refused(shell: Shell, sender: str) -> None:
    output = submitted(shell, "--sender", sender)

    assert output == "the sender is not 3 to 11 letters or digits without accents"


# -- the file


@pytest.mark.parametrize(
    ("options", "text", "says"),
    [
        (["--column", "gsm"], "Soldes", "no column 'gsm'; the file has 'nom', 'mobile', 'ville'"),
        (["--territory-column", "dom"], "Soldes", "no column 'dom'; the file has 'nom', "),
        ([], "Bonjour {{ prénom }}", "no column 'prénom'; the file has 'nom', 'mobile', 'ville'"),
        (["--column", "4"], "Soldes", "no column '4'; the file has 'nom', 'mobile', 'ville'"),
    ],
)
def test_unknown_column_is_refused(shell: Shell, options: list[str], text: str, says: str) -> None:
    assert submitted(shell, *options, text=text).startswith(says)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"\n \n\r\n", "the file is empty"),
        (HEADER, "the file has a header and no recipient"),
        # cp1252 after UTF-8: a guess would text "HÃ©lÃ¨ne" to somebody
        ("nom;mobile\nZoé;0639980001\n".encode() + b"Ren\xe9;0639980002\n", "line 3 "),
        (b"nom;mobile\nZo\0;0639980001\n", "line 2 holds a NUL byte, its character 3; "),
        ("mobile;mobile\n0639980001;x\n", "the column 'mobile' is twice in the header"),
        (b"nom;mobile\n" + b"6" * 2_000_000, "line 2 is over 1 MB long"),
        ('nom;mobile\n"Zoé;0639980001\n', "the row that begins on line 2 opens a quote"),
        ("nom;ville\nZoé;Nîmes\n", "no column name says that it holds phone numbers"),
    ],
    ids=[
        "empty",
        "blank",
        "header",
        "two encodings",
        "NUL",
        "a column twice",
        "a line without end",
        "quote",
        "no numbers",
    ],
)
def test_unreadable_file_is_refused(shell: Shell, content: str | bytes, says: str) -> None:
    shell.write(content)

    assert submitted(shell).startswith(says)


def test_missing_file_is_refused(shell: Shell) -> None:
    output = refused(shell, "submit", "nope.csv", "--reference", "r", "--text", "x")

    assert output == "cannot open nope.csv: No such file or directory"


def test_file_in_another_encoding_is_refused(shell: Shell) -> None:
    shell.write(CLIENTS.encode("cp1252"))

    assert submitted(shell, "--encoding", "utf-8").startswith("line 2 is not valid utf-8; ")
    assert submitted(shell, "--encoding", "latin-42") == "unknown encoding 'latin-42'"


def test_cp1252_file_is_accepted(shell: Shell) -> None:
    shell.write(CLIENTS.encode("cp1252"))

    result = shell("submit", "clients.csv", "--reference", "r", "--text", "{{ nom }}")

    assert result.exit_code == 0
    assert ('{"nom":"Zoé"}',) in shell.rows("SELECT fields FROM dispatcher_recipient")


# -- the numbers


def test_unknown_territory_in_a_list_is_named_with_its_row(shell: Shell) -> None:
    shell.write("nom;mobile;territoire\nZoé;0639980001;atlantis\nEva;0639980002;mayotte\n")

    output = submitted(shell, "--strict")

    assert output.startswith("1 of 2 rows cannot be texted (strict)")
    rejects = (shell.directory / "clients.rejects.csv").read_text("utf-8-sig")
    assert '"Zoé";"0639980001";"atlantis";"2";"unknown territory \'atlantis\'; ' in rejects


def test_number_in_arabic_digits_is_accepted(shell: Shell) -> None:
    shell.write("nom;mobile\nZoé;٠٦٣٩٩٨٠٠٠١\nEva;06 39 98 00 ۰۲\n")

    result = shell("submit", "clients.csv", "--reference", "r", "--text", "x")

    assert result.exit_code == 0
    assert shell.rows("SELECT phone FROM dispatcher_recipient") == [
        ("+33639980001",),
        ("+33639980002",),
    ]


def test_invalid_number_is_rejected_with_its_row(shell: Shell) -> None:
    result = shell("submit", "clients.csv", "--reference", "r", "--text", "x")

    assert result.exit_code == 0
    rejects = (shell.directory / "clients.rejects.csv").read_text("utf-8-sig")
    assert '"Eva";"hello";"Lyon";"7";"not_a_number"' in rejects
    assert shell.rows("SELECT count(*) FROM dispatcher_recipient") == [(2,)]


def test_strict_campaign_is_stored_whole_or_not_at_all(shell: Shell) -> None:
    output = submitted(shell, "--strict")

    assert output == (
        "2 of 5 rows cannot be texted (strict): 1 × landline (a landline gets no SMS: give a mobile"
        " number), 1 × not_a_number (this is no phone number: write its digits); the reasons are in"
        " clients.rejects.csv"
    )
    assert "not_a_number" in (shell.directory / "clients.rejects.csv").read_text("utf-8-sig")


def test_list_without_valid_numbers_is_refused(shell: Shell) -> None:
    shell.write(HEADER + PEOPLE[-1])

    output = submitted(shell)

    assert output.startswith("none of 1 rows can be texted: 1 × ")
    assert output.endswith("; the reasons are in clients.rejects.csv")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("clients.csv", "--rejects clients.csv is the file of recipients itself"),
        ("no/such/place.csv", "the rejects cannot be written to no/such/place.csv: No such file"),
    ],
)
def test_unwritable_rejects_file_is_refused(shell: Shell, path: str, says: str) -> None:
    assert submitted(shell, "--rejects", path).startswith(says)

    assert (shell.directory / "clients.csv").read_text("utf-8") == CLIENTS


@pytest.mark.parametrize(
    "command",
    [
        ["submit", "clients.csv", "--reference", "r", "--text", "x", "--rejects", "out"],
        ["plan", "clients.csv", "--text", "x", "--rejects", "out"],
        ["plan", "clients.csv", "--text", "x", "--svg", "out"],
        ["plan", "clients.csv", "--text", "x", "--manifest", "out"],
        ["plan", "clients.csv", "--text", "x", "--save", "out"],
        ["opt-outs", "import", "clients.csv", "--rejects", "out"],
        ["opt-outs", "export", "out"],
        ["recording", "--out", "out"],
        ["sandbox", "--ledger", "out"],
    ],
    ids=" ".join,
)
def test_output_that_is_a_symbolic_link_is_refused_and_its_target_unchanged(
    shell: Shell, command: list[str]
) -> None:
    shell.set(api_key="k")
    if command[0] == "opt-outs":
        shell("opt-outs", "add", "06 39 98 00 99")
    target, link = shell.directory / "target", shell.directory / "out"
    target.write_text("old")
    target.chmod(0o644)
    link.symlink_to(target)

    result = shell(*command)

    assert result.exit_code in {1, 2}
    assert result.stderr.count("\n") == 1
    assert "out" in result.stderr
    assert "it is a symbolic link" in result.stderr
    assert link.is_symlink()
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("old", 0o644)


@pytest.mark.parametrize("option", ["--svg", "--manifest", "--save", "--rejects"])
def test_plan_does_not_write_over_the_file_of_recipients(shell: Shell, option: str) -> None:
    output = refused(shell, "plan", "clients.csv", "--text", "x", option, "clients.csv")

    assert output == f"{option} clients.csv is the file of recipients itself"
    assert (shell.directory / "clients.csv").read_text("utf-8") == CLIENTS


# -- the text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a" * 1531, "The text takes 11 segments; the most is 10."),
        # ten segments, and the STOP mention makes it eleven
        ("a" * 1530, "the text has 11 segments with the STOP mention; the gateway takes"),
        ("", "The text is empty."),
        ("Bonjour {{ nom", "Position 9: “{{” is never closed. Did you mean {{ nom }}?"),
        ("{% for n in range(9) %}{{ n }}{% endfor %}", "Position 1: only {{ field }} and "),
        ("Bonjour {{ nom.__class__ }}", "Position 9: only {{ field }} and "),
        ("Bonjour\x01", "Position 8 holds a control character (U+0001)."),
    ],
    ids=[
        "11 segments",
        "11 segments with STOP",
        "empty",
        "unclosed",
        "a loop",
        "what reaches out",
        "a control character",
    ],
)
def test_unsendable_text_is_refused(shell: Shell, text: str, says: str) -> None:
    assert submitted(shell, text=text).startswith(says)


def test_text_too_long_for_one_recipient_rejects_only_that_recipient(shell: Shell) -> None:
    shell.write(f"nom;mobile\nZoé;0639980001\n{'a' * 1600};0639980002\n")

    output = submitted(shell, "--strict", text="Bonjour {{ nom }}")

    assert output.startswith("1 of 2 rows cannot be texted (strict)")
    assert "11 segments" in (shell.directory / "clients.rejects.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "--text-file text.txt: No such file or directory"),
        (b"\xe9t\xe9", "--text-file text.txt is not UTF-8 text"),
        (b"a" * 70_000, "--text-file text.txt is over 64 KB long: no SMS is"),
    ],
)
def test_unreadable_text_file_is_refused(shell: Shell, content: bytes | None, says: str) -> None:
    if content is not None:
        shell.write(content, "text.txt")

    output = refused(shell, "submit", "clients.csv", "--reference", "r", "--text-file", "text.txt")

    assert output == says


# -- dates


def test_not_after_before_next_opening_is_refused(shell: Shell) -> None:
    shell.at(BEFORE_EASTER)

    output = submitted(shell, "--not-after", "2027-03-29T12:00+02:00")

    assert output == (
        "not_after, Monday 2027-03-29 12:00 in Paris, is before the next opening,"
        " Tuesday 2027-03-30 08:00 (Sunday, Easter Monday)"
    )


@pytest.mark.parametrize("option", ["--not-before", "--not-after"])
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("2027-03-27T20:00", "has no time zone; write 2027-03-27T20:00+01:00"),
        # in summer, Paris is two hours ahead
        ("2027-07-01 08:30", "has no time zone; write 2027-07-01T08:30+02:00"),
        ("2027-03-27", "has no time zone; write 2027-03-27T00:00+01:00"),
    ],
)
def test_instant_without_zone_is_refused(shell: Shell, option: str, values: str, says: str) -> None:
    assert submitted(shell, option, values) == f"{option} {values} {says}"


@pytest.mark.parametrize("option", ["--not-before", "--not-after"])
def test_instant_out_of_range_is_refused(shell: Shell, option: str) -> None:
    at = "9000-01-01T00:00:00+01:00"

    output = submitted(shell, option, at, "--transactional", "--reason", "notice")

    assert output == f"{option[2:].replace('-', '_')} {at} is not within 2000 to 2100"


@pytest.mark.parametrize(
    "command",
    [
        ["window", "--at", "noon"],
        ["window", "--at", "20270327T"],
        ["window", "--at", "2027-03-27T20:00[Europe/Atlantis]"],
        ["window", "--at", "9999-12-31T23:59-12:00"],
        ["window", "--at", "0001-01-01T00:00+05:00"],
    ],
)
def test_text_that_is_not_an_instant_is_refused(shell: Shell, command: list[str]) -> None:
    assert "is no instant; write it like 2027-03-27T20:00+01:00" in refused(shell, *command)


def test_not_after_not_later_than_not_before_is_refused(shell: Shell) -> None:
    at = datetime(2027, 1, 5, 10, tzinfo=PARIS).isoformat()

    output = submitted(shell, "--not-before", at, "--not-after", at)

    assert output == "not_after must be later than not_before"


def test_unknown_territory_is_refused(shell: Shell) -> None:
    for output in (
        submitted(shell, "--territory", "Corse"),
        refused(shell, "window", "--territory", "Corse"),
    ):
        assert output.startswith("unknown territory 'Corse'; the known ones are metropole, ")


# -- the database


def test_unreachable_database_ends_with_3(shell: Shell) -> None:
    good = f"sqlite:///{shell.directory / 'dispatcher.db'}"
    for url in ("sqlite:////no/such/place/x.db", "postgresql://bob:hidden@127.0.0.1:9/sms"):
        for command in (
            ["submit", "clients.csv", "--reference", "r", "--text", "x"],
            ["progress", "r"],
            ["migrate"],
        ):
            shell.set(database_url=url)
            result = shell(*command)
            _check_sentence(result, 3)
            assert any(
                why in result.stderr
                for why in (
                    "the database cannot be used: ",
                    "its folder /no/such/place does not exist",
                )
            )
            assert result.stderr.endswith(
                (" (DISPATCHER_DATABASE_URL)\n", "; or correct DISPATCHER_DATABASE_URL\n")
            )
            assert "hidden" not in result.stderr
    shell.set(database_url=good)
    assert shell.rows("SELECT count(*) FROM dispatcher_campaign") == [(0,)]


# -- Redis


@pytest.fixture
def redis(tmp_path: Path) -> EmbeddedRedis:
    return EmbeddedRedis(tmp_path / "redis")


@needs_workers
def test_redis_with_wrong_password_is_reported(shell: Shell, redis: EmbeddedRedis) -> None:
    with redis:
        shell.set(api_key="any", broker_url=f"redis://:hidden@127.0.0.1:{urlsplit(redis.url).port}")

        output = refused(shell, "run")

    assert output == "DISPATCHER_BROKER_URL: wrong or missing password"


@needs_workers
def test_redis_with_an_evicting_policy_is_reported(shell: Shell, redis: EmbeddedRedis) -> None:
    from redis import Redis

    with redis:
        with Redis.from_url(redis.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        shell.set(api_key="any", broker_url=str(redis.url))

        output = refused(shell, "run")

    assert output.startswith("DISPATCHER_BROKER_URL: ")
    assert output.endswith("set it to noeviction")


@needs_workers
def test_unreachable_redis_is_reported(shell: Shell) -> None:
    shell.set(api_key="any", broker_url="redis://:hidden@127.0.0.1:9/0")

    output = refused(shell, "run", exit_code=3)

    assert output == (
        "Redis does not answer at DISPATCHER_BROKER_URL: nothing listens at 127.0.0.1 port 9"
    )


@needs_workers
def test_url_of_an_unsupported_database_is_refused(shell: Shell) -> None:
    shell.set(api_key="any", broker_url="redis://localhost:port/0")

    assert refused(shell, "run").startswith("DISPATCHER_BROKER_URL: must have a port")


def test_campaign_is_stored_while_redis_refuses(shell: Shell) -> None:
    shell.set(broker_url="redis://:hidden@127.0.0.1:9/0")

    result = shell("submit", "clients.csv", "--reference", "r", "--text", "x")

    assert result.exit_code == 0
    assert shell.rows("SELECT count(*) FROM dispatcher_recipient") == [(2,)]
    assert "hidden" not in result.output


# -- usage


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["submit", "clients.csv", "--reference", "r"], "give either --text or --text-file"),
        (["submit", "-", "--reference", "r", "--text-file", "-"], "cannot both be standard input"),
        (["submit", "clients.csv", "--text", "x"], "Missing option '--reference'"),
        (["progress"], "Missing argument 'REF'"),
        (["campaigns", "--limit", "0"], "Invalid value for '--limit'"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_wrong_usage_is_reported_by_click(shell: Shell, command: list[str], says: str) -> None:
    result = shell(*command)

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert shell.rows("SELECT count(*) FROM dispatcher_campaign") == [(0,)]


# -- control characters


ESCAPE = "\x1b[2J\u202e"


@pytest.mark.parametrize(
    "command",
    [
        [f"--{ESCAPE}"],
        [f"no{ESCAPE}"],
        ["plan", f"no{ESCAPE}.csv", "--text", "x"],
        ["plan", "clients.csv", "--text", "x", "--column", ESCAPE],
        ["plan", "clients.csv", "--text", "x", "--save", f"no/{ESCAPE}"],
        ["plan", "clients.csv", "--text", "x", f"--{ESCAPE}", "x"],
        ["plan", "clients.csv", "--text", "x", "--priority", ESCAPE],
        ["plan", "clients.csv", "--text", "x", "--not-before", ESCAPE],
        ["plan", "clients.csv", "--text", "x", "--account", ESCAPE],
        ["plan", "clients.csv", "--text", f"x {{{{ {ESCAPE} }}}}"],
        ["submit", "clients.csv", "--text", "x", "--reference", ESCAPE],
        ["progress", ESCAPE],
        ["pause", ESCAPE],
        ["lint", "--text", f"a{ESCAPE}b"],
        ["window", "--territory", ESCAPE],
        ["opt-outs", "export", f"no/{ESCAPE}"],
        ["opt-outs", "add", "06 39 98 00 01", "--reason", ESCAPE],
        ["recording", "--compare", ESCAPE],
    ],
    ids=ascii,
)
def test_control_characters_of_arguments_are_never_printed(
    shell: Shell, command: list[str]
) -> None:
    result = shell(*command)

    assert result.output
    assert not set("\x1b\u202e") & set(result.output)


def test_control_characters_of_names_and_cells_are_never_printed(shell: Shell) -> None:
    (shell.directory / f"a{ESCAPE}.csv").write_text(
        f"mobile,nom{ESCAPE}\n0639980001,Zoé{ESCAPE}\nx,y\n", encoding="utf-8"
    )
    path = f"a{ESCAPE}.csv"
    planned = shell(
        "plan", path, "--text", f"Bonjour {{{{ nom{ESCAPE} }}}}", "--rejects", f"r{ESCAPE}"
    )
    stored = shell("submit", path, "--text", "x", "--reference", "r")

    assert (planned.exit_code, stored.exit_code) == (0, 0), planned.output + stored.output
    assert "\\x1b[2J" in stored.output
    assert not set("\x1b\u202e") & set(planned.output + stored.output)
