"""Asks a person to confirm what cannot be undone."""

from __future__ import annotations

import sys

from dispatcher.cli.exits import Unusable
from dispatcher.cli.output import ask


def confirm(question: str, *, yes: bool, else_: str) -> None:
    """Ask on a terminal, unless ``yes`` is true.

    Ends the command if the answer is no. Raises Unusable with ``else_`` without a terminal.
    """
    if yes:
        return
    if not can_ask():
        raise Unusable(else_)
    ask(question)


def can_ask() -> bool:
    """Whether standard input is a terminal."""
    return sys.stdin.isatty()
