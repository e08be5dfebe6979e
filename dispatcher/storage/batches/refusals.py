"""Batches that were refused as a whole: how many in a row, and their way back."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import message_states
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.campaigns.waits import Wait
from dispatcher.storage.batches import moves, waits
from dispatcher.storage.tables import Attempt, Batch, Campaign

_REFUSED = "refused"


def latest(session: Session, campaign_id: int, most: int) -> list[str | None]:
    """The refusals that ended a campaign's last ``most`` attempts, None for those not refused.

    The latest come first. Locks the campaign until the commit, so that of several batches that
    are refused at once each counts those before it.
    """
    mine = select(Campaign.id).where(Campaign.id == campaign_id)
    # not FOR UPDATE, for which whoever adds an action or a batch waits while they hold batches
    session.execute(mine.with_for_update(key_share=True))
    rows = session.execute(
        select(Attempt.outcome, Attempt.detail)
        .join(Batch, Batch.id == Attempt.batch_id)
        .where(Batch.campaign_id == campaign_id, Attempt.ended_at.is_not(None))
        .order_by(Attempt.ended_at.desc(), Attempt.batch_id.desc())
        .limit(most)
    )
    return [detail if outcome == _REFUSED else None for outcome, detail in rows]


def take_back(session: Session, campaign_id: int, why: str, now: datetime) -> int:
    """Make pending again what was refused as a whole with ``why``; returns how many batches.

    The refusal proves that the gateway took nobody of them. Who was rejected for another reason
    stays rejected.
    """
    last = (
        select(Attempt.outcome)
        .where(Attempt.batch_id == Batch.id, Attempt.number == Batch.attempt)
        .scalar_subquery()
    )
    refused = session.execute(
        select(Batch.id, Batch.attempt, Batch.states, Batch.codes)
        .where(
            Batch.campaign_id == campaign_id,
            Batch.state == BatchState.FAILED,
            Batch.why == why,
            last == _REFUSED,
        )
        .order_by(Batch.id)
    ).all()
    return sum(_take_back(session, *row, now) for row in refused)


def _take_back(
    session: Session, batch_id: int, attempt: int, states: str, codes: str, now: datetime
) -> bool:
    rejected = message_states.positions(states, MessageState.REJECTED)
    known = json.loads(codes)
    # our own codes are negative: those people had been left out before the batch was refused
    again = [position for position in rejected if known.get(str(position), 0) >= 0]
    after = message_states.marked(states, dict.fromkeys(again, MessageState.PENDING))
    left = {key: code for key, code in known.items() if int(key) not in again}
    return moves.applied(
        session,
        update(Batch)
        .where(
            Batch.id == batch_id,
            Batch.state == BatchState.FAILED,
            Batch.attempt == attempt,
            Batch.states == states,
        )
        .values(
            state=BatchState.PENDING,
            **moves.counted(after),
            codes=json.dumps(left),
            **waits.changed(Wait.RETRY, now, ""),
            checks=0,
        ),
    )
