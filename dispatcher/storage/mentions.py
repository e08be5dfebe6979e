"""Mentions of a number in somebody else's fields or key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from dispatcher.recipients.local_numbers import local_digits
from dispatcher.recipients.phones import territory_of
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.recipients.spellings import other_digits
from dispatcher.storage.tables import BATCH, CAMPAIGN, RECIPIENT


@dataclass(frozen=True, slots=True)
class Mentions:
    """The batches in which somebody's fields or key may have a number, and where it was sought."""

    batches: Collection[int] = ()
    #: the ids of all campaigns that were searched
    campaigns: Collection[int] = ()


NOWHERE: Final = Mentions()


def find(session: Session, phone: str) -> Mentions:
    """Where somebody's fields or key may have this number (E.164); in one snapshot."""
    words = (RECIPIENT.c.fields, RECIPIENT.c.key)
    written = may_hold(session, words, phone)
    batches = set(session.scalars(select(RECIPIENT.c.batch_id).where(written).distinct()))
    if digits := local_digits(phone):
        there = select(BATCH.c.id).where(BATCH.c.territory == territory_of(phone))
        local = select(RECIPIENT.c.batch_id).where(
            RECIPIENT.c.batch_id.in_(there), _holds(words, digits)
        )
        batches.update(session.scalars(local.distinct()))
    return Mentions(batches, session.scalars(select(CAMPAIGN.c.id)).all())


def may_hold(
    session: Session, words: Sequence[ColumnElement[Any]], phone: str, *, local: bool = False
) -> ColumnElement[bool]:
    """Condition: a column may have this number (E.164); ``local``: as it is dialled there, too."""
    # in digits of other scripts it may be any number: whose it is says the search in the text
    sqlite = session.get_bind().dialect.name == "sqlite"
    sign, other = ("GLOB", f"*[{other_digits()}]*") if sqlite else ("~", f"[{other_digits()}]")
    dialled = local_digits(phone) if local else ""
    spelled = [phone[-9:].lstrip("+"), *([dialled] if dialled else [])]
    return or_(
        *(_holds(words, digits) for digits in spelled), *(one.op(sign)(other) for one in words)
    )


def _holds(words: Sequence[ColumnElement[Any]], digits: str) -> ColumnElement[bool]:
    pattern = f"%{'%'.join(digits)}%"
    return or_(*(one.like(pattern) for one in words))


def shown(session: Session, phone: str) -> Iterator[tuple[str, str]]:
    """(column, its text) of all fields and keys of other people that have a number (E.164)."""
    pseudonyms = Pseudonyms("")  # to find a number needs no key
    only = {pseudonyms.newest_of(phone)}
    rows = (
        select(RECIPIENT.c.phone, RECIPIENT.c.fields, RECIPIENT.c.key, BATCH.c.territory)
        .join_from(RECIPIENT, BATCH, BATCH.c.id == RECIPIENT.c.batch_id)
        .order_by(RECIPIENT.c.batch_id, RECIPIENT.c.position)
    )
    for batch_id in sorted(find(session, phone).batches):
        its = session.execute(rows.where(RECIPIENT.c.batch_id == batch_id))
        for row in its:
            for column in ("fields", "key") if row.phone != phone else ():
                text = getattr(row, column)
                if text and pseudonyms.written(text, only, row.territory) != text:
                    yield column, text
