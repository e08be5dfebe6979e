"""Sentences about campaigns, for the command line and for the pages of Django and Flask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatcher.campaigns.prices import euros_of
from dispatcher.window.slots import PARIS

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from dispatcher.campaigns.prices import Prices
    from dispatcher.campaigns.progress import Progress
    from dispatcher.campaigns.records import Doubt


def moment(at: datetime, now: datetime, zone: ZoneInfo = PARIS) -> str:
    """An aware instant on the clock of ``zone``: "Tuesday 08:00".

    The date is added unless it is today or one of the next six days.
    """
    local = at.astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    if 0 <= days <= 6:
        return f"{local:%A %H:%M}"
    return f"{local:%A} {local.day} {local:%B %Y %H:%M}"


def standing(progress: Progress, now: datetime) -> str:
    """Why a campaign waits, and until when; empty if it does not wait."""
    if progress.waits_until is None:
        return progress.why
    until = f"waits until {moment(progress.waits_until, now)}"
    return f"{until}: {progress.why}" if progress.why else until


def about_euros(doubt: Doubt, prices: Prices) -> str:
    """What texting the people of a doubt again would cost: " (about 4.50 €)"; else empty."""
    euros = euros_of({doubt.territory: doubt.segments}, prices)
    return "" if euros is None else f" (about {euros:.2f} €)"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number and its noun: "1 batch", "3,000 rows"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
