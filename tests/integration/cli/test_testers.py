"""``dispatcher testers`` and ``dispatcher test``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dispatcher.cli.main import cli
from dispatcher.settings import PREFIX
from tests.integration.bench import people

INES = "06 39 98 72 01"


def run(*args: str, given: str | None = None) -> Result:
    return CliRunner().invoke(cli, list(args), input=given)


def do(*args: str, given: str | None = None) -> str:
    result = run(*args, given=given)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(autouse=True)
def draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft with a list of two, on a Sunday."""
    sunday = datetime(2026, 11, 29, 10, tzinfo=UTC)
    monkeypatch.chdir(tmp_path)
    offset = (sunday - datetime.now(UTC)).total_seconds()
    for name, value in (
        ("DATABASE_URL", f"sqlite:///{tmp_path / 'own.db'}"),
        ("SENDER", "MaBoutique"),
        ("API_URL", "http://127.0.0.1:9/v1"),  # nobody is there
        ("CLOCK_OFFSET", f"{offset}"),
        ("TESTS_A_DAY", "3"),
    ):
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    one, two = people(2)
    Path("list.csv").write_text(f"mobile;prenom\n{one};Zoé\n{two};Luc\n", encoding="utf-8")
    do("drafts", "write", "soldes", "list.csv", "--text", "Bonjour {{ prenom }}")


def test_tester_is_added_shown_masked_and_removed() -> None:
    assert "there is no tester" in do("testers")
    do("testers", "add", "Inès", "-", given=f"{INES}\n")

    shown = do("testers", "list")
    assert "Inès" in shown
    assert "in the window" in shown
    assert "7201" not in do("testers", "--json").replace(" ", "")
    do("testers", "remove", "Inès")
    assert json.loads(do("testers", "--json")) == []


def test_unusable_number_of_a_tester_is_refused_without_repeating_it() -> None:
    refused = run("testers", "add", "Inès", "0639987201999")

    assert refused.exit_code == 2
    assert "06399872" not in refused.output


def test_test_waits_for_the_window_and_says_so() -> None:
    do("testers", "add", "Inès", INES)
    do("testers", "add", "Yann", "06 39 98 72 02", "--any-hour")

    said = do("test", "soldes", "--row", "2", "--to", "Inès", "--to", "Yann")

    assert "a test goes to Inès, and waits until Monday 08:00: Sunday" in said
    assert "a test goes to Yann\n" in said
    assert "1 test message left today" in said
    assert "no campaign" in do("campaigns")


def test_test_that_cannot_be_sent_is_refused() -> None:
    do("testers", "add", "Inès", INES)
    for args, said in (
        (("soldes", "--to", "Luc"), "no tester 'Luc'"),
        (("soldes", "--row", "3", "--to", "Inès"), "has no row 3"),
        (("autre", "--to", "Inès"), "no draft 'autre'"),
    ):
        refused = run("test", *args)
        assert (refused.exit_code, said in refused.output) == (1, True), refused.output
