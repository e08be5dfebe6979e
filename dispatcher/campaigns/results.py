"""What became of each recipient of a campaign, as values that add up to its progress. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Any, Final

from dispatcher.campaigns.states import MessageState
from dispatcher.errors import InvalidCampaign
from dispatcher.masking import mask, masked

#: the state of a message that may have left or not; the others are those of ``MessageState``
IN_DOUBT: Final = "in_doubt"
STATES: Final = (IN_DOUBT, *map(str, MessageState))
#: euros are stored in whole ten-thousandths
_UNITS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One recipient and what became of the message. No repr shows the number (E.164).

    ``batch`` and ``position`` (from 0) are its place in the campaign, ``row`` that in the list
    (``Recipient.row``), which goes with an erasure. ``state`` is as in ``Progress.messages``,
    ``reason`` says why in words. Instants are UTC: ``sent_at`` is None for a message that has not
    left, ``reported_at``, when we learnt of its report, for one without. ``segments`` is None if it
    is not known any more. ``cost`` is its share, in euros, of what the gateway charged for the
    batch.
    """

    batch: int
    position: int
    row: int | None
    #: the number, or the pseudonym of a person who was erased
    phone: str = field(repr=False)
    #: what the caller knows the person by; None if it gave nothing, or after an erasure
    key: str | None = field(repr=False)
    state: str
    reason: str
    sent_at: datetime | None
    reported_at: datetime | None
    #: how many attempts carried it
    attempts: int
    segments: int | None
    cost: Decimal

    @property
    def masked(self) -> str:
        """The number with its middle hidden."""
        return mask(self.phone)

    @property
    def masked_key(self) -> str | None:
        """The key, in which a number has its middle hidden."""
        return self.key and masked(self.key)

    def as_json(self, *, hides: bool) -> dict[str, Any]:
        """The same as plain JSON: instants in ISO 8601, euros as text; ``hides`` masks it."""
        return {
            "batch": self.batch,
            "position": self.position,
            "row": self.row,
            "phone": self.masked if hides else self.phone,
            "key": self.masked_key if hides else self.key,
            "state": self.state,
            "reason": self.reason,
            "sent_at": self.sent_at and self.sent_at.isoformat(),
            "reported_at": self.reported_at and self.reported_at.isoformat(),
            "attempts": self.attempts,
            "segments": self.segments,
            "cost": f"{self.cost:.4f}",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSums:
    """The sums of a campaign's results: of all its recipients, whichever states were asked for."""

    id: int
    reference: str
    #: the instant of the snapshot (UTC)
    taken_at: datetime
    recipients: int
    messages: Mapping[str, int]
    cost: Decimal
    #: how many results were returned
    returned: int

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        more = {"taken_at": self.taken_at.isoformat(), "cost": f"{self.cost:.4f}"}
        return asdict(self) | {"messages": dict(self.messages)} | more


def states_of(names: Sequence[str]) -> frozenset[str]:
    """The states with these names; all for none. Raises InvalidCampaign for one that is none."""
    for name in names:
        if name not in STATES:
            raise InvalidCampaign(f"no state {name!r}: give some of {', '.join(STATES)}")
    return frozenset(names or STATES)


def shares(cost: Decimal, charged: Sequence[bool], segments: Sequence[int | None]) -> list[Decimal]:
    """What each message of a batch has of its ``cost``; the sum is exact.

    The ``charged`` ones share it by their segments or, where those of any are unknown, equally.
    """
    known = all(count for count, has in zip(segments, charged, strict=True) if has)
    weights = [
        (count if known and count else 1) if has else 0
        for count, has in zip(segments, charged, strict=True)
    ]
    if not any(weights):  # charged for nobody: for instance because all were rejected later
        weights = [1] * len(weights)
    units, total = int(cost * _UNITS), sum(weights)
    until = [units * reached // total for reached in accumulate(weights)]
    return [Decimal(now - before) / _UNITS for before, now in pairwise([0, *until])]
