"""The approval of a whole series: up to a cap, each occurrence needs no other one. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from dispatcher.campaigns.amounts import MOST_EUROS, amount_of
from dispatcher.campaigns.draft import is_token, wrote
from dispatcher.campaigns.prices import shown
from dispatcher.campaigns.wording import counted
from dispatcher.errors import InvalidCampaign, NotAllowed

#: recipients of one occurrence
MOST_RECIPIENTS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesApproval:
    """Who has approved a series, when (UTC), and up to how much of each occurrence.

    ``recipients`` and ``euros`` are those of its plan; None for no limit, but never both.
    """

    by: str
    at: datetime
    recipients: int | None
    euros: Decimal | None

    def exceeded_by(self, recipients: int, cost: Decimal | None) -> str:
        """Why an occurrence with this plan needs an approval of its own; empty if it does not."""
        if self.recipients is not None and recipients > self.recipients:
            return (
                f"{counted(recipients, 'recipient')}, and the series is approved up to"
                f" {self.recipients:,}"
            )
        if self.euros is not None and cost is None:
            return f"its cost is unknown, and the series is approved up to {shown(self.euros)}"
        if self.euros is not None and cost is not None and cost > self.euros:
            return f"it costs {shown(cost)}, and the series is approved up to {shown(self.euros)}"
        return ""

    @property
    def cap(self) -> str:
        """Up to how much: "500 recipients and 30 €"."""
        limits = (
            None if self.recipients is None else counted(self.recipients, "recipient"),
            None if self.euros is None else shown(self.euros),
        )
        return " and ".join(filter(None, limits))

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, euros as text with two decimals."""
        return {
            "by": self.by,
            "at": self.at.isoformat(),
            "recipients": self.recipients,
            "euros": None if self.euros is None else f"{self.euros:.2f}",
        }


def approval_of(
    by: str,
    at: datetime,
    recipients: int | None,
    euros: Decimal | float | str | None,
    *,
    priced: bool,
) -> SeriesApproval:
    """An approval up to this cap. Raises InvalidCampaign for a cap that cannot be kept.

    ``priced`` says whether plans cost something.
    """
    if recipients is None and euros is None:
        raise InvalidCampaign("a series is approved up to a cap: recipients, euros, or both")
    if recipients is not None and not (
        isinstance(recipients, int) and 0 < recipients <= MOST_RECIPIENTS
    ):
        raise InvalidCampaign(
            f"a cap of recipients is a whole number from 1 to {MOST_RECIPIENTS:,}: 500"
        )
    if euros is not None and not priced:
        raise InvalidCampaign(
            "a cap of euros needs prices, by which plans cost something: set DISPATCHER_PRICES"
        )
    amount = None if euros is None else _euros(euros)
    return SeriesApproval(by=by, at=at, recipients=recipients, euros=amount)


def _euros(value: Decimal | float | str) -> Decimal:
    euros = amount_of(value)
    if euros is None or not 0 < euros <= MOST_EUROS:
        raise InvalidCampaign(
            f"a cap of euros is an amount with at most two decimals, up to {MOST_EUROS:,}: 30"
        )
    return euros


def check_approver(who: str, writers: Collection[str]) -> None:
    """Raise NotAllowed if ``who`` has written any of a series, or if no login names that person."""
    if is_token(who):
        raise NotAllowed(
            "a person approves a series, and a token names none: sign in, or have the app say who"
            " is signed in"
        )
    if wrote(who, writers):
        raise NotAllowed(f"{who} has written in this series: somebody else approves it")
