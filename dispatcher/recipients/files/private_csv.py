"""A CSV file about people, for spreadsheets, which only its owner may read."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

from dispatcher.recipients.files.new_file import NewFile

_FORMULA = frozenset("=+-@")
# a spreadsheet ignores these before a formula
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


class PrivateTable(AbstractContextManager["PrivateTable"]):
    """Writes rows below a header: UTF-8 with a BOM, semicolons, every cell quoted, no formula.

    A file is a ``NewFile``, and there is none without a row or ``begin``; an error in the ``with``
    block leaves none either. A stream of the caller is flushed and stays open.
    """

    def __init__(self, target: str | Path | BinaryIO, header: Sequence[str]) -> None:
        self._target = target
        self._header = tuple(header)
        self._file: NewFile | None = None
        self._text: io.TextIOWrapper | None = None
        self._rows: Any = None

    def begin(self) -> None:
        """Write the header, so that there is a file even without a row."""
        if self._text is not None:
            return
        if isinstance(self._target, str | Path):
            self._file = NewFile(self._target)
            stream = self._file.stream
        else:
            stream = self._target
        self._text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        self._rows = csv.writer(self._text, delimiter=";", quoting=csv.QUOTE_ALL)
        self._rows.writerow([harmless(cell) for cell in self._header])

    def write(self, cells: Sequence[str]) -> None:
        """Add one row."""
        self.begin()
        self._rows.writerow([harmless(cell) for cell in cells])

    def close(self) -> None:
        """Complete the file, if there is a row. Raises OSError, and then there is none."""
        text, self._text = self._text, None
        if text is None:
            return
        try:
            text.detach().flush()
        except OSError:
            self.discard()
            raise
        if self._file is not None:
            self._file.close()

    def discard(self) -> None:
        """Leave no file."""
        self._text = None
        if self._file is not None:
            self._file.discard()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def harmless(cell: str) -> str:
    """The cell, with an apostrophe in front if a spreadsheet would read it as a formula.

    The characters are those of OWASP's page on CSV injection, in their full-width and small
    forms too, and after blanks and invisible marks.
    """
    if cell[:1] in {"\t", "\r"}:
        return f"'{cell}"
    for character in cell:
        if unicodedata.category(character) not in _UNSEEN:
            danger = unicodedata.normalize("NFKC", character)[:1] in _FORMULA
            return f"'{cell}" if danger else cell
    return cell


def as_it_was(cell: str) -> str:
    """The cell without the apostrophe of ``harmless``, and only that one."""
    guarded = cell[:1] == "'" and harmless(cell[1:]) != cell[1:]
    return cell[1:] if guarded else cell
