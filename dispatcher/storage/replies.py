"""Replies: one row for each posted call, and one for each long reply that is complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import records
from dispatcher.storage import keys, pseudonymous, upsert
from dispatcher.storage.campaigns import campaigns
from dispatcher.storage.tables import Batch, Campaign, Recipient, Reply
from dispatcher.storage.values import value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedReply:
    """A reply as the gateway posts it. Only a part of a long reply has a ``number``."""

    phone: str = field(repr=False)
    text: str = field(repr=False)
    stop: bool
    sent_to: str | None
    message_id: str | None
    at: datetime | None
    reference: str | None = None
    number: int | None = None
    total: int | None = None
    probable: bool = False

    def digest(self) -> str:
        """A hash of all fields of the call."""
        at = None if self.at is None else self.at.isoformat()
        part = (self.reference, self.number, self.total)
        values = (self.phone, self.text, self.stop, self.sent_to, self.message_id, at, part)
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Part:
    """A stored part of a long reply."""

    id: int
    call: PostedReply


def add(session: Session, call: PostedReply, *, now: datetime) -> int | None:
    """Store a posted reply and return its id; None if the same call is stored already."""
    new: int | None = session.scalar(
        upsert.insert(session, Reply)
        .values(
            digest=call.digest(),
            campaign_id=answered(session, call),
            received_at=now,
            **asdict(call),
        )
        .on_conflict_do_nothing(index_elements=[Reply.digest])
        .returning(Reply.id)
    )
    return new


def one_at_a_time(session: Session, call: PostedReply) -> None:
    """Let the parts of one reply wait for each other, so that the last one finds all others."""
    if session.get_bind().dialect.name == "postgresql":
        # SQLite has one writer anyway
        same = f"{call.phone} {call.sent_to} {call.reference} {call.total}"
        key = hashlib.sha256(same.encode()).digest()[:8]
        session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(key, signed=True))))


def parts(session: Session, like: PostedReply, *, since: datetime) -> list[Part]:
    """The parts of the same reply as ``like`` that came after ``since`` and are not joined yet."""
    rows = session.scalars(
        select(Reply)
        .where(
            Reply.phone == like.phone,
            Reply.sent_to.is_not_distinct_from(like.sent_to),
            Reply.reference == like.reference,
            Reply.total == like.total,
            Reply.received_at >= since,
            Reply.whole_id.is_(None),
        )
        .order_by(Reply.id)
    )
    return [Part(row.id, value_of(PostedReply, row)) for row in rows]


def absorb(session: Session, ids: Collection[int], whole_id: int) -> None:
    """Record which complete reply these parts belong to."""
    session.execute(update(Reply).where(Reply.id.in_(ids)).values(whole_id=whole_id))


def page(
    session: Session, offset: int, limit: int, account: str | None, campaign: str | None
) -> records.Page[records.Reply]:
    """Part of the replies of an account or all, to one campaign (its reference) or to all."""
    count = (
        select(func.count())
        .select_from(Reply)
        .join(Campaign, Campaign.id == Reply.campaign_id, isouter=True)
        .where(*_which(account, campaign))
    )
    found = latest(
        session, since=None, limit=limit, account=account, campaign=campaign, offset=offset
    )
    return records.Page(tuple(found), session.scalar(count) or 0, offset, limit)


def latest(
    session: Session,
    *,
    since: datetime | None,
    limit: int,
    account: str | None = None,
    campaign: str | None = None,
    offset: int = 0,
) -> list[records.Reply]:
    """The latest replies, newest first: complete ones, and parts of incomplete ones.

    Replies to the campaigns of one account, or all replies; to one ``campaign``, or to all.
    """
    query = (
        select(Reply, Campaign.reference, keys.in_campaign(Reply.phone, Reply.campaign_id))
        .join(Campaign, Campaign.id == Reply.campaign_id, isouter=True)
        .where(*_which(account, campaign))
        .order_by(Reply.received_at.desc(), Reply.id.desc())
        .limit(limit)
        .offset(offset)
    )
    if since is not None:
        query = query.where(Reply.received_at >= since)
    return [
        value_of(
            records.Reply,
            row,
            to=row.sent_to,
            campaign=reference,
            complete=row.number is None,
            key=key,
        )
        for row, reference, key in session.execute(query)
    ]


def _which(account: str | None, campaign: str | None) -> list[ColumnElement[bool]]:
    which = [Reply.whole_id.is_(None), *campaigns.only(account)]
    return which if campaign is None else [*which, Campaign.reference == campaign]


def campaign_of(session: Session, reply_id: int) -> int | None:
    """The campaign that a reply answers; None if it is unknown."""
    return session.scalar(select(Reply.campaign_id).where(Reply.id == reply_id))


def erase(session: Session, phone: str, pseudonym: str) -> None:
    """Replace a number (E.164) in its replies, and delete what they say.

    The same call is recognised under the pseudonym when the gateway posts it once more.
    """
    for row in session.scalars(select(Reply).where(Reply.phone == phone)).all():
        call = replace(value_of(PostedReply, row), phone=pseudonym)
        taken = select(Reply.id).where(Reply.digest == call.digest())
        if session.scalar(taken) is None:
            row.digest = call.digest()
        row.phone, row.text = pseudonym, ""
    session.flush()


def answered(session: Session, call: PostedReply) -> int | None:
    """The campaign that the call answers; None if it is unknown.

    A reply to a short code names the message. A reply to a long number names that number: it
    answers the latest batch that was sent from it to this person.
    """
    if call.sent_to is not None:
        its = Recipient.phone.in_(pseudonymous.names(session, [call.phone]))
        return session.scalar(
            select(Batch.campaign_id)
            .join(Recipient, Recipient.batch_id == Batch.id)
            .join(Campaign, Campaign.id == Batch.campaign_id)
            .where(
                its,
                Campaign.from_number == call.sent_to,
                Batch.sent_at.is_not(None),
            )
            .order_by(Batch.sent_at.desc(), Batch.id.desc())
            .limit(1)
        )
    return None if call.message_id is None else of_message(session, call.message_id, call.phone)


def of_message(session: Session, message_id: str, phone: str) -> int | None:
    """The campaign of a message with the gateway's id to a number (E.164); None if unknown."""
    return session.scalar(
        select(Batch.campaign_id)
        .join(Recipient, Recipient.batch_id == Batch.id)
        .where(
            Batch.message_id == message_id,
            Recipient.phone.in_(pseudonymous.names(session, [phone])),
        )
        .limit(1)
    )
