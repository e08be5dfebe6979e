"""The progress of a campaign, as plain values that add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from dispatcher.campaigns.causes import Standing, Surroundings, causes_of
from dispatcher.campaigns.smoothing import an_hour
from dispatcher.campaigns.states import BatchState, CampaignState, MessageState
from dispatcher.window import Hold


@dataclass(frozen=True, slots=True)
class Share:
    """The sums over the batches of a campaign in one state."""

    state: BatchState
    batches: int
    messages: Mapping[MessageState, int]
    cost: Decimal
    #: how many of the rejected had reached the weekly cap
    capped: int = 0
    #: how many of the rejected are at unreachable numbers
    unreachable: int = 0
    #: the planned cost of those whose cost the gateway answered
    planned: Decimal = Decimal(0)
    #: the part of ``cost`` without a planned cost, because a price was not set
    unplanned: Decimal = Decimal(0)
    #: messages that were sent at a cost that the gateway did not name, and their planned cost
    untold: int = 0
    untold_planned: Decimal = Decimal(0)
    #: those of them without a planned cost, because a price was not set
    untold_unpriced: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """The messages of a campaign by state, with what it waits for and costs.

    ``recipients`` is the sum of ``messages``: nobody is lost. ``in_doubt`` counts batches.
    ``waits_until`` (UTC) and ``why`` say what the next batch waits for, if it does. ``cost`` is
    in euros, as the gateway answered. ``rows``, ``duplicates`` and ``unusable`` count the list
    that was submitted. ``capped`` are those of the rejected who had reached the weekly cap,
    ``unreachable`` those whose last messages were not delivered.
    ``planned`` is what the messages in ``cost`` should have cost, by our own count and the prices
    at submission; None if a price was not set. ``untold`` messages were sent at a cost that the
    gateway did not name, so that they are not in ``cost``: ``untold_planned`` is what they should
    cost; None if a price was not set.
    """

    id: int
    reference: str
    state: CampaignState
    recipients: int
    messages: Mapping[str, int]
    batches: Mapping[str, int]
    in_doubt: int
    waits_until: datetime | None
    why: str
    cost: Decimal
    rows: int
    duplicates: int
    unusable: int
    capped: int = 0
    planned: Decimal | None = None
    untold: int = 0
    untold_planned: Decimal | None = None
    #: its account; empty for the default account
    account: str = ""
    #: the name of the cause in ``why`` (``causes.Name``); empty if nothing keeps it back
    cause: str = ""
    #: the campaign's tags, in order
    tags: tuple[str, ...] = ()
    #: how many are left out because of which other campaign, by its reference
    left_out_by: Mapping[str, int] = field(default_factory=dict)
    unreachable: int = 0
    #: about how many messages leave in an hour, if it is smoothed
    per_hour: int | None = None

    @property
    def ended(self) -> bool:
        """True if nothing more can happen."""
        left = self.messages["pending"] + self.messages["in_doubt"] + self.messages["sent"]
        # a paused campaign with nobody left only waits to be resumed and finished
        return self.state is not CampaignState.RUNNING and not left

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values: instants in ISO 8601, euros as text."""
        waits = self.waits_until
        return {
            **asdict(self),
            "tags": list(self.tags),
            "waits_until": None if waits is None else waits.isoformat(),
            "cost": f"{self.cost:.3f}",
            "planned": None if self.planned is None else f"{self.planned:.3f}",
            "untold_planned": None if self.untold_planned is None else f"{self.untold_planned:.3f}",
        }


@dataclass(frozen=True, slots=True)
class Facts:
    """What the row of the campaign holds."""

    id: int
    reference: str
    state: CampaignState
    reason: str | None
    rows: int
    duplicates: int
    unusable: int
    #: the credit pays for batches up to this number; all when None
    funded_to: int | None = None
    account: str = ""
    commercial: bool = False
    created_at: datetime | None = None
    #: why the budgets of its tags do not let it begin; None if it may
    budget_wait: str | None = None
    #: messages an hour: as asked for, and as planned; None unless it is smoothed
    per_hour: int | None = None
    pace: float | None = None


def silence(
    last_tick: datetime | None, now: datetime, tick: float, submitted: datetime | None = None
) -> str:
    """Why nothing happens if nobody has looked for long; ``tick`` is the interval (seconds).

    A campaign that was ``submitted`` after the last tick waits for the first one from then on.
    """
    instants = [at for at in (last_tick, submitted) if at is not None]
    if instants and now - max(instants) <= longest_silence(tick):
        return ""
    if last_tick is None:
        return "no worker has ever looked"
    return f"no worker has looked since {last_tick:%Y-%m-%d %H:%M} UTC"


def longest_silence(tick: float) -> timedelta:
    """How long no tick may come, by its interval (seconds), before that is told."""
    return max(timedelta(seconds=45), timedelta(seconds=5 * tick))


def progress_of(
    facts: Facts,
    shares: Sequence[Share],
    hold: Hold | None,
    around: Surroundings,
    tags: tuple[str, ...] = (),
    left_out_by: Mapping[str, int] = MappingProxyType({}),
) -> Progress:
    """The progress of a campaign from the sums over its batches.

    ``hold`` is the wait of its first pending batch.
    """
    messages = messages_of(shares)
    batches = {state.value: 0 for state in BatchState} | {
        share.state.value: share.batches for share in shares
    }
    causes = causes_of(standing_of(facts, batches, hold), around)
    first = causes[0] if causes else None
    of_pause = facts.state is CampaignState.PAUSED
    return Progress(
        id=facts.id,
        reference=facts.reference,
        state=facts.state,
        recipients=sum(messages.values()),
        messages=messages,
        batches=batches,
        in_doubt=batches["in_doubt"],
        waits_until=None if first is None else first.until,
        why="; ".join(cause.why for cause in (causes if of_pause else causes[:1])),
        cost=sum((share.cost for share in shares), Decimal(0)),
        rows=facts.rows,
        duplicates=facts.duplicates,
        unusable=facts.unusable,
        capped=sum(share.capped for share in shares),
        planned=None
        if any(share.unplanned for share in shares)
        else sum((share.planned for share in shares), Decimal(0)),
        untold=sum(share.untold for share in shares),
        untold_planned=None
        if any(share.untold_unpriced for share in shares)
        else sum((share.untold_planned for share in shares), Decimal(0)),
        account=facts.account,
        cause="" if first is None else first.name.value,
        tags=tags,
        left_out_by=dict(left_out_by),
        unreachable=sum(share.unreachable for share in shares),
        per_hour=an_hour(facts.per_hour, facts.pace),
    )


def standing_of(facts: Facts, batches: Mapping[str, int], hold: Hold | None) -> Standing:
    """What the decision on its causes needs of a campaign; ``batches`` are counted by state."""
    return Standing(
        facts.reference,
        facts.state,
        facts.reason,
        account=facts.account,
        commercial=facts.commercial,
        funded_to=facts.funded_to,
        budget_wait=facts.budget_wait,
        hold=hold,
        batches=batches,
    )


def messages_of(shares: Iterable[Share]) -> dict[str, int]:
    """The messages of a campaign by state; pending ones in a batch in doubt count as in doubt."""
    total = {"pending": 0, "in_doubt": 0} | {
        state.value: 0 for state in MessageState if state is not MessageState.PENDING
    }
    for share in shares:
        for state, count in share.messages.items():
            doubtful = share.state is BatchState.IN_DOUBT and state is MessageState.PENDING
            total["in_doubt" if doubtful else state.value] += count
    return total
