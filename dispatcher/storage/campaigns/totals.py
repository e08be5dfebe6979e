"""Totals over batches: messages by state and costs, of one campaign or of all.

They sum the counters of batches and never count recipients.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, case, func, not_, or_, select, type_coerce
from sqlalchemy.orm import Session

from dispatcher.campaigns.progress import Share
from dispatcher.campaigns.spend import Spent
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.storage.batches import costs
from dispatcher.storage.tables import BATCH, Batch, Campaign, Euros

#: the states of a batch that has not ended
UNENDED = (
    BatchState.PENDING,
    BatchState.SENDING,
    BatchState.HANDED_OVER,
    BatchState.SENT,
    BatchState.IN_DOUBT,
)


@dataclass(frozen=True, slots=True)
class EndedTotals:
    """The totals over the campaigns that ended before ``until``, which hardly change any more.

    ``lingering`` are campaigns that ended before ``until`` with a batch that had not ended: they
    are not in these totals, but in ``still_open``.
    """

    until: datetime
    lingering: Sequence[int]
    shares: Sequence[Share]


def shares(session: Session, *conditions: ColumnElement[bool]) -> list[Share]:
    """The totals over the batches that meet ``conditions``, by state."""
    rows = session.execute(select(*_sums()).where(*conditions).group_by(Batch.state))
    return [_share(*row) for row in rows]


def of_campaigns(session: Session, campaign_ids: Collection[int]) -> dict[int, list[Share]]:
    """The totals over the batches of each of these campaigns, by state; by its id."""
    found: dict[int, list[Share]] = {}
    if not campaign_ids:
        return found
    rows = session.execute(
        select(Batch.campaign_id, *_sums())
        .where(Batch.campaign_id.in_(campaign_ids))
        .group_by(Batch.campaign_id, Batch.state)
    )
    for campaign_id, *sums in rows:
        found.setdefault(campaign_id, []).append(_share(*sums))
    return found


def _sums() -> list[ColumnElement[Any]]:
    return [
        BATCH.c.state,
        func.count(),
        func.sum(BATCH.c.cost),
        func.sum(BATCH.c.capped),
        func.sum(BATCH.c.unreachable),
        type_coerce(func.sum(_planned_of(costs.charged())), Euros()),
        func.sum(case((BATCH.c.planned.is_(None), BATCH.c.cost))),
        func.sum(costs.untold()),
        type_coerce(func.sum(_planned_of(costs.untold())), Euros()),
        func.sum(case((BATCH.c.planned.is_(None), costs.untold()), else_=0)),
        *(func.sum(BATCH.c[state.value]) for state in MessageState),
    ]


def _share(
    state: str,
    batches: int,
    cost: Decimal,
    capped: int,
    unreachable: int,
    planned: Decimal | None,
    unplanned: Decimal | None,
    untold: int,
    untold_planned: Decimal | None,
    untold_unpriced: int,
    *counts: int,
) -> Share:
    return Share(
        BatchState(state),
        batches,
        dict(zip(MessageState, map(int, counts), strict=True)),
        cost,
        int(capped),
        int(unreachable),
        planned=planned or Decimal(0),
        unplanned=unplanned or Decimal(0),
        untold=int(untold),
        untold_planned=untold_planned or Decimal(0),
        untold_unpriced=int(untold_unpriced),
    )


def ended(session: Session, until: datetime) -> EndedTotals:
    """The totals over campaigns that ended before ``until``. Reads all batches, so call it rarely.

    ``until`` should be some minutes ago, because an end is committed after its instant.
    """
    unended = select(Batch.campaign_id).where(Batch.state.in_(UNENDED))
    lingering = session.scalars(
        select(Campaign.id).where(Campaign.ended_at <= until, Campaign.id.in_(unended))
    ).all()
    over = select(Campaign.id).where(_over(until, lingering), Campaign.test_of.is_(None))
    return EndedTotals(until, lingering, shares(session, Batch.campaign_id.in_(over)))


def still_open(session: Session, ended: EndedTotals) -> list[Share]:
    """The totals over all campaigns that are not in ``ended``."""
    ids = session.scalars(
        select(Campaign.id).where(
            Campaign.test_of.is_(None),
            or_(Campaign.ended_at.is_(None), not_(_over(ended.until, ended.lingering))),
        )
    ).all()
    # a list of ids, so that the database uses its index and reads no other batch
    return shares(session, Batch.campaign_id.in_(ids)) if ids else []


def _over(until: datetime, lingering: Sequence[int]) -> ColumnElement[bool]:
    return and_(Campaign.ended_at <= until, Campaign.id.not_in(lingering))


def spent(session: Session, since: Sequence[datetime], account: str | None = None) -> list[Spent]:
    """What was spent since each of these instants (UTC), by one account or by all.

    The batches are read once.
    """
    mine = select(Campaign.id).where(Campaign.account == account)
    charged = type_coerce(BATCH.c.cost, BigInteger)
    priced = case((BATCH.c.planned.is_not(None), charged))
    sums = [
        type_coerce(func.sum(case((BATCH.c.sent_at >= at, amount))), Euros())
        for at in since
        for amount in (charged, priced, _planned_of(costs.charged()))
    ]
    row = session.execute(
        select(*sums).where(
            BATCH.c.sent_at >= min(since),
            *([] if account is None else [BATCH.c.campaign_id.in_(mine)]),
        )
    ).one()
    found = [amount or Decimal(0) for amount in row]
    return [Spent(*found[at : at + 3]) for at in range(0, len(found), 3)]


def _planned_of(messages: ColumnElement[int]) -> ColumnElement[int]:
    """The planned cost of so many messages of a batch, in the unit of the column."""
    return type_coerce(BATCH.c.planned, BigInteger) * messages // BATCH.c.size
