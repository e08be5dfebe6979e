"""Retention of recipients and texts: of campaigns that ended long ago, a few batches at a time.

A campaign notes how far it is, so that a run that is killed goes on there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, not_, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.wording import counted
from dispatcher.masking import PSEUDONYM
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage import actions, contacts, erased_texts, lifts, replacement
from dispatcher.storage.locks import once
from dispatcher.storage.tables import BATCH, CAMPAIGN, RECIPIENT, Campaign


def is_due(session: Session, before: datetime) -> bool:
    """True if a campaign that ended before then still has numbers."""
    return session.execute(_due(before)).first() is not None


def replace(
    session: Session, before: datetime, pseudonyms: Pseudonyms, most: int, now: datetime
) -> int:
    """Replace the recipients of at most so many batches of one campaign; returns how many.

    When all of a campaign are replaced, so are numbers in its reference and its reason, and that
    goes on record. The last contact and the lift of somebody whose number no other campaign
    has are replaced, too.
    """
    campaign = session.execute(
        _due(before).with_for_update(skip_locked=True, of=CAMPAIGN)
    ).one_or_none()
    if campaign is None:
        return 0
    numbers = session.execute(
        select(BATCH.c.id, BATCH.c.number)
        .where(BATCH.c.campaign_id == campaign.id, BATCH.c.number >= campaign.numbers_from)
        .order_by(BATCH.c.number)
        .limit(most)
    ).all()
    theirs = select(RECIPIENT.c.phone).where(
        RECIPIENT.c.batch_id.in_([row.id for row in numbers]),
        not_(RECIPIENT.c.phone.startswith(PSEUDONYM)),
    )
    phones = session.scalars(theirs).all()
    contacts.lock(session, phones)  # in the order in which lists lock them
    values: dict[str, Any] = {"numbers_from": None}
    for batch_id, number in numbers:
        if not replacement.replace(session, batch_id, pseudonyms, None):
            values["numbers_from"] = number  # under way since the query: later, from here on
            break
    else:
        if len(numbers) == most:
            values["numbers_from"] = numbers[-1].number + 1
        else:
            values |= _words(session, campaign, pseudonyms)
            _note(session, [campaign.id], "recipients replaced", before, now)
    # a contact that was stored meanwhile has found the recipient
    gone = contacts.unheld(session, contacts.lock(session, phones))
    contacts.replace(session, {phone: pseudonyms.newest_of(phone) for phone in gone})
    gone = contacts.unheld(session, lifts.among(session, phones))
    lifts.replace(session, {phone: pseudonyms.newest_of(phone) for phone in gone})
    session.execute(update(CAMPAIGN).where(CAMPAIGN.c.id == campaign.id).values(values))
    return max(len(numbers), 1)


def forget_texts(session: Session, before: datetime, most: int, now: datetime) -> int:
    """Delete the texts of at most so many campaigns that ended before then; returns how many."""
    some = (
        select(Campaign.id)
        .where(Campaign.ended_at < before, Campaign.text != "")
        .order_by(Campaign.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    gone = update(Campaign).where(Campaign.id.in_(once(some))).values(text="")
    ids = session.scalars(gone.returning(Campaign.id)).all()
    _note(session, sorted(ids), "text deleted", before, now)
    return len(ids)


def _note(
    session: Session, campaigns: Sequence[int], what: str, before: datetime, now: datetime
) -> None:
    reason = f"{what}: it ended more than {counted((now - before).days, 'day')} ago"
    for campaign_id in campaigns:
        actions.note(
            session, campaign_id, verb="retention", actor="dispatcher", now=now, reason=reason
        )


def _due(before: datetime) -> Select[Any]:
    """The first campaign that ended before then and has numbers, with none of it under way."""
    under_way = exists(
        select(BATCH.c.id).where(
            BATCH.c.campaign_id == CAMPAIGN.c.id, BATCH.c.state.in_(replacement.UNDER_WAY)
        )
    )
    return (
        select(CAMPAIGN.c.id, CAMPAIGN.c.numbers_from, CAMPAIGN.c.reference, CAMPAIGN.c.reason)
        .where(CAMPAIGN.c.ended_at < before, CAMPAIGN.c.numbers_from.is_not(None), ~under_way)
        .order_by(CAMPAIGN.c.id)
        .limit(1)
    )


def _words(session: Session, campaign: Any, pseudonyms: Pseudonyms) -> dict[str, Any]:
    """The columns of a campaign in which people wrote numbers."""
    values: dict[str, Any] = {}
    written = pseudonyms.written(campaign.reference)
    if written != campaign.reference:
        values["reference"] = erased_texts.unique(session, written)
    if campaign.reason:
        values["reason"] = pseudonyms.written(campaign.reason)
    return values
