"""Help in the reader's language: the catalogue has what click and our docstrings say."""

from __future__ import annotations

import inspect
import re
from copy import copy
from typing import TYPE_CHECKING, TypeVar

import click

from dispatcher.cli.output import reader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dispatcher.language import Language

_Command = TypeVar("_Command", bound=click.Command)
#: words that stand for a value: FILE, INTEGER RANGE
_metavar = re.compile(r"\b[A-Z]{2,}\b(?: RANGE)?")
#: what click adds to the help of an option: "  [default: 2; 0<=x<=64]"
_extra = re.compile(r"(?:^|  )\[([^\[\]]+)\]$")
#: before a paragraph whose lines stay as they are
_AS_IT_IS = "\b\n"


class Context(click.Context):
    """The context of a command whose help is in the language of its reader."""

    def make_formatter(self) -> click.HelpFormatter:
        """Write help as click does, in the reader's language."""
        language, plain = reader(self), super().make_formatter()
        return plain if language.code == "en" else _Formatter(language, plain.width)


class _Formatter(click.HelpFormatter):
    def __init__(self, language: Language, width: int) -> None:
        super().__init__(width=width)
        self._language = language

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        del prefix
        usage = f"{self._language.exact('Usage:')} "
        super().write_usage(prog, with_metavars(args, self._language), usage)

    def write_heading(self, heading: str) -> None:
        super().write_heading(self._language.exact(f"{heading}:").removesuffix(":"))

    def write_text(self, text: str) -> None:
        super().write_text(paragraphs(text, self._language))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        said = [(with_metavars(name, self._language), self._described(says)) for name, says in rows]
        super().write_dl(said, col_max, col_spacing)

    def _described(self, says: str) -> str:
        if (extra := _extra.search(says)) is None:
            return self._language.exact(says)
        parts = "; ".join(map(self._language.say, extra[1].split("; ")))
        return "  ".join(filter(None, [self._language.exact(says[: extra.start()]), f"[{parts}]"]))


def with_metavars(usage: str, language: Language) -> str:
    """Names and metavars of options and arguments, the latter in a language."""
    return _metavar.sub(lambda found: language.word("metavar", found[0]), usage)


def paragraphs(text: str, language: Language) -> str:
    """A help text in a language, paragraph by paragraph."""
    return "\n\n".join(_paragraph(one, language) for one in text.split("\n\n"))


def _paragraph(text: str, language: Language) -> str:
    if text.startswith(_AS_IT_IS):
        return _AS_IT_IS + language.exact(text.removeprefix(_AS_IT_IS))
    return language.exact(" ".join(text.split()))


def in_language(command: _Command, language: Language) -> _Command:
    """The command as its reader sees it: the same in English, else a copy."""
    if language.code == "en":
        return command
    said = copy(command)
    said.context_class = Context
    # not when it is shown: a list of commands cuts the first sentence of each
    said.help = paragraphs(inspect.cleandoc(command.help or ""), language)
    said.params = [_prompting(one, language) for one in command.params]
    if isinstance(said, click.Group):
        said.commands = {name: in_language(one, language) for name, one in said.commands.items()}
    return said


def _prompting(param: click.Parameter, language: Language) -> click.Parameter:
    if not isinstance(param, click.Option) or not param.prompt:
        return param
    said = copy(param)
    said.prompt = language.exact(param.prompt)
    if param.confirmation_prompt:
        said.confirmation_prompt = language.exact("Repeat for confirmation")
    return said
