"""Recipients of batches, read as columns: an object for each of 500 rows takes too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import BindParameter, ColumnElement, Text, bindparam, case, cast, func, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueRecipients
from dispatcher.campaigns.states import MessageState
from dispatcher.storage.tables import OPT_OUT, RECIPIENT

_POSITION, _PHONE, _FIELDS = RECIPIENT.c.position, RECIPIENT.c.phone, RECIPIENT.c.fields
# one row a batch: PostgreSQL joins texts faster than 500 rows are sent and read; for each row of
# SQLite the thread would let go of the interpreter, and wait for it behind all others. The order of
# the rows is the same in every column, whatever it is.
_THEIRS = (
    select(_POSITION, _PHONE, _FIELDS, OPT_OUT.c.id.label("stopped"))
    .select_from(RECIPIENT.outerjoin(OPT_OUT, OPT_OUT.c.phone == _PHONE))
    .where(RECIPIENT.c.batch_id == bindparam("batch_id"))
    .order_by(_POSITION)
    .subquery()
)


def _joined(column: ColumnElement[Any]) -> ColumnElement[str]:
    return func.aggregate_strings(cast(column, Text), ",")


#: the recipients of the batch ``batch_id``: one row, of which ``pending`` makes what it says
COLUMNS = select(
    _joined(_THEIRS.c.position).label("positions"),
    _joined(_THEIRS.c.phone).label("phones"),
    case(
        (func.count(_THEIRS.c.fields) > 0, _joined(func.coalesce(_THEIRS.c.fields, "{}"))),
    ).label("fields"),
    _joined(case((_THEIRS.c.stopped.is_not(None), _THEIRS.c.position))).label("stopped"),
).subquery("recipients")
_ids: BindParameter[Any] = bindparam("ids", expanding=True)
_PHONES = (
    select(RECIPIENT.c.batch_id, _joined(_POSITION), _joined(_PHONE))
    .where(RECIPIENT.c.batch_id.in_(_ids))
    .group_by(RECIPIENT.c.batch_id)
)


def pending(row: Any, states: str) -> DueRecipients:
    """Those of a row with ``COLUMNS`` who are pending by ``states``."""
    # one JSON array: parsing 500 objects one by one takes five times as long
    joined = (row.positions, row.fields, row.stopped)
    positions, fields, gone = (orjson.loads(f"[{values or ''}]") for values in joined)
    phones = row.phones.split(",") if positions else ()
    recipients = DueRecipients(positions, phones, fields, gone)
    letter = MessageState.PENDING.letter
    if states.count(letter) == len(recipients):
        return recipients
    # some messages were sent by an earlier attempt
    gone = {position for position in recipients.opted_out if states[position] == letter}
    left = {position for position in recipients.positions if states[position] == letter}
    return replace(recipients.only(left), opted_out=gone)


def phones_of(session: Session, ids: Sequence[int]) -> dict[int, dict[int, str]]:
    """Batch id -> position -> number (E.164), of all messages of these batches."""
    found: dict[int, dict[int, str]] = {batch_id: {} for batch_id in ids}
    for batch_id, positions, phones in session.execute(_PHONES, {"ids": ids}):
        of_batch = zip(orjson.loads(f"[{positions}]"), phones.split(","), strict=True)
        found[batch_id] = dict(of_batch)
    return found
