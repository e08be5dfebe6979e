"""The log of what became of messages: what a trigger wrote, numbered, read in pages, deleted.

A transaction may commit later than one that wrote after it. So changes get their numbers when they
are committed, by whoever reads next: a reader that goes on from a number never misses one. Changes
of one batch are in order, because a transaction holds its row until it commits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import bindparam, delete, exists, func, select, tuple_, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.message_changes import (
    MOST_DELIVERED,
    MessageChange,
    MessageChanges,
    changed,
    check_cursor,
)
from dispatcher.masking import mask
from dispatcher.storage import message_trigger
from dispatcher.storage.message_position import locked, position, put, unread
from dispatcher.storage.tables import BATCH, CAMPAIGN, MESSAGE_CHANGE, RECIPIENT

#: rows that get their numbers at a time, and recipients that one query reads
STRIDE: Final = 500
_NEW = (
    select(
        MESSAGE_CHANGE.c.id,
        MESSAGE_CHANGE.c.states_before,
        MESSAGE_CHANGE.c.states,
        CAMPAIGN.c.test_of,
    )
    .outerjoin_from(MESSAGE_CHANGE, BATCH, BATCH.c.id == MESSAGE_CHANGE.c.batch_id)
    .outerjoin(CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
    .where(MESSAGE_CHANGE.c.number.is_(None))
    .order_by(MESSAGE_CHANGE.c.id)
    .limit(STRIDE)
)
_ANY_NEW = select(exists().where(MESSAGE_CHANGE.c.number.is_(None)))
_GIVE = (
    update(MESSAGE_CHANGE)
    .where(MESSAGE_CHANGE.c.id == bindparam("its_id"))
    .values(number=bindparam("its_number"))
)


@dataclass(frozen=True, slots=True)
class _Place:
    """A change, without what is known of the person."""

    number: int
    row: Any
    position: int
    state: str


def any_new(session: Session) -> bool:
    """True if changes have no number yet."""
    return bool(session.scalar(_ANY_NEW))


def number(session: Session) -> bool:
    """Give numbers to committed changes that have none; True if there may be more.

    Changes of test messages go: no count has these.
    """
    if not any_new(session):
        return False
    at = locked(session)
    rows = session.execute(_NEW).all()
    last, numbered, void = at.last, [], []
    for row in rows:
        count = 0 if row.test_of is not None else len(changed(row.states_before, row.states))
        last += count
        if count:
            numbered.append({"its_id": row.id, "its_number": last})
        else:
            void.append(row.id)
    if numbered:
        session.connection().execute(_GIVE, numbered)
        put(session, replace(at, last=last))
    if void:
        session.execute(delete(MESSAGE_CHANGE).where(MESSAGE_CHANGE.c.id.in_(void)))
    return len(rows) == STRIDE


def page(session: Session, after: int, limit: int, account: str | None = None) -> MessageChanges:
    """The first changes behind the number ``after``, of one account or of all.

    The caller has locked the position. Raises InvalidCampaign for a number that is not reached.
    """
    at = position(session)
    check_cursor(after, at)
    places = list(islice(_places(session, after, limit, account), limit))
    return MessageChanges(
        changes=_shown(session, places),
        cursor=places[-1].number if len(places) == limit else at.last,
        missed=at.missed(after),
        recorded=message_trigger.is_on(session),
    )


def between(session: Session, after: int, until: int) -> MessageChanges:
    """The changes behind ``after`` up to ``until`` that are left, for a delivery."""
    found = _places(session, after, MOST_DELIVERED, None)
    places = [one for one in found if one.number <= until]
    missed = min(position(session).missed(after), until - after)
    return MessageChanges(changes=_shown(session, places), cursor=until, missed=missed)


def any_old(session: Session, before: datetime) -> bool:
    """True if the first change is from before then."""
    first = select(MESSAGE_CHANGE.c.at).order_by(MESSAGE_CHANGE.c.id).limit(1)
    at = session.scalar(first)
    return at is not None and at < before


def prune(session: Session, before: datetime, most: int) -> tuple[int, int]:
    """Delete the oldest changes, at most ``most`` rows; how many, and how many nobody had had."""
    number(session)
    at = locked(session)
    oldest = (
        select(MESSAGE_CHANGE.c.number, MESSAGE_CHANGE.c.at)
        .where(MESSAGE_CHANGE.c.number.is_not(None))
        .order_by(MESSAGE_CHANGE.c.number)
        .limit(most)
        .subquery()
    )
    # all up to the last old one: what is left has no gap
    last = session.scalar(select(func.max(oldest.c.number)).where(oldest.c.at < before))
    if last is None:
        return 0, 0
    lost = unread(session, last).count
    gone = session.execute(
        delete(MESSAGE_CHANGE).where(MESSAGE_CHANGE.c.number <= last).returning(MESSAGE_CHANGE.c.id)
    ).all()
    put(session, replace(at, deleted=last))
    return len(gone), lost


def _places(session: Session, after: int, limit: int, account: str | None) -> Iterator[_Place]:
    query = (
        select(
            *(MESSAGE_CHANGE.c[name] for name in ("batch_id", "at", "states_before", "states")),
            MESSAGE_CHANGE.c.number,
            BATCH.c.number.label("batch"),
            CAMPAIGN.c.id.label("campaign_id"),
            CAMPAIGN.c.reference,
        )
        .join_from(MESSAGE_CHANGE, BATCH, BATCH.c.id == MESSAGE_CHANGE.c.batch_id)
        .join(CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
        .where(MESSAGE_CHANGE.c.number > after)
        .order_by(MESSAGE_CHANGE.c.number)
        .limit(limit)  # each has at least one
    )
    if account is not None:
        query = query.where(CAMPAIGN.c.account == account)
    for row in session.execute(query).all():
        found = changed(row.states_before, row.states)
        first = row.number - len(found) + 1
        for its_number, (its_position, state) in enumerate(found.items(), start=first):
            if its_number > after:
                yield _Place(its_number, row, its_position, state)


def _shown(session: Session, places: Collection[_Place]) -> tuple[MessageChange, ...]:
    people = _people(session, {(one.row.batch_id, one.position) for one in places})
    return tuple(
        MessageChange(
            number=one.number,
            campaign=one.row.reference,
            campaign_id=one.row.campaign_id,
            batch=one.row.batch,
            position=one.position,
            key=people[one.row.batch_id, one.position].key,
            phone=mask(people[one.row.batch_id, one.position].phone),
            state=one.state,
            at=one.row.at,
        )
        for one in places
    )


def _people(session: Session, places: Collection[tuple[int, int]]) -> dict[tuple[int, int], Any]:
    """The recipients at these positions of batches, as they are now: an erasure changes them."""
    where = RECIPIENT.c.batch_id, RECIPIENT.c.position
    found: dict[tuple[int, int], Any] = {}
    left = iter(sorted(places))
    while some := list(islice(left, STRIDE)):
        query = select(*where, RECIPIENT.c.phone, RECIPIENT.c.key).where(tuple_(*where).in_(some))
        found |= {(row.batch_id, row.position): row for row in session.execute(query)}
    return found
