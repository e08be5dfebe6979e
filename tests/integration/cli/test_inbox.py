"""``opt-outs undecided``, ``decide`` and ``take-back``, and ``unread``: what needs a person."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.cli.test_commands import TUESDAY, Shell

ANNE, BRUNO = "+33639980000", "+33639980001"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, monkeypatch)


def post(shell: Shell, *bodies: object) -> None:
    dispatcher = shell.dispatcher()
    for body in bodies:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        dispatcher.inbox.take("reply", raw)
    dispatcher.database.close()


def reply(text: str, phone: str = ANNE) -> dict[str, str]:
    return {"type": "response", "phone_number": phone, "text": text}


def test_undecided_lists_masked_numbers_with_their_replies(shell: Shell) -> None:
    post(shell, reply("Non merci\nSTOP"))
    shown = shell("opt-outs", "undecided").stdout
    assert "+33 6 •• •• •• 00" in shown or "63998" not in shown
    assert "Non merci STOP" in shown
    assert "1 probable refusal" in shown
    (one,) = json.loads(shell("opt-outs", "undecided", "--full", "--json").stdout)
    assert (one["phone"], one["text"]) == (ANNE, "Non merci\nSTOP")
    assert "STOP?" in shell("replies").stdout


def test_decided_number_is_undecided_no_more(shell: Shell) -> None:
    post(shell, reply("Non merci STOP"), reply("non stop", BRUNO))
    done = shell("opt-outs", "decide", "0639980000", "--refused", "--reason", "says so")
    assert (done.exit_code, done.stdout) == (0, "the number is opted out\n")
    done = shell("opt-outs", "decide", "0639980001", "--no-refusal", "--reason", "our hours")
    assert (done.exit_code, done.stdout) == (0, "the number may be texted\n")
    assert shell("opt-outs", "undecided").stdout == "nothing to decide\n"
    again = shell("opt-outs", "decide", "0639980001", "--no-refusal", "--reason", "our hours")
    assert (again.exit_code, again.stderr) == (
        1,
        "dispatcher: there is nothing to decide about this number\n",
    )


def test_decision_needs_what_was_decided(shell: Shell) -> None:
    assert shell("opt-outs", "decide", "0639980001", "--reason", "x").exit_code == 2


def test_doctor_names_what_waits_for_a_decision(shell: Shell) -> None:
    post(shell, reply("Non merci STOP"), b"who?")
    result = shell("doctor", "--only", "refusals", "--only", "webhooks", "--strict", "--json")
    assert result.exit_code == 4
    assert [(one["says"], one["remedy"]) for one in json.loads(result.stdout)] == [
        ("probable refusals wait for a decision: 1", "dispatcher opt-outs undecided, then decide"),
        (
            "calls that could not be read: 1",
            "dispatcher unread shows them; add whom it concerns by hand, then unread --done ID",
        ),
    ]


def test_take_back_asks_first_and_removes_what_one_source_added(shell: Shell) -> None:
    post(shell, reply("STOP"), reply("STOP", BRUNO))
    shell("opt-outs", "add", BRUNO)
    arguments = ["opt-outs", "take-back", "--source", "answered STOP", "--reason", "forged"]
    hour = timedelta(hours=1)
    arguments += ["--since", TUESDAY.isoformat(), "--until", (TUESDAY + hour).isoformat()]
    asked = shell(*arguments)
    assert (asked.exit_code, asked.stdout) == (2, "")
    done = shell(*arguments, "--yes")
    assert done.stdout == "1 opt-out taken back; 1 confirmed by another source and 0 texted stay\n"
    assert [one.phone for one in shell.dispatcher().opt_outs] == [BRUNO]
    assert shell(*arguments, "--yes").exit_code == 1


def test_unread_lists_calls_with_their_numbers_hidden_until_they_are_done(shell: Shell) -> None:
    post(shell, b"who=06%2039%2098%2000%2000&what=\x1b[2JSTOP")
    shown = shell("unread").stdout
    assert "/reply: the call is neither a reply nor a STOP" in shown
    assert "who=06••••••00&what=" in shown
    assert "\x1b" not in shown
    assert "06 39 98 00 00" in shell("unread", "--numbers").stdout
    (one,) = json.loads(shell("unread", "--json").stdout)
    assert shell("unread", "--done", one["id"]).stdout == "1 call deleted\n"
    assert shell("unread").stdout == "every call could be read\n"
