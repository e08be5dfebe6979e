"""Batches in doubt, listed for people and ended by them, and double texts on record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import message_states
from dispatcher.campaigns.evidence import in_question
from dispatcher.campaigns.records import Doubt, Incident
from dispatcher.campaigns.states import BatchState, CampaignState, MessageState
from dispatcher.errors import IllegalMove
from dispatcher.storage import actions
from dispatcher.storage.batches import attempts, moves
from dispatcher.storage.batches.lookups import BatchSnapshot, snapshot
from dispatcher.storage.batches.polls import GIVEN_UP
from dispatcher.storage.campaigns import campaigns
from dispatcher.storage.tables import Action, Attempt, Batch, Campaign


def outstanding(session: Session, account: str | None = None) -> list[Doubt]:
    """The batches in doubt, of one account or of all, the oldest first."""
    which = (Batch.state == BatchState.IN_DOUBT, *campaigns.only(account))
    rows = session.execute(
        select(Batch, Campaign.reference, Campaign.created_at, Campaign.account)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(*which)
        .order_by(Batch.sent_at, Batch.id)
    ).all()
    # not by a list of ids: there may be more of them than a statement takes parameters
    theirs = Attempt.batch_id.in_(select(Batch.id).join(Campaign).where(*which))
    sizes = {batch.id: batch.size for batch, *_ in rows}
    known = attempts.evidence_of_each(session, theirs, sizes)
    return [
        Doubt(
            batch_id=batch.id,
            reference=reference,
            number=batch.number,
            territory=batch.territory,
            messages=messages,
            segments=round(batch.segments * messages / batch.size),
            since=batch.sent_at or created_at,
            why=batch.why,
            lookups=batch.checks,
            next_lookup=batch.check_at,
            account=account,
            tag=batch.tag or "",
        )
        for batch, reference, created_at, account in rows
        for messages in (len(in_question(batch.states, known[batch.id])),)
    ]


def incidents(session: Session, account: str | None = None, limit: int = 50) -> list[Incident]:
    """The incidents on record, of one account or of all, the latest first.

    They are double texts, and texts of batches that a person had given up.
    """
    rows = session.execute(
        select(Action, Campaign.reference)
        .join(Campaign, Campaign.id == Action.campaign_id)
        .where(Action.verb.in_(actions.INCIDENTS), *campaigns.only(account))
        .order_by(Action.id.desc())
        .limit(limit)
    )
    return [
        Incident(at=action.at, reference=reference, batch_id=action.batch_id, what=action.reason)
        for action, reference in rows
    ]


def find(session: Session, batch_id: int) -> BatchSnapshot:
    """A batch in doubt. Raises NotFound, and IllegalMove if the batch is not in doubt."""
    batch = snapshot(session, batch_id)
    if batch.state is not BatchState.IN_DOUBT:
        raise IllegalMove(f"batch {batch_id} is {batch.state}, not in doubt")
    return batch


def resend(
    session: Session, batch: BatchSnapshot, *, actor: str, reason: str, now: datetime
) -> None:
    """Make a batch in doubt pending again; its tag is still looked up. Raises IllegalMove."""
    state = select(Campaign.state).where(Campaign.id == batch.campaign_id)
    if session.scalar(state) == CampaignState.CANCELLED:
        raise IllegalMove("its campaign is cancelled: the doubt can be given up, not sent again")
    _end(
        session,
        batch,
        update(Batch).values(
            state=BatchState.PENDING,
            not_before=now,
            why="",
            check_at=None,
            checks=0,
            leaves_at=None,
        ),
    )
    attempts.end_open(
        session,
        batch.id,
        outcome="resent",
        detail=f"sent again by {actor}",
        now=now,
        check_at=now,
    )
    _note(session, batch, verb="resend", actor=actor, reason=reason, now=now)


def give_up(
    session: Session, batch: BatchSnapshot, *, actor: str, reason: str, now: datetime
) -> None:
    """End a doubt without sending: the messages in doubt become unreported, others go on.

    Raises IllegalMove.
    """
    given_up = dict.fromkeys(in_question(batch.states, batch.attempts), MessageState.UNREPORTED)
    states = message_states.marked(batch.states, given_up)
    # messages that the gateway is known to have taken are still polled; others may never have left
    state = message_states.batch_state(states)
    values: dict[str, Any] = {
        **moves.counted(states),
        "state": BatchState.FAILED if state is BatchState.DONE else state,
        "why": GIVEN_UP,
        "check_at": now if state is BatchState.SENT else None,
        "checks": 0,
    }
    if state is BatchState.PENDING:
        values |= moves.again(now)
    _end(session, batch, update(Batch).values(values))
    attempts.end_open(
        session,
        batch.id,
        outcome="given_up",
        detail=f"given up by {actor}",
        now=now,
        check_at=now,
    )
    _note(session, batch, verb="give up", actor=actor, reason=reason, now=now)


def _end(session: Session, batch: BatchSnapshot, statement: object) -> None:
    ended = moves.applied(
        session,
        statement.where(  # type: ignore[attr-defined]
            Batch.id == batch.id,
            Batch.state == BatchState.IN_DOUBT,
            Batch.attempt == batch.attempt,
            Batch.states == batch.states,
        ),
    )
    if not ended:
        raise IllegalMove(f"batch {batch.id} has been settled meanwhile")


def _note(
    session: Session, batch: BatchSnapshot, *, verb: str, actor: str, reason: str, now: datetime
) -> None:
    actions.note(
        session,
        batch.campaign_id,
        verb=verb,
        actor=actor,
        now=now,
        reason=reason,
        batch_id=batch.id,
    )
