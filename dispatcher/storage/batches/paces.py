"""The pace of smoothed campaigns: when the next batch may be armed, and the instants of the others.

Whoever arms a batch moves ``next_at`` on, so that it takes its share of an hour. What is overdue,
after a pause or an outage, gets instants anew from then on and never leaves at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self, cast

from sqlalchemy import (
    DateTime,
    Dialect,
    Row,
    Select,
    Table,
    TypeDecorator,
    bindparam,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.smoothing import AHEAD, free_at
from dispatcher.campaigns.states import BatchState, CampaignState
from dispatcher.campaigns.waits import Wait
from dispatcher.storage.batches import waits
from dispatcher.storage.tables import BATCH, CAMPAIGN, Pace, in_state
from dispatcher.window import Hold

PACE: Final = cast("Table", Pace.__table__)
_INSTANT: Final = BATCH.c.not_before.type
_NEXT_AT = select(PACE.c.next_at).where(PACE.c.campaign_id == bindparam("campaign_id"))
_IS_OVERDUE = select(BATCH.c.id).where(
    BATCH.c.id == bindparam("batch_id"),
    in_state(BatchState.PENDING),
    BATCH.c.not_before <= bindparam("now", type_=_INSTANT),
)
_TO_GO = (
    select(BATCH.c.id, BATCH.c.territory, BATCH.c.pending, BATCH.c.pace_until)
    .where(
        BATCH.c.campaign_id == bindparam("campaign_id"),
        in_state(BatchState.PENDING),
        BATCH.c.pace_until.is_not(None),
    )
    .order_by(BATCH.c.pace_until, BATCH.c.number)
)


class _Written(TypeDecorator[Any]):
    """An instant as the driver takes it. The statement below has each of them many times."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        """Nothing is left to do."""
        del dialect


_MOVE = (
    update(BATCH)
    .where(
        BATCH.c.id == bindparam("its_id"),
        BATCH.c.state == BatchState.PENDING,
        # else another worker has moved it on
        BATCH.c.pace_until == bindparam("before", type_=_Written),
    )
    .values(
        waits.changed(
            Wait.PACE,
            bindparam("its_until", type_=_Written),
            bindparam("its_why", type_=BATCH.c.why.type),
        )
    )
)
_SMOOTHED = (
    select(CAMPAIGN.c.id, CAMPAIGN.c.pace, CAMPAIGN.c.commercial, CAMPAIGN.c.not_before)
    .join_from(CAMPAIGN, PACE, PACE.c.campaign_id == CAMPAIGN.c.id)
    .where(CAMPAIGN.c.pace.is_not(None))
)
_AHEAD = _SMOOTHED.where(
    CAMPAIGN.c.state == literal(CampaignState.RUNNING.value, literal_execute=True),
    PACE.c.next_at > bindparam("soon", type_=_INSTANT),
).add_columns(PACE.c.next_at)
#: condition: the next batch of a running campaign waits for more than a moment after ``soon``
ANY_IS_AHEAD: Final = _AHEAD.exists()


@dataclass(frozen=True, slots=True)
class Paced:
    """A smoothed campaign: what decides on the instants of its batches.

    ``pace`` is in messages an hour, ``not_before`` the earliest instant that it asks for.
    """

    campaign_id: int
    pace: float
    commercial: bool
    not_before: datetime | None = None

    @classmethod
    def of(cls, batch: DueBatch) -> Self | None:
        """That of a batch that is due; None if nobody smooths it."""
        return None if batch.pace is None else cls(batch.campaign_id, batch.pace, batch.commercial)


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


def put_right(session: Session, campaign_id: int, before: datetime, at: datetime) -> None:
    """Let the next batch be armed ``at``, unless one was armed since it was to be ``before``."""
    which = PACE.c.campaign_id == campaign_id, PACE.c.next_at == before
    session.execute(update(PACE).where(*which).values(next_at=at))


def smoothed(session: Session, campaign_ids: Collection[int]) -> list[Paced]:
    """Those of these campaigns that are smoothed."""
    return _paced(session, _SMOOTHED.where(CAMPAIGN.c.id.in_(campaign_ids)))


def ahead(session: Session, now: datetime) -> list[Paced]:
    """Running campaigns that a clock holds which was ahead."""
    rows = session.execute(_AHEAD, {"soon": soon(now)})
    return [Paced(*row[:4]) for row in rows if free_at(row.next_at, now, row.pace) < row.next_at]


def soon(now: datetime) -> datetime:
    """The instant of ``ANY_IS_AHEAD``."""
    return now + AHEAD


def is_overdue(session: Session, batch_id: int, now: datetime) -> bool:
    """Whether a batch is still due; if not, another worker has moved it on."""
    return session.scalar(_IS_OVERDUE, {"batch_id": batch_id, "now": now}) is not None


def to_go(session: Session, campaign_id: int) -> Sequence[Row[int, str, int, datetime | None]]:
    """(id, territory, messages, instant) of the batches that have not left, in their order."""
    return session.execute(_TO_GO, {"campaign_id": campaign_id}).all()


def move(session: Session, moved: Sequence[tuple[Row[*tuple[Any, ...]], Hold]]) -> None:
    """Give batches of ``to_go`` other instants, but for those that have changed since."""
    dialect = session.connection().dialect
    process: Callable[[Any], Any] | None = _INSTANT.dialect_impl(dialect).bind_processor(dialect)
    written = process or (lambda at: at)
    rows = [
        {
            "its_id": row.id,
            "before": written(row.pace_until),
            "its_until": written(hold.until),
            "its_why": hold.why,
        }
        for row, hold in sorted(moved, key=lambda pair: pair[0].id)
    ]
    session.execute(_MOVE, rows)


def _paced(session: Session, query: Select[Any]) -> list[Paced]:
    return [Paced(*row) for row in session.execute(query)]
