"""The lists of drafts: written as they come, read again by every plan, deleted once submitted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from dispatcher.errors import InvalidPhone
from dispatcher.recipients import Recipient
from dispatcher.recipients.column_names import last_contact_column
from dispatcher.recipients.local_numbers import normalise_in
from dispatcher.recipients.phones import territory_of
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage import drafts, testers
from dispatcher.storage.mentions import may_hold
from dispatcher.storage.tables import Draft, DraftRow

_COLUMNS = DraftRow.__table__.c
#: rows that are written at a time
_STRIDE = 1000
#: why a plan is void once a person of its list was erased
_ERASED = "a person of the list was erased"


def replace(session: Session, draft_id: int, recipients: Iterable[Recipient]) -> None:
    """Store the list of a draft in place of the one that it has.

    The number of a recipient is in E.164 if it can be texted, and the key is a text.
    """
    remove(session, draft_id)
    rows = (
        {
            "draft_id": draft_id,
            "position": position,
            "row": one.row,
            "phone": one.phone,
            "fields": json.dumps(one.fields, ensure_ascii=False),
            "territory": one.territory,
            "key": one.key,
            "fault": one.fault,
        }
        for position, one in enumerate(recipients, start=1)
    )
    while stride := list(islice(rows, _STRIDE)):
        session.execute(insert(DraftRow), stride)


def remove(session: Session, draft_id: int) -> None:
    """Delete the list of a draft."""
    session.execute(delete(DraftRow).where(DraftRow.draft_id == draft_id))


def page(session: Session, draft_id: int, after: int, limit: int) -> list[tuple[int, Recipient]]:
    """The rows behind the position ``after``: position and recipient, at most ``limit``."""
    query = (
        select(DraftRow)
        .where(DraftRow.draft_id == draft_id, DraftRow.position > after)
        .order_by(DraftRow.position)
        .limit(limit)
    )
    return [(row.position, _recipient(row)) for row in session.scalars(query)]


def part(session: Session, draft_id: int, offset: int, limit: int) -> list[tuple[int, Recipient]]:
    """The rows behind the first ``offset`` ones, numbered anew: an erasure leaves gaps."""
    query = (
        select(DraftRow)
        .where(DraftRow.draft_id == draft_id)
        .order_by(DraftRow.position)
        .offset(offset)
        .limit(limit)
    )
    return [(n, _recipient(row)) for n, row in enumerate(session.scalars(query), offset + 1)]


def position_of(session: Session, draft_id: int, row: int) -> int | None:
    """The number that ``part`` gives to a row of the file; None if the list has no such row."""
    mine = DraftRow.draft_id == draft_id
    position = select(func.min(DraftRow.position)).where(mine, DraftRow.row == row)
    before = select(func.count()).where(mine, DraftRow.position <= position.scalar_subquery())
    return session.scalar(before) or None


def of_person(session: Session, phone: str) -> list[dict[str, Any]]:
    """The rows of a number (E.164), as columns and values."""
    rows = session.execute(
        select(DraftRow.phone, DraftRow.fields, DraftRow.key, Draft.reference.label("draft"))
        .join(Draft, Draft.id == DraftRow.draft_id)
        .where(may_hold(session, [_COLUMNS.phone], phone, local=True))
        .order_by(DraftRow.draft_id, DraftRow.position)
    )
    return [dict(row._mapping) for row in rows if _is(row.phone, phone)]


def erase(
    session: Session,
    phone: str,
    pseudonyms: Pseudonyms,
    pseudonym: str,
    *,
    by: str,
    now: datetime,
) -> None:
    """Delete the rows of a number (E.164), and replace it where others' columns have it.

    A draft that this changes has to be planned again.
    """
    testers.forget_person(session, phone)
    words = (_COLUMNS.phone, _COLUMNS.fields, _COLUMNS.key)
    concerned = may_hold(session, words, phone, local=True)
    # drafts before their rows, as whoever saves one
    ids = select(DraftRow.draft_id).where(concerned)
    session.execute(select(Draft.id).where(Draft.id.in_(ids)).order_by(Draft.id).with_for_update())
    changed, only = set[int](), {pseudonym}
    for row in session.scalars(select(DraftRow).where(concerned)).all():
        place = row.territory or territory_of(phone) or ""
        fields = pseudonyms.written(row.fields, only, place)
        key = row.key and pseudonyms.written(row.key, only, place)
        if _is(row.phone, phone):
            session.delete(row)
        elif (fields, key) != (row.fields, row.key):
            row.fields, row.key = fields, key
        else:
            continue
        changed.add(row.draft_id)
    session.flush()
    for draft_id in changed:
        left = select(func.count()).where(DraftRow.draft_id == draft_id).scalar_subquery()
        session.execute(update(Draft).where(Draft.id == draft_id).values(rows=left))
    drafts.void(session, sorted(changed), _ERASED, by=by, now=now)


def _is(written: str, phone: str) -> bool:
    """True if a number is this one (E.164), also as it is dialled there."""
    try:
        return normalise_in(written, territory_of(phone) or "") == phone
    except InvalidPhone:
        return False


#: the rows of a list have the same columns
_contact_at = lru_cache(maxsize=64)(last_contact_column)


def _recipient(row: DraftRow) -> Recipient:
    fields = json.loads(row.fields)
    at = _contact_at(tuple(fields))
    return Recipient(
        row.phone,
        fields,
        territory=row.territory,
        row=row.row,
        raw=tuple(fields.values()),
        fault=row.fault,
        key=row.key,
        last_contact=None if at is None else tuple(fields.values())[at],
    )
