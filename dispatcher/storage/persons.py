"""All that is stored about one person, table by table."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import MessageState
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage import (
    consents,
    draft_lists,
    erased_columns,
    erased_texts,
    mentions,
    pseudonymous,
    unread_calls,
)
from dispatcher.storage.tables import (
    BATCH,
    CAMPAIGN,
    RECIPIENT,
    Contact,
    Erasure,
    Lift,
    NumberCheck,
    OptOut,
    OptOutEvent,
    Reply,
    Tester,
)

#: a table's rows, as columns and values
Rows = list[dict[str, Any]]


def of(session: Session, phone: str) -> dict[str, Rows]:
    """Table -> its rows about a number (E.164), under the number or its pseudonym.

    ``texts`` are references, reasons and other words in which the number is written.
    """
    known = pseudonymous.current(session)  # retention replaces people, too, where nobody is erased
    names = {phone: phone} if known is None else known.names([phone])
    held = {
        "messages": [
            _message(session, **row) for row in _rows(session, _MESSAGES, RECIPIENT.c.phone, names)
        ],
        "opt_outs": _rows(session, _OPT_OUTS, OptOut.phone, names),
        "opt_out_history": _rows(session, _HISTORY, OptOutEvent.phone, names),
        "replies": _rows(session, _REPLIES, Reply.phone, names),
        "number_checks": _rows(session, _CHECKS, NumberCheck.phone, names),
        "contacts": _rows(session, _CONTACTS, Contact.phone, names),
        "lifts": _rows(session, _LIFTS, Lift.phone, names),
        "drafts": draft_lists.of_person(session, phone),
        "testers": _rows(session, _TESTERS, Tester.phone, names),
        "erasures": _rows(session, _ERASURES, Erasure.pseudonym, names),
        "texts": list(_texts(session, phone)),
        "unread_calls": list(_unread(session, phone)),
    }
    return {table: rows for table, rows in held.items() if rows}


_MESSAGES = (
    select(
        RECIPIENT.c.phone,
        RECIPIENT.c.fields,
        RECIPIENT.c.key,
        CAMPAIGN.c.reference.label("campaign"),
        CAMPAIGN.c.text,
        CAMPAIGN.c.sender,
        BATCH.c.id.label("batch"),
        RECIPIENT.c.position,
        RECIPIENT.c.list_row.label("row"),
        BATCH.c.states,
        BATCH.c.sent_at,
        BATCH.c.message_id,
    )
    .join_from(RECIPIENT, BATCH, BATCH.c.id == RECIPIENT.c.batch_id)
    .join(CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
    .order_by(RECIPIENT.c.batch_id)
)
_OPT_OUTS = select(OptOut.phone, OptOut.source, OptOut.created_at, OptOut.probable)
_HISTORY = select(
    OptOutEvent.phone,
    OptOutEvent.at,
    OptOutEvent.verb,
    OptOutEvent.source,
    OptOutEvent.reason,
    OptOutEvent.actor,
).order_by(OptOutEvent.id)
_REPLIES = select(
    Reply.phone, Reply.received_at, Reply.at, Reply.text, Reply.stop, Reply.sent_to
).order_by(Reply.id)
_CHECKS = select(
    NumberCheck.phone,
    NumberCheck.ordered_at,
    NumberCheck.at,
    NumberCheck.service,
    NumberCheck.name,
    NumberCheck.network,
    NumberCheck.ported,
)
_TESTERS = select(Tester.phone, Tester.name, Tester.any_hour, Tester.created_at)
_CONTACTS = select(Contact.phone, Contact.at.label("last_contact"))
_LIFTS = select(Lift.phone, Lift.at, Lift.actor, Lift.reason)
_ERASURES = select(Erasure.pseudonym, Erasure.at, Erasure.actor, Erasure.reason, Erasure.done_at)


def _rows(session: Session, query: Any, column: Any, names: Collection[str]) -> Rows:
    rows = session.execute(query.where(column.in_(names)))
    return [dict(row._mapping) for row in rows]


def _message(session: Session, *, states: str, **row: Any) -> dict[str, Any]:
    state = MessageState.of(states[row["position"]])
    row["state"] = str(state)
    # what an earlier attempt rested on is stored for the case that it turns out to have been taken
    if state is MessageState.WITHDRAWN:
        return row
    if found := consents.of_batch(session, row["batch"]).get(row["position"]):
        row["consent"] = " · ".join(
            filter(None, [found.date.isoformat(), found.source, found.wording])
        )
    return row


def _texts(session: Session, phone: str) -> Iterator[dict[str, Any]]:
    pseudonyms, only = _any_key(phone)
    for column, _ in erased_columns.TEXTS:  # running campaigns, too
        for text in erased_texts.found(session, column, None, pseudonyms, only):
            yield {"table": column.class_.__tablename__, "column": column.key, "text": text}
    for table, name, text in mentions.shown(session, phone):
        yield {"table": table, "column": name, "text": text}


def _unread(session: Session, phone: str) -> Iterator[dict[str, Any]]:
    pseudonyms, only = _any_key(phone)
    for call in unread_calls.latest(session):
        if pseudonyms.written(call.text, only) != call.text:
            yield {"id": call.id, "received_at": call.received_at, "text": call.text}


def _any_key(phone: str) -> tuple[Pseudonyms, set[str]]:
    """Pseudonyms under a key of no installation: to find a number needs none."""
    pseudonyms = Pseudonyms("")
    return pseudonyms, {pseudonyms.newest_of(phone)}
