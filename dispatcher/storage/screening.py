"""Screening: erased people whom a list brings that is stored during their erasure, or after it.

An erasure finds a person in all campaigns that are committed when it begins. A submission marks its
campaign, right before it commits, if anybody was erased. A lock makes one wait for the other, so
that neither misses the other. Ticks read marked campaigns, a few batches at a time and without a
lock on any row; whoever is found is added to what the erasure has left to do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from dispatcher.masking import is_pseudonym
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage import pseudonymous
from dispatcher.storage.locks import in_order
from dispatcher.storage.tables import BATCH, CAMPAIGN, RECIPIENT

#: batches of one step
BATCHES: Final = 20
#: names looked up by one query
_STRIDE: Final = 500
#: PostgreSQL's number of the lock: any, but of this product alone
_LOCK: Final = 0x5C4EE9ED
#: a campaign is marked
MARKED: Final = CAMPAIGN.c.screened_to.is_not(None)
ANY: Final = exists(select(CAMPAIGN.c.id).where(MARKED))


@dataclass(frozen=True, slots=True)
class Step:
    """A few batches of a marked campaign, and who was found in them."""

    campaign_id: int
    #: the numbers of the last batches that were read before this step, and in it; None: all
    start: int
    end: int | None
    #: pseudonym -> ids of batches in which the person is to be replaced
    found: Mapping[str, set[int]] = field(repr=False)


def exclude_submissions(session: Session) -> None:
    """Let no submission commit until this transaction ends, which records an erasure."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def mark(session: Session, campaign_id: int) -> None:
    """Mark a campaign that is about to be committed, if anybody was erased.

    An erasure that has begun is waited for; one that comes later waits, and finds the campaign.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))
    erased = pseudonymous.first_erased().is_not(None)
    its = update(CAMPAIGN).where(CAMPAIGN.c.id == campaign_id, erased)
    session.execute(its.values(screened_to=0))


def mark_others(session: Session, known: Iterable[int]) -> None:
    """Mark all campaigns but the ``known`` ones, in which the person was looked for."""
    new = set(session.scalars(select(CAMPAIGN.c.id))).difference(known)
    if new:
        rows = in_order(CAMPAIGN, CAMPAIGN.c.id.in_(new))
        session.execute(update(CAMPAIGN).where(rows).values(screened_to=0))


def step(session: Session) -> Step | None:
    """Look for erased people in the next batches of a marked campaign; None without one.

    Raises StorageError if the key of the pseudonyms is lost or another one.
    """
    words = (CAMPAIGN.c.reference, CAMPAIGN.c.reason, CAMPAIGN.c.text)
    campaigns = select(CAMPAIGN.c.id, CAMPAIGN.c.screened_to, *words).where(MARKED)
    campaign = session.execute(campaigns.order_by(CAMPAIGN.c.id).limit(1)).one_or_none()
    if campaign is None:
        return None
    batches = session.execute(
        select(BATCH.c.id, BATCH.c.number, BATCH.c.territory)
        .where(BATCH.c.campaign_id == campaign.id, BATCH.c.number > campaign.screened_to)
        .order_by(BATCH.c.number)
        .limit(BATCHES)
    ).all()
    end = batches[-1].number if len(batches) == BATCHES else None
    pseudonyms = pseudonymous.current(session)
    names: dict[str, set[int]] = defaultdict(set)
    if pseudonyms is not None and batches:
        if campaign.screened_to == 0:
            for text in filter(None, campaign[2:]):
                for name in pseudonyms.possible(text):
                    names[name].add(batches[0].id)
        _note_people(session, {row.id: row.territory for row in batches}, pseudonyms, names)
    return Step(campaign.id, campaign.screened_to, end, _erased(session, names))


def record(session: Session, done: Step) -> bool:
    """Record a step, whose people the caller adds to their erasures; False if another was first."""
    its = (CAMPAIGN.c.id == done.campaign_id, CAMPAIGN.c.screened_to == done.start)
    moved = update(CAMPAIGN).where(*its).values(screened_to=done.end).returning(CAMPAIGN.c.id)
    return session.scalar(moved) is not None


def _note_people(
    session: Session,
    territories: Mapping[int, str],
    pseudonyms: Pseudonyms,
    names: dict[str, set[int]],
) -> None:
    """Add everybody who may be in these batches: by number, or in somebody's fields or key."""
    rows = session.execute(
        select(RECIPIENT.c.batch_id, RECIPIENT.c.phone, RECIPIENT.c.fields, RECIPIENT.c.key).where(
            RECIPIENT.c.batch_id.in_(territories)
        )
    )
    for batch_id, phone, *texts in rows:
        if not is_pseudonym(phone):
            names[pseudonyms.of(phone)].add(batch_id)
        for text in filter(None, texts):
            for name in pseudonyms.possible(text, territories[batch_id]):
                names[name].add(batch_id)


def _erased(session: Session, names: Mapping[str, set[int]]) -> dict[str, set[int]]:
    found, rest = dict[str, set[int]](), iter(names)
    while some := list(islice(rest, _STRIDE)):
        found |= {name: names[name] for name in pseudonymous.erased_among(session, some)}
    return found
