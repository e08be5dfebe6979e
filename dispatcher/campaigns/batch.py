"""A batch as a plan cuts it, and as it is due."""

from __future__ import annotations

import json
import marshal
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Final

from dispatcher.campaigns.consent import Consent
from dispatcher.campaigns.evidence import written
from dispatcher.campaigns.others import Other
from dispatcher.campaigns.prices import Prices, euros_of
from dispatcher.recipients.phones import destination_of

#: the most messages of one call to the gateway
LARGEST_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """At most 500 messages of one territory, each as (E.164 number, JSON of its fields)."""

    territory: str
    messages: tuple[tuple[str, str | None], ...] = field(repr=False)
    #: segments of each message by our own count; the answer of the gateway replaces it
    segments: tuple[int, ...] = field(repr=False)
    #: the caller's own key of each; empty when nobody has one
    keys: tuple[str | None, ...] = field(default=(), repr=False)
    #: the consent of each (``consent.row_of``); empty unless they are in a column of the list
    consents: tuple[str, ...] = field(default=(), repr=False)
    #: the row of each in the list (``Recipient.row``); empty where nobody has one
    rows: tuple[int | None, ...] = field(default=(), repr=False)
    #: the kind of call that it needs (``personal_texts.KINDS``); only batches of one may be merged
    kind: int = 0

    @property
    def total_segments(self) -> int:
        """Segments of the whole batch."""
        return sum(self.segments)

    @property
    def billed(self) -> Counter[str]:
        """Segments by the destination of each number."""
        billed: Counter[str] = Counter()
        for (phone, _), count in zip(self.messages, self.segments, strict=True):
            billed[destination_of(phone)] += count
        return billed

    def cost(self, prices: Prices) -> Decimal | None:
        """Euros that it should cost; None if a price is missing, and for a survey."""
        return euros_of(self.billed, prices) if prices and self.total_segments else None

    @property
    def packed(self) -> bytes:
        """The batch as bytes, which take a sixth of its memory; see ``unpacked``."""
        return marshal.dumps(tuple(getattr(self, one.name) for one in fields(self)))

    def split(self, size: int) -> Iterator[PlannedBatch]:
        """The same messages in batches of at most ``size``."""
        if size >= len(self.segments):
            yield self
            return
        for start in range(0, len(self.segments), size):
            some = slice(start, start + size)
            yield PlannedBatch(
                self.territory,
                self.messages[some],
                self.segments[some],
                self.keys[some],
                self.consents[some],
                self.rows[some],
                self.kind,
            )


def unpacked(packed: bytes) -> PlannedBatch:
    """The batch of ``PlannedBatch.packed``."""
    return PlannedBatch(*marshal.loads(packed))  # noqa: S302 - our own


@dataclass(frozen=True, slots=True)
class DueRecipients:
    """Those of a batch who are still to go, as columns with one entry for each."""

    positions: Sequence[int]
    #: E.164
    phones: Sequence[str] = field(repr=False)
    #: what fills the template's fields; empty when nobody has any
    fields: Sequence[Mapping[str, str]] = field(repr=False)
    #: positions of those who have opted out since the batch was planned
    opted_out: Collection[int] = ()

    def __len__(self) -> int:
        return len(self.positions)

    def only(self, positions: Collection[int]) -> DueRecipients:
        """Those at ``positions``; who opted out stays named."""
        if len(positions) == len(self):
            return self
        rows = [row for row, position in enumerate(self.positions) if position in positions]
        return DueRecipients(
            [self.positions[row] for row in rows],
            [self.phones[row] for row in rows],
            [self.fields[row] for row in rows] if self.fields else (),
            self.opted_out,
        )


@dataclass(frozen=True, slots=True)
class RestsOn:
    """The consents that a batch rests on, and when the application was asked for them."""

    consents: Mapping[int, Consent] = field(repr=False)
    #: by the monotonic clock and by the wall clock: a suspended machine stops one of them
    steady: float
    at: datetime


@dataclass(frozen=True, slots=True)
class DueBatch:
    """A batch that may be sent, with all that its request is made of."""

    id: int
    campaign_id: int
    territory: str
    attempt: int
    checks: int
    states: str
    codes: str
    text: str = field(repr=False)
    sender: str | None
    commercial: bool
    recipients: DueRecipients
    #: tags of earlier attempts that are thought unsent but were never proven so
    unproven: Sequence[str]
    #: the version of the opt-out list that was looked at
    opt_outs: str | None
    #: a call for one person: from a long number of ours (E.164), or of a survey
    from_number: str | None = field(default=None, repr=False)
    survey: str | None = None
    #: when its campaign is over (UTC)
    not_after: datetime | None = None
    #: until when the gateway is to hold it; None for what leaves at once
    leaves_at: datetime | None = None
    #: positions that a call for nobody else was refused for, with the reason
    refused: Mapping[int, str] = field(default_factory=dict)
    #: where its consents come from; None for nowhere
    consent: str | None = None
    #: true for test messages: no cap counts or holds them
    test: bool = False
    #: the other campaigns that its own one names
    others: Sequence[Other] = ()
    #: the answer of the application, once it is asked
    rests_on: RestsOn | None = None
    #: messages an hour of a smoothed campaign; None for any other
    pace: float | None = None

    @property
    def covers(self) -> str | None:
        """The document of whom its attempt carries; None for everybody."""
        if len(self.recipients) == len(self.states):
            return None
        return written(len(self.states), frozenset(self.recipients.positions))

    def codes_with(self, codes: Mapping[int, int]) -> str:
        """The codes of rejected positions as JSON: these, with those that were known before."""
        if not codes:
            return self.codes
        new = {str(position): code for position, code in codes.items()}
        return json.dumps({**json.loads(self.codes), **new})
