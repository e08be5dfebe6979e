"""``dispatcher opt-outs import`` and ``export``: the list from a file, and into one."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from dispatcher.campaigns.wording import counted
from dispatcher.cli.exits import Refusal
from dispatcher.cli.options import list_options, open_dispatcher
from dispatcher.cli.output import complain, say
from dispatcher.cli.progress_bar import with_progress_bar
from dispatcher.cli.rejects import LeftOut, rejects_path
from dispatcher.errors import InvalidCampaign

#: stands for standard input and output
_STREAM = "-"
_COLUMNS = ("phone", "since", "source", "reason", "keys")


@click.command("import")
@click.argument("file")
@list_options
@click.option("--territory", help="The territory of rows without one, for local numbers.")
@click.option("--territory-column", help="The column of territories.")
@click.option("--source", default="import", show_default=True, help="Where they come from.")
@click.option("--reason", default="", help="The reason, for the record.")
@click.option("--rejects", metavar="FILE", help="The file for rows without a valid number.")
@click.option("--strict", is_flag=True, help="Add nothing if a row has no valid number.")
def import_(
    file: str,
    *,
    column: str | None,
    encoding: str | None,
    sheet: str | None,
    skip_lines: int,
    territory: str | None,
    territory_column: str | None,
    source: str,
    reason: str,
    rejects: str | None,
    strict: bool,
) -> None:
    """Add every number in FILE, which is read as submit reads its own.

    Of a row with several numbers, all are added. Rows without a valid number, or with something
    that may be one more, go to FILE.rejects.csv.
    """
    from dispatcher.recipients.files import open_recipients

    target = rejects_path(None if file == _STREAM else Path(file), rejects)
    listed = open_dispatcher(needs_tables=False).opt_outs
    with ExitStack() as stack:
        rows = stack.enter_context(
            open_recipients(
                file,
                column=column,
                encoding=encoding,
                sheet=sheet,
                skip_lines=skip_lines,
                territory_column=territory_column,
                keep=(),
                every_number=True,
            )
        )
        left_out = stack.enter_context(LeftOut(target, rows, done="the list is added"))
        recipients = stack.enter_context(with_progress_bar(rows, file))
        try:
            added = listed.add_all(
                recipients,
                reject=left_out,
                strict=strict,
                territory=territory,
                source=source,
                reason=reason,
            )
        except InvalidCampaign as error:
            if not left_out.count:
                raise
            raise InvalidCampaign(f"{error}; the reasons are in {target}") from None
    say(
        f"{counted(added.rows, 'row')}: {added.new:,} added, {added.known:,} listed before or"
        f" given twice, {counted(added.rejected, 'reject')}"
    )
    for line in (*left_out.lines, *left_out.notes):
        say(line)
    if left_out.count:
        say(f"rejected rows, with line and reason: {target}")
        complain(
            f"dispatcher: warning: {counted(added.rejected, 'row')} rejected: whoever is in there"
            " may still be texted; correct the rows and import them again"
        )


@click.command()
@click.argument("file")
def export(file: str) -> None:
    """Write the list to FILE, a CSV that only its owner may read; "-" is standard output."""
    from dispatcher.recipients.files import PrivateTable

    dispatcher = open_dispatcher()
    listed, count = dispatcher.opt_outs, 0
    # before the first number leaves: an export that is not on record is none
    dispatcher.record.note("export", reason=f"the opt-out list, to {file}")
    try:
        with PrivateTable(sys.stdout.buffer if file == _STREAM else file, _COLUMNS) as table:
            for count, one in enumerate(listed, start=1):  # noqa: B007 - the last is used
                known_by = "\n".join(one.keys)  # a key has no line break
                table.write([one.phone, one.since.isoformat(), one.source, one.reason, known_by])
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Refusal(f"the list cannot be written to {file}: {error.strerror}") from None
    if not count:
        raise Refusal(f"nobody to export: {file} was not written")
    if file != _STREAM:
        say(f"{counted(count, 'number')} exported to {file}")
