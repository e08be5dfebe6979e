"""A CSV file about people, for spreadsheets, which only its owner may read."""

from __future__ import annotations

import csv
import io
import os
import unicodedata
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, cast

_FORMULA = frozenset("=+-@")
# a spreadsheet ignores these before a formula
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


class PrivateTable(AbstractContextManager["PrivateTable"]):
    """Writes rows below a header: UTF-8 with a BOM, semicolons, every cell quoted, no formula.

    The file is created with the first row; only its owner may read it. A stream of the caller
    is flushed and stays open.
    """

    def __init__(self, target: str | Path | BinaryIO, header: Sequence[str]) -> None:
        self._target = target
        self._header = tuple(header)
        self._text: io.TextIOWrapper | None = None
        self._rows: Any = None

    def write(self, cells: Sequence[str]) -> None:
        """Add one row."""
        if self._text is None:
            self._begin()
        self._rows.writerow([harmless(cell) for cell in cells])

    def close(self) -> None:
        """End the file, if it was created."""
        text, self._text = self._text, None
        if text is None:
            return
        if isinstance(self._target, str | Path):
            text.close()
        else:
            text.flush()
            text.detach()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        if isinstance(self._target, str | Path):
            opened = open(self._target, "wb", opener=private)  # noqa: SIM115 - close() ends it
            stream = cast("BinaryIO", opened)
        else:
            stream = self._target
        self._text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        self._rows = csv.writer(self._text, delimiter=";", quoting=csv.QUOTE_ALL)
        self._rows.writerow([harmless(cell) for cell in self._header])


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


def private(path: str, flags: int) -> int:
    """Open a file that only its owner may read: ``open(..., opener=private)``."""
    descriptor = os.open(path, flags, 0o600)
    if hasattr(os, "fchmod"):  # a file that exists would keep its mode
        os.fchmod(descriptor, 0o600)
    return descriptor
