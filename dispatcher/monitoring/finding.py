"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How a check ended."""

    OK = "ok"
    #: a person should look at it; messages leave
    WARNING = "warning"
    #: messages do not leave, or a promise is in danger
    FAILED = "failed"
    #: what it depends on failed
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. ``remedy`` says what to do about a warning or a failure."""

    name: str
    level: Level
    says: str
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """True unless the check failed, or could not be made."""
        return self.level in (Level.OK, Level.WARNING)

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, under the names that monitoring relies on."""
        return {
            "name": self.name,
            "well": self.ok,
            "level": self.level.value,
            "says": self.says,
            "remedy": self.remedy,
        }


class CheckFailed(Exception):
    """Raised when a check fails; an empty ``remedy`` stands for the one that fits the sentence."""

    level = Level.FAILED

    def __init__(self, says: str, remedy: str = "") -> None:
        super().__init__(says)
        self.remedy = remedy


class Warned(CheckFailed):
    """Raised when a person should look at it, and messages leave."""

    level = Level.WARNING


class NotLookedAt(Exception):
    """Raised when there is nothing to check because something else failed."""
