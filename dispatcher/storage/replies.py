"""What people answered: one row for each call, and one for each long reply that became whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import records
from dispatcher.storage import upsert
from dispatcher.storage.campaigns import campaigns
from dispatcher.storage.tables import Batch, Campaign, Recipient, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedReply:
    """A reply as the gateway posts it; a part of a long one has the last three."""

    phone: str = field(repr=False)
    text: str = field(repr=False)
    stop: bool
    sent_to: str | None
    message_id: str | None
    at: datetime | None
    reference: str | None = None
    number: int | None = None
    total: int | None = None

    def digest(self) -> str:
        """A hash of all that the call says."""
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
    """Keep a call, and return its id; None when the same was kept before."""
    new: int | None = session.scalar(
        upsert.insert(session, Reply)
        .values(
            digest=call.digest(),
            phone=call.phone,
            text=call.text,
            stop=call.stop,
            sent_to=call.sent_to,
            message_id=call.message_id,
            campaign_id=_answered(session, call),
            at=call.at,
            received_at=now,
            reference=call.reference,
            number=call.number,
            total=call.total,
        )
        .on_conflict_do_nothing(index_elements=[Reply.digest])
        .returning(Reply.id)
    )
    return new


def one_at_a_time(session: Session, call: PostedReply) -> None:
    """Have the parts of one reply wait for each other: the last one has to see all the others."""
    if session.get_bind().dialect.name == "postgresql":
        # SQLite has one writer anyway
        same = f"{call.phone} {call.sent_to} {call.reference} {call.total}"
        key = hashlib.sha256(same.encode()).digest()[:8]
        session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(key, signed=True))))


def parts(session: Session, like: PostedReply, *, since: datetime) -> list[Part]:
    """The parts that came since and that are of the same reply as ``like``, not yet whole."""
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
    return [
        Part(
            row.id,
            PostedReply(
                phone=row.phone,
                text=row.text,
                stop=row.stop,
                sent_to=row.sent_to,
                message_id=row.message_id,
                at=row.at,
                reference=row.reference,
                number=row.number,
                total=row.total,
            ),
        )
        for row in rows
    ]


def absorb(session: Session, ids: Collection[int], whole_id: int) -> None:
    """Note the whole reply that parts went into."""
    session.execute(update(Reply).where(Reply.id.in_(ids)).values(whole_id=whole_id))


def latest(
    session: Session, *, since: datetime | None, limit: int, account: str | None = None
) -> list[records.Reply]:
    """The replies that came last, newest first: whole ones, and parts that still wait.

    Those to one account's campaigns, or all.
    """
    query = (
        select(Reply, Campaign.reference)
        .join(Campaign, Campaign.id == Reply.campaign_id, isouter=True)
        .where(Reply.whole_id.is_(None), *campaigns.only(account))
        .order_by(Reply.received_at.desc(), Reply.id.desc())
        .limit(limit)
    )
    if since is not None:
        query = query.where(Reply.received_at >= since)
    return [
        records.Reply(
            id=row.id,
            phone=row.phone,
            text=row.text,
            stop=row.stop,
            received_at=row.received_at,
            at=row.at,
            to=row.sent_to,
            campaign=reference,
            complete=row.number is None,
        )
        for row, reference in session.execute(query)
    ]


def campaign_of(session: Session, reply_id: int) -> int | None:
    """The campaign that a reply answers, if that is known."""
    return session.scalar(select(Reply.campaign_id).where(Reply.id == reply_id))


def forget(session: Session, phone: str) -> None:
    """Delete all that a number (E.164) ever answered."""
    session.execute(delete(Reply).where(Reply.phone == phone))


def _answered(session: Session, call: PostedReply) -> int | None:
    """The campaign that was answered.

    A short code's reply names its message. A long number's names the number: it answers what
    its person was last sent from there.
    """
    if call.sent_to is not None:
        return session.scalar(
            select(Batch.campaign_id)
            .join(Recipient, Recipient.batch_id == Batch.id)
            .join(Campaign, Campaign.id == Batch.campaign_id)
            .where(
                Recipient.phone == call.phone,
                Campaign.from_number == call.sent_to,
                Batch.sent_at.is_not(None),
            )
            .order_by(Batch.sent_at.desc(), Batch.id.desc())
            .limit(1)
        )
    if call.message_id is None:
        return None
    return session.scalar(
        select(Batch.campaign_id)
        .join(Recipient, Recipient.batch_id == Batch.id)
        .where(Batch.message_id == call.message_id, Recipient.phone == call.phone)
        .limit(1)
    )
