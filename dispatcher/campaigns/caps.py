"""Caps of messages and of euros, for a campaign and for a day in Paris. Pure.

A campaign that exceeds a cap by itself is refused when it is planned. When a batch is armed, it
waits for the next day if the day is full; its campaign pauses if its cap would be exceeded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final

from dispatcher.campaigns.prices import Prices, euros_of, shown, unpriced
from dispatcher.errors import InvalidCampaign
from dispatcher.settings import PREFIX, Settings
from dispatcher.window.territories import find

#: the week of the cap of messages per person, rolling
WEEK: Final = timedelta(days=7)
#: the code of what the weekly cap rejects, among those of the gateway, which are positive
WEEKLY_CODE: Final = -7
#: what the reason begins with for which a batch waits until the next day
FULL: Final = "daily cap of "
#: what is unpriced when it is no destination
SURVEYS: Final = "surveys"
#: in a column, no limit
_ENDLESS: Final = 2**31 - 1
_PARIS = find("metropole")


@dataclass(frozen=True, slots=True)
class Load:
    """Messages and what they cost in euros: of one batch, or of all that has left."""

    messages: int
    euros: Decimal = Decimal(0)
    #: a destination without a price, so that ``euros`` is not the whole
    unpriced: str = ""

    def __add__(self, other: Load) -> Load:
        return Load(
            self.messages + other.messages,
            self.euros + other.euros,
            self.unpriced or other.unpriced,
        )


@dataclass(frozen=True, slots=True)
class Caps:
    """The most messages and euros, None for no limit, of ``what``: "campaign" or "day"."""

    what: str
    messages: int | None
    euros: Decimal | None

    @property
    def set(self) -> bool:
        """Whether there is a limit at all."""
        return self.messages is not None or self.euros is not None

    def broken_by(self, load: Load) -> str:
        """The cap that ``load`` exceeds, in words that fit behind "cap of"; else empty.

        A load of which not all has a price exceeds a cap of euros: nobody knows.
        """
        if self.messages is not None and load.messages > self.messages:
            return _counted(self.messages)
        if self.euros is not None and (load.unpriced or load.euros > self.euros):
            return shown(self.euros)
        return ""

    @property
    def reasons(self) -> list[str]:
        """What batches may wait for under these caps, when they are those of a day."""
        reasons = []
        if self.messages is not None:
            reasons.append(full(_counted(self.messages)))
        if self.euros is not None:
            reasons.append(full(shown(self.euros)))
        return reasons

    def room(self, left: Load, dearest: Decimal) -> tuple[int, int]:
        """How many messages may still leave, and how many segments at the ``dearest`` price."""
        messages = parts = _ENDLESS
        if self.messages is not None:
            messages = self.messages - left.messages
        if self.euros is not None and dearest:
            parts = int((self.euros - left.euros) / dearest)
        return messages, parts


def caps_of(settings: Settings) -> tuple[Caps, Caps]:
    """The caps of a campaign and those of a day."""
    return (
        Caps("campaign", settings.campaign_recipients, settings.campaign_euros),
        Caps("day", settings.daily_recipients, settings.daily_euros),
    )


def check_campaign(settings: Settings, campaign: Load) -> None:
    """Raise InvalidCampaign for a campaign that exceeds its cap, or that of a whole day."""
    for caps, prefix in zip(caps_of(settings), ("CAMPAIGN", "DAILY"), strict=True):
        if caps.messages is not None and campaign.messages > caps.messages:
            raise InvalidCampaign(
                f"{campaign.messages:,} recipients exceed the cap of {caps.messages:,} per"
                f" {caps.what} ({PREFIX}{prefix}_RECIPIENTS)"
            )
        if caps.euros is not None and campaign.unpriced == SURVEYS:
            raise InvalidCampaign(
                f"what surveys cost is not known here, so that the cap of {caps.euros:,} € per"
                f" {caps.what} ({PREFIX}{prefix}_EUROS) cannot be judged"
            )
        if caps.euros is not None and campaign.unpriced:
            raise InvalidCampaign(
                f"no price is set for {campaign.unpriced} ({PREFIX}PRICES), so that the cap of"
                f" {caps.euros:,} € per {caps.what} cannot be judged"
            )
        if caps.euros is not None and campaign.euros > caps.euros:
            raise InvalidCampaign(
                f"{shown(campaign.euros)} exceed the cap of {shown(caps.euros)} per {caps.what}"
                f" ({PREFIX}{prefix}_EUROS)"
            )


def load_of(
    messages: int,
    billed: Mapping[str, int],
    prices: Prices,
    measured: bool = True,
) -> Load:
    """The load of billed parts by destination, with the exact sum of their prices.

    What was not ``measured`` is a survey: nobody here knows its parts.
    """
    if not measured:
        return Load(messages, unpriced=SURVEYS)
    missing = unpriced(billed, prices)
    priced = {place: count for place, count in billed.items() if place not in missing}
    return Load(messages, euros_of(priced, prices) or Decimal(0), missing[0] if missing else "")


def full(cap: str) -> str:
    """What a batch waits for when the day has had its fill; ``cap`` as of ``Caps.broken_by``."""
    return f"{FULL}{cap} reached"


def _counted(messages: int) -> str:
    return f"{messages:,} message" + ("" if messages == 1 else "s")


def day_of(at: datetime) -> datetime:
    """The midnight (UTC) with which the day of ``at`` begins in Paris."""
    return _PARIS.instant(_PARIS.local(at).date(), time())


def day_after(at: datetime) -> datetime:
    """The midnight (UTC) with which the day of ``at`` ends in Paris."""
    return _PARIS.instant(_PARIS.local(at).date() + timedelta(days=1), time())


class Day:
    """The caps of a day, and what leaves under them as batches are added: a forecast's view."""

    def __init__(self, caps: Caps, at: datetime, left: Load) -> None:
        """``left`` has left on the day of ``at``."""
        self._caps = caps
        self._left = {day_of(at): left}

    def full(self, at: datetime, load: Load) -> str:
        """Why ``load`` cannot leave on the day of ``at``; empty when it can."""
        if not self._caps.set or self._caps.broken_by(load):
            return ""  # what no day has room for is refused, and not to be waited for
        cap = self._caps.broken_by(self._left.get(day_of(at), Load(0)) + load)
        return full(cap) if cap else ""

    def add(self, at: datetime, load: Load) -> None:
        """``load`` leaves at ``at``."""
        if self._caps.set:
            day = day_of(at)
            self._left[day] = self._left.get(day, Load(0)) + load
