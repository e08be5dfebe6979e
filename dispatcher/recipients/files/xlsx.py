"""The sheets of an XLSX workbook, with their cells as they are shown."""

from __future__ import annotations

import importlib
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.bounds import BoundedArchive
from dispatcher.recipients.files.number_formats import shown
from dispatcher.recipients.files.sheets import Row, Sheet, check_row

#: errors of a damaged zip archive, its members and their XML
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    SyntaxError,
    KeyError,
    ValueError,
    TypeError,
    OSError,
    EOFError,
    RuntimeError,
)
# characters that XML cannot hold, as Excel writes them; _x005F_ is a plain underscore before one
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def sheets_of(stream: BinaryIO, stack: ExitStack) -> Sequence[Sheet]:
    """The sheets of a workbook. Raises InvalidFile if it is damaged."""
    try:
        importlib.import_module("openpyxl")
        excel = importlib.import_module("openpyxl.reader.excel")
    except ImportError:
        raise InvalidFile(
            "reading XLSX needs openpyxl: pip install openpyxl, or save the file as CSV"
        ) from None
    try:
        # as openpyxl.load_workbook does, which takes no archive
        reader = excel.ExcelReader(stream, read_only=True, data_only=True, keep_links=False)
        reader.archive = BoundedArchive(stream)
        reader.read()
        book = reader.wb
    except InvalidFile:
        raise
    except DAMAGE as error:
        raise InvalidFile(f"the XLSX file is damaged ({type(error).__name__})") from None
    stack.callback(book.close)
    return [_XlsxSheet(sheet) for sheet in book.worksheets]


class _XlsxSheet:
    """One sheet."""

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet
        self.name: str = sheet.title
        self.hidden: bool = sheet.sheet_state != "visible"

    def rows(self) -> Iterator[Row]:
        """Its rows."""
        number = 0
        try:
            # openpyxl's own rows of a file that is read once know neither hidden rows nor formats
            with self._sheet._get_source() as source:
                parser = self._parser(source)
                for number, cells in parser.parse():
                    attributes = parser.row_dimensions.pop(str(number), {})
                    columns = cells[-1]["column"] if cells else 0
                    check_row(number, columns)
                    texts = [""] * columns
                    for cell in cells:
                        texts[cell["column"] - 1] = self._text(cell)
                    yield Row(number, texts, attributes.get("hidden") in ("1", "true"))
        except InvalidFile:
            raise
        except (*DAMAGE, IndexError) as error:
            raise InvalidFile(
                f"the XLSX file is damaged after row {number} ({type(error).__name__})"
            ) from None

    def _parser(self, source: Any) -> Any:
        book = self._sheet.parent
        reader = importlib.import_module("openpyxl.worksheet._reader")
        return reader.WorkSheetParser(
            source,
            self._sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )

    def _text(self, cell: dict[str, Any]) -> str:
        value = cell["value"]
        if value is None:
            return ""
        if isinstance(value, str):
            if "_x" not in value:
                return value
            plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
            # a character beyond the first plane is escaped in two halves
            return plain.encode("utf-16", "surrogatepass").decode("utf-16", "ignore").strip()
        return shown(value, self._format(cell["style_id"]))

    def _format(self, style: int) -> str:
        book = self._sheet.parent
        formats = importlib.import_module("openpyxl.styles.numbers")
        number = book._cell_styles[style].numFmtId
        if number < formats.BUILTIN_FORMATS_MAX_SIZE:
            code: str = formats.BUILTIN_FORMATS.get(number, "General")
        else:
            code = book._number_formats[number - formats.BUILTIN_FORMATS_MAX_SIZE]
        return code
