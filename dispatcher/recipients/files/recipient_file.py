"""One open file of recipients, read row by row."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from itertools import chain, islice

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
from dispatcher.recipients.files.lines import TextLines
from dispatcher.recipients.files.notes import Notes
from dispatcher.recipients.files.number_cells import are_people, every_number
from dispatcher.recipients.files.private_csv import as_it_was
from dispatcher.recipients.files.rejects import is_ours
from dispatcher.recipients.files.sheets import SheetRows
from dispatcher.recipients.files.text_rows import TextRows
from dispatcher.recipients.local_numbers import mobile_of
from dispatcher.recipients.reasons import HIDDEN_ROW, SEVERAL_NUMBERS, TOO_MANY_CELLS
from dispatcher.recipients.recipient import Recipient
from dispatcher.recipients.values import is_no_value


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
        every: bool,
    ) -> None:
        """Read the first rows; the arguments are as in ``open_recipients``."""
        self._stack = stack
        self._lines: TextLines | None = None
        self._notes = Notes(every=every)
        begun = list(islice(nonblank(rows, text), TITLES))
        if not begun:
            raise InvalidFile("the file is empty")
        at = header_at([row.cells for row in begun], named[0])
        header = begun[at]
        if len(header.cells) > MOST_COLUMNS:
            raise InvalidFile(f"the header has over {MOST_COLUMNS:,} columns")
        found = columns_of([row.cells for row in begun[at:]], *named, every=every)
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
        self._recipients = self._read(rows, text, begun, found, of_row, hidden, every)

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
        hidden: bool,
        every: bool,
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
                        people = by_look and are_people(raw)
                        if people and not every:
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
                        if every:
                            unsure = by_look or fault is not None
                            at = range(len(cells)) if people else found.phones
                            numbers = every_number(cells, at, unsure=unsure)
                        elif phones_at:
                            numbers = tuple([cells[at] for at in phones_at])
                        if numbers:
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
