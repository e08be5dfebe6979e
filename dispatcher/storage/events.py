"""Events: stored in the transaction of the change, delivered afterwards, at least once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import events
from dispatcher.campaigns.events import Kind
from dispatcher.storage import keys, message_log, message_position
from dispatcher.storage.tables import Batch, Campaign, Event, Reply, Series
from dispatcher.storage.values import value_of

#: the kind of which one event is delivered after another; its counts are ``after`` and ``until``
CHANGES: Final[Kind] = "messages_changed"


@dataclass(frozen=True, slots=True)
class LeasedEvent:
    """An event leased for one delivery; ``tries`` is the number of this try, from 1."""

    row_id: int
    event: events.Event
    tries: int
    #: true once the receivers in this process have been called
    signalled: bool


def add(
    session: Session,
    kind: Kind,
    *,
    now: datetime,
    campaign_id: int | None = None,
    batch_id: int | None = None,
    reply_id: int | None = None,
    counts: Mapping[str, int] | None = None,
    opt_outs: Collection[int] | None = None,
    series_id: int | None = None,
    occurrence_at: datetime | None = None,
) -> None:
    """Record that something happened; it is delivered once the transaction is committed.

    ``opt_outs`` are the ids of the new opt-outs that it is about. A batch names its campaign.
    """
    answered: Any = campaign_id
    if campaign_id is None and batch_id is not None:
        answered = select(Batch.campaign_id).where(Batch.id == batch_id).scalar_subquery()
    session.execute(
        insert(Event).values(
            key=secrets.token_hex(16),
            kind=kind,
            at=now,
            campaign_id=answered,
            batch_id=batch_id,
            reply_id=reply_id,
            counts=json.dumps(dict(counts or {})),
            opt_outs=None if opt_outs is None else json.dumps([*opt_outs]),
            series_id=series_id,
            occurrence_at=occurrence_at,
            check_at=now,
        )
    )


def due(session: Session, now: datetime) -> bool:
    """True if an event is to be delivered now."""
    return bool(session.scalar(select(exists().where(Event.check_at <= now))))


def lease(session: Session, now: datetime, duration: timedelta) -> LeasedEvent | None:
    """Lease the event that has been due longest: nobody else delivers it until the lease ends."""
    row = session.execute(
        select(
            Event,
            Campaign.reference,
            func.coalesce(Campaign.account, Series.account),
            Series.name,
        )
        .join(Campaign, Campaign.id == Event.campaign_id, isouter=True)
        .join(Series, Series.id == Event.series_id, isouter=True)
        .where(Event.check_at <= now)
        .order_by(Event.check_at, Event.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Event)
    ).one_or_none()
    if row is None:
        return None
    found, reference, account, series = row
    found.check_at, found.tries = now + duration, found.tries + 1
    session.flush()
    counts, changes = json.loads(found.counts), None
    if found.kind == CHANGES:
        changes = message_log.between(session, **counts)
    event = value_of(
        events.Event,
        found,
        id=found.key,
        campaign=reference,
        counts=counts if changes is None else {},
        account=account or None,
        series=series,
        keys=_keys(session, found),
        changes=changes,
    )
    return LeasedEvent(found.id, event, found.tries, found.signalled)


def _keys(session: Session, found: Event) -> tuple[str, ...]:
    """The keys of whom an event is about, read when it is delivered: an erasure deletes them."""
    if found.opt_outs is not None:
        return keys.of_opt_outs(session, json.loads(found.opt_outs))
    if found.reply_id is None:
        return ()
    reply = session.execute(
        select(Reply.phone, keys.in_campaign(Reply.phone, Reply.campaign_id)).where(
            Reply.id == found.reply_id
        )
    ).one_or_none()
    if reply is None:
        return ()
    phone, answered = reply
    others = keys.of_people(session, [phone]).get(phone, ())
    first = () if answered is None else (answered,)
    return tuple(dict.fromkeys((*first, *others)))[: keys.MOST]


def note_signalled(session: Session, taken: LeasedEvent) -> None:
    """Record that receivers were called: if the callback fails, they are not called again."""
    session.execute(_mine(taken).values(signalled=True))


def postpone(session: Session, taken: LeasedEvent, at: datetime) -> None:
    """Deliver the event again at ``at``."""
    session.execute(_mine(taken).values(check_at=at))


def end(session: Session, taken: LeasedEvent, outcome: str) -> None:
    """End the delivery of the event; of changes of messages the next ones may follow then."""
    ended = session.execute(
        _mine(taken).values(check_at=None, outcome=outcome).returning(Event.id)
    ).one_or_none()
    if ended is not None and taken.event.changes is not None:
        message_position.note_delivered(session, taken.event.changes.cursor)


def publish_changes(session: Session, now: datetime) -> None:
    """Add the event of the next changes of messages, unless one is still to be delivered."""
    following = message_position.locked(session).next_delivery()
    if following is not None and not session.scalar(select(_CHANGES_ON_THEIR_WAY)):
        after, until = following
        add(session, CHANGES, now=now, counts={"after": after, "until": until})


def changes_wait(session: Session, *, pushed: bool) -> bool:
    """True if changes of messages have no number, or (``pushed``) no event that delivers them."""
    if message_log.any_new(session):
        return True
    if not pushed or message_position.position(session).next_delivery() is None:
        return False
    return not session.scalar(select(_CHANGES_ON_THEIR_WAY))


_CHANGES_ON_THEIR_WAY = exists().where(Event.kind == CHANGES, Event.check_at.is_not(None))


def _mine(taken: LeasedEvent) -> Any:
    return update(Event).where(Event.id == taken.row_id, Event.tries == taken.tries)
