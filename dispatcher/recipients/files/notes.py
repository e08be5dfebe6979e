"""What a reader says of a file beside its rows: how it was read, and what looks wrong in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dispatcher.recipients.files.encodings import CANDIDATES

_ENTITY = re.compile(
    r"[^\n\r;,\t|\"]{0,40}&(?:#\d{2,5}|#x[0-9a-f]{2,4}|[a-z]{2,8}\d?);[^\n\r,\t|\"]{0,20}",
    re.IGNORECASE,
)


class Entities:
    """Counts texts with entities of HTML, such as ``&amp;``, and shows the first."""

    def __init__(self) -> None:
        self.count = 0
        self._first = ""

    def look_at(self, text: str, before: int) -> None:
        """Take some text that follows so many lines."""
        for found in _ENTITY.finditer(text):
            if not self.count:
                above = text[: found.start()]
                line = before + 1 + above.count("\n") + above.count("\r") - above.count("\r\n")
                self._first = f"line {line}, “{found[0].strip()}”"
            self.count += 1

    def sentences(self) -> list[str]:
        """One sentence, if there is anything to say."""
        if not self.count:
            return []
        holds = "value holds" if self.count == 1 else "values hold"
        what = "entities of HTML, which are texted as they stand"
        where = f"the first in {self._first}: replace them in the file"
        return [f"{self.count:,} {holds} {what}, {where}"]


@dataclass
class Notes:
    """The notes on one file."""

    sheet: str = ""
    #: the line of the header, if titles stand above it
    header: int = 0
    phones: Sequence[str] = ()
    entities: Entities = field(default_factory=Entities)

    def look_at(self, cells: Sequence[str], row: int) -> None:
        """Take a row of a sheet."""
        for cell in cells:
            if "&" in cell:
                self.entities.look_at(cell, row - 1)

    def sentences(self, encoding: str | None) -> list[str]:
        """The notes, for people."""
        notes = [self.sheet] if self.sheet else []
        if self.header:
            notes.append(f"the header is in line {self.header}; the lines above are left out")
        if encoding is not None and not encoding.startswith("utf-8"):
            notes.append(f"the file is read as {CANDIDATES.get(encoding, encoding.upper())}")
        if len(self.phones) > 1:
            listed = ", ".join(map(repr, self.phones))
            notes.append(f"the number of each row is the first mobile of {listed}")
        return notes + self.entities.sentences()
