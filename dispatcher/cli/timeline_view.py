"""A timeline on a terminal, in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from dispatcher.cli.timeline import Timeline


def drawn(line: Timeline, console: Console) -> Text:
    """The timeline in the width of the console, with a key of its characters."""
    from rich.text import Text

    from dispatcher.cli.output import reader
    from dispatcher.cli.timeline import ASCII, SHADES, in_text

    ink = ASCII if console.options.ascii_only else SHADES
    leaves = any(row.departures for row in line.rows)
    language = reader()
    key = f"hours of Paris; {ink.closed} closed, {ink.now} now"
    key += f", {ink.leaves} that many messages leave" if leaves else ""
    drawing = in_text(line, console.width, ink, language)
    text = Text("\n".join([*drawing, language.say(key)]), no_wrap=True)
    text.highlight_regex(f"[{ink.closed}]+", "bright_black")
    text.highlight_regex(f"[{ink.now}]", "bold yellow")
    text.highlight_regex(rf"[{ink.leaves}]+[\d,.kM]*", "bold cyan")
    return text
