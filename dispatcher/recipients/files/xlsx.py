"""The rows of an XLSX workbook, as text."""

from __future__ import annotations

import importlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.bounds import MOST_COLUMNS, MOST_ROWS, BoundedArchive
from dispatcher.recipients.recipient import text_of

ZIP = b"PK\x03\x04"
# errors of a damaged zip archive, its members and their XML
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    SyntaxError,
    KeyError,
    ValueError,
    TypeError,
    OSError,
    EOFError,
)


class WorkbookRows:
    """Iterates over the rows of the first sheet; ``line_num`` is the number of the last row."""

    def __init__(self, stream: BinaryIO, stack: ExitStack) -> None:
        book = _open(stream)
        stack.callback(book.close)
        sheet = book.worksheets[0]
        # some exporters write a dimension of one cell, which would cut the sheet
        sheet.reset_dimensions()
        self._rows = sheet.iter_rows(values_only=True)
        self.line_num = 0

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        try:
            values = next(self._rows)
        except InvalidFile:
            raise
        except _DAMAGE as error:
            raise InvalidFile(
                f"the XLSX file is damaged after row {self.line_num} ({type(error).__name__})"
            ) from None
        self.line_num += 1
        if self.line_num > MOST_ROWS:
            raise InvalidFile(f"the sheet has over {MOST_ROWS:,} rows; split it")
        if len(values) > MOST_COLUMNS:
            raise InvalidFile(f"row {self.line_num} has over {MOST_COLUMNS:,} columns")
        return [text_of(value) for value in values]


def _open(stream: BinaryIO) -> Any:
    try:
        importlib.import_module("openpyxl")
        excel = importlib.import_module("openpyxl.reader.excel")
    except ImportError:
        raise InvalidFile(
            "reading XLSX needs openpyxl: pip install openpyxl, or save the file as CSV"
        ) from None
    try:
        with zipfile.ZipFile(stream) as archive:
            is_workbook = "xl/workbook.xml" in archive.namelist()
        if not is_workbook:
            raise InvalidFile(  # noqa: TRY301 - the damage is what others raise
                "a zip archive that is no XLSX workbook; unzip it, or save as CSV"
            )
        # as openpyxl.load_workbook does, which takes no archive
        reader = excel.ExcelReader(stream, read_only=True, data_only=True, keep_links=False)
        reader.archive = BoundedArchive(stream)
        reader.read()
        book = reader.wb
    except InvalidFile:
        raise
    except _DAMAGE as error:
        raise InvalidFile(f"the XLSX file is damaged ({type(error).__name__})") from None
    if not book.worksheets:
        raise InvalidFile("the workbook has no sheet of cells")
    return book
