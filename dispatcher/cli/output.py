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
_prefix = re.compile(r"Error: |(?:dispatcher: )?(?:warning: )?")
_before = re.compile(r"\s*(?:\d+\. )?")
#: a number of a table
_number = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_YES, _NO = {"y", "yes", "o", "oui"}, {"", "n", "no", "non"}
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
    """Print a table; its headings are translated, and the columns in ``right`` hold numbers."""
    language, table = reader(), table_without_lines()
    for heading in headings:
        said = language.word("heading", heading)
        if heading in right:
            table.add_column(said, justify="right", no_wrap=True)
        else:
            table.add_column(said, overflow="fold")
    for row in rows:
        table.add_row(
            *(
                language.forms.localised(cell)
                if heading in right and _number.fullmatch(cell)
                else cell
                for heading, cell in zip(headings, row, strict=True)
            )
        )
    out().print(table)


def reader(context: click.Context | None = None) -> Language:
    """The language of whoever runs this command: an app's setting, else the environment's."""
    # here, not above: a command that says nothing loads no language
    from dispatcher.language import chosen, of_environment

    context = context or click.get_current_context(silent=True)
    read = context.meta.get(GIVEN) if context else None
    try:
        given = read().language if read else None
    except ConfigurationError:
        given = None
    return chosen(given) if given else of_environment(os.environ)


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


def complain(sentence: str, language: Language | None = None) -> None:
    """What went wrong, or has to be known beside the output, to standard error."""
    write_error(complaint(sentence, language or reader()))


def complaint(line: str, language: Language) -> str:
    """A line of an error in a language; what stands before it is translated by itself."""
    prefix = _prefix.match(line)
    assert prefix is not None  # noqa: S101 - it may be empty
    first, rest = prefix[0].rstrip(), line[prefix.end() :]
    return f"{language.say(first)} {language.say(rest)}" if first else language.say(rest)


def write_error(lines: str, file: IO[Any] | None = None) -> None:
    """What an error says, as it is, to standard error or a file."""
    click.echo(visible(lines, lines=True), file=file, err=file is None)


def ask(question: str) -> None:
    """Ask on the terminal. Raises Abort if the answer is no."""
    language = reader()
    said = visible(in_words(question), lines=True)
    if language.code == "en":
        click.confirm(said, abort=True)
        return
    answer, suffix = None, f" {language.say('[y/N]:')} "
    while answer not in _YES | _NO:
        if answer is not None:
            complain("Error: invalid input", language)
        answer = click.prompt(said, default="", show_default=False, prompt_suffix=suffix)
        answer = answer.strip().lower()
    if answer in _NO:
        raise click.Abort


def print_json(value: Any) -> None:
    """One line for machines; dates and instants are ISO 8601."""
    click.echo(visible_json(json.dumps(value, default=methodcaller("isoformat"))))
