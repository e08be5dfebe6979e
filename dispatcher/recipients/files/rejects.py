"""Rejected rows in a CSV file, which a person can correct and submit again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from dispatcher.recipients.files.private_csv import PrivateTable
from dispatcher.recipients.recipient import Rejection

_ADDED = ("line", "reason", "explanation")


class RejectsWriter(AbstractContextManager["RejectsWriter"]):
    """Writes each rejected row unchanged, then its line, the reason and what to do.

    The file is a ``PrivateTable``, written even if an error ends the ``with`` block: a person
    reads in it why.
    """

    def __init__(self, target: str | Path | BinaryIO, columns: Sequence[str]) -> None:
        self._width = len(columns)
        # a file of rejects that is submitted again has these columns already
        added = [_free(name, set(columns)) for name in _ADDED]
        self._table = PrivateTable(target, [*columns, *added])
        self.count = 0

    def write(self, rejection: Rejection) -> None:
        """Add one row; cells beyond the columns follow the explanation."""
        raw = (rejection.raw,) if isinstance(rejection.raw, str) else rejection.raw
        cells = [*raw[: self._width], *[""] * (self._width - len(raw))]
        line = "" if rejection.row is None else str(rejection.row)
        self._table.write([*cells, line, rejection.reason, rejection.detail, *raw[self._width :]])
        self.count += 1

    def close(self) -> None:
        """Complete the file, if a row was rejected. Raises OSError."""
        self._table.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def is_ours(columns: Sequence[str]) -> bool:
    """True for the columns of a file of rejects."""
    return any(tuple(columns[at : at + 2]) == _ADDED[:2] for at in range(len(columns)))


def _free(name: str, taken: set[str]) -> str:
    names = (name if turn == 1 else f"{name} {turn}" for turn in range(1, len(taken) + 2))
    return next(free for free in names if free not in taken)
