"""Files of recipients, read row by row in constant memory."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.bounds import MOST_COLUMNS
from dispatcher.recipients.files.columns import (
    Columns,
    columns_of,
    fields_of,
    has_torn_number,
    header_at,
)
from dispatcher.recipients.files.delimiter import NONE, TITLES
from dispatcher.recipients.files.first_rows import FirstRow, Rows, nonblank
from dispatcher.recipients.files.kinds import check_kind
from dispatcher.recipients.files.lines import TextLines
from dispatcher.recipients.files.notes import Notes
from dispatcher.recipients.files.number_cells import are_people
from dispatcher.recipients.files.private_csv import as_it_was
from dispatcher.recipients.files.rejects import is_ours
from dispatcher.recipients.files.sheets import SheetRows
from dispatcher.recipients.files.sources import open_source, seekable
from dispatcher.recipients.files.text_rows import TextRows
from dispatcher.recipients.files.workbooks import is_workbook, list_of
from dispatcher.recipients.local_numbers import mobile_of
from dispatcher.recipients.reasons import HIDDEN_ROW, SEVERAL_NUMBERS, TOO_MANY_CELLS
from dispatcher.recipients.recipient import Recipient
from dispatcher.recipients.values import is_no_value


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
) -> RecipientFile:
    """Open a CSV, XLSX, ODS or XLS file (or ``.gz``) of recipients; "-" is standard input.

    Encoding, delimiter, sheet and header are detected; ``notes`` of the result says how.
    ``column`` and the other columns are names or positions from 1; the key of each person is by
    default in a column "key" or "clé", the date of the last contact in "last_contact" or
    "dernier contact". ``keep`` limits
    ``Recipient.fields`` to these names, in this spelling; None means every column. ``sheet`` is
    the name of a sheet. ``skip_lines`` are the lines above the header. Rows that are hidden or
    filtered out in a sheet have a ``Recipient.fault``, unless ``hidden`` is true.

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
        file = RecipientFile(rows, text, stack, named, keep, hidden=hidden)
        file._notes.sheet = note
        if text is None:
            file.sheet = found.name
        else:
            file._describe(lines, text.delimiter)
    except BaseException:
        stack.close()
        raise
    return file


class RecipientFile(AbstractContextManager["RecipientFile"]):
    """An open file of recipients: an iterator of Recipient, and what was detected.

    Blank rows are skipped. Missing cells are empty. A row with more cells than the header, and one
    that is hidden in its sheet, has a ``Recipient.fault``. A row without a number yields a
    Recipient with an empty one. The end of the file and of a ``with`` block close what was
    opened, but never a stream of the caller.
    """

    #: None for a workbook, and for a file of one column
    delimiter: str | None = None
    #: the name of the sheet; None for a text
    sheet: str | None = None

    def __init__(
        self,
        rows: Rows,
        text: TextRows | None,
        stack: ExitStack,
        named: tuple[str | None, str | None, str | None, str | None],
        keep: Collection[str] | None,
        *,
        hidden: bool,
    ) -> None:
        self._stack = stack
        self._lines: TextLines | None = None
        self._notes = Notes()
        begun = list(islice(nonblank(rows, text), TITLES))
        if not begun:
            raise InvalidFile("the file is empty")
        at = header_at([row.cells for row in begun], named[0])
        header = begun[at]
        if len(header.cells) > MOST_COLUMNS:
            raise InvalidFile(f"the header has over {MOST_COLUMNS:,} columns")
        found = columns_of([row.cells for row in begun[at:]], *named)
        del begun[: at if found.headless else at + 1]
        begun = begun or list(islice(nonblank(rows, text), 1))
        if not begun:
            raise InvalidFile("the file has a header and no recipient")
        self._notes.header = header.row if at else 0
        #: the names in the header, or "1", "2"… for a file without one
        self.columns = found.names
        self.phone_column = found.names[found.phone]
        self._notes.phones = [found.names[one] for one in found.phones]
        #: recipients read so far
        self.rows_read = 0
        of_row = fields_of(found, keep)
        self._recipients = self._read(rows, text, begun, found, of_row, hidden=hidden)

    def _describe(self, lines: TextLines, delimiter: str) -> None:
        self._lines = lines
        self.delimiter = None if delimiter == NONE else delimiter

    @property
    def encoding(self) -> str | None:
        """The encoding; None for a workbook.

        A file without a mark is "utf-8" until a byte proves that it is another.
        """
        return self._lines.encoding if self._lines else None

    @property
    def notes(self) -> list[str]:
        """Sentences about how the file is read; complete once all of it was."""
        guessed = self._lines.encoding if self._lines and self._lines.guessed else None
        return self._notes.sentences(guessed)

    def __iter__(self) -> Iterator[Recipient]:
        return self._recipients  # the iterator that next() advances: one call less per row

    def __next__(self) -> Recipient:
        return next(self._recipients)

    def close(self) -> None:
        """Close what was opened; nothing more can be read."""
        self._recipients.close()
        self._stack.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(
        self,
        rows: Rows,
        text: TextRows | None,
        begun: list[FirstRow],
        found: Columns,
        of_row: Callable[[list[str]], dict[str, str]],
        *,
        hidden: bool,
    ) -> Generator[Recipient]:
        # runs for each of a million rows: avoid calls and lookups
        width, phone_at, by_look = len(found.names), found.phone, found.by_look
        territory_at = found.territory
        key_at, key, contact_at, contact = found.key, None, found.last_contact, None
        phones_at, numbers = found.phones if len(found.phones) > 1 else (), tuple[str, ...]()
        ours = not found.headless and is_ours(found.names)
        sheet = rows if isinstance(rows, SheetRows) else None
        delimiter = text.delimiter if text else None
        ahead, line = deque(begun), 0
        source = chain([row.cells for row in begun], rows)
        try:
            while True:
                try:
                    for cells in source:
                        if ahead:
                            _, row, line, fault = ahead.popleft()
                        else:
                            row, line, fault = line + 1, rows.line_num, None
                            if sheet is not None and sheet.hidden:
                                fault = HIDDEN_ROW
                        if sheet is not None:
                            row = line  # sheets leave rows out
                            fault = None if hidden else fault
                        if ours:
                            cells = [as_it_was(cell) for cell in cells]
                        raw = tuple(cells)
                        if by_look and are_people(raw):
                            fault = fault or SEVERAL_NUMBERS
                        if len(raw) != width:
                            if len(raw) > MOST_COLUMNS:
                                raise InvalidFile(f"row {row} has over {MOST_COLUMNS:,} columns")
                            # an amount like 12,50 may have pushed an empty cell out
                            torn = len(raw) > width and delimiter == "," and has_torn_number(raw)
                            if torn or any(map(str.strip, raw[width:])):
                                fault = fault or TOO_MANY_CELLS
                            cells += [""] * (width - len(cells))
                        phone = cells[phone_at]
                        if not phone.strip() and not any(map(str.strip, raw)):
                            continue
                        if phones_at:
                            numbers = tuple([cells[at] for at in phones_at])
                            phone = mobile_of(numbers)
                        territory = None
                        if territory_at is not None:
                            territory = cells[territory_at].strip() or None
                            if territory and is_no_value(territory, ""):
                                territory = None
                        if key_at is not None:
                            key = None if is_no_value(cells[key_at], "") else cells[key_at]
                        if contact_at is not None:
                            contact = cells[contact_at]
                        self.rows_read += 1
                        fields = of_row(cells)
                        yield Recipient(
                            phone, fields, territory, row, raw, fault, key, contact, numbers
                        )
                except csv.Error as error:
                    if text is None:
                        raise
                    cells, fault = text.misquoted(error, line)
                    ahead.append(FirstRow(cells, line + 1, rows.line_num, fault))
                    source = chain([cells], rows)
                else:
                    return
        finally:
            self._stack.close()
