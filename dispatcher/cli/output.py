"""What people and machines read: consoles, sentences, JSON lines."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from dispatcher.cli.options import PARIS

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from dispatcher.campaigns.progress import Progress

#: columns of what goes to a file or a pipe, where nothing ought to be folded
_WIDE = 160


def out() -> Console:
    """Standard output for people: coloured on a terminal only, and not with NO_COLOR."""
    width = None if sys.stdout.isatty() else _WIDE
    # what is printed holds names that people chose: no [markup] and no :emoji: in them
    return Console(width=width, markup=False, emoji=False, highlight=False)


def say(sentence: str) -> None:
    """One line for people, never folded."""
    click.echo(sentence)


def print_json(value: Any) -> None:
    """One line for machines."""
    click.echo(json.dumps(value))


def moment(at: datetime, now: datetime, zone: ZoneInfo = PARIS) -> str:
    """An instant on a clock: "Tuesday 08:00", with its date unless within six days."""
    local = at.astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    if 0 <= days <= 6:
        return f"{local:%A %H:%M}"
    return f"{local:%A} {local.day} {local:%B %Y %H:%M}"


def standing(progress: Progress, now: datetime) -> str:
    """What a campaign waits for and until when, in half a sentence; empty when for nothing."""
    if progress.waits_until is None:
        return progress.why
    until = f"waits until {moment(progress.waits_until, now)}"
    return f"{until}: {progress.why}" if progress.why else until


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number and its noun: "1 batch", "3,000 rows"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
