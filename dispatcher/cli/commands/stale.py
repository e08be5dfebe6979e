"""``dispatcher person stale``: who has given no sign of life for years."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dispatcher.campaigns.wording import counted
from dispatcher.cli.exits import Refusal
from dispatcher.cli.options import json_option, open_dispatcher
from dispatcher.cli.output import print_json, quote, say

if TYPE_CHECKING:
    from collections.abc import Iterator

#: stands for standard output
_STREAM = "-"
_COLUMNS = ("phone", "last_contact", "keys")


@click.command()
@click.option(
    "--years",
    type=click.IntRange(1, 30),
    default=3,
    show_default=True,
    help="For how long nothing was heard of them.",
)
@click.option("--numbers", is_flag=True, help="Show whole numbers, which goes on record.")
@json_option
@click.option("--csv", "file", metavar="FILE", help="Write them as CSV; - is standard output.")
def stale(*, years: int, numbers: bool, as_json: bool, file: str | None) -> None:
    """Name who has given no sign of life for years, by the last contacts that lists name.

    --json prints one object a line. Nobody is erased: see `dispatcher person erase`.
    """
    from dispatcher.masking import masked

    dispatcher = open_dispatcher()
    people = dispatcher.persons.stale(years=years)
    if numbers:  # before the first number leaves: a view that is not on record is none
        to = "standard output" if file in (None, _STREAM) else file
        words = (
            f"people without a sign of life for {counted(years, 'year')}: whole numbers, to {to}"
        )
        dispatcher.record.note("export", reason=words)
    show = str if numbers else masked
    rows = (
        (show(one.phone), one.last_contact.isoformat(), tuple(map(show, one.keys)))
        for one in people
    )
    if as_json:
        for row in rows:
            print_json(dict(zip(_COLUMNS, row, strict=True)))
    elif file is not None:
        _write(rows, file)
    else:
        count = 0
        for count, (phone, day, keys) in enumerate(rows, start=1):  # noqa: B007 - the last is used
            quote("  ".join(filter(None, (f"{phone:<16}", day, ", ".join(keys)))))
        said = counted(count, "person", "people") if count else "nobody"
        say(f"{said} without a sign of life for {counted(years, 'year')}")


def _write(rows: Iterator[tuple[str, str, tuple[str, ...]]], file: str) -> None:
    from dispatcher.recipients.files import PrivateTable

    count = 0
    try:
        with PrivateTable(sys.stdout.buffer if file == _STREAM else file, _COLUMNS) as table:
            table.begin()
            for count, (phone, day, keys) in enumerate(rows, start=1):  # noqa: B007 - as above
                table.write((phone, day, "\n".join(keys)))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Refusal(f"the people cannot be written to {file}: {error.strerror}") from None
    if file != _STREAM:
        say(f"{counted(count, 'person', 'people')} written to {file}")
