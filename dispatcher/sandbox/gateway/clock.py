"""The clock of the fake gateway, which tests move."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class MovableClock:
    """The system's clock, ``offset`` seconds ahead."""

    offset: float = 0.0

    def __call__(self) -> float:
        """The present instant, in epoch seconds."""
        return time.time() + self.offset
