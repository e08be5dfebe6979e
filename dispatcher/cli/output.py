"""Output of commands: consoles, sentences, JSON lines."""

from __future__ import annotations

import json
import os
import re
import sys
from operator import methodcaller
from typing import IO, TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.segment import Segment

from dispatcher.errors import ConfigurationError
from dispatcher.settings.visible import visible, visible_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from rich.console import ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

    from dispatcher.language import Language

#: where the settings of a command are, if they are not the environment's
GIVEN = "dispatcher.settings"
_prefix = re.compile(r"dispatcher: (?:warning: )?")
_before = re.compile(r"\s*(?:\d+\. )?")
#: columns of output to a file or a pipe, where no line should be folded
_WIDE = 160


def out() -> Console:
    """Standard output for people; in colour on a terminal, unless NO_COLOR is set."""
    width = None if sys.stdout.isatty() else _WIDE
    # names that users chose must not be read as [markup] or :emoji:
    return _Visible(width=width, markup=False, emoji=False, highlight=False)


class _Visible(Console):
    """A console that shows control characters of texts, and obeys only its own."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            shown = segment.text if segment.control else visible(segment.text, lines=True)
            yield segment._replace(text=shown)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text, lines=True), **options)


def table_without_lines(*, headings: bool = True) -> Table:
    """An empty table whose columns are two spaces apart."""
    from rich.table import Table

    return Table(box=None, show_header=headings, pad_edge=False, padding=(0, 2, 0, 0))


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[str] = ()
) -> None:
    """Print a table; the columns in ``right`` hold numbers."""
    table = table_without_lines()
    for heading in headings:
        if heading in right:
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    out().print(table)


def reader() -> Language:
    """The language of whoever runs this command."""
    # here, not above: a command that says nothing loads no language
    from dispatcher.language import ENGLISH, chosen

    context = click.get_current_context(silent=True)
    read = context.meta.get(GIVEN) if context else None
    try:
        return chosen(read().language if read else os.environ.get("DISPATCHER_LANGUAGE", "en"))
    except ConfigurationError:
        return ENGLISH


def say(sentence: str) -> None:
    """One line for people in their language, never folded."""
    click.echo(visible(in_words(sentence)))


def in_words(line: str) -> str:
    """A line in the reader's language; what stands before it, blanks or a number, stays."""
    if found := _before.match(line):
        return found[0] + reader().say(line[found.end() :])
    return line


def quote(line: str) -> None:
    """One line of what somebody has written, as it is."""
    click.echo(visible(line))


def complain(sentence: str, file: IO[Any] | None = None) -> None:
    """Several lines at most, of what went wrong, to standard error or a file."""
    prefix = _prefix.match(sentence)
    if prefix and "\n" not in sentence:
        sentence = prefix[0] + reader().say(sentence[prefix.end() :])
    click.echo(visible(sentence, lines=True), file=file, err=file is None)


def print_json(value: Any) -> None:
    """One line for machines; dates and instants are ISO 8601."""
    click.echo(visible_json(json.dumps(value, default=methodcaller("isoformat"))))
