"""What campaigns cost, planned, reserved and charged: by month, account, tag, territory, campaign.

Pure. The sums are whole numbers of messages, segments and ten-thousandths of a euro, so that the
rows of a table add up to its total exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from dispatcher.campaigns.wording import counted
from dispatcher.errors import InvalidCampaign

UNITS: Final = ("messages", "segments", "euros")
#: in this order
MEASURES: Final = ("planned", "reserved", "charged", "difference")


class By(StrEnum):
    """What the rows of a table are."""

    MONTH = "month"
    ACCOUNT = "account"
    TAG = "tag"
    TERRITORY = "territory"
    CAMPAIGN = "campaign"


def by_of(name: str) -> By:
    """The kind of rows with this name. Raises InvalidCampaign."""
    try:
        return By(name)
    except ValueError:
        raise InvalidCampaign(f"spend is added up by one of {', '.join(By)}") from None


@dataclass(frozen=True, slots=True)
class Amount:
    """One quantity in its three units."""

    messages: int = 0
    segments: int = 0
    #: exact to a ten-thousandth
    euros: Decimal = Decimal(0)

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.messages + other.messages,
            self.segments + other.segments,
            self.euros + other.euros,
        )

    def __sub__(self, other: Amount) -> Amount:
        return Amount(
            self.messages - other.messages,
            self.segments - other.segments,
            self.euros - other.euros,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendRow:
    """The sums over some batches. ``planned`` + ``difference`` = ``reserved`` + ``charged``.

    ``planned`` is what was submitted, by its plan. ``reserved`` may still be charged: messages to
    go and in doubt, and those that were sent at a cost that the gateway did not tell
    (``untold``). ``charged`` is what the gateway named a cost for.
    """

    #: the month (``2027-03``), account, tag, territory or reference; empty for the default account,
    #: for no tag, and for a total
    name: str = ""
    campaigns: int = 0
    planned: Amount = Amount()
    reserved: Amount = Amount()
    charged: Amount = Amount()
    #: of the reserved messages, those that were sent
    untold: int = 0
    #: planned messages for which no price was set: ``planned`` and ``reserved`` lack their euros
    unpriced: int = 0
    #: what was charged for the batches of these
    unplanned: Decimal = Decimal(0)

    @property
    def difference(self) -> Amount:
        """What it comes to, less the plan: negative where people were left out.

        Euros that were charged where no price was set are no part of it.
        """
        more = self.reserved + self.charged - self.planned
        return Amount(more.messages, more.segments, more.euros - self.unplanned)

    def __add__(self, other: SpendRow) -> SpendRow:
        return SpendRow(
            campaigns=self.campaigns + other.campaigns,
            planned=self.planned + other.planned,
            reserved=self.reserved + other.reserved,
            charged=self.charged + other.charged,
            untold=self.untold + other.untold,
            unpriced=self.unpriced + other.unpriced,
            unplanned=self.unplanned + other.unplanned,
        )

    def amounts(self) -> Iterator[tuple[str, Mapping[str, int | Decimal]]]:
        """Each unit with its four measures."""
        for unit in UNITS:
            yield unit, {name: getattr(getattr(self, name), unit) for name in MEASURES}

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, euros as text with four decimals."""
        amounts = {
            unit: {name: written(value) for name, value in measures.items()}
            for unit, measures in self.amounts()
        }
        return {
            "name": self.name,
            "campaigns": self.campaigns,
            **amounts,
            "untold": self.untold,
            "unpriced": self.unpriced,
            "unplanned": written(self.unplanned),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """A table of what campaigns cost in a period, its rows in order of their names.

    ``total`` counts each batch once. A campaign with several tags counts in the row of each, so
    rows by tag may come to more: ``several_tags`` is how many such campaigns there are. Test
    messages are in ``tests`` alone.
    """

    by: By
    #: the period, from an instant until before another (aware); None for no bound
    since: datetime | None
    until: datetime | None
    rows: tuple[SpendRow, ...]
    total: SpendRow
    tests: SpendRow
    several_tags: int = 0

    def notes(self) -> list[str]:
        """What a reader must know of the total, a sentence each."""
        total, notes = self.total, []
        if self.several_tags:
            notes.append(
                f"{counted(self.several_tags, 'campaign')} with several tags: in the row of each,"
                " and once in the total"
            )
        if total.untold:
            notes.append(
                f"{counted(total.untold, 'message')} sent at a cost that the gateway did not tell:"
                " reserved"
            )
        if total.unpriced:
            notes.append(
                f"{counted(total.unpriced, 'message')} planned without a price: their euros are"
                " neither planned nor reserved, and what was charged for them is in no difference"
            )
        return notes

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, instants in ISO 8601."""
        return {
            "by": str(self.by),
            "from": self.since and self.since.isoformat(),
            "to": self.until and self.until.isoformat(),
            "rows": [row.as_json() for row in self.rows],
            "total": self.total.as_json(),
            "tests": self.tests.as_json(),
            "several_tags": self.several_tags,
        }


@dataclass(frozen=True, slots=True)
class Spent:
    """Euros of the batches that left in a period."""

    #: what was charged for all of them
    charged: Decimal
    #: the same of those that had a price when they were submitted, and what they should cost
    priced: Decimal
    planned: Decimal


def written(value: int | Decimal) -> int | str:
    """A number as files and JSON have it: euros as text with four decimals."""
    return f"{value:.4f}" if isinstance(value, Decimal) else value
