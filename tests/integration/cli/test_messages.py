"""``dispatcher messages``: the changes of messages as JSON lines, from a cursor on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.cli.test_commands import Shell


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A campaign of two people was cancelled while changes were recorded."""
    shell = Shell(tmp_path, monkeypatch)
    shell.set(message_events="true", broker_url="redis://127.0.0.1:9/0", api_key="k")
    shell.dispatcher().prepare()
    shell.dispatcher().steps._switch_message_log()
    shell.submit()
    assert shell("cancel", "soldes", "--yes").exit_code == 0
    return shell


def lines(shell: Shell, *arguments: object) -> list[tuple[int, str]]:
    result = shell("messages", "since", *arguments)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    found = map(json.loads, result.stdout.splitlines())
    return [(one["number"], one["state"]) for one in found]


def test_lines_go_on_from_the_last_number(shell: Shell) -> None:
    assert lines(shell) == lines(shell, 0) == [(1, "cancelled"), (2, "cancelled")]
    assert lines(shell, 0, "--limit", 1) == [(1, "cancelled")]
    assert lines(shell, 1) == [(2, "cancelled")]
    assert lines(shell, 2) == []


@pytest.mark.parametrize("arguments", [["-1"], ["x"], ["0", "--limit", "0"], ["3"]])
def test_cursor_or_limit_that_cannot_be_used_is_refused(shell: Shell, arguments: list[str]) -> None:
    assert shell("messages", "since", *arguments).exit_code == 2


def test_log_that_is_off_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(tmp_path, monkeypatch)
    shell("migrate")
    result = shell("messages", "since", "0")
    assert result.exit_code == 1
    assert "DISPATCHER_MESSAGE_EVENTS is not on" in result.stderr


def test_log_that_no_worker_has_switched_on_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell(tmp_path, monkeypatch)
    shell.set(message_events="true", broker_url="redis://127.0.0.1:9/0", api_key="k")
    shell("migrate")
    result = shell("messages", "since", "0")
    assert result.exit_code == 1
    assert "recorded yet: workers record them once they start" in result.stderr
