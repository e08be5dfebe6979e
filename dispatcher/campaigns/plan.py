"""What submitting would do, as a person reads it before pressing the button."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from dispatcher.campaigns.forecast import Forecast
from dispatcher.campaigns.planner import Planner
from dispatcher.campaigns.prices import Prices, euros_of, to_cents
from dispatcher.errors import PlanChanged
from dispatcher.recipients.number_checks import Lookups
from dispatcher.window.territories import find

#: more than this share of rejected rows is worth a warning
_MANY_REJECTED = Decimal("0.10")


@dataclass(frozen=True, slots=True)
class Group:
    """The batches of one territory, and when the first of them may leave (UTC)."""

    territory: str
    batches: int
    messages: int
    opens_at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What submitting would store and when it would leave. Nothing is written.

    ``kept`` recipients would be texted, but for those ``opted_out`` or ``capped`` (who have had
    as many messages as a week allows by then), whose segments and cost are counted all the same;
    ``rejected`` counts rows by reason. ``cost`` is in euros at the prices set, None when one of
    them is not. Of a survey, whose text is made elsewhere, ``segments`` and ``cost`` are None.
    ``longest`` are texts as they arrive. ``fingerprint``
    names exactly this text, these options, these recipients, their segments and their cost:
    ``submit(..., approved=plan.fingerprint)`` stores that or nothing. ``lookups`` is what the
    gateway says of the numbers, None unless ``check_numbers`` asked for it.
    """

    rows: int
    kept: int
    duplicates: int
    opted_out: int
    capped: int = 0
    rejected: Mapping[str, int]
    segments: int | None
    billed: Mapping[str, int]
    cost: Decimal | None
    groups: tuple[Group, ...]
    longest: tuple[str, ...] = field(repr=False)
    forecast: Forecast
    warnings: tuple[str, ...]
    fingerprint: str
    #: the account that it goes through; empty for the default account
    account: str = ""
    lookups: Lookups | None = None

    @property
    def batches(self) -> int:
        """How many calls to the gateway that makes."""
        return sum(group.batches for group in self.groups)

    @property
    def opens_at(self) -> datetime | None:
        """When the first batch may leave (UTC)."""
        return min((group.opens_at for group in self.groups), default=None)

    @property
    def finishes_about(self) -> datetime | None:
        """When the last batch has left, at the rate set (UTC)."""
        return self.forecast.ends

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values: instants in ISO 8601, euros as text."""
        return {
            "rows": self.rows,
            "kept": self.kept,
            "duplicates": self.duplicates,
            "opted_out": self.opted_out,
            "capped": self.capped,
            "rejected": dict(self.rejected),
            "segments": self.segments,
            "billed": dict(self.billed),
            "cost": None if self.cost is None else str(self.cost),
            "batches": self.batches,
            "groups": [
                {
                    "territory": group.territory,
                    "batches": group.batches,
                    "messages": group.messages,
                    "opens_at": group.opens_at.isoformat(),
                    "why": group.why,
                }
                for group in self.groups
            ],
            "opens_at": _iso(self.opens_at),
            "finishes_about": _iso(self.finishes_about),
            "reported_by": _iso(self.forecast.reported),
            "late": self.forecast.late,
            "departures": [
                {
                    "territory": departure.territory,
                    "starts": departure.starts.isoformat(),
                    "ends": departure.ends.isoformat(),
                    "messages": departure.messages,
                    "why": departure.why,
                }
                for departure in self.forecast.departures
            ],
            "longest": list(self.longest),
            "warnings": list(self.warnings),
            "fingerprint": self.fingerprint,
            "account": self.account,
            "lookups": None if self.lookups is None else self.lookups.as_json(),
        }


def fingerprint_of(body: str, billed: Mapping[str, int], prices: Prices) -> str:
    """What an approval of a plan holds on to; ``body`` is the hash of what was submitted."""
    bill = [
        (place, count, str(to_cents(euros_of({place: count}, prices))))
        for place, count in billed.items()
    ]
    return hashlib.sha256(json.dumps([body, sorted(bill)]).encode()).hexdigest()


def approve(approved: str | None, body: str, planner: Planner, prices: Prices) -> str:
    """The fingerprint of a plan. Raises PlanChanged when another one was approved.

    ``body`` is the hash of what is submitted; ``planner`` has read all of it.
    """
    fingerprint = fingerprint_of(body, planner.billed, prices)
    if approved not in (None, fingerprint):
        cost = to_cents(euros_of(planner.billed, prices))
        bill = (
            f", {planner.billed.total():,} segments, {'unpriced' if cost is None else f'{cost} €'}"
        )
        raise PlanChanged(
            "this is not the plan that was approved: text, options, recipients or prices"
            f" differ. It is now {planner.kept:,} recipients{bill if planner.measured else ''}"
        )
    return fingerprint


def warnings_of(
    *,
    rows: int,
    rejected: int,
    commercial: bool,
    sender: str | None,
    unpriced: list[str],
    late: int,
    closed: Sequence[str] = (),
    from_number: str | None = None,
    survey: bool = False,
) -> list[str]:
    """What a careful colleague would say before the button is pressed."""
    said = []
    if rows and Decimal(rejected) / rows > _MANY_REJECTED:
        said.append(f"{rejected} of {rows} rows cannot be texted: is it the right column?")
    if not commercial:
        said.append("no STOP mention and no window: only for what is not commercial")
    if sender is not None and sender.isdigit():
        said.append("the sender is a number: operators block numbers as senders")
    if from_number is not None and from_number.startswith(("+336", "+337")):
        said.append("operators may block a mobile number as sender: ask SMS Partner about yours")
    if survey:
        said.append("what a survey says and costs is not known here: try it on yourself first")
    if survey and commercial:
        said.append("no STOP mention can be asked for with a survey: it has to be in its text")
    if unpriced:
        said.append(f"no price is set for {', '.join(unpriced)} (DISPATCHER_PRICES)")
    if late:
        where = ", ".join(find(territory).label for territory in closed)
        all_there = f", all those for {where} among them" if closed else ""
        said.append(f"{late} messages would leave after not_after: they would expire{all_there}")
    return said


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
