"""The due batches, in the order in which they leave.

Campaigns of the highest priority come first. Campaigns of equal priority take turns. Within a
campaign batches are ordered by ``not_before``, then by number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain, zip_longest

from sqlalchemy import Boolean, ColumnElement, and_, bindparam, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState, CampaignState
from dispatcher.storage import pauses
from dispatcher.storage.planner import likely
from dispatcher.storage.tables import BATCH, CAMPAIGN, in_state

_now = bindparam("now", type_=BATCH.c.not_before.type)
#: condition: the campaign goes through this account (parameter ``account``)
OF_ACCOUNT = CAMPAIGN.c.account == bindparam("account")
#: without ``commercial`` only messages that are not commercial may leave
_MAY_LEAVE = or_(bindparam("commercial", type_=Boolean), not_(CAMPAIGN.c.commercial))


def runs() -> ColumnElement[bool]:
    """Condition: the campaign runs, and the budgets of its tags have let it begin."""
    return and_(may_begin(), CAMPAIGN.c.budget_wait.is_(None))


def may_begin() -> ColumnElement[bool]:
    """Condition: the campaign runs, and its ``not_after`` has not passed (parameter ``now``).

    Neither everything nor its account is paused. A hint may come before the tick that expires it.
    """
    alive = or_(CAMPAIGN.c.not_after.is_(None), CAMPAIGN.c.not_after > _now)
    return and_(CAMPAIGN.c.state == CampaignState.RUNNING, alive, ~pauses.holds())


def funded() -> ColumnElement[bool]:
    """Condition: the balance pays for the batch, or nobody checks it."""
    return or_(CAMPAIGN.c.funded_to.is_(None), BATCH.c.number <= CAMPAIGN.c.funded_to)


def is_due() -> ColumnElement[bool]:
    """Condition: the batch is pending, and its ``not_before`` has passed (parameter ``now``)."""
    return and_(in_state(BatchState.PENDING), BATCH.c.not_before <= _now)


# built once: building a statement takes longer than running it
_DUE_CAMPAIGNS = (
    select(CAMPAIGN.c.id, CAMPAIGN.c.priority)
    .where(
        runs(),
        OF_ACCOUNT,
        _MAY_LEAVE,
        exists().where(BATCH.c.campaign_id == CAMPAIGN.c.id, is_due(), funded()),
    )
    .order_by(CAMPAIGN.c.priority.desc(), CAMPAIGN.c.id)
)
_DUE_OF = (
    select(BATCH.c.id)
    .join_from(BATCH, CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
    .where(BATCH.c.campaign_id == bindparam("campaign_id"), is_due(), funded())
    .order_by(BATCH.c.not_before, BATCH.c.number)
    .limit(bindparam("most"))
)


# the least value, not EXISTS: of a prepared query PostgreSQL takes a third of the rows for due, and
# reads the table to find one of them
_ANY_DUE = select(
    select(func.min(BATCH.c.not_before))
    .where(likely(in_state(BatchState.PENDING)))
    .scalar_subquery()
    <= _now
)


def any_due(session: Session, now: datetime) -> bool:
    """True if any batch is due; one probe, however many campaigns wait."""
    return bool(session.scalar(_ANY_DUE, {"now": now}))


def campaigns(session: Session, now: datetime, account: str, *, commercial: bool) -> list[int]:
    """The account's campaigns with due batches that have the highest priority among them.

    Without ``commercial``, commercial campaigns are left out.
    """
    params = {"now": now, "account": account, "commercial": commercial}
    rows = session.execute(_DUE_CAMPAIGNS, params).all()
    return [row.id for row in rows if row.priority == rows[0].priority]


def of(session: Session, campaign_id: int, now: datetime, most: int) -> list[int]:
    """The first ``most`` due batches of a campaign."""
    params = {"campaign_id": campaign_id, "now": now, "most": most}
    return list(session.scalars(_DUE_OF, params))


def due(session: Session, now: datetime, most: int, account: str, *, commercial: bool) -> list[int]:
    """The first ``most`` of an account's due batches; its campaigns take turns.

    Without ``commercial``, commercial campaigns are left out.
    """
    if not any_due(session, now):
        return []
    turns: Sequence[list[int]] = [
        of(session, campaign_id, now, most)
        for campaign_id in campaigns(session, now, account, commercial=commercial)[:most]
    ]
    dealt = chain.from_iterable(zip_longest(*turns))
    return [batch_id for batch_id in dealt if batch_id is not None][:most]
