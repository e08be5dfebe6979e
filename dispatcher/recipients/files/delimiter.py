"""The delimiter of a text file, found in its first lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from contextlib import suppress

from dispatcher.recipients.column_names import phone_columns
from dispatcher.recipients.files.columns import header_at
from dispatcher.recipients.files.number_cells import number_rank

#: the first wins a tie: French spreadsheets write it
_CANDIDATES = (";", ",", "\t", "|")
#: rows in which the header is looked for
TITLES = 20
#: stands for no delimiter: one column, in which a comma is part of the cell
NONE = "\x1f"
_SEP_LINE = re.compile(r"\"?sep=(.)\"?\s*", re.IGNORECASE)


def declared_delimiter(line: str) -> str | None:
    """The delimiter in the line ``sep=;`` that spreadsheets write."""
    match = _SEP_LINE.fullmatch(line)
    return match[1] if match else None


def delimiter_of(lines: Sequence[str], *, whole: bool, column: str | None = None) -> str:
    """The delimiter that splits the first lines most consistently, or NONE.

    A first row with a phone column, recognised by name or content, counts more than
    consistency, because a decimal comma is consistent too. ``whole``: the file has no more lines.
    """
    best: tuple[tuple[bool, float, int], str] | None = None
    for delimiter in _CANDIDATES:
        records: list[list[str]] = []
        with suppress(csv.Error):  # the records before are enough; the reader reports the error
            read = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
            records.extend(read)
        blank = [cells for cells in records if len(cells) > 1 and not any(map(str.strip, cells))]
        records = [cells for cells in records if any(map(str.strip, cells))]
        if blank and not records:
            return delimiter
        if not whole and len(records) > 1:
            records.pop()  # its last cell may be quoted and continue
        if not records:
            continue
        first = records[header_at(records[:TITLES], column)]
        width = len(first)
        if width < 2:
            continue
        evident = bool(phone_columns(first)) or column in first or any(map(number_rank, first))
        alike = sum(len(cells) == width for cells in records) / len(records)
        score = (evident, alike, width)
        if best is None or score > best[0]:
            best = (score, delimiter)
    return best[1] if best else NONE
