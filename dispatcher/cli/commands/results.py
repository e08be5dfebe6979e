"""``dispatcher results``: who got what, as a file."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from dispatcher.campaigns.wording import counted, euros
from dispatcher.cli.exits import Refusal, Unusable
from dispatcher.cli.options import account_option, find_campaign, open_dispatcher, ref_argument
from dispatcher.cli.output import complain, reader, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatcher.api.results import Results
    from dispatcher.campaigns.results import ResultSums

#: stands for standard output
_STREAM = "-"
_SUFFIXES = {".xlsx": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@click.command()
@ref_argument
@click.option(
    "--output",
    "file",
    metavar="FILE",
    default=_STREAM,
    help="The file to write; without it, or with -, standard output.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "xlsx", "jsonl"]),
    help="Without it: as FILE is named, else CSV.",
)
@click.option("--numbers", is_flag=True, help="Show whole numbers, which goes on record.")
@click.option(
    "--state",
    "states",
    metavar="STATE[,STATE…]",
    multiple=True,
    help="Only recipients in these states, such as delivered; the sums are of all.",
)
@account_option
def results(
    ref: str,
    *,
    file: str,
    form: str | None,
    numbers: bool,
    states: tuple[str, ...],
    account: str | None,
) -> None:
    """Write what became of each recipient of campaign REF, from one snapshot.

    The sums at its end are those of "progress", or the command fails and there is no file. Those
    of a CSV file are in a second one: FILE.csv has FILE.sums.csv. The export goes on record.
    """
    from dispatcher.api.result_files import pieces

    dispatcher = open_dispatcher(account)
    form = form or _SUFFIXES.get(Path(file).suffix.lower(), "csv")
    if file == _STREAM and form == "xlsx" and sys.stdout.isatty():
        raise Unusable("a workbook is no text for a terminal: give --output FILE")
    if not Path(file).name:  # "", "." or "/"
        raise Unusable(f"--output: {file!r} is not the name of a file")
    campaign = find_campaign(dispatcher, ref)
    wanted = [name.strip() for given in states for name in given.split(",")]
    found = dispatcher.results(campaign.id, states=wanted)
    to = "standard output" if file == _STREAM else file
    found.note(hides=not numbers, to=to)
    written = pieces(found, form, hides=not numbers)
    try:
        if file == _STREAM:
            _copy(written, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            _write(found, written, file, form)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Refusal(f"the results cannot be written to {to}: {error.strerror}") from None
    finally:
        found.close()
    tell = complain if file == _STREAM else say
    tell(_summary(found.sums, file))


def _copy(written: Iterator[bytes], stream: BinaryIO) -> None:
    for piece in written:
        stream.write(piece)


def _write(found: Results, written: Iterator[bytes], file: str, form: str) -> None:
    """Write the file and, beside a CSV file, that of the sums. Raises OSError."""
    from dispatcher.api.result_files import SUM_COLUMNS, sums_of
    from dispatcher.recipients.files import PrivateTable
    from dispatcher.recipients.files.new_file import new_file

    with ExitStack() as stack:
        table = None
        if form == "csv":  # begun first: without room for it there is no file of rows either
            beside = Path(file).with_suffix(f".sums{Path(file).suffix}")
            table = stack.enter_context(PrivateTable(beside, SUM_COLUMNS))
            table.begin()
        with new_file(file) as stream:
            _copy(written, stream)
        if table is not None:
            for row in sums_of(found.sums):
                table.write(row)


def _summary(sums: ResultSums, file: str) -> str:
    counts = reader().counts(sums.messages)
    where = "" if file == _STREAM else f" written to {file}"
    return f"{counted(sums.returned, 'recipient')}{where}; in all: {counts}, {euros(sums.cost)}"
