"""``manage.py dispatcher …``: every command of ``dispatcher``, with the project's settings."""

from __future__ import annotations

import argparse
import os
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from dispatcher.cli import commands_of
from dispatcher.contrib.django import conf, under_test
from dispatcher.contrib.django.django_dispatcher import DjangoDispatcher
from dispatcher.errors import DispatcherError
from dispatcher.settings import Settings

#: options of manage.py itself, which has seen to them
_DJANGO = ("--settings", "--pythonpath")
#: folders on the path of modules that every process has
_INSTALLED = ("site-packages", "dist-packages", ".zip")
#: commands that start processes which send
_STARTING = {"run", "celery"}


class Command(BaseCommand):
    """Forwards to the commands of ``dispatcher``; help and exit codes are theirs."""

    help = "SMS campaigns: submit, progress, pause, run, doctor and more."
    # a wrong setting is told by the command itself, in one sentence
    requires_system_checks: list[str] = []  # noqa: RUF012 - as Django has it

    def run_from_argv(self, argv: Sequence[str]) -> None:
        """Run ``manage.py dispatcher …`` and exit with the command's own code."""
        name = f"{Path(argv[0]).name} {argv[1]}"
        try:
            _run(_without_django(argv[2:]), name)
        finally:
            connections.close_all()

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """Print the list of commands: ``manage.py help dispatcher``."""
        try:
            _run(["--help"], f"{Path(prog_name).name} {subcommand}")
        except SystemExit:
            return

    def add_arguments(self, parser: CommandParser) -> None:
        """Take everything, for ``call_command("dispatcher", "progress", "soldes", "--json")``."""
        parser.add_argument("arguments", nargs=argparse.REMAINDER)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run it for ``call_command``; raises CommandError, which has the code as returncode."""
        with ExitStack() as stack:
            # what is behind Django's own writers, which end every write by a line break
            out, err = vars(self.stdout)["_out"], vars(self.stderr)["_out"]
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            try:
                _run(options["arguments"], "dispatcher")
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
                if code:
                    raise CommandError("the command was refused", returncode=code) from None


def _run(arguments: Sequence[str], name: str) -> None:
    if under_test.running() and _STARTING & set(arguments[:1]):
        raise CommandError("this is a test: no worker is started")
    if _STARTING & set(arguments[:1]):
        _share_path()
    commands = commands_of(_settings, DjangoDispatcher.of_project)
    commands.main(args=list(arguments), prog_name=name)


def _share_path() -> None:
    """Have processes that are started find the project's modules, as this one does."""
    library = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
    paths = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100 - they may be empty
    own = [path for path in paths if not path.startswith(library) and not path.endswith(_INSTALLED)]
    os.environ["PYTHONPATH"] = os.pathsep.join(own)


def _settings() -> Settings:
    try:
        return conf.settings()
    except DispatcherError as error:
        raise type(error)(conf.in_project_terms(error)) from None


def _without_django(arguments: Sequence[str]) -> list[str]:
    """The arguments without the options that are manage.py's own."""
    left: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument in _DJANGO:
            next(rest, None)
        elif not argument.startswith(tuple(f"{option}=" for option in _DJANGO)):
            left.append(argument)
    return left
