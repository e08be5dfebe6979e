"""A new XLSX workbook, written row by row: memory stays flat, rows wait in a temporary file."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, BinaryIO, Final

from dispatcher.errors import ConfigurationError

#: what a sheet can hold, its header included
MOST_ROWS: Final = 1_048_576

Value = str | int | Decimal | datetime | None


class NewWorkbook:
    """Sheets with a header each; one that is full goes on in the next.

    Texts are texts, whatever they begin with: no cell is a formula. Instants are on the clock of
    ``zone``, as a workbook knows no time zone. Raises ConfigurationError without openpyxl.
    """

    def __init__(self, zone: tzinfo, *, most_rows: int = MOST_ROWS) -> None:
        try:
            openpyxl = importlib.import_module("openpyxl")
            cells = importlib.import_module("openpyxl.cell")
            signs = importlib.import_module("openpyxl.cell.cell")
        except ImportError:
            raise ConfigurationError(
                "writing XLSX needs openpyxl: pip install openpyxl, or choose CSV"
            ) from None
        self._book = openpyxl.Workbook(write_only=True)
        self._cell: Any = cells.WriteOnlyCell
        self._forbidden: Any = signs.ILLEGAL_CHARACTERS_RE
        self._errors: Any = signs.ERROR_CODES
        self._zone, self._most = zone, most_rows
        self._sheet: Any = None
        self._name, self._parts, self._rows = "", 0, 0
        self._header: Sequence[str] = ()

    def begin(self, name: str, header: Sequence[str]) -> None:
        """Begin a sheet: what is written from now on goes there."""
        self._name, self._header, self._parts = name, header, 0
        self._add()

    def write(self, values: Sequence[Value]) -> None:
        """Add one row. Raises OSError."""
        if self._rows == self._most:
            self._add()
        self._sheet.append([self._plain(value) for value in values])
        self._rows += 1

    def save(self, stream: BinaryIO) -> None:
        """Write the workbook. Raises OSError."""
        self._book.save(stream)

    def discard(self) -> None:
        """Leave nothing of it."""
        for sheet in self._book.worksheets:
            sheet.close()
            sheet._writer.cleanup()

    def _add(self) -> None:
        self._parts += 1
        title = self._name if self._parts == 1 else f"{self._name} {self._parts}"
        self._sheet = self._book.create_sheet(title)
        self._sheet.freeze_panes = "A2"
        self._sheet.append(list(self._header))
        self._rows = 1

    def _plain(self, value: Value) -> Any:
        if isinstance(value, datetime):
            return value.astimezone(self._zone).replace(tzinfo=None)
        if not isinstance(value, str):
            return value
        text = self._forbidden.sub("", value)
        if not text.startswith("=") and text not in self._errors:
            return text
        cell = self._cell(self._sheet, value=text)
        cell.data_type = "s"
        return cell
