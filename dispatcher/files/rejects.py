"""The refused rows, in a file that a spreadsheet opens and a person can repair and give again."""

from __future__ import annotations

import csv
import io
import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from dispatcher.recipients import Rejection

_FORMULA = frozenset("=+-@")
# a spreadsheet looks through these at what follows
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


class RejectsWriter:
    """Writes each refused row as it stood, then its line and the reason.

    UTF-8 with a BOM, semicolons, every cell quoted. The file appears with the first rejection
    and only its owner may read it. A caller's stream is flushed and stays open.
    """

    def __init__(self, target: str | Path | BinaryIO, columns: Sequence[str]) -> None:
        self._target = target
        self._columns = tuple(columns)
        self._text: io.TextIOWrapper | None = None
        self._rows: Any = None
        self.count = 0

    def write(self, rejection: Rejection) -> None:
        """Adds one row; cells beyond the columns go after the reason."""
        if self._text is None:
            self._begin()
        raw = (rejection.raw,) if isinstance(rejection.raw, str) else rejection.raw
        width = len(self._columns)
        cells = [*raw[:width], *[""] * (width - len(raw))]
        line = "" if rejection.row is None else str(rejection.row)
        self._write([*cells, line, rejection.reason, *raw[width:]])
        self.count += 1

    def close(self) -> None:
        """Ends the file, if there is one."""
        text, self._text = self._text, None
        if text is None:
            return
        if isinstance(self._target, str | Path):
            text.close()
        else:
            text.flush()
            text.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _begin(self) -> None:
        if isinstance(self._target, str | Path):
            opened = open(self._target, "wb", opener=_private)  # noqa: SIM115 - close() ends it
            stream = cast("BinaryIO", opened)
        else:
            stream = self._target
        self._text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        self._rows = csv.writer(self._text, delimiter=";", quoting=csv.QUOTE_ALL)
        self._write([*self._columns, self._free("line"), self._free("reason")])

    def _write(self, cells: Sequence[str]) -> None:
        self._rows.writerow([harmless(cell) for cell in cells])

    def _free(self, name: str) -> str:
        # rejects that were repaired and refused again have these columns already
        taken = set(self._columns)
        names = (name if turn == 1 else f"{name} {turn}" for turn in range(1, len(taken) + 2))
        return next(free for free in names if free not in taken)


def harmless(cell: str) -> str:
    """The cell, after an apostrophe where a spreadsheet would take it for a formula.

    The characters are OWASP's (CSV injection), also in their full-width and small forms, and
    behind blanks and marks that nobody sees.
    """
    if cell[:1] in {"\t", "\r"}:
        return f"'{cell}"
    for character in cell:
        if unicodedata.category(character) not in _UNSEEN:
            danger = unicodedata.normalize("NFKC", character)[:1] in _FORMULA
            return f"'{cell}" if danger else cell
    return cell


def _private(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    if hasattr(os, "fchmod"):  # a file that was there keeps its mode otherwise
        os.fchmod(descriptor, 0o600)
    return descriptor
