"""What the pages of evidence show of its rows, which are too many to be read twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

#: the most rows of a table
_MOST: Final = 200
_UNUSUAL: Final = ("correction", "texted twice", "texted after give up")

Row = Mapping[str, Any]


class Digest:
    """What the page shows of the rows, kept while they are written."""

    def __init__(self) -> None:
        self.batches: list[Row] = []
        self.record: list[Row] = []
        self.unusual: list[Row] = []
        self.sources: Counter[str] = Counter()
        #: consents by source and wording
        self.consents: Counter[tuple[str, str]] = Counter()

    def of_batches(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows; the first ones stay here."""
        for row in rows:
            if len(self.batches) < _MOST:
                self.batches.append(row)
            yield row

    def of_opt_outs(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, counted by their source."""
        for row in rows:
            _count(self.sources, row["source"])
            yield row

    def of_consents(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, counted by source and wording."""
        for row in rows:
            _count(self.consents, (row["source"], row["wording"]))
            yield row

    def of_record(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows; the first ones stay here, and the first of those that are unusual."""
        for row in rows:
            for kept, wanted in ((self.record, True), (self.unusual, row["verb"] in _UNUSUAL)):
                if wanted and len(kept) < _MOST:
                    kept.append(row)
            yield row


def _count(counter: Counter[Any], what: object) -> None:
    if what in counter or len(counter) < _MOST:
        counter[what] += 1
