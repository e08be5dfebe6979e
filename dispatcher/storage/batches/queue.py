"""What may leave now, and in which order: the fair release.

Campaigns of the highest priority first; between campaigns of one priority each in its turn;
within a campaign the oldest opening first, then its own order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain, zip_longest

from sqlalchemy import Boolean, ColumnElement, and_, bindparam, exists, not_, or_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState, CampaignState
from dispatcher.storage.tables import BATCH, CAMPAIGN, in_state

_now = bindparam("now", type_=BATCH.c.not_before.type)
#: the campaign goes through this account (``account``), and no other may touch it
OF_ACCOUNT = CAMPAIGN.c.account == bindparam("account")
#: without ``commercial`` only messages that are not commercial may leave
_MAY_LEAVE = or_(bindparam("commercial", type_=Boolean), not_(CAMPAIGN.c.commercial))


def runs() -> ColumnElement[bool]:
    """A campaign runs and is not over (``now``): a hint may come before the tick that ends it."""
    alive = or_(CAMPAIGN.c.not_after.is_(None), CAMPAIGN.c.not_after > _now)
    return and_(CAMPAIGN.c.state == CampaignState.RUNNING, alive)


def funded() -> ColumnElement[bool]:
    """The credit reaches to a batch of this campaign, as far as anybody looks at it."""
    return or_(CAMPAIGN.c.funded_to.is_(None), BATCH.c.number <= CAMPAIGN.c.funded_to)


def is_due() -> ColumnElement[bool]:
    """A batch waits for nothing any more (``now``)."""
    return and_(in_state(BatchState.PENDING), BATCH.c.not_before <= _now)


# built once: to build a statement takes longer than to run it
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


def campaigns(session: Session, now: datetime, account: str, *, commercial: bool) -> list[int]:
    """An account's campaigns whose turn it is: of those with due batches, the most urgent.

    Commercial ones only with ``commercial``.
    """
    asked = {"now": now, "account": account, "commercial": commercial}
    rows = session.execute(_DUE_CAMPAIGNS, asked).all()
    return [row.id for row in rows if row.priority == rows[0].priority]


def of(session: Session, campaign_id: int, now: datetime, most: int) -> list[int]:
    """The first ``most`` due batches of a campaign."""
    params = {"campaign_id": campaign_id, "now": now, "most": most}
    return list(session.scalars(_DUE_OF, params))


def due(session: Session, now: datetime, most: int, account: str, *, commercial: bool) -> list[int]:
    """The first ``most`` of an account's due batches, from each campaign in its turn.

    Commercial ones only with ``commercial``.
    """
    turns: Sequence[list[int]] = [
        of(session, campaign_id, now, most)
        for campaign_id in campaigns(session, now, account, commercial=commercial)[:most]
    ]
    dealt = chain.from_iterable(zip_longest(*turns))
    return [batch_id for batch_id in dealt if batch_id is not None][:most]
