"""Workbooks: XLSX, ODS and XLS, told apart by what they hold, not by their names."""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from typing import BinaryIO

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files import ods, xls, xlsx
from dispatcher.recipients.files.kinds import check_zip
from dispatcher.recipients.files.sheets import Sheet, choose

_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
#: bytes of the part that names the type of an OpenDocument file
_LONGEST_TYPE = 200


def is_workbook(head: bytes) -> bool:
    """True if a file that begins so is a workbook, or at least an archive."""
    return head.startswith((_ZIP, _EMPTY_ZIP, xls.COMPOUND))


def list_of(
    head: bytes,
    stream: BinaryIO,
    stack: ExitStack,
    wanted: str | None,
    *,
    column: str | None,
    skip: int,
) -> tuple[Sheet, str]:
    """The sheet of a workbook that is the list, and a sentence about it. Raises InvalidFile."""
    if head.startswith(xls.COMPOUND):
        sheets = xls.sheets_of(stream)
    elif _is_open_document(stream):
        sheets = ods.sheets_of(stream)
    else:
        sheets = xlsx.sheets_of(stream, stack)
    return choose(sheets, wanted, column=column, skip=skip)


def _is_open_document(stream: BinaryIO) -> bool:
    """True for an OpenDocument spreadsheet, False for XLSX. Raises InvalidFile for the rest."""
    try:
        with zipfile.ZipFile(stream) as archive:
            names = frozenset(archive.namelist())
            if "xl/workbook.xml" in names:
                return False
            kind = b""
            if "mimetype" in names:
                with archive.open("mimetype") as part:
                    kind = part.read(_LONGEST_TYPE)
    except xlsx.DAMAGE as error:
        raise InvalidFile(f"the XLSX file is damaged ({type(error).__name__})") from None
    if b"opendocument.spreadsheet" in kind:
        return True
    check_zip(names)
    return False
