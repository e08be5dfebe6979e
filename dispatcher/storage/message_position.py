"""How far the log of messages is: what has a number, was delivered, read or deleted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.message_changes import LogPosition, Reading
from dispatcher.storage import meta, upsert
from dispatcher.storage.tables import BATCH, CAMPAIGN, MESSAGE_CHANGE, META, Meta

#: the row of ``meta`` with how far the log is; whoever moves it locks it
_POSITION: Final = "message_log"


@dataclass(frozen=True, slots=True)
class Unread:
    """How many changes were neither delivered nor read, and when the first of them came."""

    count: int = 0
    since: datetime | None = None


def position(session: Session) -> LogPosition:
    """How far the log is."""
    return _read(meta.get(session, _POSITION))


def locked(session: Session) -> LogPosition:
    """The same; nobody else moves it before the commit."""
    first = upsert.insert(session, Meta).values(name=_POSITION, value="")
    session.execute(first.on_conflict_do_nothing())
    mine = select(META.c.value).where(META.c.name == _POSITION).with_for_update()
    return _read(session.scalar(mine))


def note_delivered(session: Session, until: int) -> None:
    """Write down that all up to this number were delivered."""
    at = locked(session)
    put(session, replace(at, delivered=max(at.delivered, until)))


def note_read(session: Session, account: str | None, after: int, cursor: int) -> None:
    """Write down that a reader of an account, or of all, has asked for the page behind ``after``.

    So it has had all up to there; the page ends at ``cursor``.
    """
    at = locked(session)
    if (now := at.asked(account, after, cursor)) != at:
        put(session, now)


def unread(session: Session, until: int | None = None) -> Unread:
    """The numbered changes that nobody has had, up to a number or all."""
    at = position(session)
    last, further = at.last if until is None else until, at.had_by_account
    if last <= at.had:
        return Unread()
    change = MESSAGE_CHANGE.c
    mine = change.number > at.had, change.number <= last
    if not further:
        query = select(change.at).where(*mine).order_by(change.number).limit(1)
        return Unread(last - at.had, session.scalar(query))
    # the numbers have no gap: a row has those behind the row before it
    before = func.lag(change.number, 1, at.had).over(order_by=change.number)
    had = case(further, value=CAMPAIGN.c.account, else_=at.had)
    rows = (
        select(change.number, change.at, before.label("before"), had.label("had"))
        .outerjoin_from(MESSAGE_CHANGE, BATCH, BATCH.c.id == change.batch_id)
        .outerjoin(CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
        .where(*mine)
        .subquery()
    )
    one = rows.c
    behind = case((one.before > one.had, one.before), else_=one.had)
    sums = select(func.coalesce(func.sum(one.number - behind), 0), func.min(one.at))
    count, since = session.execute(sums.where(one.number > one.had)).one()
    return Unread(int(count), since)


def _read(value: str | None) -> LogPosition:
    found = json.loads(value or "{}")
    every, own = found.pop("reading", {}), found.pop("readings", {})
    readings = {account: Reading(**one) for account, one in own.items()}
    return LogPosition(**found, reading=Reading(**every), readings=readings)


def put(session: Session, at: LogPosition) -> None:
    """Write down how far it is; the caller has locked it."""
    meta.put(session, _POSITION, json.dumps(asdict(at)))
