"""What people answered, as callers see it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What somebody answered; ``stop`` when it says to text them no more.

    Instants are UTC: ``at`` is the gateway's word, ``received_at`` ours. ``campaign`` is the
    reference of the campaign that was answered: where the gateway names its message or, for a
    long number, the one that this person was last sent from there.
    ``complete`` is False for a part of a long reply whose other parts have not come.
    """

    id: int
    phone: str = field(repr=False)
    text: str = field(repr=False)
    stop: bool
    received_at: datetime
    at: datetime | None = None
    #: our long number (E.164); None for a short code
    to: str | None = None
    campaign: str | None = None
    complete: bool = True

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON, instants in ISO 8601."""
        at = None if self.at is None else self.at.isoformat()
        return asdict(self) | {"at": at, "received_at": self.received_at.isoformat()}
