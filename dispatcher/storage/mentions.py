"""Mentions of a number in somebody else's fields or key, or where consents come from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, case, false, or_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.consent import words
from dispatcher.recipients.local_numbers import local_digits
from dispatcher.recipients.phones import territory_of
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.recipients.spellings import no_digits, other_digits
from dispatcher.storage.tables import BATCH, CAMPAIGN, CONSENTS, RECIPIENT


@dataclass(frozen=True, slots=True)
class Mentions:
    """The batches in which somebody's row or consent may have a number; where it was sought."""

    batches: Collection[int] = ()
    #: the ids of all campaigns that were searched
    campaigns: Collection[int] = ()


NOWHERE: Final = Mentions()


def find(session: Session, phone: str) -> Mentions:
    """Where somebody's fields, key or consent may have this number (E.164); in one snapshot."""
    texts = (RECIPIENT.c.fields, RECIPIENT.c.key)
    written = may_hold(session, texts, phone)
    batches = set(session.scalars(select(RECIPIENT.c.batch_id).where(written).distinct()))
    if digits := local_digits(phone):
        there = select(BATCH.c.id).where(BATCH.c.territory == territory_of(phone))
        local = select(RECIPIENT.c.batch_id).where(
            RECIPIENT.c.batch_id.in_(there), _holds(texts, digits)
        )
        batches.update(session.scalars(local.distinct()))
    batches.update(batch_id for batch_id, _ in _in_consents(session, phone))
    return Mentions(batches, session.scalars(select(CAMPAIGN.c.id)).all())


def may_hold(
    session: Session, words: Sequence[ColumnElement[Any]], phone: str, *, local: bool = False
) -> ColumnElement[bool]:
    """Condition: a column may have this number (E.164); ``local``: as it is dialled there, too."""
    # in digits of other scripts it may be any number: whose it is says the search in the text
    other = _in_glob if session.get_bind().dialect.name == "sqlite" else _in_pattern
    dialled = local_digits(phone) if local else ""
    spelled = [phone[-9:].lstrip("+"), *([dialled] if dialled else [])]
    return or_(*(_holds(words, digits) for digits in spelled), *map(other, words))


def _in_pattern(words: ColumnElement[Any]) -> ColumnElement[bool]:
    """Condition: a column has digits of other scripts (PostgreSQL)."""
    return words.op("~")(f"[{other_digits()}]")


def _in_glob(words: ColumnElement[Any]) -> ColumnElement[bool]:
    """Condition: a column has digits of other scripts (SQLite).

    SQLite compares each character with each range of a set. So texts in Latin are sorted out by a
    set of one range, and nearly all others by a few ranges, before the digits of all scripts come.
    """
    latin, rest = no_digits()[:3], no_digits()
    sets = f"^{latin}", f"^{rest}", other_digits()
    first, second, third = (words.op("GLOB")(f"*[{one}]*") for one in sets)
    return case((first, case((second, third), else_=false())), else_=false())


def _holds(words: Sequence[ColumnElement[Any]], digits: str) -> ColumnElement[bool]:
    pattern = f"%{'%'.join(digits)}%"
    return or_(*(one.like(pattern) for one in words))


def shown(session: Session, phone: str) -> Iterator[tuple[str, str, str]]:
    """(table, column, its text) of what others' rows and all consents have of a number (E.164)."""
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
                    yield RECIPIENT.name, column, text
    for text in sorted({text for _, text in _in_consents(session, phone)}):
        yield CONSENTS.name, "consents", text


def _in_consents(session: Session, phone: str) -> Iterator[tuple[int, str]]:
    """(batch, source or wording) of all consents that have a number (E.164)."""
    pseudonyms = Pseudonyms("")  # to find a number needs no key
    only = {pseudonyms.newest_of(phone)}

    @cache  # a campaign has few sources and wordings
    def names(text: str, territory: str) -> bool:
        return pseudonyms.written(text, only, territory) != text

    rows = select(CONSENTS.c.batch_id, CONSENTS.c.consents, BATCH.c.territory).join_from(
        CONSENTS, BATCH, BATCH.c.id == CONSENTS.c.batch_id
    )
    for batch_id, document, territory in session.execute(rows.execution_options(yield_per=100)):
        yield from ((batch_id, text) for text in words(document) if names(text, territory))
