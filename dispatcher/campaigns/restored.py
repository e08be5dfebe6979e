"""What a restored database leaves to a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Restored:
    """What is to be looked up at the gateway after a restore."""

    #: the backup's last tick (UTC), None without any: whatever left later is unknown to it
    since: datetime | None
    #: reference of each campaign that has not ended -> how many of its messages are to go in it
    unfinished: Mapping[str, int]
