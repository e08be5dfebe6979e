"""Files of recipients, read row by row in constant memory."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from dispatcher.recipients.files.first_rows import Rows
from dispatcher.recipients.files.kinds import check_kind
from dispatcher.recipients.files.lines import TextLines
from dispatcher.recipients.files.recipient_file import RecipientFile
from dispatcher.recipients.files.sheets import SheetRows
from dispatcher.recipients.files.sources import open_source, seekable
from dispatcher.recipients.files.text_rows import TextRows
from dispatcher.recipients.files.workbooks import is_workbook, list_of


def open_recipients(
    source: str | Path | BinaryIO,
    *,
    column: str | None = None,
    territory_column: str | None = None,
    encoding: str | None = None,
    keep: Collection[str] | None = None,
    sheet: str | None = None,
    skip_lines: int = 0,
    hidden: bool = False,
    key_column: str | None = None,
    last_contact_column: str | None = None,
    every_number: bool = False,
) -> RecipientFile:
    """Open a CSV, XLSX, ODS or XLS file (or ``.gz``) of recipients; "-" is standard input.

    Encoding, delimiter, sheet and header are detected; ``notes`` of the result says how.
    ``column`` and the other columns are names or positions from 1; the key of each person is by
    default in a column "key" or "clé", the date of the last contact in "last_contact" or
    "dernier contact". ``keep`` limits
    ``Recipient.fields`` to these names, in this spelling; None means every column. ``sheet`` is
    the name of a sheet. ``skip_lines`` are the lines above the header. Rows that are hidden or
    filtered out in a sheet have a ``Recipient.fault``, unless ``hidden`` is true.

    ``every_number`` is for lists of people who are not to be texted: ``Recipient.numbers`` has all
    numbers of the row, whichever would be texted, and hidden rows count.

    Raises InvalidFile, here or while reading, with the line and the column at fault.
    """
    stack = ExitStack()
    try:
        head, stream = open_source(source, stack)
        if is_workbook(head):
            book = seekable(stream, stack)
            found, note = list_of(head, book, stack, sheet, column=column, skip=skip_lines)
            rows: Rows = SheetRows(found, skip_lines)
            text = None
        else:
            check_kind(head)
            lines = TextLines(head, stream, encoding=encoding)
            text = TextRows(lines, column, skip_lines)
            rows, note = text.rows, ""
        named = column, territory_column, key_column, last_contact_column
        file = RecipientFile(
            rows, text, stack, named, keep, hidden=hidden or every_number, every=every_number
        )
        file._notes.sheet = note
        if text is None:
            file.sheet = found.name
        else:
            file._describe(lines, text.delimiter)
    except BaseException:
        stack.close()
        raise
    return file
