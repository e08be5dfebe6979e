"""The people of planned commercial messages, and what they have had within the week before."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState, CampaignState, MessageState
from dispatcher.storage import caps, pseudonymous
from dispatcher.storage.numbers import PEOPLE
from dispatcher.storage.tables import BATCH, CAMPAIGN, RECIPIENT, in_state

#: people of one query
_PART = 1_000


def planned(
    session: Session, now: datetime, until: datetime, most: int
) -> list[tuple[str, datetime]]:
    """At most so many planned messages that may leave before ``until``: person and instant."""
    leaves = func.coalesce(BATCH.c.leaves_at, BATCH.c.not_before)
    at = case((leaves < now, literal(now, BATCH.c.not_before.type)), else_=leaves)
    letter = func.substr(BATCH.c.states, RECIPIENT.c.position + 1, 1)
    waits = or_(in_state(BatchState.PENDING), in_state(BatchState.HANDED_OVER))
    rows = session.execute(
        select(RECIPIENT.c.phone, at)
        .join_from(BATCH, CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
        .join(RECIPIENT, RECIPIENT.c.batch_id == BATCH.c.id)
        .where(
            waits,
            leaves < until,
            letter == MessageState.PENDING.letter,
            and_(CAMPAIGN.c.state == CampaignState.RUNNING, CAMPAIGN.c.commercial),
            CAMPAIGN.c.test_of.is_(None),
        )
        .limit(most)
    )
    return [(phone, instant) for phone, instant in rows]


def had(session: Session, people: Collection[str], since: datetime) -> list[tuple[str, datetime]]:
    """The commercial messages that these people (E.164) have had since then, or may have."""
    found: list[tuple[str, datetime]] = []
    listed = list(people)
    for start in range(0, len(listed), _PART):
        names = pseudonymous.names(session, listed[start : start + _PART])
        rows = session.execute(
            select(PEOPLE.c.phone, BATCH.c.sent_at)
            .join_from(PEOPLE, BATCH, BATCH.c.id == PEOPLE.c.batch_id)
            .join(CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
            .where(caps.had(since, since), BATCH.c.sent_at > since),
            {"names": names},
        )
        found += [(names[phone], at) for phone, at in rows]
    return found
