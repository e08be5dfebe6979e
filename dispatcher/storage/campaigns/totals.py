"""Sums over batches: where everybody stands, of one campaign or of all.

Recipients are never counted one by one: a batch has its own counters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ColumnElement, and_, case, func, not_, or_, select, type_coerce
from sqlalchemy.orm import Session

from dispatcher.campaigns.progress import Share
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.storage.tables import BATCH, Batch, Campaign, Euros, in_state

_NOTHING = Decimal(0)
#: the states in which a batch has not come to its end
UNENDED = (
    BatchState.PENDING,
    BatchState.SENDING,
    BatchState.HANDED_OVER,
    BatchState.SENT,
    BatchState.IN_DOUBT,
)


@dataclass(frozen=True, slots=True)
class EndedTotals:
    """What hardly changes any more: the campaigns that ended before ``until``, summed.

    ``lingering`` are those of them in which a batch had not come to its end; they count as
    present.
    """

    until: datetime
    lingering: Sequence[int]
    shares: Sequence[Share]


def shares(session: Session, *conditions: ColumnElement[bool]) -> list[Share]:
    """The sums over the batches that meet ``conditions``, by state."""
    counters = [getattr(Batch, state.value) for state in MessageState]
    rows = session.execute(
        select(
            Batch.state,
            func.count(),
            func.sum(Batch.cost),
            func.sum(Batch.capped),
            planned_of_charged(),
            func.sum(case((Batch.planned.is_(None), Batch.cost))),
            untold(),
            *(func.sum(counter) for counter in counters),
        )
        .where(*conditions)
        .group_by(Batch.state)
    )
    return [
        Share(
            BatchState(state),
            batches,
            dict(zip(MessageState, (int(count) for count in counts), strict=True)),
            cost,
            int(capped),
            planned=planned or Decimal(0),
            unplanned=unplanned or Decimal(0),
            untold=int(untold),
        )
        for state, batches, cost, capped, planned, unplanned, untold, *counts in rows
    ]


def ended(session: Session, until: datetime) -> EndedTotals:
    """The sums over what ended before ``until``: reads every batch there is, so do it rarely.

    ``until`` should lie some minutes back: a campaign may end, and commit it a little later.
    """
    unended = select(Batch.campaign_id).where(Batch.state.in_(UNENDED))
    lingering = session.scalars(
        select(Campaign.id).where(Campaign.ended_at <= until, Campaign.id.in_(unended))
    ).all()
    over = select(Campaign.id).where(_over(until, lingering))
    return EndedTotals(until, lingering, shares(session, Batch.campaign_id.in_(over)))


def still_open(session: Session, ended: EndedTotals) -> list[Share]:
    """The totals over all campaigns that ``ended`` leaves out, however many."""
    ids = session.scalars(
        select(Campaign.id).where(
            or_(Campaign.ended_at.is_(None), not_(_over(ended.until, ended.lingering)))
        )
    ).all()
    # by ids, so that the database goes by its index and leaves the rest alone
    return shares(session, Batch.campaign_id.in_(ids)) if ids else []


def _over(until: datetime, lingering: Sequence[int]) -> ColumnElement[bool]:
    return and_(Campaign.ended_at <= until, Campaign.id.not_in(lingering))


def spent(session: Session, since: datetime, account: str | None = None) -> tuple[Decimal, Decimal]:
    """Euros that the gateway has charged since then, and that were planned for the same.

    Of one account, or of all.
    """
    mine = select(Campaign.id).where(Campaign.account == account)
    charged, planned = session.execute(
        select(
            func.sum(case((Batch.planned.is_not(None), Batch.cost))),
            planned_of_charged(),
        ).where(Batch.sent_at >= since, *([] if account is None else [Batch.campaign_id.in_(mine)]))
    ).one()
    return charged or Decimal(0), planned or Decimal(0)


def planned_of_charged() -> ColumnElement[Decimal]:
    """The sum of what was planned for those messages whose cost the gateway told."""
    planned = type_coerce(BATCH.c.planned, BigInteger)
    return type_coerce(
        func.sum(case((BATCH.c.cost > _NOTHING, planned * _sent() // BATCH.c.size))), Euros()
    )


def untold() -> ColumnElement[int]:
    """How many messages were sent whose cost nobody knows: their answer was lost."""
    return func.sum(case((BATCH.c.cost == _NOTHING, _sent()), else_=0))


def _sent() -> ColumnElement[int]:
    held = case((in_state(BatchState.HANDED_OVER), BATCH.c.pending), else_=0)
    return held + BATCH.c.sent + BATCH.c.delivered + BATCH.c.undelivered + BATCH.c.unreported
