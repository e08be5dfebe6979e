"""Screening: erased people whom a list brings that is stored during their erasure, or after it.

Each campaign is stored with a mark. Ticks read marked campaigns, a few batches at a time and
without a lock on any row; whoever is found is added to what the erasure has left to do. An erasure
searches the campaigns that are stored when it begins, and marks those that it has not searched.

A submission may last as long as the transaction of its caller: it waits for no erasure, and no
erasure waits for it. An erasure that begins voids the steps that were read before: they may have
missed the person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from sqlalchemy import Row, and_, exists, func, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.consent import words
from dispatcher.masking import is_pseudonym
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage import meta, pseudonymous
from dispatcher.storage.locks import in_order
from dispatcher.storage.tables import BATCH, CAMPAIGN, CONSENTS, RECIPIENT

#: the most recipients of one step, unless one batch has more
PEOPLE: Final = 4000
#: the most batches of one step, and the most campaigns
_BATCHES: Final = 200
#: names or ids of one query
_STRIDE: Final = 500
#: the most campaigns of one step while nobody is erased
_CAMPAIGNS: Final = 1000
#: PostgreSQL's number of the lock: any, but of this product alone
_LOCK: Final = 0x5C4EE9ED
#: the row of ``meta`` that counts the erasures that have begun
_BEGUN: Final = "erasures_begun"
#: a campaign is marked
MARKED: Final = CAMPAIGN.c.screened_to.is_not(None)
ANY: Final = exists(select(CAMPAIGN.c.id).where(MARKED))
#: pseudonym -> ids of batches
Names = dict[str, set[int]]


@dataclass(frozen=True, slots=True)
class Step:
    """A few batches of marked campaigns, and who was found in them."""

    #: which erasure was the latest before it
    begun: str | None
    #: the ids of campaigns that are read to their end
    done: Sequence[int]
    #: the id of one that is not, and the number of its last batch that was read
    reached: tuple[int, int] | None = None
    #: in which batches people are to be replaced
    found: Names = field(default_factory=dict, repr=False)


def begin_erasure(session: Session) -> None:
    """Void the steps that were read before, and record none until this transaction ends."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    meta.put(session, _BEGUN, str(int(meta.get(session, _BEGUN) or 0) + 1))


def hold_erasures(session: Session) -> None:
    """Wait for an erasure that has begun, and let none begin before this transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))


def mark_others(session: Session, known: Collection[int]) -> None:
    """Mark all campaigns but the ``known`` ones, in which the person was looked for."""
    new = sorted(set(session.scalars(select(CAMPAIGN.c.id))).difference(known))
    for start in range(0, len(new), _STRIDE):
        rows = in_order(CAMPAIGN, CAMPAIGN.c.id.in_(new[start : start + _STRIDE]))
        session.execute(update(CAMPAIGN).where(rows).values(screened_to=0))


def step(session: Session) -> Step | None:
    """Look for erased people in the next batches of marked campaigns; None without any.

    Raises StorageError if the key of the pseudonyms is lost or another one.
    """
    begun = meta.get(session, _BEGUN)  # first: an erasure that begins later is seen by ``record``
    which = select(CAMPAIGN.c.id, CAMPAIGN.c.screened_to).where(MARKED)
    erased = session.scalar(select(pseudonymous.first_erased())) is not None
    rows = session.execute(which.order_by(CAMPAIGN.c.id).limit(_BATCHES if erased else _CAMPAIGNS))
    marked: dict[int, int] = {row.id: row.screened_to for row in rows}
    if not marked:
        return None
    pseudonyms = pseudonymous.current(session) if erased else None
    if pseudonyms is None:
        return Step(begun, [*marked])
    batches, whole = _next(session, marked)
    last = None if whole else batches[-1]
    done = [it for it in marked if last is None or it < last.campaign_id]
    reached = None if last is None else (last.campaign_id, last.number)
    begins = [it for it in (*done, *(reached or ())[:1]) if marked[it] == 0]
    names: Names = defaultdict(set)
    _note_words(session, begins, pseudonyms, names)
    _note_people(session, {row.id: row.territory for row in batches}, pseudonyms, names)
    return Step(begun, done, reached, _erased(session, names))


def record(session: Session, read: Step) -> bool:
    """Record a step, whose people the caller adds to their erasures.

    False if another recorded it before, or if an erasure has begun since.
    """
    if session.get_bind().dialect.name == "postgresql":
        alone = select(func.pg_try_advisory_xact_lock_shared(_LOCK))
        if not session.scalar(alone):
            return False
    if meta.get(session, _BEGUN) != read.begun:
        return False
    rows = in_order(CAMPAIGN, CAMPAIGN.c.id.in_(read.done), MARKED)
    done = update(CAMPAIGN).where(rows).values(screened_to=None).returning(CAMPAIGN.c.id)
    changed = [*session.scalars(done)]
    if read.reached is not None:
        campaign_id, number = read.reached
        its = (CAMPAIGN.c.id == campaign_id, CAMPAIGN.c.screened_to < number)
        on = update(CAMPAIGN).where(*its).values(screened_to=number).returning(CAMPAIGN.c.id)
        changed += session.scalars(on)
    return bool(changed)


def _next(
    session: Session, marked: Collection[int]
) -> tuple[Sequence[Row[*tuple[Any, ...]]], bool]:
    """The next batches of these campaigns, and whether they are all that is left of them."""
    rows = session.execute(
        select(BATCH.c.id, BATCH.c.campaign_id, BATCH.c.number, BATCH.c.territory, BATCH.c.size)
        .join_from(CAMPAIGN, BATCH, BATCH.c.campaign_id == CAMPAIGN.c.id)
        .where(CAMPAIGN.c.id.in_(marked), BATCH.c.number > CAMPAIGN.c.screened_to)
        .order_by(BATCH.c.campaign_id, BATCH.c.number)
        .limit(_BATCHES)
    ).all()
    people: int = 0
    for at, row in enumerate(rows):
        people += row.size
        if at and people > PEOPLE:
            return rows[:at], False
    return rows, len(rows) < _BATCHES


def _note_words(
    session: Session, campaigns: Sequence[int], pseudonyms: Pseudonyms, names: Names
) -> None:
    """Add everybody who may be in the words of these campaigns, with the first batch of each.

    An erasure replaces words after its batches, and does not end while one of these is left.
    """
    words = select(BATCH.c.id, CAMPAIGN.c.reference, CAMPAIGN.c.reason, CAMPAIGN.c.text).join_from(
        CAMPAIGN, BATCH, and_(BATCH.c.campaign_id == CAMPAIGN.c.id, BATCH.c.number == 1)
    )
    for batch_id, *texts in session.execute(words.where(CAMPAIGN.c.id.in_(campaigns))):
        for text in filter(None, texts):
            for name in pseudonyms.possible(text):
                names[name].add(batch_id)


def _note_people(
    session: Session, territories: Mapping[int, str], pseudonyms: Pseudonyms, names: Names
) -> None:
    """Add everybody who may be in these batches: by number, in a row, or in a consent."""
    rows = session.execute(
        select(RECIPIENT.c.batch_id, RECIPIENT.c.phone, RECIPIENT.c.fields, RECIPIENT.c.key).where(
            RECIPIENT.c.batch_id.in_(territories)
        )
    )
    for batch_id, phone, *texts in rows:
        if not is_pseudonym(phone):
            for name in pseudonyms.all_of(phone):
                names[name].add(batch_id)
        for text in filter(None, texts):
            for name in pseudonyms.possible(text, territories[batch_id]):
                names[name].add(batch_id)
    documents = select(CONSENTS.c.batch_id, CONSENTS.c.consents).where(
        CONSENTS.c.batch_id.in_(territories)
    )
    for batch_id, document in session.execute(documents):
        for text in words(document):
            for name in pseudonyms.possible(text, territories[batch_id]):
                names[name].add(batch_id)


def _erased(session: Session, names: Names) -> dict[str, set[int]]:
    found, rest = dict[str, set[int]](), iter(names)
    while some := list(islice(rest, _STRIDE)):
        found |= {name: names[name] for name in pseudonymous.erased_among(session, some)}
    return found
