"""What pages show, as frozen values: campaigns, batches, messages, actions, doubts, replies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar, overload
from urllib.parse import unquote

from dispatcher.campaigns.set_aside import NEVER
from dispatcher.campaigns.states import BatchState
from dispatcher.masking import mask

Item = TypeVar("Item", covariant=True)


@dataclass(frozen=True, slots=True)
class Page(Sequence[Item], Generic[Item]):
    """Part of a longer list: ``items`` from ``offset`` on, of ``total`` in all."""

    items: tuple[Item, ...]
    total: int
    offset: int
    limit: int

    def __len__(self) -> int:
        """The number of items on this page."""
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        """The items of this page."""
        return iter(self.items)

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, at: int | slice) -> Item | tuple[Item, ...]:
        """One item of this page, from 0, or several."""
        return self.items[at]

    @property
    def earlier(self) -> int | None:
        """The offset of the page before this one; None on the first."""
        return max(0, self.offset - self.limit) if self.offset else None

    @property
    def later(self) -> int | None:
        """The offset of the page after this one; None on the last."""
        after = self.offset + self.limit
        return after if after < self.total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRecord:
    """A campaign as it was submitted. Instants are UTC; ``reason`` says why it is paused.

    It leaves from a ``sender`` or a ``from_number`` (E.164), or is a ``survey`` without a text.
    """

    id: int
    reference: str
    text: str = field(repr=False)
    sender: str | None
    from_number: str | None
    survey: str | None
    account: str = ""  # empty for the default account
    commercial: bool
    not_before: datetime | None
    not_after: datetime | None
    state: str
    reason: str | None
    created_at: datetime
    ended_at: datetime | None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """A batch and its state. Instants are UTC.

    ``messages`` counts by message state, as in ``Progress``; ``number`` is its position in the
    campaign. A pending batch waits until ``not_before`` for the reason ``why``; the gateway holds
    one that is handed over until ``leaves_at``. ``check_at`` is the next poll or lookup; ``cost``
    is in euros, ``segments`` are those that are billed.
    """

    id: int
    campaign_id: int
    number: int
    territory: str
    size: int
    state: BatchState
    messages: Mapping[str, int]
    attempt: int
    not_before: datetime
    why: str
    sent_at: datetime | None
    check_at: datetime | None
    cost: Decimal
    segments: int
    leaves_at: datetime | None = None

    @property
    def waits_until(self) -> datetime | None:
        """Until when it waits, here or at the gateway; None if it does not wait any more."""
        if self.state is BatchState.HANDED_OVER:
            return self.leaves_at
        if self.state is not BatchState.PENDING or self.not_before >= NEVER:
            return None  # set aside: until a person resumes it
        return self.not_before


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """One recipient of a batch and the state of the message; ``code`` says why it was rejected.

    No repr shows the number (E.164) and the caller's own ``key``; ``masked`` hides the number.
    """

    position: int
    phone: str = field(repr=False)
    state: str
    code: int | None
    key: str | None = field(default=None, repr=False)

    @property
    def masked(self) -> str:
        """The number with its middle hidden."""
        return mask(self.phone)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRecord:
    """What a person or the dispatcher did: when (UTC), who, from where, what, to what, and why."""

    at: datetime
    actor: str
    #: such as ``shell on web-1``; empty for an entry of an earlier version
    origin: str
    verb: str
    reason: str
    #: None for what is about no campaign, such as a setting
    campaign_id: int | None
    #: the batch; None for the whole campaign
    batch_id: int | None

    @property
    def subject(self) -> str:
        """What it was done to: "campaign 7, batch 12"; empty for the installation."""
        named = (("campaign", self.campaign_id), ("batch", self.batch_id))
        return ", ".join(f"{what} {number}" for what, number in named if number is not None)

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON, the instant in ISO 8601."""
        return asdict(self) | {"at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A batch of which it is unknown whether the gateway took it."""

    batch_id: int
    reference: str
    #: its position in the campaign
    number: int
    territory: str
    #: the number of people, and about how many segments
    messages: int
    segments: int
    since: datetime
    why: str
    #: the number of lookups so far, and when the next one is
    lookups: int
    next_lookup: datetime | None
    #: its account; empty for the default account
    account: str = ""
    #: the tag of its latest attempt, under which the gateway may show it
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """People who were texted twice, or whose batch a person had given up and who were texted."""

    at: datetime
    reference: str
    batch_id: int | None
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply of a person; ``stop`` is True if it opts out, ``probable`` if it may mean to.

    Instants are UTC: ``at`` by the gateway, ``received_at`` by us. ``campaign`` is the reference of
    the campaign of the message that it answers (for a long number, of the last one from there),
    ``key`` the person's there. ``complete`` is False for a part of a long reply that lacks others.
    """

    id: int
    phone: str = field(repr=False)
    text: str = field(repr=False)
    stop: bool
    received_at: datetime
    at: datetime | None = None
    #: our long number (E.164); None for a short code
    to: str | None = None
    campaign: str | None = None
    complete: bool = True
    probable: bool = False
    key: str | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON, instants in ISO 8601."""
        at = self.at and self.at.isoformat()
        return asdict(self) | {"at": at, "received_at": self.received_at.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadCall:
    """A call to a webhook that could not be read, and why. ``received_at`` is UTC."""

    id: int
    #: "report", "reply" or "check"
    path: str
    body: bytes = field(repr=False)
    query: str = field(repr=False)
    problem: str
    received_at: datetime

    @property
    def text(self) -> str:
        """What was posted, as far as it is text."""
        return unquote(" ".join(filter(None, (self.query, self.body.decode(errors="replace")))))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbableRefusal:
    """A person whose replies may be a refusal: not texted until somebody decides.

    ``text`` is the latest such reply (empty if it was deleted since), ``since`` (UTC) when the
    first came.
    """

    phone: str = field(repr=False)
    since: datetime
    text: str = field(default="", repr=False)
