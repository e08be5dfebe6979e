"""The delimiter of a text file, found in its first lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from contextlib import suppress

from dispatcher.recipients.files.columns import number_rank
from dispatcher.recipients.recipient import phone_columns

#: the first wins a tie: French spreadsheets write it
_CANDIDATES = (";", ",", "\t", "|")
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
            records.extend(filter(None, csv.reader(lines, delimiter=delimiter)))
        if not whole and len(records) > 1:
            records.pop()  # its last cell may be quoted and continue
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
