"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. ``remedy`` says what to do if it failed."""

    name: str
    ok: bool
    says: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, under the names that monitoring relies on."""
        return {"name": self.name, "well": self.ok, "says": self.says, "remedy": self.remedy}


class CheckFailed(Exception):
    """Raised when a check fails; an empty ``remedy`` stands for the usual one of the check."""

    def __init__(self, says: str, remedy: str = "") -> None:
        super().__init__(says)
        self.remedy = remedy
