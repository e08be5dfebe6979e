"""Numbers in texts that people and the gateway wrote: pseudonyms take their place.

Each distinct text is looked at once. Those of running campaigns stay: others still get them. The
record of actions never has a number: it is masked before it is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import product, zip_longest
from math import prod
from typing import Any, Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from dispatcher.campaigns.states import SeriesState
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.recipients.spellings import has_digits
from dispatcher.storage import pseudonymous
from dispatcher.storage.tables import (
    Campaign,
    Draft,
    Erasure,
    Series,
    Tester,
)

#: a campaign is looked for under at most so many references, if any people in it may be erased
_MOST: Final = 128
#: no two rows have the same in one of these
_UNIQUE: Final = (Campaign.reference, Draft.reference, Tester.name)


def found(
    session: Session,
    column: InstrumentedAttribute[Any],
    which: ColumnElement[bool] | None,
    pseudonyms: Pseudonyms,
    only: Collection[str] | None,
) -> dict[str, str]:
    """Text -> what it becomes, for those in which a number of ``only`` occurs."""
    query = select(column).where(column.is_not(None), *([] if which is None else [which]))
    texts = session.scalars(query.distinct().execution_options(yield_per=1000))
    changed = {}
    for text in texts:
        if has_digits(text):
            written = pseudonyms.written(text, only)
            if written != text:
                changed[text] = written
    return changed


def running(session: Session, pseudonyms: Pseudonyms, only: Collection[str]) -> set[str]:
    """Those of ``only`` whose number is in a text of a campaign or series that has not ended."""
    goes_on = Series.state != SeriesState.ENDED
    columns = (Series.text, Series.options, Series.source, Series.reading)
    texts = [
        *found(session, Campaign.text, Campaign.ended_at.is_(None), pseudonyms, only),
        *(text for one in columns for text in found(session, one, goes_on, pseudonyms, only)),
    ]
    return {name for text in texts for name in pseudonyms.possible(text) if name in only}


def replace(
    session: Session,
    column: InstrumentedAttribute[Any],
    which: ColumnElement[bool] | None,
    changed: dict[str, str],
) -> None:
    """Write the texts that ``found`` found."""
    for text, written in sorted(changed.items()):
        rows = update(column.class_).where(column == text, *([] if which is None else [which]))
        if column in _UNIQUE:
            written = unique(session, written, column)
        session.execute(rows.values({column.key: written}))
        if column is Draft.reference:  # its tests keep the name that their draft has
            tests = update(Campaign).where(Campaign.test_of == text)
            session.execute(tests.values(test_of=written))


def references(session: Session, reference: str) -> list[str]:
    """Under which references a campaign may be stored: erased people are replaced in them."""
    if not has_digits(reference):
        return [reference]
    pseudonyms = pseudonymous.current(session)
    if pseudonyms is None:
        return [reference]
    people = pseudonyms.among(reference)
    erased = select(Erasure.pseudonym).where(Erasure.pseudonym.in_(pseudonyms.possible(reference)))
    others = {*session.scalars(erased)}.difference(*people)
    # an erasure replaces one of the people in it, and retention all of them
    choices = [(None, *names) for names in (*people, *((name,) for name in sorted(others)))]
    some: Iterable[Sequence[str | None]] = product(*choices)
    if prod(map(len, choices)) > _MOST:
        under_one_key = zip_longest(*(names[1:] for names in choices))
        some = [(), *([name] for names in choices for name in names[1:]), *under_one_key]
    return list(dict.fromkeys(pseudonyms.written(reference, {*filter(None, it)}) for it in some))


def unique(
    session: Session, words: str, column: InstrumentedAttribute[Any] = Campaign.reference
) -> str:
    """The words; with a number behind them if two spellings of one number give the same."""
    taken, count = words, 1
    while session.scalar(select(column).where(column == taken)) is not None:
        count += 1
        taken = f"{words} ({count})"
    return taken
