"""What campaigns wait for: their first batch, and why it does not leave."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, case, func, literal, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.set_aside import NEVER
from dispatcher.campaigns.states import BatchState
from dispatcher.campaigns.waits import BatchHold, Wait
from dispatcher.storage.tables import BATCH, CAMPAIGN
from dispatcher.window import Hold

#: the wait of a pending batch that ends last; one without any waits for its window
_LAST_WAIT = case(
    *((BATCH.c[f"{wait}_until"] >= BATCH.c.not_before, wait.value) for wait in Wait),
    else_=Wait.WINDOW.value,
)
_BY = BATCH.alias("first_batch")


def _first(order: ColumnElement[Any], *which: ColumnElement[bool]) -> ScalarSelect[int]:
    its = _BY.c.campaign_id == CAMPAIGN.c.id
    query = select(_BY.c.id).where(its, *which).order_by(order, _BY.c.number).limit(1)
    return query.correlate(CAMPAIGN).scalar_subquery()


def _is(state: BatchState) -> ColumnElement[bool]:
    return _BY.c.state == literal(state.value, literal_execute=True)


#: a state is asked for only where a campaign has no batch in those before it
_FIRST_HOLDS = (
    select(
        *(BATCH.c[name] for name in ("campaign_id", "state", "number", "why")),
        *(BATCH.c[name] for name in ("not_before", "leaves_at")),
        _LAST_WAIT.label("last_wait"),
    )
    .join_from(
        CAMPAIGN,
        BATCH,
        BATCH.c.id
        == func.coalesce(
            _first(_BY.c.not_before, _is(BatchState.PENDING)),
            _first(_BY.c.leaves_at, _is(BatchState.HANDED_OVER)),
            _first(
                _BY.c.id,
                _BY.c.state.in_((BatchState.SENT, BatchState.IN_DOUBT)),
                _BY.c.check_at >= NEVER,
            ),
        ),
    )
    .where(CAMPAIGN.c.id.in_(bindparam("ids", expanding=True)))
)


def first(session: Session, campaign_id: int) -> Hold | None:
    """What a campaign waits for, as in ``of_campaigns``."""
    return of_campaigns(session, [campaign_id]).get(campaign_id)


def of_campaigns(session: Session, campaign_ids: Collection[int]) -> dict[int, Hold]:
    """What each of these campaigns waits for, by its id, in one statement.

    That is what its first pending batch waits for. Without a pending batch: when the first batch
    that the gateway holds leaves. Without both: why a batch is set aside that was to be polled or
    looked up. A campaign without any is missing.
    """
    if not campaign_ids:
        return {}
    rows = session.execute(_FIRST_HOLDS, {"ids": list(campaign_ids)})
    return {row.campaign_id: _hold(row) for row in rows}


def _hold(row: Any) -> Hold:
    if row.state == BatchState.PENDING:
        wait = None if row.leaves_at else Wait(row.last_wait)
        return BatchHold(row.not_before, row.why, wait, row.number)
    if row.state == BatchState.HANDED_OVER:
        return BatchHold(row.leaves_at, row.why, None, row.number)
    return Hold(NEVER, row.why)
