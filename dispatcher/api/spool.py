"""Planned batches in an unnamed file, until the whole list has been read.

A list may come slowly, from a pipe or a query; a transaction that waited for it would block every
worker.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import Self

from dispatcher.campaigns.batch import PlannedBatch, unpacked

#: bytes in memory before a file is used: some 20,000 recipients
_IN_MEMORY = 4 * 1024 * 1024
#: bytes of the number that gives the length of a batch
_LENGTH = 8


class Spool:
    """Reads all batches at once; they can then be read again, in the same order."""

    def __init__(self, batches: Iterable[PlannedBatch]) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - see __exit__
        self._count = 0
        try:
            for batch in batches:
                blob = batch.packed
                self._file.write(len(blob).to_bytes(_LENGTH) + blob)
                self._count += 1
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[PlannedBatch]:
        """The batches, in the order in which they came."""
        self._file.seek(0)
        for _ in range(self._count):
            length = int.from_bytes(self._file.read(_LENGTH))
            yield unpacked(self._file.read(length))
