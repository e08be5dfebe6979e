"""Pseudonyms in place of the recipients of a batch."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import consent
from dispatcher.campaigns.message_states import marked, tally
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage import contacts, pseudonymous
from dispatcher.storage.tables import BATCH, CONSENTS, RECIPIENT

#: the gateway has them, or may have: their reports name the number, and are asked for by it
UNDER_WAY = (BatchState.SENDING, BatchState.SENT, BatchState.IN_DOUBT, BatchState.HANDED_OVER)
_BATCH = (
    select(BATCH.c.state, BATCH.c.states, BATCH.c.sent_at, BATCH.c.territory, CONSENTS.c.consents)
    .join_from(BATCH, CONSENTS, CONSENTS.c.batch_id == BATCH.c.id, isouter=True)
    .where(BATCH.c.id == bindparam("batch_id"))
)
_COLUMNS = ("phone", "fields", "key", "list_row")
_ROWS = select(RECIPIENT.c.position, *(RECIPIENT.c[name] for name in _COLUMNS)).where(
    RECIPIENT.c.batch_id == bindparam("batch_id")
)
_REPLACE = (
    update(RECIPIENT)
    .where(
        RECIPIENT.c.batch_id == bindparam("its_batch"),
        RECIPIENT.c.position == bindparam("its_position"),
    )
    .values({name: bindparam(f"its_{name}") for name in _COLUMNS})
)


def replace(
    session: Session, batch_id: int, pseudonyms: Pseudonyms, only: Collection[str] | None
) -> bool:
    """Replace the recipients with ``only`` these pseudonyms (None: all), and what they are told.

    Who is still to go is left out as opted out. A number that is written in somebody else's
    key or fields is replaced, too, once nothing of the batch can leave any more, and one in the
    source or wording of a consent at once. False while the batch is under way, or something in it
    is left to do.
    """
    batch = session.execute(
        _BATCH.with_for_update(key_share=True, of=BATCH), {"batch_id": batch_id}
    )
    row = batch.one_or_none()
    if row is None:
        return True
    if row.state in UNDER_WAY:
        return False
    pends, left = row.state == BatchState.PENDING, False
    rows: list[dict[str, Any]] = []
    erased: dict[str, str] = {}
    theirs: dict[int, tuple[str, list[str]]] = {}
    for position, *before in session.execute(_ROWS, {"batch_id": batch_id}).all():
        phone, fields, key, list_row = before
        name, written, known_by = pseudonyms.one_of(phone, only), fields, key
        if name is not None:
            theirs[position] = (name, _known(fields, key))
            if only is not None and name != phone:
                erased[phone] = name
            written = known_by = list_row = None  # whoever has the list would find the person
        elif fields or key:
            name = phone
            written = fields and pseudonyms.written(fields, only, row.territory)
            known_by = key and pseudonyms.written(key, only, row.territory)
            if pends and (written, known_by) != (fields, key):
                left, written, known_by = True, fields, key
        else:
            continue
        after = [name, written, known_by, list_row]
        if after != before:
            at = {"its_batch": batch_id, "its_position": position}
            new = zip(_COLUMNS, after, strict=True)
            rows.append(at | {f"its_{column}": value for column, value in new})
    if rows:
        session.execute(_REPLACE, rows)
    contacts.replace(session, erased)
    if row.consents is not None:
        consents = consent.erased(
            row.consents, lambda text: pseudonyms.written(text, only, row.territory), theirs
        )
        if consents != row.consents:
            its = CONSENTS.c.batch_id == batch_id
            session.execute(update(CONSENTS).where(its).values(consents=consents))
    if pends:
        leave_out(session, batch_id, row.states, theirs.keys(), row.sent_at)
    return not left


def _known(fields: str | None, key: str | None) -> list[str]:
    """What a row has of a person beside the number."""
    values = [*(json.loads(fields).values() if fields else ()), key]
    return [it.strip() for it in values if isinstance(it, str) and it.strip()]


def replace_erased(session: Session, batch_id: int) -> None:
    """Replace those of a batch who were erased before it was stored."""
    if session.scalar(select(pseudonymous.first_erased())) is None:
        return
    if (pseudonyms := pseudonymous.current(session)) is None:
        return
    rows = session.execute(_ROWS, {"batch_id": batch_id}).all()
    names = {name for row in rows for name in pseudonyms.all_of(row.phone)}
    found = pseudonymous.erased_among(session, names)
    if found:
        replace(session, batch_id, pseudonyms, found)


def leave_out(
    session: Session, batch_id: int, states: str, positions: Collection[int], sent_at: Any
) -> None:
    """End the messages at ``positions`` that have not left, and the batch if nobody else waits."""
    after = marked(states, dict.fromkeys(positions, MessageState.OPTED_OUT))
    if after == states:
        return
    values: dict[str, Any] = {"states": after}
    values |= {state.value: count for state, count in tally(after).items()}
    if MessageState.PENDING.letter not in after:
        reports = MessageState.SENT.letter in after
        values["state"] = BatchState.SENT if reports else BatchState.DONE
        values["check_at"] = sent_at if reports else None  # at once
    session.execute(update(BATCH).where(BATCH.c.id == batch_id).values(values))
