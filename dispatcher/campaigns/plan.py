"""The plan of a campaign: what submitting would store, send and cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from dispatcher.campaigns.forecast import Forecast
from dispatcher.campaigns.planner import Planner
from dispatcher.campaigns.prices import Prices, euros_of, to_cents
from dispatcher.campaigns.wording import counted
from dispatcher.errors import PlanChanged
from dispatcher.recipients.number_checks import Lookups
from dispatcher.recipients.senders import sender_warning
from dispatcher.texts.lint import text_warnings
from dispatcher.window.territories import find

_NOTHING: Mapping[str, int] = MappingProxyType({})
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

    ``kept`` recipients would be stored. Of them ``opted_out``, ``capped`` (at the weekly cap
    by then) and ``unreachable`` would not be texted, though their segments and cost are counted.
    The same goes for ``left_out``, by the reference of the campaign because of which, as of now; of
    ``undecided`` it is not known before that campaign has texted them or their reports are in.
    ``rejected`` counts the other rows by reason. ``cost`` is in euros at the prices of the
    settings; None if a price is missing. For a survey, whose text SMS Partner holds, ``segments``
    and ``cost`` are None.
    ``longest`` are the longest texts as they arrive. ``fingerprint`` identifies this text, these
    options and recipients, their segments and their cost:
    ``submit(..., approved=plan.fingerprint)`` stores exactly this or nothing. ``lookups`` are the
    gateway's answers about the numbers; None without ``check_numbers``. ``per_hour`` is about how
    many messages leave in an hour, if they are smoothed.
    """

    rows: int
    kept: int
    duplicates: int
    opted_out: int
    capped: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict, repr=False)
    undecided: int = 0
    unreachable: int = 0
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
    per_hour: int | None = None

    @property
    def batches(self) -> int:
        """How many batches, and so calls to the gateway, there are."""
        return sum(group.batches for group in self.groups)

    @property
    def opens_at(self) -> datetime | None:
        """When the first batch may leave (UTC)."""
        return min((group.opens_at for group in self.groups), default=None)

    @property
    def finishes_about(self) -> datetime | None:
        """When the last batch will have left, at the rate of the settings (UTC)."""
        return self.forecast.ends

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON values: instants in ISO 8601, euros as text."""
        return {
            "rows": self.rows,
            "kept": self.kept,
            "duplicates": self.duplicates,
            "opted_out": self.opted_out,
            "capped": self.capped,
            "left_out": dict(self.left_out),
            "undecided": self.undecided,
            "unreachable": self.unreachable,
            "reasons": dict(self.rejected),
            "segments": self.segments,
            "billed": dict(self.billed),
            "cost": None if self.cost is None else str(self.cost),
            "batches": self.batches,
            "groups": [
                asdict(group) | {"opens_at": group.opens_at.isoformat()} for group in self.groups
            ],
            "opens_at": _iso(self.opens_at),
            "finishes_about": _iso(self.finishes_about),
            "reported_by": _iso(self.forecast.reported),
            "late": self.forecast.late,
            "per_hour": self.per_hour,
            "departures": [
                asdict(departure)
                | {"starts": departure.starts.isoformat(), "ends": departure.ends.isoformat()}
                for departure in self.forecast.departures
            ],
            "longest": list(self.longest),
            "warnings": list(self.warnings),
            "fingerprint": self.fingerprint,
            "account": self.account,
            "lookups": None if self.lookups is None else self.lookups.as_json(),
        }


def fingerprint_of(body: str, billed: Mapping[str, int], prices: Prices) -> str:
    """The fingerprint of a plan: a hash of ``body``, the hash of the submission, and the bill."""
    bill = [
        (place, count, str(to_cents(euros_of({place: count}, prices))))
        for place, count in billed.items()
    ]
    return hashlib.sha256(json.dumps([body, sorted(bill)]).encode()).hexdigest()


def approve(approved: str | None, body: str, planner: Planner, prices: Prices) -> str:
    """The fingerprint of a plan. Raises PlanChanged if another plan was approved.

    ``body`` is the hash of the submission; ``planner`` has read the whole list.
    """
    fingerprint = fingerprint_of(body, planner.billed, prices)
    if approved not in (None, fingerprint):
        cost = to_cents(euros_of(planner.billed, prices))
        bill = (
            f", {planner.billed.total():,} segments, {'unpriced' if cost is None else f'{cost} €'}"
        )
        raise PlanChanged(
            "this is not the plan that was approved: text, options, recipients or prices"
            f" differ. It is now {planner.kept:,} recipients{bill if planner.texts.known else ''}"
        )
    return fingerprint


def warnings_of(
    *,
    rows: int,
    rejected: int,
    missing: Mapping[str, int] = _NOTHING,
    values: Iterable[str] = (),
    commercial: bool,
    sender: str | None,
    text: str = "",
    unpriced: list[str],
    late: int,
    closed: Sequence[str] = (),
    from_number: str | None = None,
    survey: bool = False,
) -> list[str]:
    """Sentences that a person should read before submitting.

    ``rejected`` counts the rows without a number to text, ``missing`` those without a value by
    field; ``values`` says what the values do to the text.
    """
    sentences = [
        f"{counted(count, 'row')} without “{name}” cannot be texted:"
        f' {{{{ {name} | default("…") }}}} says what stands in its place'
        for name, count in missing.items()
    ]
    if rows and Decimal(rejected) / rows > _MANY_REJECTED:
        sentences.append(f"{rejected} of {rows} rows cannot be texted: is it the right column?")
    sentences += values
    if not commercial:
        sentences.append("no STOP mention and no window: only for what is not commercial")
    if warning := sender_warning(sender):
        sentences.append(warning)
    sentences += text_warnings(text)
    if from_number is not None and from_number.startswith(("+336", "+337")):
        sentences.append(
            "operators may block a mobile number as sender: ask SMS Partner about yours"
        )
    if survey:
        sentences.append("what a survey says and costs is not known here: try it on yourself first")
    if survey and commercial:
        sentences.append("no STOP mention can be asked for with a survey: it has to be in its text")
    if unpriced:
        sentences.append(f"no price is set for {', '.join(unpriced)} (DISPATCHER_PRICES)")
    if late:
        where = ", ".join(find(territory).label for territory in closed)
        all_there = f", all those for {where} among them" if closed else ""
        sentences.append(
            f"{late} messages would leave after not_after: they would expire{all_there}"
        )
    return sentences


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
