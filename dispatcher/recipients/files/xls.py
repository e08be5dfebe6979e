"""The sheets of an old Excel workbook (XLS), with their cells as they are shown.

``xlrd`` reads them: ``python-calamine`` tells neither hidden rows nor number formats, so that
people who were filtered out would be texted.
"""

from __future__ import annotations

import importlib
import io
import re
import struct
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.number_formats import shown
from dispatcher.recipients.files.sheets import Row, Sheet, check_row

#: the first bytes of a compound file of Microsoft
COMPOUND = b"\xd0\xcf\x11\xe0"
#: bytes; such a workbook is read whole, and has 65,536 rows at most
_LARGEST = 1 << 26
_DAMAGE = (
    AssertionError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
# a duration such as [h]:mm; other brackets are locales and colours
_elapsed = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE).search
_EMPTY, _TEXT, _NUMBER, _DATE, _BOOLEAN, _ERROR, _BLANK = range(7)


def sheets_of(stream: BinaryIO) -> Sequence[Sheet]:
    """The sheets of a workbook. Raises InvalidFile if it is something else, locked or damaged."""
    content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise InvalidFile("the old Excel file is over 64 MB; save it as XLSX or CSV")
    _check_compound(content)
    try:
        xlrd = importlib.import_module("xlrd")
    except ImportError:
        raise InvalidFile(
            "an old or locked Excel file: reading XLS needs xlrd: pip install xlrd, or save the"
            " file as XLSX or CSV"
        ) from None
    try:
        book = xlrd.open_workbook(
            file_contents=content, logfile=io.StringIO(), formatting_info=True, on_demand=True
        )
        return [_XlsSheet(book, at) for at in range(book.nsheets)]
    except _damage() as error:
        if "encrypted" in str(error):
            raise InvalidFile("the workbook is locked; save it without password") from None
        raise InvalidFile(_UNREADABLE) from None


def _damage() -> tuple[type[Exception], ...]:
    """What a damaged workbook raises."""
    biff, compound = map(importlib.import_module, ("xlrd.biffh", "xlrd.compdoc"))
    return (*_DAMAGE, biff.XLRDError, compound.CompDocError)


_UNREADABLE = "an old or locked Excel file that is damaged; save it as XLSX without password"


class _XlsSheet:
    """One sheet."""

    def __init__(self, book: Any, at: int) -> None:
        self._book, self._at = book, at
        self.name: str = book.sheet_names()[at]
        self.hidden: bool = book._sheet_visibility[at] != 0

    def rows(self) -> Iterator[Row]:
        """Its rows."""
        try:
            sheet = self._book.sheet_by_index(self._at)
            for at in range(sheet.nrows):
                check_row(at + 1, sheet.ncols)
                info = sheet.rowinfo_map.get(at)
                texts = [self._text(cell) for cell in sheet.row(at)]
                yield Row(at + 1, texts, bool(info is not None and info.hidden))
        except _damage():
            raise InvalidFile(_UNREADABLE) from None

    def _text(self, cell: Any) -> str:
        match cell.ctype:
            case kind if kind in (_EMPTY, _BLANK):
                return ""
            case kind if kind == _ERROR:
                codes = importlib.import_module("xlrd").error_text_from_code
                return str(codes.get(cell.value, "#N/A"))
            case kind if kind == _BOOLEAN:
                return shown(bool(cell.value), "General")
            case kind if kind == _TEXT:
                return str(cell.value)
        form = self._book.format_map[self._book.xf_list[cell.xf_index].format_key].format_str
        if cell.ctype == _NUMBER:
            return shown(cell.value, form)
        if cell.value < 1 or _elapsed(form):
            return shown(timedelta(days=cell.value), form if cell.value < 1 else "[h]:mm")
        # days from 1900, with the 29 February that it did not have, or from 1904
        start = datetime(1904, 1, 1) if self._book.datemode else datetime(1899, 12, 30)  # noqa: DTZ001
        moment = start + timedelta(days=cell.value)
        return shown((moment + timedelta(microseconds=500_000)).replace(microsecond=0), form)


def _check_compound(content: bytes) -> None:
    for name, what in (
        ("EncryptedPackage", "a locked Excel file; save it without password"),
        ("WordDocument", "a Word document; save the list as CSV or XLSX"),
        ("PowerPoint Document", "a presentation"),
        ("__substg1.0", "an Outlook message; save its attachment first"),
    ):
        if name.encode("utf-16-le") in content:
            raise InvalidFile(f"the file is {what}")
