"""Due batches, with all that a request needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, func, select, true, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.evidence import UNPROVEN
from dispatcher.campaigns.halving import part, refused_alone
from dispatcher.campaigns.others import read
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.storage import obstacles, opt_out_marks, opt_outs
from dispatcher.storage.batches import attempts, queue, recipients
from dispatcher.storage.obstacles import Obstacles
from dispatcher.storage.planner import judged
from dispatcher.storage.statement import Statement
from dispatcher.storage.tables import BATCH, CAMPAIGN, LARGEST_ID, RECIPIENT, in_state

#: what a due batch has under the same name
_OF_BATCH = "id", "campaign_id", "territory", "attempt", "checks", "states", "codes", "leaves_at"
_OF_CAMPAIGN = "text", "sender", "commercial", "from_number", "survey", "not_after", "consent"
_FIND_DUE = Statement(
    select(
        *(BATCH.c[name] for name in _OF_BATCH),
        *(CAMPAIGN.c[name] for name in (*_OF_CAMPAIGN, "test_of", "others")),
        # as the driver has it: a float already
        type_coerce(CAMPAIGN.c.pace, NullType()).label("pace"),
        opt_out_marks.version().label("opt_outs"),
        opt_outs.first_erased().label("erased"),
        *obstacles.COLUMNS,
        *recipients.COLUMNS.c,
    )
    .join_from(BATCH, CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
    .join(recipients.COLUMNS, true())
    .where(
        BATCH.c.id == bindparam("batch_id"),
        judged(queue.OF_ACCOUNT, queue.is_due(), queue.runs(), queue.funded()),
    )
)
_MESSAGES = (
    select(RECIPIENT.c.position, RECIPIENT.c.phone, RECIPIENT.c.fields)
    .where(RECIPIENT.c.batch_id == bindparam("batch_id"))
    .order_by(RECIPIENT.c.position)
)


def find_due(
    session: Session, batch_id: int, now: datetime, account: str
) -> tuple[DueBatch, Obstacles] | None:
    """The batch, and what its account waits for; None if it is not due, or of another account.

    A hint may be late or forged.
    """
    params = {"batch_id": batch_id, "now": now, **obstacles.names(account)}
    row = _FIND_DUE.one(session, params)
    if row is None:
        return None
    theirs = recipients.pending(row, row.states)
    made = attempts.carried(session, row.id) if row.attempt else ()
    if row.erased is not None:
        theirs = replace(theirs, opted_out=opted_out(session, batch_id, row.states))
    batch = DueBatch(
        **{name: getattr(row, name) for name in (*_OF_BATCH, *_OF_CAMPAIGN)},
        recipients=theirs.only(part(theirs.positions, made)),
        unproven=[one.tag for one in made if one.outcome in UNPROVEN],
        opt_outs=row.opt_outs,
        refused=refused_alone(made, len(row.states)),
        test=row.test_of is not None,
        others=read(row.others),
        pace=row.pace,
    )
    return batch, obstacles.of_row(row, now)


def waiting(
    session: Session, batch_id: int, states: str, state: MessageState
) -> list[tuple[int, str, str | None]]:
    """(position, E.164, fields) of the batch's messages that are in ``state``."""
    letter = state.letter
    rows = session.execute(_MESSAGES, {"batch_id": batch_id})
    return [row[:3] for row in rows if states[row[0]] == letter]


def opted_out(session: Session, batch_id: int, states: str) -> set[int]:
    """The pending positions whose number has opted out."""
    letter = MessageState.PENDING.letter
    return {
        position
        for position in opt_out_marks.of_batch(session, batch_id)
        if states[position] == letter
    }


def in_flight(session: Session, account: str | None) -> int:
    """How many batches are being sent, of one account or in all."""
    count = select(func.count()).join_from(BATCH, CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
    mine = [] if account is None else [CAMPAIGN.c.account == account]
    return session.scalar(count.where(in_state(BatchState.SENDING), *mine)) or 0


def account_of(session: Session, batch_id: int) -> str | None:
    """The account through which a batch goes; None if there is no such batch."""
    if abs(batch_id) > LARGEST_ID:
        return None
    return session.scalar(
        select(CAMPAIGN.c.account)
        .join_from(CAMPAIGN, BATCH, BATCH.c.campaign_id == CAMPAIGN.c.id)
        .where(BATCH.c.id == batch_id)
    )
