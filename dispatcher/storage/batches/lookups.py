"""Lookups: a batch as it stands, with what is known of its attempts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatcher.campaigns.evidence import AttemptEvidence, in_question
from dispatcher.campaigns.states import BatchState
from dispatcher.errors import NotFound
from dispatcher.storage.batches import attempts
from dispatcher.storage.batches.recipients import phones_of
from dispatcher.storage.tables import BATCH


@dataclass(frozen=True, slots=True)
class BatchSnapshot:
    """A batch as it stands, for whoever decides what its attempts have shown."""

    id: int
    campaign_id: int
    state: BatchState
    #: how many attempts were made
    attempt: int
    #: how often it was checked in its state
    checks: int
    states: str
    #: since when it counts as sent, or is in doubt
    sent_at: datetime | None
    #: until when the gateway is to hold it; None for one that leaves at once
    leaves_at: datetime | None
    attempts: Sequence[AttemptEvidence]


_NAMES = ("campaign_id", "state", "attempt", "checks", "states", "sent_at", "leaves_at")
_SNAPSHOT = select(*(BATCH.c[name] for name in _NAMES))


def snapshot(session: Session, batch_id: int, *, lock: bool = False) -> BatchSnapshot:
    """The batch as it stands; with ``lock`` nobody changes it before the transaction ends.

    Raises NotFound.
    """
    query = _SNAPSHOT.where(BATCH.c.id == batch_id)
    row = session.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"no batch {batch_id}")
    return BatchSnapshot(
        id=batch_id,
        attempts=attempts.evidence_of(session, batch_id, len(row.states)),
        **{**row._mapping, "state": BatchState(row.state)},
    )


@dataclass(frozen=True, slots=True)
class AskedTags:
    """The tags of a batch that may show something, and where its numbers stand."""

    tags: Sequence[str]
    #: those of them that are older than the gateway remembers
    old: Collection[str]
    #: E.164 -> position
    positions: Mapping[str, int] = field(repr=False)
    #: positions that are in doubt, if the batch is
    in_question: frozenset[int]


def asked_tags(session: Session, batch_id: int, now: datetime) -> AskedTags:
    """The tags to ask the gateway for at ``now``. Raises NotFound."""
    batch = snapshot(session, batch_id)
    phones = phones_of(session, [batch_id])[batch_id]
    asked = [one for one in batch.attempts if one.may_show]
    tags, old = [one.tag for one in asked], {one.tag for one in asked if not one.is_asked(now)}
    positions = {phone: position for position, phone in phones.items()}
    return AskedTags(tags, old, positions, in_question(batch.states, batch.attempts))
