"""Lookups of doubts: what the gateway shows under the tags of attempts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import message_states
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.errors import NotFound
from dispatcher.storage.batches import attempts, moves
from dispatcher.storage.batches.polls import LeasedBatch
from dispatcher.storage.batches.recipients import phones_of
from dispatcher.storage.tables import BATCH, Batch


@dataclass(frozen=True, slots=True)
class BatchSnapshot:
    """A batch as it stands, for whoever decides what its attempts have shown."""

    id: int
    campaign_id: int
    state: BatchState
    #: how many attempts were made
    attempt: int
    states: str
    tag: str | None
    #: until when the gateway is to hold it; None for one that leaves at once
    leaves_at: datetime | None
    #: position -> E.164, of every message
    phones: Mapping[int, str] = field(repr=False)

    @property
    def to_go(self) -> set[str]:
        """The numbers (E.164) of the messages that are still to go."""
        letter = MessageState.PENDING.letter
        return {phone for position, phone in self.phones.items() if self.states[position] == letter}


def snapshot(session: Session, batch_id: int) -> BatchSnapshot:
    """The batch as it stands. Raises NotFound."""
    names = ("campaign_id", "state", "attempt", "states", "tag", "leaves_at")
    query = select(*(BATCH.c[name] for name in names)).where(BATCH.c.id == batch_id)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"no batch {batch_id}")
    values = {**row._mapping, "state": BatchState(row.state)}
    return BatchSnapshot(id=batch_id, phones=phones_of(session, [batch_id])[batch_id], **values)


def record(
    session: Session,
    batch: LeasedBatch,
    found: Mapping[int, MessageState],
    *,
    check_at: datetime,
    poll_at: datetime,
    now: datetime,
    why: str | None = None,
) -> bool:
    """Write what the gateway shows under the tag of a batch in doubt.

    A number that it shows was texted. The batch is ``sent`` when it shows all of them, and
    stays in doubt otherwise: absence proves nothing.
    """
    taken = message_states.marked(batch.states, dict.fromkeys(found, MessageState.SENT))
    states = message_states.marked(taken, found)
    values: dict[str, Any] = {"check_at": check_at, "checks": batch.checks + 1}
    if why is not None:
        values["why"] = why
    proven = MessageState.PENDING.letter not in states
    if proven:
        values = {"state": BatchState.SENT, "why": "", "checks": 0}
        if batch.leaves_at is not None and batch.leaves_at > now:
            # without an id it cannot be recalled: it leaves, and is polled from then on
            poll_at += batch.leaves_at - now
            values["sent_at"] = batch.leaves_at
        values["check_at"] = poll_at
    moved = moves.applied(
        session,
        update(Batch)
        .where(
            Batch.id == batch.id,
            Batch.state == BatchState.IN_DOUBT,
            Batch.attempt == batch.attempt,
            Batch.checks == batch.checks,
            Batch.states == batch.states,
        )
        .values(**moves.counted(states), **values),
    )
    if moved and proven:
        attempts.end(session, batch.tag or "", outcome="sent", detail="proven by its tag", now=now)
        if MessageState.SENT.letter not in states:
            done = moves.move(batch.id, BatchState.DONE).values(check_at=None)
            session.execute(done)
    return moved


def revive(
    session: Session, batch: BatchSnapshot, phones: Collection[str], *, tag: str, now: datetime
) -> int:
    """Count as sent what was cancelled or expired and shows at the gateway; returns how many."""
    ended = {MessageState.CANCELLED.letter, MessageState.EXPIRED.letter}
    positions = [
        position
        for position, phone in batch.phones.items()
        if phone in phones and batch.states[position] in ended
    ]
    if not positions:
        return 0
    states = message_states.marked(batch.states, dict.fromkeys(positions, MessageState.SENT))
    leaves = now if batch.leaves_at is None else max(now, batch.leaves_at)
    revived = moves.applied(
        session,
        update(Batch)
        .where(
            Batch.id == batch.id,
            Batch.state.in_((BatchState.CANCELLED, BatchState.EXPIRED)),
            Batch.states == batch.states,
        )
        .values(
            **moves.counted(states),
            state=BatchState.SENT,
            tag=tag,
            why="a late proof: it had been taken",
            sent_at=leaves,
            check_at=leaves,
            checks=0,
        ),
    )
    return len(positions) if revived else 0


def expedite(session: Session, batch_id: int, now: datetime) -> None:
    """Have a batch in doubt looked up now."""
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.state == BatchState.IN_DOUBT)
        .values(check_at=now)
    )
