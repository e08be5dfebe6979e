"""The rows of a text file: its lines, split at the delimiter."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.delimiter import declared_delimiter, delimiter_of

_SAMPLE = 50
_END = r'" +(?=\r?\n?$|{})'


class TextRows:
    """The rows of a text, with the delimiter that was found. Skipped lines are blank rows."""

    def __init__(self, lines: Iterable[str], column: str | None, skip: int) -> None:
        physical = iter(lines)
        skipped = sum(1 for _ in islice(physical, skip))
        sample = list(islice(physical, _SAMPLE))
        whole = len(sample) < _SAMPLE
        declared = declared_delimiter(sample[0]) if sample else None
        self.delimiter = declared or delimiter_of(sample, whole=whole, column=column)
        following: Iterator[str] = chain(sample, physical)
        # some programs write a blank between a closing quote and the delimiter
        blank_after = re.compile(_END.format(re.escape(self.delimiter)))
        if any(map(blank_after.search, sample)):
            following = (blank_after.sub('"', line) for line in following)
        # strict: otherwise a quote that is never closed makes one cell of all rows after it
        self.rows = csv.reader(
            chain(repeat("\n", skipped), following),
            delimiter=self.delimiter,
            skipinitialspace=True,
            strict=True,
        )
        if declared:
            for _ in range(skipped + 1):
                next(self.rows)


def fault_of(error: csv.Error, line: int) -> InvalidFile:
    """The error for a row that begins on that line."""
    message = str(error)
    if "field limit" in message:
        why = f"has a cell of over {csv.field_size_limit()} characters; is a quote never closed?"
    elif "end of data" in message:
        why = "opens a quote that is never closed"
    elif "expected after" in message:
        why = "has text after a closing quote; a quote inside a quoted cell is written twice"
    else:
        why = f"cannot be read ({message})"
    return InvalidFile(f"the row that begins on line {line} {why}")
