"""What a person has to look up after a database was restored from a backup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Restored:
    """What to look up at the gateway after a restore."""

    #: the backup's last tick (UTC), None if it has none: batches may have left since then
    since: datetime | None
    #: reference of each unended campaign -> how many of its messages are pending in the backup
    unfinished: Mapping[str, int]
