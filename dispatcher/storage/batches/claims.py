"""The claim: one UPDATE takes a batch for one attempt, under every condition that must hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Select,
    Text,
    bindparam,
    exists,
    extract,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.states import BATCH_MOVES, BatchState, sources
from dispatcher.storage import account_waits, opt_out_marks, opt_outs, schema
from dispatcher.storage.batches import queue
from dispatcher.storage.batches.due import DOUBTS, DOUBTS_OF
from dispatcher.storage.tables import ATTEMPT, BATCH, CAMPAIGN, META

_INSTANT = BATCH.c.not_before.type
#: the columns of an attempt when it begins
_BEGUN = ["batch_id", "number", "tag", "worker", "armed_at", "checks", "messages", "cost"]
_BEGUN += ["covers", "leaves_at"]
#: the batch's campaign, if it runs and is not over
_CAMPAIGN = select(CAMPAIGN.c.id, CAMPAIGN.c.funded_to).where(
    CAMPAIGN.c.id == bindparam("its_campaign_id"), queue.runs(), queue.OF_ACCOUNT
)


def _claim(
    campaign: FromClause,
    version: ColumnElement[Any],
    doubts: Select[int],
    *rules: ColumnElement[bool],
) -> ReturningUpdate[Any]:
    return (
        update(BATCH)
        .where(
            BATCH.c.id == bindparam("its_id"),
            BATCH.c.campaign_id == campaign.c.id,
            BATCH.c.state.in_(sources(BATCH_MOVES, BatchState.SENDING)),
            BATCH.c.attempt == bindparam("after"),
            BATCH.c.not_before <= bindparam("now"),
            BATCH.c.states == bindparam("seen"),
            or_(campaign.c.funded_to.is_(None), BATCH.c.number <= campaign.c.funded_to),
            doubts.scalar_subquery() < bindparam("doubt_limit"),
            # a list without a version is equal to no other
            version == bindparam("its_opt_outs"),
            account_waits.is_over(),
            # another version may have migrated the tables a moment ago
            exists().where(schema.version_num == bindparam("its_schema")),
            *rules,
        )
        .values(
            state=BatchState.SENDING,
            attempt=BATCH.c.attempt + 1,
            tag=bindparam("its_tag"),
            lease_until=bindparam("until"),
            why="",
            message_id=None,  # the attempt before may have left one
        )
        .returning(BATCH.c.id, BATCH.c.attempt)
    )


#: by whether the doubts of an account are counted apart
_COUNTED = {False: DOUBTS, True: DOUBTS_OF}
_ON_SQLITE = {
    apart: _claim(_CAMPAIGN.subquery(), opt_out_marks.version(), doubts)
    for apart, doubts in _COUNTED.items()
}
_BEGIN_ATTEMPT = insert(ATTEMPT)

# On PostgreSQL it is one statement, which saves two round trips. It locks the rows that it decides
# on, and reads them as they are once they are locked: a pause or an opt-out waits for the claim,
# or the claim sees it. Everybody locks in this order: campaign, batch, version of the opt-out
# list. The version is the last, so that no opt-out waits while the claim waits for another row.
_RUNNING = _CAMPAIGN.with_for_update(read=True).cte("campaign_that_runs")
_LOCKED_BATCH = (
    select(_RUNNING.c.id, _RUNNING.c.funded_to)
    .join_from(_RUNNING, BATCH, BATCH.c.campaign_id == _RUNNING.c.id)
    .where(BATCH.c.id == bindparam("its_id"))
    .with_for_update(of=BATCH, key_share=True)
    .cte("locked_batch")
)
_LOCKED = (
    select(_LOCKED_BATCH.c.id, _LOCKED_BATCH.c.funded_to, META.c.value)
    .join_from(_LOCKED_BATCH, META, META.c.name == opt_outs.VERSION)
    .with_for_update(of=META, read=True)
    .cte("locked")
)
_clock = bindparam("clock", type_=_INSTANT)


def _begun(doubts: Select[int]) -> ReturningInsert[Any]:
    claimed = _claim(
        _LOCKED,
        _LOCKED.c.value,
        doubts,
        func.abs(extract("epoch", func.clock_timestamp() - _clock))
        <= bindparam("most_skew", type_=Float),
    ).cte("claimed")
    return (
        insert(ATTEMPT)
        .from_select(
            _BEGUN,
            select(
                claimed.c.id,
                claimed.c.attempt,
                bindparam("its_tag", type_=Text),
                bindparam("worker", type_=Text),
                bindparam("now", type_=_INSTANT),
                literal(0),
                bindparam("carries", type_=ATTEMPT.c.messages.type),
                bindparam("its_cost", type_=ATTEMPT.c.cost.type),
                bindparam("its_covers", type_=Text),
                bindparam("its_hour", type_=_INSTANT),
            ),
            include_defaults=False,
        )
        .returning(ATTEMPT.c.batch_id)
    )


_ON_POSTGRESQL = {apart: _begun(doubts) for apart, doubts in _COUNTED.items()}


def claim(
    session: Session,
    batch: DueBatch,
    *,
    account: str,
    apart: bool = False,
    tag: str,
    worker: str,
    now: datetime,
    lease: timedelta,
    doubt_limit: int,
    clock: datetime,
    most_skew: timedelta,
    cost: Decimal | None = None,
) -> bool:
    """Claim the batch for one attempt. Only who gets True may send it, after the commit.

    False if another process claimed it first, if its campaign does not run, goes through another
    account or is not funded so far, if the account has to wait, if too many batches are in doubt
    (of the account, with ``apart``), if a recipient has opted out since it was gathered, or if
    PostgreSQL's clock is further than ``most_skew`` from ``clock``. ``cost`` is the expected cost
    in euros, if a cap needs it.
    """
    params = {
        "its_id": batch.id,
        "its_campaign_id": batch.campaign_id,
        "account": account,
        "after": batch.attempt,
        "now": now,
        "seen": batch.states,
        "doubt_limit": doubt_limit,
        **account_waits.asked(account, now),
        "its_opt_outs": batch.opt_outs,
        "its_schema": schema.revisions()[-1],
        "its_tag": tag,
        "until": now + lease,
    }
    if session.get_bind().dialect.name == "postgresql":
        clocks = {"clock": clock, "most_skew": most_skew.total_seconds()}
        begins = {"worker": worker, "carries": len(batch.recipients), "its_cost": cost}
        begins |= {"its_covers": batch.covers, "its_hour": batch.leaves_at}
        claimed = session.execute(_ON_POSTGRESQL[apart], {**params, **clocks, **begins})
        return claimed.one_or_none() is not None
    if session.execute(_ON_SQLITE[apart], params).one_or_none() is None:
        return False
    begun = (batch.id, batch.attempt + 1, tag, worker, now, 0, len(batch.recipients), cost)
    session.execute(
        _BEGIN_ATTEMPT, dict(zip(_BEGUN, (*begun, batch.covers, batch.leaves_at), strict=True))
    )
    return True
