"""Batches whose hours were decided by another policy of the windows than today's.

A policy is ``Windows.policy``: the clock policy, opening hours and calendars with their versions.
The column ``rule`` holds the one that decided; it is empty for batches that no window holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    case,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from dispatcher.campaigns.hand_over import BACK
from dispatcher.campaigns.states import BatchState
from dispatcher.campaigns.waits import Wait
from dispatcher.storage.batches import recalls, waits
from dispatcher.storage.batches.hand_over import IS_HELD
from dispatcher.storage.locks import in_order
from dispatcher.storage.planner import likely
from dispatcher.storage.tables import BATCH, Batch, Campaign, in_state
from dispatcher.window import Hold


@dataclass(frozen=True, slots=True)
class StaleBatches:
    """The pending batches of one campaign and territory that one earlier policy decided on."""

    campaign_id: int
    territory: str
    policy: str
    #: the earliest instant that the campaign asks for
    not_before: datetime | None


def stale(session: Session, policy: str, limit: int = 100) -> list[StaleBatches]:
    """Pending batches that another policy than ``policy`` decided on, in groups."""
    rows = session.execute(
        select(Batch.campaign_id, Batch.territory, Batch.rule, Campaign.not_before)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(Batch.state == BatchState.PENDING, Batch.rule.not_in(("", policy)))
        .distinct()
        .limit(limit)
    )
    return [StaleBatches(*row) for row in rows]


def is_any_stale(policy: BindParameter[str]) -> ColumnElement[bool]:
    """Condition: ``stale`` finds a batch. Both ends of an index, because NOT IN uses none."""
    known = (likely(in_state(BatchState.PENDING)), BATCH.c.rule > "")
    least, greatest = (
        select(end(BATCH.c.rule)).where(*known).scalar_subquery() for end in (func.min, func.max)
    )
    return func.coalesce(or_(least < policy, greatest > policy), false())


def reevaluate(session: Session, group: StaleBatches, hold: Hold, policy: str) -> None:
    """Let the window of a group be ``hold``, which ``policy`` decided; no other wait changes."""
    stale_ones = and_(
        Batch.campaign_id == group.campaign_id,
        Batch.territory == group.territory,
        Batch.rule == group.policy,
        Batch.state == BatchState.PENDING,
    )
    session.execute(
        update(Batch)
        .where(in_order(BATCH, stale_ones), stale_ones)
        .values(
            {
                # a batch to be handed over is checked by its hour, right before it is
                name: case((BATCH.c.leaves_at.is_(None), value), else_=BATCH.c[name])
                for name, value in waits.changed(Wait.WINDOW, hold.until, hold.why).items()
            }
            | {"rule": policy}
        )
    )


def stale_held(session: Session, policy: str) -> list[tuple[str, datetime]]:
    """Territories and hours of held batches that another policy than ``policy`` decided on."""
    rows = session.execute(
        select(Batch.territory, Batch.leaves_at)
        .where(IS_HELD, Batch.rule.not_in(("", policy)))
        .distinct()
    )
    return [(row.territory, row.leaves_at) for row in rows]


def reevaluate_held(
    session: Session,
    territory: str,
    leaves_at: datetime,
    policy: str,
    hold: Hold | None,
    now: datetime,
) -> None:
    """Record that ``policy`` decided on an hour; request the batches back if ``hold`` closes it."""
    batches = and_(
        IS_HELD,
        Batch.territory == territory,
        Batch.leaves_at == leaves_at,
        Batch.rule.not_in(("", policy)),
    )
    if hold is not None:
        recalls.request(session, batches, f"{BACK}{hold.why}", now)
    session.execute(update(Batch).where(in_order(BATCH, batches), batches).values(rule=policy))
