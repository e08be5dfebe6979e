"""Calls that were refused for all whom they carried: how many in a row, and their way back."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import message_states
from dispatcher.campaigns.evidence import read
from dispatcher.campaigns.halving import HALVED, NAMED, REFUSED
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.campaigns.waits import Wait
from dispatcher.storage import actions
from dispatcher.storage.batches import moves, waits
from dispatcher.storage.tables import Action, Attempt, Batch, Campaign

_REFUSED_BATCHES = (BatchState.FAILED, BatchState.SENT, BatchState.DONE, BatchState.PENDING)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _ended(campaign_id: int) -> Select[Attempt]:
    """The attempts of a campaign that have ended, but for those of which a part is asked again."""
    return (
        select(Attempt)
        .join(Batch, Batch.id == Attempt.batch_id)
        .where(
            Batch.campaign_id == campaign_id,
            Attempt.ended_at.is_not(None),
            Attempt.outcome.not_in((HALVED, NAMED)),
        )
    )


def latest(session: Session, campaign_id: int, most: int) -> list[str | None]:
    """The refusals that ended a campaign's last ``most`` attempts, None for those not refused.

    The latest come first. Of those before the last resume, calls for one person do not count: that
    person may be the reason. Locks the campaign until the commit, so that of several batches that
    are refused at once each counts those before it.
    """
    its_row = select(Campaign.id).where(Campaign.id == campaign_id)
    # not FOR UPDATE, for which whoever adds an action or a batch waits while they hold batches
    session.execute(its_row.with_for_update(key_share=True))
    order = (Attempt.ended_at.desc(), Attempt.batch_id.desc(), Attempt.number.desc())
    mine = select(func.max(Action.at)).where(Action.campaign_id == campaign_id)
    resumed = session.scalar(mine.where(Action.verb == actions.RESUME)) or _LONG_AGO
    counts = or_(Attempt.outcome != REFUSED, Attempt.messages > 1, Attempt.ended_at > resumed)
    found = session.scalars(_ended(campaign_id).where(counts).order_by(*order).limit(most))
    return [one.detail if one.outcome == REFUSED else None for one in found]


def take_back(session: Session, campaign_id: int, why: str, now: datetime) -> int:
    """Make pending again whom calls refused with ``why`` carried; returns in how many batches.

    The refusal proves that the gateway took nobody of them. Who was rejected for another reason
    stays rejected, and so does who was refused alone while others were taken afterwards.
    """
    taken = _ended(campaign_id).where(or_(Attempt.outcome != REFUSED, Attempt.detail != why))
    since = session.scalar(taken.with_only_columns(func.max(Attempt.ended_at))) or _LONG_AGO
    made = (
        select(Attempt, Batch.size)
        .join(Batch, Batch.id == Attempt.batch_id)
        .where(Batch.campaign_id == campaign_id, Attempt.outcome != HALVED)
        .order_by(Attempt.number)
    )
    refused = made.where(Attempt.batch_id.in_(_ids(campaign_id, why)))
    #: batch -> the positions whose last attempt is such a refusal
    last: dict[int, set[int]] = {}
    for attempt, size in session.execute(refused):
        whom = last.setdefault(attempt.batch_id, set())
        covers = set(range(size)) if attempt.covers is None else read(attempt.covers)[0]
        counts = attempt.messages > 1 or size == 1 or (attempt.ended_at or now) >= since
        if counts and (attempt.outcome, attempt.detail) == (REFUSED, why):
            whom |= covers
        else:
            whom -= covers
    return sum(_take_back(session, batch_id, whom, now) for batch_id, whom in sorted(last.items()))


def _ids(campaign_id: int, why: str) -> Select[int]:
    """The batches of a campaign of which a call was refused with ``why``."""
    refused = _ended(campaign_id).where(Attempt.outcome == REFUSED, Attempt.detail == why)
    return refused.with_only_columns(Attempt.batch_id)


def _take_back(session: Session, batch_id: int, whom: set[int], now: datetime) -> bool:
    """Make ``whom`` (positions) of a batch pending again, if they were refused."""
    row = session.execute(select(Batch.states, Batch.codes).where(Batch.id == batch_id)).one()
    known = json.loads(row.codes)
    # our own codes are negative: those people had been left out before the batch was refused
    again = [
        position
        for position in message_states.positions(row.states, MessageState.REJECTED)
        if known.get(str(position), 0) >= 0 and position in whom
    ]
    if not again:
        return False
    after = message_states.marked(row.states, dict.fromkeys(again, MessageState.PENDING))
    left = {key: code for key, code in known.items() if int(key) not in again}
    return moves.applied(
        session,
        update(Batch)
        .where(
            Batch.id == batch_id,
            Batch.state.in_(_REFUSED_BATCHES),
            Batch.states == row.states,
        )
        .values(
            {
                **moves.counted(after),
                "state": BatchState.PENDING,
                "codes": json.dumps(left),
                **waits.changed(Wait.RETRY, now, ""),
                "check_at": None,
                "checks": 0,
            }
        ),
    )
