"""Testers, and the test messages that they got."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.testers import Tester, TestProgress
from dispatcher.errors import NotFound
from dispatcher.storage import tables
from dispatcher.storage.tables import Batch, Campaign
from dispatcher.storage.values import value_of

_Row = tables.Tester
#: the batches of test messages, which no cap counts
BATCHES = (
    select(Batch.id)
    .join(Campaign, Campaign.id == Batch.campaign_id)
    .where(Campaign.test_of.is_not(None))
)


def add(
    session: Session, name: str, phone: str, *, any_hour: bool, by: str, now: datetime
) -> Tester:
    """Store a tester. Raises Conflict if the name exists."""
    row = _Row(name=name, phone=phone, any_hour=any_hour, created_at=now, created_by=by)
    session.add(row)
    session.flush()
    return value_of(Tester, row)


def remove(session: Session, name: str) -> bool:
    """Delete a tester; False if there is none of that name."""
    gone = delete(_Row).where(_Row.name == name).returning(_Row.id)
    return name.isprintable() and session.scalar(gone) is not None


def erase(session: Session, phone: str) -> None:
    """Delete whoever has this number (E.164)."""
    session.execute(delete(_Row).where(_Row.phone == phone))


def every(session: Session) -> tuple[Tester, ...]:
    """All testers, by name."""
    return tuple(value_of(Tester, row) for row in session.scalars(select(_Row).order_by(_Row.name)))


def named(session: Session, names: list[str]) -> list[Tester]:
    """The testers of these names, each once. Raises NotFound."""
    known = {one.name: one for one in every(session)}
    for name in names:
        if name not in known:
            raise NotFound(f"no tester {name!r}: dispatcher testers list names them")
    return [known[name] for name in dict.fromkeys(names)]


def mark(session: Session, campaign_id: int, test_of: str) -> None:
    """Make a campaign a test: no count, cap or list has it."""
    session.execute(update(Campaign).where(Campaign.id == campaign_id).values(test_of=test_of))


def messages_since(session: Session, at: datetime) -> int:
    """How many test messages were asked for since then."""
    query = (
        select(func.coalesce(func.sum(Batch.size), 0))
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(Campaign.test_of.is_not(None), Campaign.created_at >= at)
    )
    return int(session.scalar(query) or 0)


def sent(session: Session, test_of: str | None, limit: int) -> tuple[TestProgress, ...]:
    """The latest tests, of one draft or of all, newest first."""
    counts = [func.sum(getattr(Batch, state)).label(state) for state in MessageState]
    query = (
        select(Campaign.id, Campaign.reference, Campaign.test_of, Campaign.created_at, *counts)
        .join(Batch, Batch.campaign_id == Campaign.id)
        .where(Campaign.test_of == test_of if test_of else Campaign.test_of.is_not(None))
        .group_by(Campaign.id)
        .order_by(Campaign.id.desc())
        .limit(limit)
    )
    return tuple(
        TestProgress(
            campaign=row.id,
            reference=row.reference,
            test_of=row.test_of,
            at=row.created_at,
            messages={
                str(state): int(row._mapping[state])
                for state in MessageState
                if row._mapping[state]
            },
        )
        for row in session.execute(query)
    )
