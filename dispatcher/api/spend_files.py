"""What campaigns cost as a file: the rows as CSV, or rows and total as XLSX."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from dispatcher.campaigns.spend import MEASURES, UNITS, Spend, SpendRow, written
from dispatcher.recipients.files.new_workbook import NewWorkbook
from dispatcher.recipients.files.private_csv import PrivateTable
from dispatcher.window.slots import PARIS

if TYPE_CHECKING:
    from decimal import Decimal

#: behind the name of a row
COLUMNS: Final = (
    "campaigns",
    *(f"{unit}_{measure}" for unit in UNITS for measure in MEASURES),
    "messages_untold",
    "messages_unpriced",
    "euros_unplanned",
)


def write_csv(spend: Spend, target: str | BinaryIO) -> None:
    """Write the rows; the total is in no row, so that whoever adds them up gets it.

    Raises OSError.
    """
    with PrivateTable(target, (str(spend.by), *COLUMNS)) as table:
        table.begin()
        for row in spend.rows:
            table.write([row.name, *(str(written(value)) for value in _values(row))])


def write_xlsx(spend: Spend, stream: BinaryIO) -> None:
    """Write a workbook with a sheet of the rows, and one of the total, tests and notes.

    Raises ConfigurationError without the library for XLSX, and OSError.
    """
    book = NewWorkbook(PARIS)
    try:
        book.begin("Spend", (str(spend.by), *COLUMNS))
        for row in spend.rows:
            book.write([row.name, *_values(row)])
        book.begin("Total", ("what", *COLUMNS))
        book.write(["total", *_values(spend.total)])
        book.write(["tests", *_values(spend.tests)])
        for name, at in (("from", spend.since), ("to", spend.until)):
            if at is not None:
                book.write([name, at])
        for note in spend.notes():
            book.write([note])
    except BaseException:
        book.discard()
        raise
    book.save(stream)


def _values(row: SpendRow) -> list[int | Decimal]:
    amounts = [measures[name] for _, measures in row.amounts() for name in MEASURES]
    return [row.campaigns, *amounts, row.untold, row.unpriced, row.unplanned]
