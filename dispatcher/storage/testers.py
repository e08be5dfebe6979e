"""Testers, and the test messages that they got."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.campaigns.testers import Tester, TestProgress
from dispatcher.errors import NotFound
from dispatcher.storage import opt_outs, tables
from dispatcher.storage.replacement import leave_out
from dispatcher.storage.tables import BATCH, RECIPIENT, Batch, Campaign, Draft, DraftRow
from dispatcher.storage.values import value_of

_Row = tables.Tester
#: what a call under way, or the end of a doubt, still needs
_UNCLEAR = (BatchState.SENDING, BatchState.IN_DOUBT)
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
    """Delete a tester, for whom no waiting test leaves any more; False if the name is unknown."""
    gone = delete(_Row).where(_Row.name == name).returning(_Row.phone)
    phone = session.scalar(gone) if name.isprintable() else None
    if phone is None:
        return False
    theirs = (
        select(BATCH.c.id, BATCH.c.states, BATCH.c.sent_at, RECIPIENT.c.position)
        .join_from(RECIPIENT, BATCH, BATCH.c.id == RECIPIENT.c.batch_id)
        .where(RECIPIENT.c.phone == phone, BATCH.c.state == BatchState.PENDING, _of_tests())
        .order_by(BATCH.c.id)
        .with_for_update(of=BATCH, key_share=True)
    )
    for row in session.execute(theirs).all():
        leave_out(session, row.id, row.states, {row.position}, row.sent_at)
    opt_outs.change_version(session)  # a claim that is being made looks again
    return True


def erase(session: Session, phone: str) -> None:
    """Delete whoever has this number (E.164)."""
    session.execute(delete(_Row).where(_Row.phone == phone))


def forget(session: Session, *which: ColumnElement[bool]) -> None:
    """Delete what tests said of people in the lists of drafts; a test that waits does not leave.

    One in a call, or in doubt, is left to the retention of recipients.
    """
    found = session.execute(
        select(BATCH.c.id, BATCH.c.state, BATCH.c.states, BATCH.c.size, BATCH.c.sent_at)
        .where(_of_tests(*which), BATCH.c.state.not_in(_UNCLEAR))
        .order_by(BATCH.c.id)
        .with_for_update(key_share=True)
    ).all()
    for row in found:
        if row.state == BatchState.PENDING:
            leave_out(session, row.id, row.states, range(row.size), row.sent_at)
    ids = [row.id for row in found]
    if ids:
        session.execute(update(RECIPIENT).where(RECIPIENT.c.batch_id.in_(ids)).values(fields=None))
        opt_outs.change_version(session)


def forget_person(session: Session, phone: str) -> None:
    """The same of all tests of drafts whose list had this number (E.164)."""
    drafts = select(Draft.reference).join(DraftRow, DraftRow.draft_id == Draft.id)
    lists = (
        select(Campaign.reference)
        .join(Batch, Batch.campaign_id == Campaign.id)
        .join(RECIPIENT, RECIPIENT.c.batch_id == Batch.id)
    )
    forget(
        session,
        or_(
            Campaign.test_of.in_(drafts.where(DraftRow.phone == phone)),
            Campaign.test_of.in_(lists.where(RECIPIENT.c.phone == phone)),
        ),
    )


def _of_tests(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Condition: a batch is of tests, of those ``which`` names."""
    return BATCH.c.campaign_id.in_(select(Campaign.id).where(Campaign.test_of.is_not(None), *which))


def every(session: Session) -> tuple[Tester, ...]:
    """All testers, by name."""
    return tuple(value_of(Tester, row) for row in session.scalars(select(_Row).order_by(_Row.name)))


def named(session: Session, names: list[str], *, lock: bool = False) -> list[Tester]:
    """The testers of these names, each once; ``lock``: nobody removes one. Raises NotFound."""
    query = select(_Row).where(_Row.name.in_(filter(str.isprintable, names))).order_by(_Row.id)
    rows = session.scalars(query.with_for_update(read=True) if lock else query)
    known = {row.name: value_of(Tester, row) for row in rows}
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
