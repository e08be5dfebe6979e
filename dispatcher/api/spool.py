"""Planned batches on their way to the database, kept in an unnamed file meanwhile.

A list may come slowly, from a pipe or a query; a transaction that waited for it would hold up
every worker.
"""

from __future__ import annotations

import marshal
import tempfile
from collections.abc import Iterable, Iterator
from typing import Self

from dispatcher.campaigns.batch import PlannedBatch

#: what is kept in memory before a file is used: some 20,000 recipients
_IN_MEMORY = 4 * 1024 * 1024
#: bytes that tell how long a batch is
_LENGTH = 8


class Spool:
    """Batches that have been read to their end, to be read once more."""

    def __init__(self, batches: Iterable[PlannedBatch]) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - see __exit__
        self._count = 0
        try:
            for batch in batches:
                # written whole: marshal reads a file in the smallest pieces
                blob = marshal.dumps((batch.territory, batch.messages, batch.segments))
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
        """The batches, in their order."""
        self._file.seek(0)
        for _ in range(self._count):
            length = int.from_bytes(self._file.read(_LENGTH))
            yield PlannedBatch(*marshal.loads(self._file.read(length)))  # noqa: S302 - our own
