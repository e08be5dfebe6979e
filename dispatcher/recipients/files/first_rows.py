"""The first rows of a file, read ahead to find its header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from dispatcher.recipients.files.sheets import SheetRows
from dispatcher.recipients.files.text_rows import TextRows
from dispatcher.recipients.reasons import HIDDEN_ROW


class Rows(Protocol):
    """Rows of cells; ``line_num`` is the last physical line of the last row."""

    @property
    def line_num(self) -> int:
        """The number of that line."""
        ...

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


class FirstRow(NamedTuple):
    """A row that is not blank."""

    cells: list[str]
    #: the line on which it begins, and the last one of it
    row: int
    line: int
    #: why it gets no message whatever its number is, one of ``reasons.EXPLANATIONS``
    fault: str | None


def nonblank(rows: Rows, text: TextRows | None) -> Iterator[FirstRow]:
    """The rows that are not blank; ``text`` is where they come from, if not from a sheet."""
    before = rows.line_num
    while True:
        try:
            for cells in rows:
                if any(map(str.strip, cells)):
                    line = rows.line_num
                    if isinstance(rows, SheetRows):  # sheets leave rows out
                        yield FirstRow(cells, line, line, HIDDEN_ROW if rows.hidden else None)
                    else:
                        yield FirstRow(cells, before + 1, line, None)
                before = rows.line_num
        except csv.Error as error:
            if text is None:
                raise
            cells, fault = text.misquoted(error, before)
            yield FirstRow(cells, before + 1, rows.line_num, fault)
            before = rows.line_num
        else:
            return
