"""Erasures: a person's number and fields give way to a pseudonym, table by table.

``begin`` is one transaction: from then on the person is never texted. What is left is done in
further small transactions, in any order and any number of times; the row of ``erasure`` says what.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.hand_over import OPTED_OUT
from dispatcher.campaigns.states import MessageState
from dispatcher.recipients.pseudonyms import Pseudonyms, is_pseudonym
from dispatcher.storage import (
    actions,
    contacts,
    draft_lists,
    erased_columns,
    lifts,
    number_checks,
    opt_out_history,
    opt_outs,
    pseudonymous,
    replies,
    screening,
    testers,
    unread_calls,
)
from dispatcher.storage.batches import recalls
from dispatcher.storage.mentions import NOWHERE, Mentions
from dispatcher.storage.tables import (
    BATCH,
    CAMPAIGN,
    RECIPIENT,
    Batch,
    Erasure,
)

_TO_GO = MessageState.PENDING.letter
#: the reason of erasures that are done again after a restore
REPLAYED: Final = "erased before the database was restored"
#: numbers looked up by one query
_STRIDE: Final = 500


@dataclass(frozen=True, slots=True)
class WaitingBatch:
    """A batch that is under way: an erasure goes on once it has ended."""

    id: int
    reference: str
    state: str


def known_as(session: Session, phone: str) -> str:
    """The number (E.164), or the pseudonym of somebody who was erased."""
    names = [name for name in pseudonymous.names(session, [phone]) if name != phone]
    erased = pseudonymous.erased_among(session, names)
    return next((name for name in names if name in erased), phone)


def begin(
    session: Session,
    phone: str,
    *,
    reason: str,
    actor: str,
    now: datetime,
    mentions: Mentions = NOWHERE,
) -> str:
    """Erase a number (E.164) but for its batches and for texts; returns its pseudonym.

    Campaigns that were not searched for ``mentions`` are screened later. Raises as
    ``pseudonymous.begin``.
    """
    screening.begin_erasure(session)
    pseudonyms = pseudonymous.begin(session)
    screening.mark_others(session, mentions.campaigns)
    pseudonym = pseudonymous.name(session, pseudonyms, phone)
    theirs = session.execute(
        select(BATCH.c.id, BATCH.c.states, RECIPIENT.c.position)
        .join_from(RECIPIENT, BATCH, BATCH.c.id == RECIPIENT.c.batch_id)
        .where(RECIPIENT.c.phone == phone)
    ).all()
    to_go = [row.id for row in theirs if row.states[row.position] == _TO_GO]
    recalls.request(session, Batch.id.in_(to_go), OPTED_OUT, now)
    batches = {row.id for row in theirs} | set(mentions.batches)
    # the operator's own words may hold the number, too
    facts: dict[str, Any] = {
        "reason": pseudonyms.written(pseudonyms.written(reason, {pseudonym})),
        "actor": pseudonyms.written(actor, {pseudonym}),
        "now": now,
    }
    new = _open(session, pseudonym, batches, **facts)
    if opt_outs.erase(session, phone, pseudonym, now=now) or new:
        opt_out_history.record(session, [pseudonym], "erase", **facts)
        actions.note(session, None, verb="erase", **facts)
    replies.erase(session, phone, pseudonym)
    number_checks.erase(session, phone, pseudonym)
    draft_lists.erase(session, phone, pseudonyms, pseudonym, by=facts["actor"], now=now)
    testers.erase(session, phone)
    lifts.erase(session, phone)
    # a row that is locked is replaced with the recipient of the number, which there is then
    contacts.replace(session, {phone: pseudonym}, skip_locked=True)
    national = phone[-9:]
    unread_calls.forget(session, lambda text: national in _digits(text))
    opt_outs.change_version(session)
    return pseudonym


def _digits(text: str) -> str:
    """The digits of a text, of whatever script, in ASCII."""
    return "".join(str(unicodedata.decimal(char)) for char in text if char.isdecimal())


def _open(
    session: Session,
    pseudonym: str,
    batches: Collection[int],
    *,
    reason: str,
    actor: str,
    now: datetime,
) -> bool:
    """Record the erasure; one that is on record is opened again, with what it had left to do.

    True if it is the person's first.
    """
    known = session.scalar(select(Erasure).where(Erasure.pseudonym == pseudonym).with_for_update())
    if known is not None:
        _leave(known, batches)
        session.flush()
        return False
    facts = {"reason": reason, "actor": actor, "at": now, "batches": json.dumps(sorted(batches))}
    session.add(Erasure(pseudonym=pseudonym, **facts))
    session.flush()
    return True


def reopen(session: Session, found: Mapping[str, Collection[int]]) -> None:
    """Open erasures again: these people (pseudonyms) were found in further batches."""
    for pseudonym, batches in sorted(found.items()):
        mine = select(Erasure).where(Erasure.pseudonym == pseudonym)
        for row in session.scalars(mine.with_for_update()):
            _leave(row, batches)
    session.flush()


def _leave(row: Erasure, batches: Collection[int]) -> None:
    row.batches = json.dumps(sorted({*json.loads(row.batches), *batches}))
    row.done_at = None


def is_erased(session: Session, phone: str) -> bool:
    """True if the number (E.164) was erased."""
    return known_as(session, phone) != phone


def unfinished(session: Session) -> list[str]:
    """The pseudonyms of the people for whom something is left to do, the oldest first."""
    query = select(Erasure.pseudonym).where(Erasure.done_at.is_(None)).order_by(Erasure.id)
    return list(session.scalars(query))


def left_of(session: Session, pseudonym: str) -> list[int] | None:
    """The batches in which a person is left to be replaced; None if the erasure has ended."""
    mine = (Erasure.pseudonym == pseudonym, Erasure.done_at.is_(None))
    batches = session.scalar(select(Erasure.batches).where(*mine))
    return None if batches is None else json.loads(batches)


def note_left(session: Session, pseudonym: str, done: Collection[int]) -> list[int]:
    """Record batches that are done; returns those that are left."""
    row = session.scalars(
        select(Erasure).where(Erasure.pseudonym == pseudonym).with_for_update()
    ).one()
    left = [batch_id for batch_id in json.loads(row.batches) if batch_id not in done]
    row.batches = json.dumps(left)
    session.flush()
    return left


def finish(session: Session, pseudonym: str, now: datetime) -> None:
    """Record that nothing is left to do, unless something has been added meanwhile."""
    mine = (Erasure.pseudonym == pseudonym, Erasure.batches == "[]")
    session.execute(update(Erasure).where(*mine).values(done_at=now))


def listed(session: Session) -> list[tuple[str, datetime]]:
    """Every erasure, the oldest first: pseudonym and when it was asked for (UTC)."""
    rows = session.execute(select(Erasure.pseudonym, Erasure.at).order_by(Erasure.id))
    return [(row.pseudonym, row.at) for row in rows]


def adopt(session: Session, erased: Mapping[str, datetime], actor: str, now: datetime) -> int:
    """Put erasures on record that a restored database lacks; returns how many.

    From then on nobody of them is texted. Their numbers are still to be replaced.
    """
    screening.begin_erasure(session)
    known = {pseudonym for pseudonym, _ in listed(session)}
    if not known.issuperset(erased):
        screening.mark_others(session, ())
    new = {pseudonym: at for pseudonym, at in erased.items() if pseudonym not in known}
    for pseudonym, at in new.items():
        facts: dict[str, Any] = {"reason": REPLAYED, "actor": actor, "at": at}
        session.add(Erasure(pseudonym=pseudonym, batches="[]", **facts))
        opt_outs.erase(session, pseudonym, pseudonym, now=at)
    if new:
        facts = {"verb": "replay erasures", "actor": actor, "now": now}
        actions.note(session, None, reason=f"{len(new)} that were missing", **facts)
    session.flush()
    opt_outs.change_version(session)
    return len(new)


def numbers(session: Session) -> Iterator[list[str]]:
    """All numbers (E.164) that are stored, in groups; some more than once."""
    for column in erased_columns.NUMBERS:
        query = select(column).where(column.is_not(None)).distinct()
        rows = session.scalars(query.execution_options(yield_per=_STRIDE))
        for some in rows.partitions(_STRIDE):
            yield [phone for phone in some if phone and not is_pseudonym(phone)]


def waiting(session: Session, batches: Collection[int]) -> list[WaitingBatch]:
    """These batches with their campaigns, for people."""
    query = (
        select(BATCH.c.id, CAMPAIGN.c.reference, BATCH.c.state)
        .join_from(BATCH, CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
        .where(BATCH.c.id.in_(batches))
        .order_by(BATCH.c.id)
    )
    return [WaitingBatch(*row) for row in session.execute(query)]


def forget_unread(session: Session, pseudonyms: Pseudonyms, only: Collection[str]) -> None:
    """Delete the calls that could not be read in which somebody of ``only`` occurs."""
    unread_calls.forget(session, lambda text: pseudonyms.written(text, only) != text)
