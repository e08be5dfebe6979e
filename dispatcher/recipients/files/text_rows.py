"""The rows of a text file: its lines, split at the delimiter."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice, repeat

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.delimiter import declared_delimiter, delimiter_of
from dispatcher.recipients.files.lines import TextLines
from dispatcher.recipients.reasons import MISQUOTED

_SAMPLE = 50
_END = r'" +(?=\r?\n?$|{})'
_TEXT_AFTER = "expected after"


class TextRows:
    """The rows of a text, with the delimiter that was found. Skipped lines are blank rows."""

    def __init__(self, lines: TextLines, column: str | None, skip: int) -> None:
        physical = iter(lines)
        skipped = sum(1 for _ in islice(physical, skip))
        sample = list(islice(physical, _SAMPLE))
        self._lines, self._sample, self._skipped = lines, sample, skipped
        whole = len(sample) < _SAMPLE
        declared = declared_delimiter(sample[0]) if sample else None
        self.delimiter = declared or delimiter_of(sample, whole=whole, column=column)
        following: Iterator[str] = chain(sample, physical)
        # some programs write a blank between a closing quote and the delimiter
        self._blank_after = blank_after = re.compile(_END.format(re.escape(self.delimiter)))
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

    def misquoted(self, error: csv.Error, before: int) -> tuple[list[str], str | None]:
        """The cells of the row of that ``error`` after so many lines, and its fault if it has one.

        Raises InvalidFile unless the row is one line with text after a closing quote: whatever
        else is wrong may have swallowed the rows below.
        """
        number = self.rows.line_num
        if _TEXT_AFTER not in str(error) or number != before + 1:
            raise fault_of(error, before + 1) from None
        at = number - self._skipped
        line = self._sample[at - 1] if at <= len(self._sample) else self._lines.line(number)
        with suppress(csv.Error):
            return self._cells(self._blank_after.sub('"', line), strict=True), None
        return self._cells(line, strict=False), MISQUOTED

    def _cells(self, line: str, *, strict: bool) -> list[str]:
        read = csv.reader([line], delimiter=self.delimiter, skipinitialspace=True, strict=strict)
        return next(read)


def fault_of(error: csv.Error, line: int) -> InvalidFile:
    """The error for a row that begins on that line."""
    message = str(error)
    if "field limit" in message:
        why = f"has a cell of over {csv.field_size_limit()} characters; is a quote never closed?"
    elif "end of data" in message:
        why = "opens a quote that is never closed"
    elif _TEXT_AFTER in message:
        why = "has text after a closing quote; a quote inside a quoted cell is written twice"
    else:
        why = f"cannot be read ({message})"
    return InvalidFile(f"the row that begins on line {line} {why}")
