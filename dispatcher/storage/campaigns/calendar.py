"""How many messages left and are to leave on each day, added up over the columns of batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState, CampaignState
from dispatcher.storage.tables import BATCH, CAMPAIGN, in_state

_HELD = in_state(BatchState.HANDED_OVER)


def sent(session: Session, ends: Sequence[datetime], account: str | None) -> dict[int, int]:
    """The messages that left between two of these instants, by the number of the first one."""
    left = BATCH.c.sent + BATCH.c.delivered + BATCH.c.undelivered + BATCH.c.unreported
    return _by_day(session, BATCH.c.sent_at, left, ends, account, ~_HELD)


def planned(
    session: Session, ends: Sequence[datetime], now: datetime, account: str | None
) -> dict[int, int]:
    """The messages of running campaigns that are to leave.

    What could have left before ``now`` leaves today.
    """
    leaves = func.coalesce(BATCH.c.leaves_at, BATCH.c.not_before)
    at = case((leaves < now, literal(now, BATCH.c.not_before.type)), else_=leaves)
    waits = or_(in_state(BatchState.PENDING), in_state(BatchState.SENDING), _HELD)
    runs = CAMPAIGN.c.state == CampaignState.RUNNING  # a paused one leaves when it is resumed
    return _by_day(session, at, BATCH.c.pending, ends, account, and_(waits, runs))


def _by_day(
    session: Session,
    at: ColumnElement[Any],
    count: ColumnElement[int],
    ends: Sequence[datetime],
    account: str | None,
    which: ColumnElement[bool],
) -> dict[int, int]:
    kind = BATCH.c.sent_at.type
    whens = [
        (at < literal(end, kind), literal(n, literal_execute=True))
        for n, end in enumerate(ends[1:])
    ]
    conditions = [which, at >= literal(ends[0], kind), at < literal(ends[-1], kind)]
    if account is not None:
        conditions.append(CAMPAIGN.c.account == account)
    # numbered inside: parameters of an expression may not be repeated in GROUP BY
    inner = (
        select(case(*whens).label("day"), count.label("messages"))
        .join_from(BATCH, CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
        .where(*conditions, CAMPAIGN.c.test_of.is_(None))
        .subquery()
    )
    query = select(inner.c.day, func.sum(inner.c.messages)).group_by(inner.c.day)
    return {day: int(total) for day, total in session.execute(query)}
