"""Groups of commands whose arguments are numbers of people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

#: a message with this many digits may hold a phone number
_TELLING = 4


class Discreet(click.Group):
    """Reports usage errors without repeating a number of the command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the group's own options."""
        with _unrepeated():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the arguments name."""
        with _unrepeated():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they are explained."""
        del ctx
        return list(self.commands)


@contextmanager
def _unrepeated() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        sentence = error.format_message()
        helps = isinstance(error, click.exceptions.NoArgsIsHelpError)
        if helps or sum(map(str.isdecimal, sentence)) < _TELLING:
            raise
        raise click.UsageError(
            "wrong usage, not repeated here: it may hold a number."
            " A number with spaces needs quotes.",
            ctx=error.ctx,
        ) from None
