"""What separates the cells of a text file, read off its first lines."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from dispatcher.recipients.files.columns import number_rank
from dispatcher.recipients.recipient import phone_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

#: in order of preference between equals: a French spreadsheet writes the first
_CANDIDATES = (";", ",", "\t", "|")
#: stands for "none": one column, in which a comma is part of the cell
NONE = "\x1f"
_SEP_LINE = re.compile(r"\"?sep=(.)\"?\s*", re.IGNORECASE)


def said_delimiter(line: str) -> str | None:
    """The delimiter that a spreadsheet's own ``sep=;`` line names."""
    said = _SEP_LINE.fullmatch(line)
    return said[1] if said else None


def delimiter_of(lines: Sequence[str], *, whole: bool, column: str | None = None) -> str:
    """The delimiter that splits the first lines most consistently, or NONE.

    A first row with a recognisable phone column, by name or by content, counts before
    consistency: a decimal comma is consistent too. ``whole`` says that the file ends here.
    """
    best: tuple[tuple[bool, float, int], str] | None = None
    for delimiter in _CANDIDATES:
        records: list[list[str]] = []
        with suppress(csv.Error):  # what comes before is enough; the reading proper says where
            records.extend(filter(None, csv.reader(lines, delimiter=delimiter)))
        if not whole and len(records) > 1:
            records.pop()  # its quoted cell may go on
        width = len(records[0]) if records else 0
        if width < 2:
            continue
        first = records[0]
        evident = bool(phone_columns(first)) or column in first or any(map(number_rank, first))
        alike = sum(len(cells) == width for cells in records) / len(records)
        score = (evident, alike, width)
        if best is None or score > best[0]:
            best = (score, delimiter)
    return best[1] if best else NONE
