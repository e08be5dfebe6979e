"""Each verb goes on record, from Python, the shell, the JSON API and a view of Flask."""

from __future__ import annotations

import getpass
import inspect
import platform
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import click
import pytest
from click.testing import CliRunner
from flask import Flask

from dispatcher import Dispatcher
from dispatcher.api.action_record import ActionRecords
from dispatcher.api.budgets import Budgets
from dispatcher.api.evidence import EvidenceWriter
from dispatcher.api.inbox import Inbox
from dispatcher.api.number_checks import NumberChecks
from dispatcher.api.opt_outs import OptOuts
from dispatcher.api.persons import Persons
from dispatcher.api.series import SeriesActions
from dispatcher.api.unreachable import Unreachable
from dispatcher.cli.command_table import COMMANDS
from dispatcher.cli.main import cli, commands_of
from dispatcher.contrib.flask import Dispatcher as Extension
from dispatcher.contrib.flask import api
from dispatcher.storage.database import Database
from tests.integration import verbs
from tests.integration.bench import Bench, opened
from tests.integration.verbs import CASES, Case, check, known

BY_PYTHON = [case for case in CASES if case.do]
BY_SHELL = [case for case in CASES if case.shell]
BY_API = [case for case in CASES if case.api]
CLIENT = "192.0.2.7"


@pytest.fixture
def acting(tables: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench on which every verb can be performed, in a folder with the files of the commands."""
    monkeypatch.chdir(tmp_path)
    verbs.in_folder(tmp_path)
    with opened(tables, **verbs.SETTINGS) as bench:
        yield bench
        bench.check()


def app_of(bench: Bench) -> Flask:
    """An app with this dispatcher, in which zoe is signed in."""
    app = Flask("shop")
    app.config.update(
        DISPATCHER_DATABASE_URL="sqlite:///unused.db", DISPATCHER_WEB_TOKEN=verbs.TOKEN
    )
    with mock.patch("dispatcher.contrib.flask.library.Library", return_value=bench.dispatcher):
        Extension(app, actor=lambda: "zoe", testing=False)
    app.register_blueprint(api(), url_prefix="/sms")
    return app


@pytest.mark.parametrize("case", BY_PYTHON, ids=str)
@pytest.mark.parametrize("by", [None, "luc"])
def test_verb_of_a_program_is_on_record(acting: Bench, case: Case, by: str | None) -> None:
    case.ready(acting)
    before = known(acting)
    assert case.do is not None
    case.do(acting.dispatcher, by)
    place = f"Python on {platform.node()}"
    check(acting, case, before, actor=by or getpass.getuser(), origin=place)


@pytest.mark.parametrize("case", BY_SHELL, ids=str)
def test_verb_of_a_command_is_on_record(acting: Bench, case: Case) -> None:
    case.ready(acting)
    before = known(acting)
    shell = commands_of(lambda: acting.settings, lambda: acting.dispatcher)
    done = CliRunner().invoke(shell, case.shell)
    assert done.exit_code == 0, done.output
    place = f"the shell on {platform.node()}"
    check(acting, case, before, actor=getpass.getuser(), origin=place)


@pytest.mark.parametrize("case", BY_API, ids=str)
def test_verb_of_the_json_api_is_on_record(acting: Bench, case: Case) -> None:
    case.ready(acting)
    before = known(acting)
    assert case.api is not None
    method, path, body = case.api
    client = app_of(acting).test_client()
    headers = {"Authorization": f"Bearer {verbs.TOKEN}"}
    answer = client.open(
        f"/sms{path}",
        method=method,
        json=body,
        headers=headers,
        environ_base={"REMOTE_ADDR": CLIENT},
    )
    assert answer.status_code in (200, 201), answer.text
    place = f"Flask, from {CLIENT}"
    check(acting, case, before, actor="JSON API (signed in: zoe)", origin=place)


@pytest.mark.parametrize("case", BY_PYTHON, ids=str)
def test_verb_of_a_view_of_flask_is_on_record(acting: Bench, case: Case) -> None:
    case.ready(acting)
    before = known(acting)
    assert case.do is not None
    with app_of(acting).test_request_context("/", environ_base={"REMOTE_ADDR": CLIENT}):
        case.do(acting.dispatcher, None)
    check(acting, case, before, actor="zoe", origin=f"Flask, from {CLIENT}")


# -- nothing is missing here ----------------------------------------------------------------------


def test_every_method_that_names_who_acts_is_in_the_table() -> None:
    public = {
        f"{kind.__name__}.{name}"
        for kind in (
            *(Dispatcher, OptOuts, Persons, NumberChecks, Inbox, ActionRecords, EvidenceWriter),
            *(Budgets, SeriesActions, Unreachable),
        )
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and "by" in inspect.signature(method).parameters
    }
    named = {name for case in CASES for name in case.methods}
    assert named - public == {"Dispatcher.submit"}  # ``by`` is among its options
    assert public - named == {"Dispatcher.spend"}  # its ``by`` is a unit of the sums


def test_every_command_is_in_the_table_or_needs_no_entry() -> None:
    shown = {" ".join(case.shell[:2]) for case in BY_SHELL}
    shown |= {case.shell[0] for case in BY_SHELL}
    shown |= {"evidence write"}
    left = commands() - shown
    assert left == verbs.OTHER_COMMANDS


def commands() -> set[str]:
    """All commands, and those of each family instead of the family."""
    found = set()
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            found |= {f"{name} {one}" for one in command.list_commands(context)}
        else:
            found.add(name)
    return found


def test_every_route_of_the_json_api_that_changes_something_is_in_the_table(
    acting: Bench,
) -> None:
    changing = {
        str(rule).removeprefix("/sms").replace("<campaign>", "1").replace("<series>", "1")
        for rule in app_of(acting).url_map.iter_rules()
        # who acts is who has the token, or who is signed in: they have their own tests
        if "/drafts" not in str(rule)
        and not str(rule).endswith("/approve")
        and "POST" in (rule.methods or ())
        and not rule.endpoint.split(".")[-1].startswith("not")
    }
    assert changing == {case.api[1] for case in BY_API if case.api and case.api[0] == "POST"}
