"""Who of a batch has opted out since it was planned, or before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ScalarSelect, bindparam, select
from sqlalchemy.orm import Session

from dispatcher.campaigns import message_states
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.storage import opt_outs, replacement
from dispatcher.storage.tables import META, OPT_OUT, RECIPIENT, Batch, OptOut, Recipient

_OF_BATCH = (
    select(RECIPIENT.c.position)
    .join_from(RECIPIENT, OPT_OUT, OPT_OUT.c.phone == RECIPIENT.c.phone)
    .where(RECIPIENT.c.batch_id == bindparam("batch_id"))
)


def version() -> ScalarSelect[Any]:
    """A subquery for the list's version: each change of the list changes it, too.

    Null while the list has none, which is equal to no version.
    """
    return select(META.c.value).where(META.c.name == opt_outs.VERSION).scalar_subquery()


def of_batch(session: Session, batch_id: int) -> set[int]:
    """Positions of a batch's recipients who have opted out."""
    found = set(session.scalars(_OF_BATCH, {"batch_id": batch_id}))
    if opt_outs.any_erased(session):
        phones = {
            row.phone: row.position
            for row in session.execute(
                select(Recipient.phone, Recipient.position).where(Recipient.batch_id == batch_id)
            )
        }
        found.update(phones[phone] for phone in opt_outs.opted_out(session, phones.keys()))
    return found


def mark_planned(session: Session, campaign_id: int) -> int:
    """Mark the opt-outs among a campaign's recipients, just stored; returns how many.

    Erased people are on its list by their numbers: these are replaced.
    """
    batch_ids: Sequence[int] = session.scalars(
        select(Recipient.batch_id)
        .join(OptOut, OptOut.phone == Recipient.phone)
        .join(Batch, Batch.id == Recipient.batch_id)
        .where(Batch.campaign_id == campaign_id)
        .distinct()
    ).all()
    if opt_outs.any_erased(session):
        batch_ids = session.scalars(select(Batch.id).where(Batch.campaign_id == campaign_id)).all()
        for batch_id in batch_ids:
            replacement.replace_erased(session, batch_id)
    marked = 0
    for batch_id in batch_ids:
        its = select(Batch).where(Batch.id == batch_id)
        batch = session.scalars(its.execution_options(populate_existing=True)).one()
        marked += _mark(session, batch)
    return marked


def _mark(session: Session, batch: Batch) -> int:
    positions = of_batch(session, batch.id)
    states = message_states.marked(batch.states, dict.fromkeys(positions, MessageState.OPTED_OUT))
    for state, count in message_states.tally(states).items():
        setattr(batch, state.value, count)
    batch.states = states
    if MessageState.PENDING.letter not in states:
        batch.state = BatchState.DONE
    return len(positions)
