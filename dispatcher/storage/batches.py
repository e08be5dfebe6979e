"""Batches on their way out: what is due, the claim, and what an attempt came to.

Every move is one UPDATE that names the states it may leave (``states.BATCH_MOVES``) and, for
the result of an attempt, the attempt that it ends: a ghost of attempt 1 cannot touch attempt 2.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, func, null, or_, select, update
from sqlalchemy.orm import Session

from dispatcher import document
from dispatcher.states import BATCH_MOVES, BatchState, CampaignState, MessageState, sources
from dispatcher.storage import attempts, opt_outs
from dispatcher.storage.tables import Batch, Campaign, Recipient
from dispatcher.window import Hold


@dataclass(frozen=True, slots=True)
class DueBatch:
    """A batch that may be sent, with all that its request is made of."""

    id: int
    campaign_id: int
    territory: str
    attempt: int
    checks: int
    states: str
    text: str = field(repr=False)
    sender: str | None
    commercial: bool
    #: (position, E.164, fields) of the messages that are still to go
    messages: Sequence[tuple[int, str, str | None]] = field(repr=False)
    #: positions of recipients who have opted out since it was planned
    opted_out: Collection[int]
    #: tags of earlier attempts that are thought unsent but were never proven so
    unproven: Sequence[str]


def due(session: Session, now: datetime, limit: int) -> list[int]:
    """Ids of batches that nothing holds; a campaign's first batches before another's tenth."""
    return list(
        session.scalars(
            select(Batch.id)
            .join(Campaign, Campaign.id == Batch.campaign_id)
            .where(
                Batch.state == BatchState.PENDING,
                Batch.not_before <= now,
                _runs(now),
            )
            .order_by(Batch.number, Batch.not_before, Batch.id)
            .limit(limit)
        )
    )


def find_due(session: Session, batch_id: int, now: datetime) -> DueBatch | None:
    """The batch if it is due, or None: a hint may be late, doubled or forged."""
    row = session.execute(
        select(Batch, Campaign.text, Campaign.sender, Campaign.commercial)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(
            Batch.id == batch_id,
            Batch.state == BatchState.PENDING,
            Batch.not_before <= now,
            _runs(now),
        )
    ).one_or_none()
    if row is None:
        return None
    batch, text, sender, commercial = row
    return DueBatch(
        id=batch.id,
        campaign_id=batch.campaign_id,
        territory=batch.territory,
        attempt=batch.attempt,
        checks=batch.checks,
        states=batch.states,
        text=text,
        sender=sender,
        commercial=commercial,
        messages=waiting(session, batch.id, batch.states, MessageState.PENDING),
        opted_out=opted_out(session, batch.id, batch.states),
        unproven=attempts.unproven(session, batch.id) if batch.attempt else (),
    )


def waiting(
    session: Session, batch_id: int, states: str, state: MessageState
) -> list[tuple[int, str, str | None]]:
    """(position, E.164, fields) of the batch's messages that are in ``state``."""
    rows = session.execute(
        select(Recipient.position, Recipient.phone, Recipient.fields)
        .where(Recipient.batch_id == batch_id)
        .order_by(Recipient.position)
    )
    letter = state.letter
    return [(row.position, row.phone, row.fields) for row in rows if states[row.position] == letter]


def opted_out(session: Session, batch_id: int, states: str) -> set[int]:
    """Positions still to go whose number has opted out."""
    letter = MessageState.PENDING.letter
    return {spot for spot in opt_outs.of_batch(session, batch_id) if states[spot] == letter}


def drop_opted_out(session: Session, batch: DueBatch) -> bool:
    """Mark the batch's opt-outs; it leaves ``pending`` if nobody is left to text.

    A part that an earlier attempt sent keeps its reports: the batch is polled then, else done.
    """
    states = document.marked(batch.states, dict.fromkeys(batch.opted_out, MessageState.OPTED_OUT))
    values = counted(states)
    statement = update(Batch).where(Batch.id == batch.id, Batch.state == BatchState.PENDING)
    if MessageState.PENDING.letter not in states:
        reports = MessageState.SENT.letter in states
        statement = move(batch.id, BatchState.SENT if reports else BatchState.DONE)
        values["check_at"] = Batch.sent_at if reports else None  # at once
    return applied(
        session,
        statement.where(Batch.attempt == batch.attempt, Batch.states == batch.states).values(
            values
        ),
    )


def postpone(session: Session, batch: DueBatch, hold: Hold, *, now: datetime, failed: bool) -> bool:
    """Let a due batch wait, unless somebody else has armed or postponed it meanwhile."""
    return applied(
        session,
        update(Batch)
        .where(
            Batch.id == batch.id,
            Batch.state == BatchState.PENDING,
            Batch.attempt == batch.attempt,
            Batch.not_before <= now,
        )
        .values(not_before=hold.until, why=hold.why, checks=batch.checks + failed),
    )


def standing(session: Session, campaign_id: int, now: datetime) -> tuple[bool, datetime | None]:
    """Whether the campaign may arm, held so until this transaction ends, and the database's clock.

    On PostgreSQL a row lock holds up a pause. SQLite's writer is alone, and it has no clock (None).
    """
    shared = session.get_bind().dialect.name == "postgresql"
    row = session.execute(
        select(_runs(now), func.clock_timestamp() if shared else null())
        .where(Campaign.id == campaign_id)
        .with_for_update(read=True)
    ).one_or_none()
    return (False, None) if row is None else (bool(row[0]), row[1])


def _runs(now: datetime) -> ColumnElement[bool]:
    """The campaign runs and is not over: a hint may come before the tick that expires it."""
    alive = or_(Campaign.not_after.is_(None), Campaign.not_after > now)
    return and_(Campaign.state == CampaignState.RUNNING, alive)


def doubts(session: Session) -> int:
    """How many batches are in doubt."""
    in_doubt = select(func.count()).select_from(Batch).where(Batch.state == BatchState.IN_DOUBT)
    return session.scalar(in_doubt) or 0


def arm(
    session: Session, batch: DueBatch, *, tag: str, worker: str, now: datetime, lease: timedelta
) -> bool:
    """Claim the batch for one attempt; False if somebody else was quicker.

    Whoever gets True, and nobody else, may send it once this transaction is committed.
    """
    armed = applied(
        session,
        move(batch.id, BatchState.SENDING)
        .where(
            Batch.attempt == batch.attempt, Batch.not_before <= now, Batch.states == batch.states
        )
        .values(attempt=batch.attempt + 1, tag=tag, lease_until=now + lease, why=""),
    )
    if armed:
        attempts.add(session, batch.id, batch.attempt + 1, tag=tag, worker=worker, now=now)
    return armed


def recall(session: Session, batch_id: int, tag: str, *, now: datetime) -> bool:
    """Put a pending batch in doubt: the attempt under ``tag``, thought unsent, was taken."""
    recalled = applied(
        session,
        move(batch_id, BatchState.IN_DOUBT)
        .where(Batch.state == BatchState.PENDING)
        .values(
            tag=tag,
            why="an attempt thought unsent shows at the gateway",
            sent_at=now,
            check_at=now,
            checks=0,
        ),
    )
    if recalled:
        attempts.end(session, tag, outcome="in_doubt", detail="shows at the gateway", now=now)
    return recalled


def rescue(session: Session, now: datetime, check_at: datetime) -> list[int]:
    """Take batches away from lost workers. They are in doubt: a rescue never means a resend."""
    return list(
        session.scalars(
            update(Batch)
            .where(
                Batch.state.in_(sources(BATCH_MOVES, BatchState.IN_DOUBT)),
                Batch.lease_until < now,
            )
            .values(
                state=BatchState.IN_DOUBT,
                why="its worker was lost",
                sent_at=now,
                lease_until=None,
                check_at=check_at,
                checks=0,
            )
            .returning(Batch.id)
        )
    )


def move(batch_id: int, target: BatchState) -> Update:
    """The UPDATE that takes a batch to ``target`` from wherever that is allowed."""
    return (
        update(Batch)
        .where(Batch.id == batch_id, Batch.state.in_(sources(BATCH_MOVES, target)))
        .values(state=target)
    )


def applied(session: Session, statement: Update) -> bool:
    """Whether a guarded UPDATE found its row."""
    return session.execute(statement.returning(Batch.id)).one_or_none() is not None


def counted(states: str) -> dict[str, Any]:
    """A document with its counters, as the columns that keep them."""
    counts = document.tally(states)
    return {"states": states, **{state.value: count for state, count in counts.items()}}
