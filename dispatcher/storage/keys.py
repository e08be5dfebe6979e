"""The caller's own keys, found again by number: nothing else refers to a person by them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatcher.storage.planner import is_one_of
from dispatcher.storage.tables import BATCH, RECIPIENT, OptOut

#: the keys of one person that are given back, the newest first
MOST: Final = 10
#: the new opt-outs of one event whose keys it gives back
MOST_PEOPLE: Final = 100


def of_people(session: Session, phones: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The keys of those of these numbers (E.164) that have any, of the latest campaign first."""
    latest = func.max(RECIPIENT.c.batch_id)
    rows = session.execute(
        select(RECIPIENT.c.phone, RECIPIENT.c.key)
        .where(is_one_of(RECIPIENT.c.phone, phones), RECIPIENT.c.key.is_not(None))
        .group_by(RECIPIENT.c.phone, RECIPIENT.c.key)
        .order_by(latest.desc(), RECIPIENT.c.key)
    )
    found: dict[str, tuple[str, ...]] = {}
    for phone, key in rows:
        known = found.get(phone, ())
        if len(known) < MOST:
            found[phone] = (*known, key)
    return found


def in_campaign(phone: Any, campaign_id: Any) -> Any:
    """An expression: the key of a person in a campaign; null if there is none."""
    return (
        select(RECIPIENT.c.key)
        .join(BATCH, BATCH.c.id == RECIPIENT.c.batch_id)
        .where(RECIPIENT.c.phone == phone, BATCH.c.campaign_id == campaign_id)
        .limit(1)
        .scalar_subquery()
    )


def of_opt_outs(session: Session, ids: Collection[int]) -> tuple[str, ...]:
    """The keys of the people of these opt-outs."""
    phones = [one for one in session.scalars(select(OptOut.phone).where(OptOut.id.in_(ids))) if one]
    found = of_people(session, phones)
    return tuple(dict.fromkeys(key for phone in phones for key in found.get(phone, ())))
