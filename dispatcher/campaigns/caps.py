"""Caps of messages and of euros, for a campaign and for a day in Paris. Pure.

A campaign that exceeds a cap by itself is refused when it is planned. When a batch is claimed, it
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

#: the weekly cap of messages per person counts over the last 7 days
WEEK: Final = timedelta(days=7)
#: the code of a message that the weekly cap rejects; the codes of the gateway are positive
WEEKLY_CODE: Final = -7
#: how the reason begins why a batch waits for the next day
FULL: Final = "daily cap of "
#: stands for a destination in ``Usage.unpriced``: surveys, whose segments are unknown
SURVEYS: Final = "surveys"
#: no limit, as a number that fits a column
_ENDLESS: Final = 2**31 - 1
_PARIS = find("metropole")


@dataclass(frozen=True, slots=True)
class Usage:
    """Messages and their cost in euros: of one batch, or of everything that has left."""

    messages: int
    euros: Decimal = Decimal(0)
    #: a destination without a price, which ``euros`` leaves out; empty if all have one
    unpriced: str = ""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.messages + other.messages,
            self.euros + other.euros,
            self.unpriced or other.unpriced,
        )


@dataclass(frozen=True, slots=True)
class Caps:
    """The most messages and euros of a ``what``, "campaign" or "day"; None is no limit."""

    what: str
    messages: int | None
    euros: Decimal | None

    @property
    def set(self) -> bool:
        """True if there is any limit."""
        return self.messages is not None or self.euros is not None

    def broken_by(self, usage: Usage) -> str:
        """The cap that ``usage`` exceeds, to be read after "cap of"; empty if there is none.

        If a price is missing, a cap of euros counts as exceeded: the cost is unknown.
        """
        if self.messages is not None and usage.messages > self.messages:
            return _counted(self.messages)
        if self.euros is not None and (usage.unpriced or usage.euros > self.euros):
            return shown(self.euros)
        return ""

    @property
    def reasons(self) -> list[str]:
        """The reasons for which batches may wait under these caps, if they are those of a day."""
        reasons = []
        if self.messages is not None:
            reasons.append(full(_counted(self.messages)))
        if self.euros is not None:
            reasons.append(full(shown(self.euros)))
        return reasons

    def room(self, left: Usage, dearest: Decimal) -> tuple[int, int]:
        """How many messages may still leave, and how many segments at the ``dearest`` price."""
        messages = segments = _ENDLESS
        if self.messages is not None:
            messages = self.messages - left.messages
        if self.euros is not None and dearest:
            segments = int((self.euros - left.euros) / dearest)
        return messages, segments


def caps_of(settings: Settings) -> tuple[Caps, Caps]:
    """The caps of a campaign and those of a day."""
    return (
        Caps("campaign", settings.campaign_recipients, settings.campaign_euros),
        Caps("day", settings.daily_recipients, settings.daily_euros),
    )


def check_campaign(settings: Settings, campaign: Usage) -> None:
    """Raise InvalidCampaign for a campaign that exceeds its cap, or that of a whole day."""
    for caps, prefix in zip(caps_of(settings), ("CAMPAIGN", "DAILY"), strict=True):
        if caps.messages is not None and campaign.messages > caps.messages:
            raise InvalidCampaign(
                f"{campaign.messages:,} recipients exceed the cap of {caps.messages:,} per"
                f" {caps.what} ({PREFIX}{prefix}_RECIPIENTS)"
            )
        if caps.euros is not None and campaign.unpriced == SURVEYS:
            raise InvalidCampaign(
                f"the cost of surveys is not known here, so that the cap of {caps.euros:,} € per"
                f" {caps.what} ({PREFIX}{prefix}_EUROS) cannot be checked"
            )
        if caps.euros is not None and campaign.unpriced:
            raise InvalidCampaign(
                f"no price is set for {campaign.unpriced} ({PREFIX}PRICES), so that the cap of"
                f" {caps.euros:,} € per {caps.what} cannot be checked"
            )
        if caps.euros is not None and campaign.euros > caps.euros:
            raise InvalidCampaign(
                f"{shown(campaign.euros)} exceed the cap of {shown(caps.euros)} per {caps.what}"
                f" ({PREFIX}{prefix}_EUROS)"
            )


def usage_of(
    messages: int,
    billed: Mapping[str, int],
    prices: Prices,
    measured: bool = True,
) -> Usage:
    """The usage of messages with their segments by destination (``billed``), priced exactly.

    Without ``measured`` it is a survey, whose segments are unknown.
    """
    if not measured:
        return Usage(messages, unpriced=SURVEYS)
    missing = unpriced(billed, prices)
    priced = {place: count for place, count in billed.items() if place not in missing}
    return Usage(messages, euros_of(priced, prices) or Decimal(0), missing[0] if missing else "")


def full(cap: str) -> str:
    """Why a batch waits when the day is full; ``cap`` is an answer of ``Caps.broken_by``."""
    return f"{FULL}{cap} reached"


def _counted(messages: int) -> str:
    return f"{messages:,} message" + ("" if messages == 1 else "s")


def day_of(at: datetime) -> datetime:
    """The midnight in Paris, as an instant in UTC, at which the day of ``at`` begins."""
    return _PARIS.instant(_PARIS.local(at).date(), time())


def day_after(at: datetime) -> datetime:
    """The midnight in Paris, as an instant in UTC, at which the day of ``at`` ends."""
    return _PARIS.instant(_PARIS.local(at).date() + timedelta(days=1), time())


class Day:
    """The caps of each day of a forecast, and what leaves under them as batches are added."""

    def __init__(self, caps: Caps, at: datetime, left: Usage) -> None:
        """``left`` is what has left already on the day of ``at``."""
        self._caps = caps
        self._left = {day_of(at): left}

    def full(self, at: datetime, usage: Usage) -> str:
        """Why ``usage`` cannot leave on the day of ``at``; empty when it can."""
        if not self._caps.set or self._caps.broken_by(usage):
            return ""  # no day has room for it: it is refused, waiting would not help
        cap = self._caps.broken_by(self._left.get(day_of(at), Usage(0)) + usage)
        return full(cap) if cap else ""

    def add(self, at: datetime, usage: Usage) -> None:
        """``usage`` leaves at ``at``."""
        if self._caps.set:
            day = day_of(at)
            self._left[day] = self._left.get(day, Usage(0)) + usage
