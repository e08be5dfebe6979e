"""Recipients of batches, read as columns: an object for each of 500 rows takes too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import BindParameter, bindparam, case, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueRecipients
from dispatcher.campaigns.states import MessageState
from dispatcher.storage.tables import OPT_OUT, RECIPIENT

_POSITION, _PHONE, _FIELDS = RECIPIENT.c.position, RECIPIENT.c.phone, RECIPIENT.c.fields
_OF_BATCH = RECIPIENT.c.batch_id == bindparam("batch_id")
_AND_STOPS = RECIPIENT.outerjoin(OPT_OUT, OPT_OUT.c.phone == _PHONE)
_ROWS = (
    select(_POSITION, _PHONE, _FIELDS, OPT_OUT.c.id)
    .select_from(_AND_STOPS)
    .where(_OF_BATCH)
    .order_by(_POSITION)
)
# one row a batch: PostgreSQL joins the texts faster than 500 rows are sent and read
_COMMA = aggregate_order_by(literal(","), _POSITION)
_ROW = (
    select(
        func.count(),
        func.string_agg(_PHONE, _COMMA),
        case(
            (func.count(_FIELDS) > 0, func.string_agg(func.coalesce(_FIELDS, "{}"), _COMMA)),
        ),
        # null if the positions are 0, 1, 2, … without a gap
        case(
            (
                func.count() <= func.max(_POSITION),
                func.array_agg(aggregate_order_by(_POSITION, _POSITION)),
            ),
        ),
        func.array_agg(_POSITION).filter(OPT_OUT.c.id.is_not(None)),
    )
    .select_from(_AND_STOPS)
    .where(_OF_BATCH)
)


_ids: BindParameter[Any] = bindparam("ids", expanding=True)
_PHONES = select(RECIPIENT.c.batch_id, RECIPIENT.c.position, RECIPIENT.c.phone).where(
    RECIPIENT.c.batch_id.in_(_ids)
)
# PostgreSQL only: one row a batch, its numbers joined in the order of positions
_PHONES_AT_ONCE = (
    select(
        RECIPIENT.c.batch_id,
        func.max(RECIPIENT.c.position),
        func.string_agg(RECIPIENT.c.phone, aggregate_order_by(literal(" "), RECIPIENT.c.position)),
    )
    .where(RECIPIENT.c.batch_id.in_(_ids))
    .group_by(RECIPIENT.c.batch_id)
)


def pending(session: Session, batch_id: int, states: str) -> DueRecipients:
    """The recipients of a batch who are pending by ``states``."""
    of_all = _one_row if session.get_bind().dialect.name == "postgresql" else _many_rows
    recipients = of_all(session, batch_id)
    letter = MessageState.PENDING.letter
    if states.count(letter) == len(recipients):
        return recipients
    # some messages were sent by an earlier attempt
    gone = {position for position in recipients.opted_out if states[position] == letter}
    left = {position for position in recipients.positions if states[position] == letter}
    return replace(recipients.only(left), opted_out=gone)


def phones_of(session: Session, ids: Sequence[int]) -> dict[int, dict[int, str]]:
    """Batch id -> position -> number (E.164), of all messages of these batches."""
    phones: dict[int, dict[int, str]] = {}
    if session.get_bind().dialect.name == "postgresql":
        for batch_id, last, joined in session.execute(_PHONES_AT_ONCE, {"ids": ids}):
            listed = joined.split(" ")
            if len(listed) == last + 1:  # false only if somebody deleted rows by hand
                phones[batch_id] = dict(enumerate(listed))
    if left := [batch_id for batch_id in ids if batch_id not in phones]:
        phones |= {batch_id: {} for batch_id in left}
        for batch_id, position, phone in session.execute(_PHONES, {"ids": left}):
            phones[batch_id][position] = phone
    return phones


def _one_row(session: Session, batch_id: int) -> DueRecipients:
    count, phones, fields, positions, gone = session.execute(_ROW, {"batch_id": batch_id}).one()
    return DueRecipients(
        range(count) if positions is None else positions,
        phones.split(",") if phones else (),
        orjson.loads(f"[{fields}]") if fields else (),
        gone or (),
    )


def _many_rows(session: Session, batch_id: int) -> DueRecipients:
    rows = session.execute(_ROWS, {"batch_id": batch_id}).all()
    positions, phones, fields, stops = zip(*rows, strict=True) if rows else ((), (), (), ())
    gone = {row[0] for row in rows if row[3] is not None} if any(stops) else ()
    # one JSON array: parsing 500 objects one by one takes five times as long
    parsed = f"[{','.join([each or '{}' for each in fields])}]" if any(fields) else "[]"
    return DueRecipients(positions, phones, orjson.loads(parsed), gone)
