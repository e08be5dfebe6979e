"""Files of recipients, read row by row in constant memory."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, Protocol

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.bounds import MOST_COLUMNS
from dispatcher.recipients.files.columns import Columns, columns_of
from dispatcher.recipients.files.delimiter import NONE, declared_delimiter, delimiter_of
from dispatcher.recipients.files.lines import TextLines
from dispatcher.recipients.files.sources import open_source, seekable
from dispatcher.recipients.files.xlsx import ZIP, WorkbookRows
from dispatcher.recipients.recipient import Recipient

_SAMPLE = 50


class _Rows(Protocol):
    """Rows of cells; ``line_num`` is the last physical line of the last row."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


def open_recipients(
    source: str | Path | BinaryIO,
    *,
    column: str | None = None,
    territory_column: str | None = None,
    encoding: str | None = None,
    keep: Collection[str] | None = None,
) -> RecipientFile:
    """Open a CSV or XLSX file (or ``.gz``) of recipients; "-" is standard input.

    Encoding, delimiter and header are detected. ``column`` and ``territory_column`` are names or
    positions from 1. ``keep`` limits ``Recipient.fields`` to these names, in this spelling; None
    means every column. The first sheet of a workbook is read.

    Raises InvalidFile, here or while reading, with the line and the column at fault.
    """
    stack = ExitStack()
    try:
        head, stream = open_source(source, stack)
        if head.startswith(ZIP):
            book = WorkbookRows(seekable(stream, stack), stack)
            return RecipientFile(book, stack, column, territory_column, keep)
        lines = TextLines(head, stream, encoding=encoding)
        delimiter, rows = _split(lines, column)
        file = RecipientFile(rows, stack, column, territory_column, keep)
        file._describe(lines, delimiter)
    except BaseException:
        stack.close()
        raise
    return file


class RecipientFile(AbstractContextManager["RecipientFile"]):
    """An open file of recipients: an iterator of Recipient, and what was detected.

    Blank rows are skipped. Missing cells are empty; cells beyond the header are only in
    ``Recipient.raw``. A row without a number yields a Recipient with an empty one. The end of
    the file and of a ``with`` block close what was opened, but never a stream of the caller.
    """

    #: None for a workbook, and for a file of one column
    delimiter: str | None = None

    def __init__(
        self,
        rows: _Rows,
        stack: ExitStack,
        column: str | None,
        territory_column: str | None,
        keep: Collection[str] | None,
    ) -> None:
        self._stack = stack
        self._lines: TextLines | None = None
        header, before = _next_row(rows, 0)
        if header is None:
            raise InvalidFile("the file is empty")
        if len(header) > MOST_COLUMNS:
            raise InvalidFile(f"the header has over {MOST_COLUMNS:,} columns")
        found = columns_of(header, column, territory_column)
        first: list[str] | None = header
        if not found.headless:
            first, before = _next_row(rows, rows.line_num)
        if first is None:
            raise InvalidFile("the file has a header and no recipient")
        #: the names in the header, or "1", "2"… for a file without one
        self.columns = found.names
        self.phone_column = found.names[found.phone]
        #: recipients read so far
        self.rows_read = 0
        fields_of = _fields_of(found, keep)
        self._recipients = self._read(rows, first, before, found, fields_of)

    def _describe(self, lines: TextLines, delimiter: str) -> None:
        self._lines = lines
        self.delimiter = None if delimiter == NONE else delimiter

    @property
    def encoding(self) -> str | None:
        """The encoding; None for a workbook.

        A file without a mark is "utf-8" until a byte proves that it is "cp1252".
        """
        return self._lines.encoding if self._lines else None

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
        rows: _Rows,
        first: list[str],
        before: int,
        found: Columns,
        fields_of: Callable[[list[str]], dict[str, str]],
    ) -> Generator[Recipient]:
        # runs for each of a million rows: avoid calls and lookups
        width, phone_at, territory_at = len(found.names), found.phone, found.territory
        line = before
        try:
            for cells in chain((first,), rows):
                row, line = line + 1, rows.line_num
                raw = tuple(cells)
                if len(raw) > MOST_COLUMNS:
                    raise InvalidFile(f"row {row} has over {MOST_COLUMNS:,} columns")
                if len(cells) < width:
                    cells += [""] * (width - len(cells))
                phone = cells[phone_at]
                if not phone.strip() and not any(map(str.strip, raw)):
                    continue
                territory = None
                if territory_at is not None:
                    territory = cells[territory_at].strip() or None
                self.rows_read += 1
                yield Recipient(phone, fields_of(cells), territory, row, raw)
        except csv.Error as error:
            raise _fault(error, line + 1) from None
        finally:
            self._stack.close()


def _split(lines: TextLines, column: str | None) -> tuple[str, _Rows]:
    physical = iter(lines)
    sample = list(islice(physical, _SAMPLE))
    whole = len(sample) < _SAMPLE
    declared = declared_delimiter(sample[0]) if sample else None
    delimiter = declared or delimiter_of(sample, whole=whole, column=column)
    # strict: otherwise a quote that is never closed makes one cell of all rows after it
    rows = csv.reader(chain(sample, physical), delimiter=delimiter, strict=True)
    if declared:
        next(rows)
    return delimiter, rows


def _next_row(rows: _Rows, before: int) -> tuple[list[str] | None, int]:
    """The next row that is not blank, and the number of the line before it."""
    try:
        for cells in rows:
            if any(map(str.strip, cells)):
                return cells, before
            before = rows.line_num
    except csv.Error as error:
        raise _fault(error, before + 1) from None
    return None, before


def _fields_of(
    found: Columns, keep: Collection[str] | None
) -> Callable[[list[str]], dict[str, str]]:
    if keep is None:
        names = found.names
        # passing strict=False would take half as long as the dict itself
        return lambda cells: dict(zip(names, cells))  # noqa: B905
    kept = found.kept(keep)
    if not kept:
        return lambda _: {}
    if len(kept) == 1:
        ((name, at),) = kept.items()
        return lambda cells: {name: cells[at]}
    pick = itemgetter(*kept.values())
    return lambda cells: dict(zip(kept, pick(cells), strict=False))


def _fault(error: csv.Error, line: int) -> InvalidFile:
    message = str(error)
    if "field limit" in message:
        why = f"has a cell of over {csv.field_size_limit()} characters; is a quote never closed?"
    elif "end of data" in message:
        why = "opens a quote that is never closed"
    elif "expected after" in message:
        why = "has text after a closing quote; a quote inside a quoted cell is written twice"
    else:
        why = f"cannot be read ({message})"
    return InvalidFile(f"the row that begins on line {line} {why}")
