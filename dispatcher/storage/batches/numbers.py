"""The numbers of batches that were sent, many batches at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from dispatcher.storage.tables import RECIPIENT

_ids: BindParameter[Any] = bindparam("ids", expanding=True)
_PHONES = select(RECIPIENT.c.batch_id, RECIPIENT.c.position, RECIPIENT.c.phone).where(
    RECIPIENT.c.batch_id.in_(_ids)
)
# a row for each batch, not for each number: PostgreSQL's, whose order within is sure
_PHONES_AT_ONCE = (
    select(
        RECIPIENT.c.batch_id,
        func.max(RECIPIENT.c.position),
        func.string_agg(RECIPIENT.c.phone, aggregate_order_by(literal(" "), RECIPIENT.c.position)),
    )
    .where(RECIPIENT.c.batch_id.in_(_ids))
    .group_by(RECIPIENT.c.batch_id)
)


def of_batches(session: Session, ids: Sequence[int]) -> dict[int, dict[int, str]]:
    """Of each batch: position -> E.164, of every message."""
    phones: dict[int, dict[int, str]] = {}
    if session.get_bind().dialect.name == "postgresql":
        for batch_id, last, joined in session.execute(_PHONES_AT_ONCE, {"ids": ids}):
            listed = joined.split(" ")
            if len(listed) == last + 1:  # nobody has deleted a row by hand
                phones[batch_id] = dict(enumerate(listed))
    if left := [batch_id for batch_id in ids if batch_id not in phones]:
        phones |= {batch_id: {} for batch_id in left}
        for batch_id, position, phone in session.execute(_PHONES, {"ids": left}):
            phones[batch_id][position] = phone
    return phones
