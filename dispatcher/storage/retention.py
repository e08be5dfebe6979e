"""Pruning: what is older than the history that is kept goes, a few rows at a time.

Campaigns, batches, attempts, what people did, and the opt-outs with their history are never pruned:
they are the proof of who was texted, how often, and who said STOP. Pseudonyms take the place of
recipients (``recipient_retention``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from dispatcher.storage import meta
from dispatcher.storage.locks import once
from dispatcher.storage.tables import (
    CheckOrder,
    Event,
    Heartbeat,
    Lift,
    NumberCheck,
    Reply,
    UnreadCall,
)

_NAME = "pruned_at"


def due(session: Session, now: datetime, every: timedelta) -> bool:
    """Whether it is time to prune again."""
    return meta.is_time(session, _NAME, now, every)


def note_pruned(session: Session, at: datetime) -> None:
    """Write down when it was last done: the next time counts from it."""
    meta.put(session, _NAME, at.isoformat())


def events(session: Session, before: datetime, most: int) -> int:
    """Delete events from before then that need not be told any more; returns how many."""
    return _delete(session, Event.id, Event.at, most, Event.at < before, Event.check_at.is_(None))


def parts(session: Session, before: datetime, most: int) -> int:
    """Delete the parts of long replies that became whole."""
    old = (Reply.received_at < before, Reply.whole_id.is_not(None))
    return _delete(session, Reply.id, Reply.received_at, most, *old)


def replies(session: Session, before: datetime, most: int) -> int:
    """Delete what people answered; a whole reply after its parts."""
    part = aliased(Reply)
    old = (Reply.received_at < before, ~exists().where(part.whole_id == Reply.id))
    return _delete(session, Reply.id, Reply.received_at, most, *old)


def unread_calls(session: Session, before: datetime, most: int) -> int:
    """Delete calls to the webhooks that could not be read."""
    old = UnreadCall.received_at < before
    return _delete(session, UnreadCall.id, UnreadCall.received_at, most, old)


def checks(session: Session, before: datetime, most: int) -> int:
    """Delete numbers of which neither an order nor an answer is younger."""
    last = func.coalesce(NumberCheck.told_at, NumberCheck.ordered_at)
    old = (NumberCheck.ordered_at < before, last < before)
    return _delete(session, NumberCheck.phone, NumberCheck.ordered_at, most, *old)


def orders(session: Session, before: datetime, most: int) -> int:
    """Delete orders of checks once none of their numbers is known any more."""
    known = exists().where(NumberCheck.order_id == CheckOrder.id)
    old = (CheckOrder.ordered_at < before, ~known)
    return _delete(session, CheckOrder.id, CheckOrder.ordered_at, most, *old)


def lifts(session: Session, before: datetime, most: int) -> int:
    """Delete people's word that a number arrives: what left before then does not count anyway."""
    return _delete(session, Lift.phone, Lift.at, most, Lift.at < before)


def heartbeats(session: Session, before: datetime, most: int) -> int:
    """Delete the signs of life of beats and hosts that are gone; the latest of all stays."""
    latest = select(func.max(Heartbeat.at)).scalar_subquery()
    old = (Heartbeat.at < before, Heartbeat.at < latest)
    return _delete(session, Heartbeat.name, Heartbeat.at, most, *old)


#: each deletes at most so many rows from before an instant; in this order
STEPS: Final[dict[str, Callable[[Session, datetime, int], int]]] = {
    "events": events,
    "parts of replies": parts,
    "replies": replies,
    "calls that could not be read": unread_calls,
    "number checks": checks,
    "orders of checks": orders,
    "lifts": lifts,
    "heartbeats": heartbeats,
}


def _delete(
    session: Session,
    key: InstrumentedAttribute[Any],
    age: InstrumentedAttribute[Any],
    most: int,
    *conditions: Any,
) -> int:
    """Delete the oldest; those that somebody else has locked are left to the next time."""
    some = select(key).where(*conditions).order_by(age).limit(most)
    some = some.with_for_update(skip_locked=True, of=key.class_)
    gone = delete(key.class_).where(key.in_(once(some)))
    return len(session.scalars(gone.returning(key)).all())
