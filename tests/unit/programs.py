"""Whether what a file starts, and the variables that it sets, exist."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click
from celery.bin.celery import celery
from tornado.options import options

from dispatcher.cli import cli
from dispatcher.settings import PREFIX, Settings


def check_command(argv: Sequence[str]) -> None:
    """Fail unless there is such a command, with every option that it is given."""
    program, *words = argv
    group = {"celery": celery, "dispatcher": cli}[program]
    if program == "celery":
        assert words[:2] == ["-A", "workers"]
        words = words[2:]
    elif words[0] == "celery" and words[1:]:  # it becomes Celery
        group, words = celery, words[1:]
    command = group.get_command(click.Context(group), words[0])  # commands load when they run
    assert command is not None, f"{program} has no command {words[0]}"
    if isinstance(command, click.Group) and words[1:]:  # of a family, such as `evidence verify`
        command = command.get_command(click.Context(command), words[1]) or command
    known = _flowers() if words[0] == "flower" else _clicks(command)
    for word in words[1:]:
        if word.startswith("-"):
            assert word.partition("=")[0] in known, f"{program} {words[0]} has no option {word}"


def check_variable(name: str) -> None:
    """Fail unless a variable is one of ours, or Flower's password."""
    if name == "FLOWER_BASIC_AUTH":
        return
    assert name.startswith(PREFIX)
    setting = name.removeprefix(PREFIX).lower().removesuffix("_file")
    assert setting in Settings.model_fields, f"{name} is no setting"


def _clicks(command: click.Command) -> set[str]:
    return {name for param in command.params for name in (*param.opts, *param.secondary_opts)}


def _flowers() -> set[str]:
    """Flower's options are Tornado's, and exist once its module is loaded."""
    import_module("flower.options")
    return {f"--{name.replace('_', '-')}" for name in options.as_dict()}
