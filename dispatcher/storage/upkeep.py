"""What only time causes, asked by one query, so that a tick with nothing to do is cheap.

Each part is a probe of an index, however many campaigns and batches there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, exists, false, func, select
from sqlalchemy.orm import Session

from dispatcher.storage import budgets, caps, screening, series
from dispatcher.storage.batches import moves, paces, reevaluation
from dispatcher.storage.batches.hand_over import IS_HELD
from dispatcher.storage.campaigns import moves as campaign_moves
from dispatcher.storage.tables import BATCH, CAMPAIGN


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What there is to do, by kind."""

    #: campaigns whose ``not_after`` has passed have pending batches
    over: bool
    #: cancelled campaigns have pending batches
    returned: bool
    #: batches are being sent whose worker was lost
    lost: bool
    #: the gateway holds batches
    held: bool
    #: another policy of the windows decided on pending batches
    stale: bool
    #: the next batch of a smoothed campaign waits for long: perhaps a clock was ahead
    ahead: bool
    #: batches wait for a cap
    capped: bool
    #: campaigns are to be screened for erased people
    unscreened: bool
    #: an occurrence of a series is to be looked at
    series: bool
    #: campaigns that are due wait for a look at the budgets of their tags
    unbudgeted: bool
    #: how many campaigns run
    running: int


# built once: building a statement takes longer than running it. Of a prepared query PostgreSQL does
# not know the values: least and greatest values are a probe of an index there, too, ``EXISTS`` with
# ``<=`` is not
_ASK = select(
    func.coalesce(and_(campaign_moves.ANY_IS_LATE, campaign_moves.OVER.exists()), false()),
    campaign_moves.RETURNED.exists(),
    exists().where(moves.IS_LOST),
    exists(select(BATCH.c.id).where(IS_HELD)),
    reevaluation.is_any_stale(bindparam("policy")),
    paces.ANY_IS_AHEAD,
    func.coalesce(caps.ANY_WAITS_FOR_CAP, false()),
    screening.ANY,
    func.coalesce(series.ANY_IS_DUE, false()),
    budgets.ANY,
    select(func.count()).select_from(CAMPAIGN).where(campaign_moves.RUNS).scalar_subquery(),
)


def read(session: Session, now: datetime, policy: str) -> Upkeep:
    """What there is to do now; ``policy`` is that of the windows."""
    its = {"now": now, "policy": policy, "soon": paces.soon(now)}
    return Upkeep(*session.execute(_ASK, its).one())
