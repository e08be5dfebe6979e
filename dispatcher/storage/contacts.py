"""Last contacts: one row for each person whose application names one; the newest date wins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from dispatcher.storage import pseudonymous, upsert
from dispatcher.storage.planner import is_one_of
from dispatcher.storage.tables import RECIPIENT, Contact

#: people of one query
_STRIDE = 500


def write(session: Session, days: Mapping[str, date]) -> list[str]:
    """Store the days of numbers or pseudonyms (at most 500) where they are newer; returns these."""
    query = select(Contact.phone, Contact.at).where(is_one_of(Contact.phone, days))
    known = {row.phone: row.at for row in session.execute(query)}
    # sorted, because two that write the same people in another order would deadlock
    newer = sorted(name for name, day in days.items() if known.get(name, date.min) < day)
    if newer:
        row = upsert.insert(session, Contact)
        stored = row.on_conflict_do_update(
            index_elements=[Contact.phone],
            set_={"at": row.excluded.at},
            where=Contact.at < row.excluded.at,
        )
        session.execute(stored, [{"phone": name, "at": days[name]} for name in newer])
    return newer


def heard(session: Session, phones: Collection[str], day: date) -> None:
    """Note a sign of life of people (E.164, or pseudonyms); of whom nothing is stored, nothing is.

    A row that another transaction has locked is left as it is: no STOP waits for a list. The STOP
    and the reply are signs of life themselves for as long as they are stored. Raises StorageError
    for a lost or wrong pseudonym key.
    """
    known = pseudonymous.current(session)
    names = known.names(phones) if known else phones
    for some in strides(names):
        theirs = select(Contact.phone).where(is_one_of(Contact.phone, some), Contact.at < day)
        theirs = theirs.with_for_update(skip_locked=True)
        session.execute(update(Contact).where(Contact.phone.in_(theirs)).values(at=day))


def replace(session: Session, names: Mapping[str, str], *, skip_locked: bool = False) -> None:
    """Put pseudonyms in place of these numbers (number -> pseudonym)."""
    days: dict[str, date] = {}
    for some in strides(names):
        theirs = select(Contact.phone).where(is_one_of(Contact.phone, some)).order_by(Contact.phone)
        mine = Contact.phone.in_(theirs.with_for_update(skip_locked=skip_locked))
        gone = delete(Contact).where(mine).returning(Contact.phone, Contact.at)
        days |= {names[row.phone]: row.at for row in session.execute(gone)}
    for some in strides(days):
        write(session, {name: days[name] for name in some})


def lock(session: Session, phones: Collection[str]) -> list[str]:
    """Those of these numbers of whom a day is stored, locked in the order of numbers."""
    found: list[str] = []
    for some in strides(phones):
        known = select(Contact.phone).where(is_one_of(Contact.phone, some)).order_by(Contact.phone)
        found += session.scalars(known.with_for_update())
    return found


def unheld(session: Session, phones: Collection[str], *, lock: bool = False) -> list[str]:
    """Those of these numbers that no recipient has; with ``lock`` the others keep theirs."""
    query = select(RECIPIENT.c.phone)
    held: set[str] = set()
    for some in strides(phones):
        theirs = query.where(is_one_of(RECIPIENT.c.phone, some))
        held.update(session.scalars(theirs.with_for_update(read=True) if lock else theirs))
    return [phone for phone in phones if phone not in held]


def strides(names: Iterable[str]) -> Iterator[list[str]]:
    """The names, at most 500 at a time, sorted: two that lock them in another order deadlock."""
    ordered = sorted(set(names))
    for start in range(0, len(ordered), _STRIDE):
        yield ordered[start : start + _STRIDE]
