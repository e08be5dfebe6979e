"""A batch as a plan cuts it: its people, and how many parts each is billed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

#: the most that one call to the gateway carries
LARGEST_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """At most 500 messages of one territory: (E.164 number, JSON of the fields used) each."""

    territory: str
    messages: tuple[tuple[str, str | None], ...] = field(repr=False)
    #: billed parts of each message by our own count; the gateway's answer replaces it
    parts: tuple[int, ...] = field(repr=False)

    @property
    def segments(self) -> int:
        """Billed parts of the whole batch."""
        return sum(self.parts)

    def split(self, size: int) -> Iterator[PlannedBatch]:
        """The same people in batches of at most ``size``."""
        if size >= len(self.parts):
            yield self
            return
        for start in range(0, len(self.parts), size):
            some = slice(start, start + size)
            yield PlannedBatch(self.territory, self.messages[some], self.parts[some])
