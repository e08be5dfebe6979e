"""What a reader says of a file beside its rows: how it was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dispatcher.recipients.files.encodings import CANDIDATES


@dataclass
class Notes:
    """The notes on one file."""

    sheet: str = ""
    #: the line of the header, if titles stand above it
    header: int = 0
    phones: Sequence[str] = ()
    #: whether every number of a row counts
    every: bool = False

    def sentences(self, encoding: str | None) -> list[str]:
        """The notes, for people."""
        notes = [self.sheet] if self.sheet else []
        if self.header:
            notes.append(f"the header is in line {self.header}; the lines above are left out")
        if encoding is not None and not encoding.startswith("utf-8"):
            notes.append(f"the file is read as {CANDIDATES.get(encoding, encoding.upper())}")
        if len(self.phones) > 1:
            listed = ", ".join(map(repr, self.phones))
            notes.append(
                f"every number of a row counts: {listed}"
                if self.every
                else f"the number of each row is the first mobile of {listed}"
            )
        return notes
