"""The queries behind pages: each returns rows as plain values."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.records import (
    BatchRecord,
    CampaignRecord,
    MessageRecord,
    Page,
)
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.errors import NotFound
from dispatcher.storage.batches import due
from dispatcher.storage.campaigns import campaign_tags, campaigns
from dispatcher.storage.tables import LARGEST_ID, Batch, Recipient
from dispatcher.storage.values import value_of

_IN_DOUBT = "in_doubt"


def campaign(session: Session, reference: int | str, account: str | None = None) -> CampaignRecord:
    """A campaign as it was submitted. Raises NotFound."""
    row = campaigns.find(session, reference, account)
    tags = campaign_tags.of_campaigns(session, [row.id]).get(row.id, ())
    return value_of(CampaignRecord, row, tags=tags)


def batch_page(session: Session, campaign_id: int, offset: int, limit: int) -> Page[BatchRecord]:
    """The batches of a campaign, in the order of their numbers."""
    mine = Batch.campaign_id == campaign_id
    query = select(Batch).where(mine).order_by(Batch.number)
    rows = session.scalars(query.offset(offset).limit(limit)).all()
    total = _count(session, select(Batch.id).where(mine))
    return Page(tuple(_batch(row) for row in rows), total, offset, limit)


def batch(session: Session, batch_id: int, account: str | None = None) -> BatchRecord:
    """One batch. Raises NotFound."""
    return _batch(_find(session, batch_id, account))


def messages(
    session: Session, batch_id: int, account: str | None = None
) -> tuple[MessageRecord, ...]:
    """The messages of a batch with their recipients and states. Raises NotFound."""
    row = _find(session, batch_id, account)
    codes: dict[str, int] = json.loads(row.codes)
    people = session.execute(
        select(Recipient.position, Recipient.phone, Recipient.key)
        .where(Recipient.batch_id == batch_id)
        .order_by(Recipient.position)
    )
    return tuple(
        MessageRecord(
            position=position,
            phone=phone,
            state=_state_name(row.state, row.states[position]),
            code=codes.get(str(position)),
            key=key,
        )
        for position, phone, key in people
    )


def _find(session: Session, batch_id: int, account: str | None) -> Batch:
    row = session.get(Batch, batch_id) if abs(batch_id) <= LARGEST_ID else None
    if row is None or account not in (None, due.account_of(session, batch_id)):
        raise NotFound(f"no batch {batch_id}")
    return row


def _batch(row: Batch) -> BatchRecord:
    counts = {state.value: getattr(row, state.value) for state in MessageState}
    in_doubt = counts["pending"] if row.state == BatchState.IN_DOUBT else 0
    messages = {**counts, "pending": counts["pending"] - in_doubt, _IN_DOUBT: in_doubt}
    return value_of(BatchRecord, row, state=BatchState(row.state), messages=messages)


def _state_name(batch_state: str, letter: str) -> str:
    state = MessageState.of(letter)
    doubtful = batch_state == BatchState.IN_DOUBT and state is MessageState.PENDING
    return _IN_DOUBT if doubtful else state.value


def _count(session: Session, query: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0
