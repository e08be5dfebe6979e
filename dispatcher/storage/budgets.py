"""Budgets of campaign tags: what they are, what is left of a month, and who waits for them.

Who changes a budget, or lets a campaign begin, takes ``lock`` first: what is left is then read
after the commit of whoever took some of it before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    bindparam,
    case,
    delete,
    exists,
    func,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session

from dispatcher.campaigns.budgets import Budget, BudgetNeed, month_of, period_of
from dispatcher.campaigns.caps import SURVEYS
from dispatcher.campaigns.halving import REFUSED
from dispatcher.campaigns.prices import Prices, price_of
from dispatcher.campaigns.states import BatchState, CampaignState
from dispatcher.storage import caps, meta, upsert
from dispatcher.storage.batches import costs, queue
from dispatcher.storage.campaigns import campaign_tags
from dispatcher.storage.tables import (
    ATTEMPT,
    BATCH,
    CAMPAIGN,
    Campaign,
    CampaignTag,
    Meta,
    in_euros,
    in_state,
)
from dispatcher.storage.tables import Budget as _Row

lock = partial(caps.lock, what=caps.Lock.BUDGETS)
_LOOKED, _AGAIN = "budgets_looked", timedelta(minutes=1)

_FIRST_DUE = (
    select(func.min(BATCH.c.not_before))
    .where(BATCH.c.campaign_id == CAMPAIGN.c.id, in_state(BatchState.PENDING))
    .scalar_subquery()
)
_WAITS = (
    select(CAMPAIGN.c.id, CAMPAIGN.c.budget_wait)
    .where(
        CAMPAIGN.c.budget_wait.is_not(None),
        queue.may_begin(),
        bindparam("now", type_=BATCH.c.not_before.type) >= _FIRST_DUE,
    )
    .order_by(CAMPAIGN.c.priority.desc(), CAMPAIGN.c.id)
)
#: a campaign that is due waits for its budgets (parameter ``now``)
ANY = _WAITS.exists()
_ANY_NEW = select(_WAITS.where(CAMPAIGN.c.budget_wait == "").exists())
_LOCK_WAITS = _WAITS.with_for_update(key_share=True, skip_locked=True, of=CAMPAIGN)
#: how many messages of a batch a resume may make pending again (``refusals.take_back``): at the
#: most all that the gateway rejected, where it refused a whole call
_MAY_RETURN = case(
    (
        (BATCH.c.rejected > 0)
        & CAMPAIGN.c.state.in_((CampaignState.RUNNING, CampaignState.PAUSED))
        & exists().where(ATTEMPT.c.batch_id == BATCH.c.id, ATTEMPT.c.outcome == REFUSED),
        BATCH.c.rejected - BATCH.c.capped - BATCH.c.unreachable,
    ),
    else_=0,
)


def put(session: Session, tag: str, euros: Decimal) -> Decimal | None:
    """Set the budget of a tag; returns what it was before, None if there was none."""
    before = session.scalar(select(_Row.euros).where(_Row.tag == tag))
    row = upsert.insert(session, _Row).values(tag=tag, euros=euros)
    session.execute(
        row.on_conflict_do_update(index_elements=[_Row.tag], set_={"euros": row.excluded.euros})
    )
    look_again(session)
    return before


def remove(session: Session, tag: str) -> None:
    """Delete the budget of a tag, if there is one."""
    session.execute(delete(_Row).where(_Row.tag == tag))
    look_again(session)


def of_month(
    session: Session,
    at: datetime,
    prices: Prices,
    tags: Collection[str] | None = None,
) -> dict[str, Budget]:
    """Tag -> its budget in the month with this instant, of ``tags`` or of all, in their order.

    What has no planned cost is reserved by ``prices``, or at nothing until it is charged.
    """
    query = select(_Row.tag, _Row.euros).order_by(_Row.tag)
    if tags is not None:
        query = query.where(_Row.tag.in_(tags))
    month = month_of(at)
    found = {
        tag: Budget(tag=tag, euros=euros, month=month) for tag, euros in session.execute(query)
    }
    if not found:
        return found
    period = period_of(month)
    begun = (
        CampaignTag.tag.in_([*found]),
        CAMPAIGN.c.budgeted_at >= period.since,
        CAMPAIGN.c.budgeted_at < period.until,
    )
    rows = session.execute(
        select(CampaignTag.tag, BATCH.c.territory, *_sums(costs.reserved() + _MAY_RETURN))
        .join(CAMPAIGN, CAMPAIGN.c.id == CampaignTag.campaign_id)
        .join(BATCH, BATCH.c.campaign_id == CAMPAIGN.c.id)
        .where(*begun)
        .group_by(CampaignTag.tag, BATCH.c.territory)
    )
    for tag, territory, charged, planned, segments, _ in rows:
        price = price_of(territory, prices) or Decimal(0)
        found[tag] = replace(
            found[tag],
            charged=found[tag].charged + in_euros(charged),
            reserved=found[tag].reserved + in_euros(planned) + int(segments) * price,
        )
    return found


def is_time(session: Session, now: datetime) -> bool:
    """True if a campaign is due that was never looked at, or the last look was a minute ago."""
    new = session.scalar(_ANY_NEW, {"now": now})
    return bool(new) or meta.is_time(session, _LOOKED, now, _AGAIN)


def looked(session: Session, now: datetime) -> None:
    """Record that all campaigns that are due and wait were looked at."""
    meta.put(session, _LOOKED, now.isoformat())


def look_again(session: Session) -> None:
    """Let the next tick look at all that wait: there may be more euros for them."""
    session.execute(delete(Meta).where(Meta.name == _LOOKED))


def waiting(session: Session, now: datetime) -> Sequence[Any]:
    """The campaigns that are due and wait, locked, in the order in which they may begin.

    Rows of ``id`` and ``budget_wait``. A campaign whose row somebody has locked is left to the next
    look, so that it keeps no other waiting, and no deadlock has this in it.
    """
    return session.execute(_LOCK_WAITS, {"now": now}).all()


def needs(session: Session, campaign_ids: Sequence[int], prices: Prices) -> list[BudgetNeed]:
    """What each of these campaigns will cost by its plan, in their order."""
    tags = campaign_tags.of_campaigns(session, campaign_ids)
    euros, unpriced = defaultdict[int, Decimal](Decimal), defaultdict[int, list[str]](list)
    rows = session.execute(
        select(BATCH.c.campaign_id, BATCH.c.territory, *_sums(costs.reserved()))
        .where(BATCH.c.campaign_id.in_(campaign_ids))
        .group_by(BATCH.c.campaign_id, BATCH.c.territory)
        .order_by(BATCH.c.campaign_id, BATCH.c.territory)
    )
    for campaign_id, territory, charged, planned, segments, unknown in rows:
        price = price_of(territory, prices)
        # what was charged is that of a batch thought unsent, which showed at the gateway
        euros[campaign_id] += in_euros(charged) + in_euros(planned) + int(segments) * (price or 0)
        if unknown:
            unpriced[campaign_id].append(SURVEYS)
        elif segments and price is None:
            unpriced[campaign_id].append(territory)
    return [
        BudgetNeed(one, euros[one], tuple(dict.fromkeys(unpriced[one])), tags.get(one, ()))
        for one in campaign_ids
    ]


def let_begin(session: Session, campaign_ids: Collection[int], now: datetime) -> list[int]:
    """Let these campaigns begin, which are locked; returns the ids of those that still run."""
    waits = Campaign.state == CampaignState.RUNNING, Campaign.budget_wait.is_not(None)
    begun = session.scalars(
        update(Campaign)
        .where(Campaign.id.in_(campaign_ids), *waits)
        .values(budget_wait=None, budgeted_at=now)
        .returning(Campaign.id)
    )
    return list(begun)


def hold_back(session: Session, campaign_id: int, why: str) -> None:
    """Record why a campaign may not begin yet."""
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.budget_wait.is_not(None))
        .values(budget_wait=why)
    )


def held(session: Session, account: str | None, limit: int) -> list[int]:
    """The ids of the running campaigns that may not begin, the latest first."""
    mine = [] if account is None else [Campaign.account == account]
    query = select(Campaign.id).where(
        Campaign.budget_wait != "", Campaign.state == CampaignState.RUNNING, *mine
    )
    return list(session.scalars(query.order_by(Campaign.id.desc()).limit(limit)))


def _sums(reserved: ColumnElement[int]) -> tuple[ColumnElement[Any], ...]:
    """Charged and reserved ten-thousandths, and what is reserved without a planned cost.

    ``reserved`` is how many messages of a batch may still be charged. Without a planned cost they
    are summed in segments, and in messages of surveys, whose segments are unknown. Parts of a batch
    are rounded up.
    """
    size = BATCH.c.size
    cost, planned = (type_coerce(BATCH.c[name], BigInteger) for name in ("cost", "planned"))
    segments = func.coalesce(BATCH.c.planned_segments, BATCH.c.segments)
    without = planned.is_(None)
    parts = (
        cost,
        func.coalesce((planned * reserved + size - 1) // size, 0),
        case((without, (segments * reserved + size - 1) // size), else_=0),
        case((without & (segments == 0), reserved), else_=0),
    )
    return tuple(func.coalesce(func.sum(type_coerce(one, BigInteger)), 0) for one in parts)
