"""The lists of drafts: written as they come, read again by every plan, deleted once submitted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from dispatcher.recipients import Recipient
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage import drafts, testers
from dispatcher.storage.tables import Draft, DraftRow

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
            "fields": _written(one.fields),
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


def mentions(session: Session, phone: str) -> set[int]:
    """The drafts with a row of this number (E.164), or one in whose columns it may be written."""
    return set(session.scalars(select(DraftRow.draft_id).where(_names(phone)).distinct()))


def erase(session: Session, phone: str, pseudonyms: Pseudonyms, *, by: str, now: datetime) -> None:
    """Delete the rows of a number (E.164), and replace it where others' columns have it.

    A draft that this changes has to be planned again.
    """
    testers.forget_person(session, phone)
    changed = mentions(session, phone)
    if not changed:
        return
    # before its rows, as whoever saves it
    locked = select(Draft.id).where(Draft.id.in_(changed)).order_by(Draft.id).with_for_update()
    session.execute(locked).all()
    session.execute(delete(DraftRow).where(DraftRow.phone == phone))
    only = {pseudonyms.of(phone)}
    for row in session.scalars(select(DraftRow).where(_names(phone))).all():
        columns = json.loads(row.fields).items()
        row.fields = _written({name: pseudonyms.written(it, only) for name, it in columns})
        row.key = row.key and pseudonyms.written(row.key, only)
    for draft_id in changed:
        left = select(func.count()).where(DraftRow.draft_id == draft_id).scalar_subquery()
        session.execute(update(Draft).where(Draft.id == draft_id).values(rows=left))
    drafts.void(session, sorted(changed), _ERASED, by=by, now=now)


def _names(phone: str) -> ColumnElement[bool]:
    """Condition: the row is of this number (E.164), or may have it in a column."""
    digits = f"%{'%'.join(phone[-9:].lstrip('+'))}%"
    return or_(DraftRow.phone == phone, DraftRow.fields.like(digits), DraftRow.key.like(digits))


def _written(fields: Mapping[str, str]) -> str:
    return json.dumps(fields, ensure_ascii=False)


def _recipient(row: DraftRow) -> Recipient:
    fields = json.loads(row.fields)
    return Recipient(
        row.phone,
        fields,
        territory=row.territory,
        row=row.row,
        raw=tuple(fields.values()),
        fault=row.fault,
        key=row.key,
    )
