"""A turn: outcomes of some batches and the arming of others, stored by one commit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.change import Change
from dispatcher.campaigns.states import BatchState


@dataclass(frozen=True, slots=True)
class Arming:
    """A batch to be armed for one attempt, with the tag of that attempt."""

    batch: DueBatch
    tag: str
    #: expected, in euros; None if no cap asks for it
    cost: Decimal | None = None

    @property
    def step(self) -> float | None:
        """Seconds until the next batch of its campaign may be armed; None if that has no pace."""
        pace = self.batch.pace
        return None if pace is None else len(self.batch.recipients) / pace * 3600


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of the attempt under ``tag``, as the change that it makes."""

    batch: DueBatch
    tag: str
    change: Change


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every batch that a turn arms."""

    #: the account through which they go, and whether its doubts are counted apart
    account: str
    apart: bool
    worker: str
    now: datetime
    lease: timedelta
    #: with so many batches in doubt nothing is armed
    doubt_limit: int
    #: what this host's clock shows, and by how much PostgreSQL's may differ
    clock: datetime
    most_skew: timedelta


@dataclass(frozen=True, slots=True)
class Turned:
    """Tags of the attempts that a turn began, and of those whose outcome it stored.

    Not the ids of batches: two threads may ask for the same batch, and one of them gets it.
    """

    armed: frozenset[str] = field(default_factory=frozenset)
    ended: frozenset[str] = field(default_factory=frozenset)


def goes_along(change: Change) -> bool:
    """True if an outcome may be stored with the arming of other batches.

    The gateway took the batch, and nothing follows but that it is polled: no other row changes,
    and nobody of it is asked for again.
    """
    return (
        change.is_alone
        and change.state in (BatchState.SENT, BatchState.DONE)
        and change.receipt is not None
        and not change.unsent
        and not change.refusal
        and not change.recall
        and change.account_until is None
    )


def armable(arms: Sequence[Arming], ends: Sequence[Ending]) -> list[Arming]:
    """Those that may be armed in one turn: each batch once, and none of which an outcome is told.

    A late outcome of a batch that goes again would change the same row as its arming. Of a smoothed
    campaign it is one batch.
    """
    taken = {end.batch.id for end in ends}
    paced: set[int] = set()
    found: list[Arming] = []
    for arm in arms:
        batch = arm.batch
        if batch.id in taken or batch.campaign_id in paced:
            continue
        taken.add(batch.id)
        if batch.pace is not None:
            paced.add(batch.campaign_id)
        found.append(arm)
    return found
