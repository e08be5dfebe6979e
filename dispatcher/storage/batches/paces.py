"""The pace of smoothed campaigns: when the next batch may be armed, and the instants of the others.

Whoever arms a batch moves ``next_at`` on, so that it takes its share of an hour. What is overdue,
after a pause or an outage, gets instants anew from then on and never leaves at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.paced_batches import WHY, holds
from dispatcher.campaigns.states import BatchState
from dispatcher.campaigns.waits import Wait
from dispatcher.storage.batches import waits
from dispatcher.storage.tables import BATCH, Pace, in_state
from dispatcher.window import Hold, NeverOpen, Windows

PACE: Final = cast("Table", Pace.__table__)
_NEXT_AT = select(PACE.c.next_at).where(PACE.c.campaign_id == bindparam("campaign_id"))
_NOW_OVERDUE = select(BATCH.c.id).where(
    BATCH.c.id == bindparam("batch_id"),
    in_state(BatchState.PENDING),
    BATCH.c.not_before <= bindparam("now", type_=BATCH.c.not_before.type),
)
_TO_GO = (
    select(BATCH.c.id, BATCH.c.territory, BATCH.c.pending)
    .where(
        BATCH.c.campaign_id == bindparam("campaign_id"),
        in_state(BatchState.PENDING),
        BATCH.c.pace_until.is_not(None),
    )
    .order_by(BATCH.c.pace_until, BATCH.c.number)
)
_MOVE = (
    update(BATCH)
    .where(BATCH.c.id == bindparam("its_id"), BATCH.c.state == BatchState.PENDING)
    .values(
        waits.changed(
            Wait.PACE,
            bindparam("its_until", type_=BATCH.c.not_before.type),
            bindparam("its_why", type_=BATCH.c.why.type),
        )
    )
)


def add(session: Session, campaign_id: int, now: datetime) -> None:
    """Let the first batch of a new campaign be armed from ``now`` on."""
    session.add(Pace(campaign_id=campaign_id, next_at=now))
    session.flush()


def next_at(session: Session, campaign_id: int) -> datetime | None:
    """When the next batch may be armed (UTC), but for the tolerance."""
    return session.scalar(_NEXT_AT, {"campaign_id": campaign_id})


def take(session: Session, campaign_id: int, now: datetime, step: float) -> None:
    """Let the next batch be armed ``step`` seconds after this one, which is armed ``now``."""
    at = max(next_at(session, campaign_id) or now, now) + timedelta(seconds=step)
    session.execute(update(PACE).where(PACE.c.campaign_id == campaign_id).values(next_at=at))


def move_on(session: Session, batch: DueBatch, windows: Windows | None, now: datetime) -> None:
    """Give all that is to go of a smoothed campaign instants anew, if ``batch`` is still due.

    ``windows`` is None for messages that may leave at any hour. A territory that does not open for
    long, by a policy that has changed since, keeps no other waiting.
    """
    its = {"campaign_id": batch.campaign_id}
    free_at = session.scalar(_NEXT_AT.with_for_update(), its)
    if free_at is None or batch.pace is None:
        return
    if session.scalar(_NOW_OVERDUE, {"batch_id": batch.id, "now": now}) is None:
        return  # another worker has moved it on
    start = max(free_at, now)
    rows = session.execute(_TO_GO, its).all()
    found = holds(
        [(row.territory, row.pending) for row in rows],
        start=start,
        pace=batch.pace,
        windows=windows,
        first=lambda territory: _first(windows, territory, start),
    )
    moved = [
        {"its_id": row.id, "its_until": hold.until, "its_why": hold.why}
        for row, hold in sorted(zip(rows, found, strict=True), key=lambda pair: pair[0].id)
    ]
    if moved:
        session.execute(_MOVE, moved)


def _first(windows: Windows | None, territory: str, start: datetime) -> Hold:
    try:
        hold = None if windows is None else windows.hold(start, territory)
    except NeverOpen as error:
        return Hold(error.next_open or start + timedelta(days=1), str(error))
    return hold or Hold(start, WHY)
