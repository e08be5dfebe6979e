"""The rows of an XLSX workbook, as text."""

from __future__ import annotations

import importlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO

from dispatcher.errors import InvalidFile
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
        except _DAMAGE as error:
            raise InvalidFile(
                f"the XLSX file is damaged after row {self.line_num} ({type(error).__name__})"
            ) from None
        self.line_num += 1
        return [text_of(value) for value in values]


def _open(stream: BinaryIO) -> Any:
    try:
        openpyxl = importlib.import_module("openpyxl")
    except ImportError:
        raise InvalidFile(
            "reading XLSX needs openpyxl: pip install openpyxl, or save the file as CSV"
        ) from None
    try:
        with zipfile.ZipFile(stream) as archive:
            if "xl/workbook.xml" not in archive.namelist():
                raise InvalidFile(
                    "a zip archive that is no XLSX workbook; unzip it, or save as CSV"
                )
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    except _DAMAGE as error:
        raise InvalidFile(f"the XLSX file is damaged ({type(error).__name__})") from None
    if not book.worksheets:
        raise InvalidFile("the workbook has no sheet of cells")
    return book
