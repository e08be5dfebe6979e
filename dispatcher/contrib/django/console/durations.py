"""Durations as people write them in a form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from dispatcher.campaigns.series_fields import duration_of


def written(duration: timedelta | None) -> str:
    """A duration as people write it: 90min, 2h, 3d; empty for none."""
    if duration is None:
        return ""
    minutes = round(duration.total_seconds() / 60)
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes and minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}min"


def typed(
    name: str,
    value: str,
    before: timedelta | None,
    read: Callable[[str, str], timedelta] = duration_of,
) -> timedelta | None:
    """What is typed in a form; None for nothing. Raises InvalidCampaign for what is no duration.

    ``before`` is what the form has shown: if that was left alone, its seconds stay.
    """
    value = value.strip()
    if before is not None and value == written(before):
        return before
    return read(name, value) if value else None
