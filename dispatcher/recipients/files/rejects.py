"""The refused rows, in a file that a spreadsheet opens and a person can repair and give again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dispatcher.recipients.files.closeable import Closeable
from dispatcher.recipients.files.private_csv import PrivateTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatcher.recipients.recipient import Rejection


class RejectsWriter(Closeable):
    """Writes each refused row as it stood, then its line and the reason.

    The file is a ``PrivateTable``: it appears with the first rejection.
    """

    def __init__(self, target: str | Path | BinaryIO, columns: Sequence[str]) -> None:
        self._width = len(columns)
        # rejects that were repaired and refused again have these columns already
        added = [_free(name, set(columns)) for name in ("line", "reason")]
        self._table = PrivateTable(target, [*columns, *added])
        self.count = 0

    def write(self, rejection: Rejection) -> None:
        """Adds one row; cells beyond the columns go after the reason."""
        raw = (rejection.raw,) if isinstance(rejection.raw, str) else rejection.raw
        cells = [*raw[: self._width], *[""] * (self._width - len(raw))]
        line = "" if rejection.row is None else str(rejection.row)
        self._table.write([*cells, line, rejection.reason, *raw[self._width :]])
        self.count += 1

    def close(self) -> None:
        """Ends the file, if there is one."""
        self._table.close()


def _free(name: str, taken: set[str]) -> str:
    names = (name if turn == 1 else f"{name} {turn}" for turn in range(1, len(taken) + 2))
    return next(free for free in names if free not in taken)
