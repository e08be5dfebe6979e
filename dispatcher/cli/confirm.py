"""Asking a person before what cannot be undone."""

from __future__ import annotations

import sys

import click

from dispatcher.cli.exits import Unusable


def confirm(question: str, *, yes: bool, else_: str) -> None:
    """Ask on a terminal, unless ``yes`` has been said already.

    Ends the command at a no; raises Unusable with ``else_`` where nobody can be asked.
    """
    if yes:
        return
    if not can_ask():
        raise Unusable(else_)
    click.confirm(question, abort=True)


def can_ask() -> bool:
    """Whether somebody sits there."""
    return sys.stdin.isatty()
