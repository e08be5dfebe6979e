"""Durations as people write them in a form."""

from __future__ import annotations

from datetime import timedelta


def written(duration: timedelta | None) -> str:
    """A duration as people write it: 90min, 2h, 3d; empty for none."""
    if duration is None:
        return ""
    minutes = round(duration.total_seconds() / 60)
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes and minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}min"
