"""The windows that an installation sets up."""

from __future__ import annotations

from datetime import timedelta

from dispatcher.settings.settings import Settings
from dispatcher.window import Windows


def windows_of(settings: Settings) -> Windows:
    """When commercial messages may leave, by these settings."""
    return Windows(
        clock=settings.window_clock,
        profile=settings.window_profile,
        opens=settings.window_opens,
        closes=settings.window_closes,
        guard=timedelta(seconds=settings.closing_guard),
    )
