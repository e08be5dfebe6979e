"""Spending: what the gateway charged, beside what was planned for the same messages."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ColumnElement, case, func, select, type_coerce
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState
from dispatcher.storage.tables import BATCH, Batch, Campaign, Euros, in_state

_NOTHING = Decimal(0)


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
