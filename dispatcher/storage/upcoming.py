"""What is due next: for who need not wait for the next tick, because the clock is its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.set_aside import NEVER
from dispatcher.campaigns.states import BatchState, CampaignState
from dispatcher.storage.tables import BATCH, CAMPAIGN, Attempt, in_state

_UNDER_WAY = (BatchState.SENDING, BatchState.SENT, BatchState.HANDED_OVER)
_ASKED_ABOUT = (BatchState.SENT, BatchState.IN_DOUBT, BatchState.HANDED_OVER)
_RUNS = CAMPAIGN.c.state == CampaignState.RUNNING


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What a tick will find to do."""

    #: a batch may leave by its own waits, and something else holds it
    held: bool
    #: the next instant (UTC) at which something is due; None if there is none
    at: datetime | None
    #: nothing is to leave or under way: what is still due are lookups
    settled: bool


def read(session: Session, now: datetime) -> Upcoming:
    """What comes after ``now``, once all that was due has been done."""
    pending = (
        select(func.min(BATCH.c.not_before))
        .join_from(BATCH, CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
        .where(in_state(BatchState.PENDING), _RUNS, BATCH.c.not_before < NEVER)
    )
    is_held = (BATCH.c.leaves_at > now) & in_state(BatchState.HANDED_OVER)
    is_sending = (BATCH.c.lease_until > now) & in_state(BatchState.SENDING)
    later = (
        pending.where(BATCH.c.not_before > now),
        select(func.min(BATCH.c.check_at)).where(
            BATCH.c.state.in_(_ASKED_ABOUT), BATCH.c.check_at > now
        ),
        select(func.min(BATCH.c.lease_until)).where(is_sending),
        select(func.min(BATCH.c.leaves_at)).where(is_held),
        select(func.min(CAMPAIGN.c.not_after)).where(_RUNS, CAMPAIGN.c.not_after > now),
        select(func.min(Attempt.check_at)).where(Attempt.check_at > now),
    )
    first = session.scalar(pending)
    found = [at for query in later if (at := session.scalar(query)) is not None]
    under_way = session.scalar(select(exists().where(BATCH.c.state.in_(_UNDER_WAY))))
    return Upcoming(
        held=first is not None and first <= now,
        at=min(found, default=None),
        settled=first is None and not under_way,
    )
