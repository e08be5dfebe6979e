"""A turn on SQLite: some statements of one transaction, which begins IMMEDIATE.

It is the only writer, so that nothing changes between a condition and what follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.smoothing import TOLERANCE
from dispatcher.campaigns.states import BATCH_MOVES, BatchState, sources
from dispatcher.campaigns.turn import Arming, Ending, Terms, Turned
from dispatcher.storage import account_waits, opt_out_marks, schema
from dispatcher.storage.batches import paces, queue, results
from dispatcher.storage.obstacles import DOUBTS, DOUBTS_OF
from dispatcher.storage.statement import Statement
from dispatcher.storage.tables import ATTEMPT, BATCH, CAMPAIGN

#: the batch's campaign, if it runs and is not over
_RUNNING = (
    select(CAMPAIGN.c.id, CAMPAIGN.c.funded_to)
    .where(CAMPAIGN.c.id == bindparam("its_campaign_id"), queue.runs(), queue.OF_ACCOUNT)
    .subquery()
)
_ARM = Statement(
    update(BATCH)
    .where(
        BATCH.c.id == bindparam("its_id"),
        BATCH.c.campaign_id == _RUNNING.c.id,
        BATCH.c.state.in_(sources(BATCH_MOVES, BatchState.SENDING)),
        BATCH.c.attempt == bindparam("after"),
        BATCH.c.not_before <= bindparam("now"),
        BATCH.c.states == bindparam("seen"),
        or_(_RUNNING.c.funded_to.is_(None), BATCH.c.number <= _RUNNING.c.funded_to),
        # a list without a version is equal to no other
        opt_out_marks.version() == bindparam("its_opt_outs"),
        account_waits.is_over(),
        # another version may have migrated the tables a moment ago
        exists().where(schema.version_num == bindparam("its_schema")),
    )
    .values(
        state=BatchState.SENDING,
        attempt=BATCH.c.attempt + 1,
        tag=bindparam("its_tag"),
        lease_until=bindparam("until"),
        why="",
        message_id=None,  # the attempt before may have left one
    )
    .returning(BATCH.c.id)
)
_OF_ATTEMPT = (
    *("batch_id", "number", "tag", "worker", "armed_at"),
    *("checks", "messages", "cost", "covers", "leaves_at"),
)
_BEGIN = Statement(
    insert(ATTEMPT)
    .values({name: bindparam(name, type_=ATTEMPT.c[name].type) for name in _OF_ATTEMPT})
    .returning(ATTEMPT.c.tag)
)
_COUNTED, _COUNTED_OF = Statement(DOUBTS), Statement(DOUBTS_OF)


def turn(session: Session, arms: Sequence[Arming], ends: Sequence[Ending], terms: Terms) -> Turned:
    """Store the outcomes, and arm whom every condition allows."""
    now = terms.now
    ended = [
        end.tag
        for end in ends
        if results.apply(session, end.batch, end.change, tag=end.tag, now=now)
    ]
    armed = (
        [arm.tag for arm in arms if _is_armed(session, arm, terms)]
        if (arms and _few_doubts(session, terms))
        else []
    )
    return Turned(frozenset(armed), frozenset(ended))


def _few_doubts(session: Session, terms: Terms) -> bool:
    counted = _COUNTED_OF if terms.apart else _COUNTED
    [doubts] = counted.one(session, {"account": terms.account})
    return bool(doubts < terms.doubt_limit)


def _is_armed(session: Session, arm: Arming, terms: Terms) -> bool:
    batch, now = arm.batch, terms.now
    if arm.step is not None and not _is_in_time(session, batch.campaign_id, now):
        return False
    params = {
        "its_id": batch.id,
        "its_campaign_id": batch.campaign_id,
        "account": terms.account,
        "after": batch.attempt,
        "now": now,
        "seen": batch.states,
        **account_waits.asked(terms.account, now),
        "its_opt_outs": batch.opt_outs,
        "its_schema": schema.revisions()[-1],
        "its_tag": arm.tag,
        "until": now + terms.lease,
    }
    if _ARM.one(session, params) is None:
        return False
    begun = {
        "batch_id": batch.id,
        "number": batch.attempt + 1,
        "tag": arm.tag,
        "worker": terms.worker,
        "armed_at": now,
        "checks": 0,
        "messages": len(batch.recipients),
        "cost": arm.cost,
        "covers": batch.covers,
        "leaves_at": batch.leaves_at,
    }
    _BEGIN.one(session, begun)
    if arm.step is not None:
        paces.take(session, batch.campaign_id, now, arm.step)
    return True


def _is_in_time(session: Session, campaign_id: int, now: datetime) -> bool:
    """Whether the pace of a smoothed campaign lets its next batch leave."""
    next_at = paces.next_at(session, campaign_id)
    return next_at is not None and next_at <= now + TOLERANCE
