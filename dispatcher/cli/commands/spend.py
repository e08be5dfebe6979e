"""``dispatcher spend``: what campaigns cost, as a table, JSON or a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dispatcher.campaigns.period import Period
from dispatcher.campaigns.spend import MEASURES, By
from dispatcher.campaigns.wording import counted, euros
from dispatcher.cli.exits import Refusal
from dispatcher.cli.options import account_option, json_option, open_dispatcher
from dispatcher.cli.output import print_json, print_table, reader, say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from dispatcher.campaigns.spend import Spend, SpendRow

#: what a row without a name is
_UNNAMED = {By.ACCOUNT: "(default account)", By.TAG: "(no tag)"}


@click.command()
@click.option(
    "--by",
    type=click.Choice([*map(str, By)]),
    default=By.MONTH.value,
    show_default=True,
    help="What the rows are; months are those of Paris.",
)
@click.option(
    "--from", "first", metavar="WHEN", help="From this month (2027-03), day or instant on."
)
@click.option(
    "--to", "last", metavar="WHEN", help="To the end of this month or day, or an instant."
)
@click.option("--tag", multiple=True, help="Only campaigns with this tag, or with one of these.")
@click.option("--csv", "csv_file", metavar="FILE", help="Write the rows to a CSV file.")
@click.option("--xlsx", "xlsx_file", metavar="FILE", help="Write rows and total to a workbook.")
@account_option
@json_option
def spend(
    *,
    by: str,
    first: str | None,
    last: str | None,
    tag: tuple[str, ...],
    csv_file: str | None,
    xlsx_file: str | None,
    account: str | None,
    as_json: bool,
) -> None:
    """Show what campaigns cost: planned, reserved, charged, difference.

    Reserved is what may still be charged. The difference is reserved and charged less planned. A
    batch counts in the month in which it left, or may leave.
    """
    if sum((csv_file is not None, xlsx_file is not None, as_json)) > 1:
        raise click.UsageError("give one of --csv, --xlsx and --json")
    period = Period.of(first, last)
    dispatcher = open_dispatcher(account)
    found = dispatcher.spend(by, since=period.since, until=period.until, tag=tag)
    if as_json:
        print_json(found.as_json())
        return
    if csv_file is not None or xlsx_file is not None:
        _write(found, csv_file, xlsx_file)
    else:
        _show(found)
    for note in found.notes():
        say(note)
    if found.tests.planned.messages:
        tests = found.tests
        say(
            f"beside it: {counted(tests.planned.messages, 'test message')},"
            f" {euros(tests.charged.euros)} charged"
        )


def _show(found: Spend) -> None:
    if not found.rows:
        say("no campaign in this period")
        return
    words = reader().say
    rows = [
        line
        for row in found.rows
        for line in _lines(row.name or words(_UNNAMED.get(found.by, "")), row)
    ]
    print_table(
        [str(found.by), "", *MEASURES],
        [*rows, *_lines(words("total"), found.total)],
        right=MEASURES,
    )


def _lines(name: str, row: SpendRow) -> Iterator[list[str]]:
    """A line for each unit; the name is on the first."""
    for n, (unit, measures) in enumerate(row.amounts()):
        yield [
            "" if n else name,
            reader().say(unit),
            *(_shown(value) for value in measures.values()),
        ]


def _shown(value: int | Decimal) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _write(found: Spend, csv_file: str | None, xlsx_file: str | None) -> None:
    from dispatcher.api.spend_files import write_csv, write_xlsx
    from dispatcher.recipients.files.new_file import new_file

    file = csv_file or xlsx_file or ""
    try:
        if csv_file is not None:
            write_csv(found, csv_file)
        else:
            with new_file(file) as stream:
                write_xlsx(found, stream)
    except OSError as error:
        raise Refusal(f"{file} cannot be written: {error.strerror}") from None
    total = found.total
    say(
        f"{counted(len(found.rows), 'row')} written to {file}; in all:"
        f" {euros(total.planned.euros)} planned, {euros(total.reserved.euros)} reserved,"
        f" {euros(total.charged.euros)} charged"
    )
