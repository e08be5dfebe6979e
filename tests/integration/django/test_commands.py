"""``manage.py dispatcher …``: every verb, with the project's settings and exit codes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from dispatcher.cli import cli
from dispatcher.contrib.django import dispatcher
from tests import django_project
from tests.waiting import PATIENCE

CLIENTS = "prenom;mobile\nZoé;06 39 98 00 01\nLuc;06 39 98 00 02\n"


def call(*arguments: str) -> str:
    out = io.StringIO()
    call_command("dispatcher", *arguments, stdout=out)
    return out.getvalue()


def manage(
    directory: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The example's own manage.py, on a database of the test's own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, str(django_project.SHOP / "manage.py"), *arguments],
        cwd=directory,
        env={**kept, "SHOP_DATABASE": str(directory / "shop.db"), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_campaign_from_a_file_is_in_the_projects_own_database(shop: str, tmp_path: Path) -> None:
    clients = tmp_path / "clients.csv"
    clients.write_text(CLIENTS)
    with transaction.atomic():
        call("submit", str(clients), "--reference", "soldes", "--text", "Bonjour {{ prenom }}")
        assert dispatcher.progress("soldes").recipients == 2
        transaction.set_rollback(True)
    assert dispatcher.campaigns() == []


def test_json_option_prints_only_json(shop: str, customers: Callable[..., Any]) -> None:
    dispatcher.submit("soldes", "Soldes", customers(2))
    assert json.loads(call("progress", "soldes", "--json"))["recipients"] == 2


def test_refusal_is_a_command_error_with_its_code(
    shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError) as refused:
        call("progress", "nothing")
    assert refused.value.returncode == 1
    with pytest.raises(CommandError) as misused:
        call("progress")
    assert misused.value.returncode == 2
    assert connection.is_usable()


def test_manage_py_has_every_command_under_its_own_name(tmp_path: Path) -> None:
    for arguments in (("dispatcher", "--help"), ("help", "dispatcher")):
        result = manage(tmp_path, *arguments)
        assert result.returncode == 0
        assert result.stdout.startswith("Usage: manage.py dispatcher [OPTIONS] COMMAND")
        context = click.Context(cli)
        for name in cli.list_commands(context):
            command = cli.get_command(context, name)
            assert command
            assert (f"\n  {name} " in result.stdout) is not command.hidden
    result = manage(tmp_path, "dispatcher", "submit", "--help")
    assert result.stdout.startswith("Usage: manage.py dispatcher submit [OPTIONS] FILE")


def test_manage_py_ends_with_the_same_exit_codes_and_sentences(tmp_path: Path) -> None:
    unmade = manage(tmp_path, "dispatcher", "campaigns")
    assert unmade.returncode == 3
    assert "run manage.py migrate" in unmade.stderr
    assert manage(tmp_path, "migrate", "-v0").returncode == 0

    unknown = manage(tmp_path, "dispatcher", "progress", "nothing", "--settings=shop.settings")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "dispatcher: no campaign 'nothing'\n"
    wrong = manage(tmp_path, "dispatcher", "campaigns", DISPATCHER_TICK="no")
    assert wrong.returncode == 2
    assert 'DISPATCHER["TICK"]' in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_wrong_setting_keeps_the_project_from_starting(tmp_path: Path) -> None:
    checked = manage(tmp_path, "check", DISPATCHER_TICK="no")
    assert checked.returncode == 1
    assert 'dispatcher.E005) DISPATCHER["TICK"]' in checked.stderr


def test_started_process_gets_the_settings_of_the_project(tmp_path: Path) -> None:
    report = manage(tmp_path, "dispatcher", "celery", "report", DISPATCHER_TICK="1.5")
    assert report.returncode == 0, report.stderr
    assert "beat_max_loop_interval: 1.5" in report.stdout
    shown = manage(tmp_path, "dispatcher", "settings", "--json")
    assert json.loads(shown.stdout)["DISPATCHER_SENDER"] == "MaBoutique"
    assert json.loads(shown.stdout)["DISPATCHER_DATABASE_URL"] == f"sqlite:///{tmp_path}/shop.db"


@pytest.mark.parametrize(("command", "code"), [("why", 3), ("doctor", 3)])
def test_cure_of_an_unusable_database_names_the_projects_own_setting(
    tmp_path: Path, command: str, code: int
) -> None:
    found = manage(tmp_path, "dispatcher", command, SHOP_DATABASE=str(tmp_path / "no/shop.db"))
    assert found.returncode == code
    assert "correct DATABASES['default']" in found.stdout
    assert "DISPATCHER_DATABASE_URL" not in found.stdout
