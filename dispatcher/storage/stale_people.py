"""People without a sign of life for long, by the last contacts that their application names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, not_, select
from sqlalchemy.orm import Session

from dispatcher.masking import PSEUDONYM, is_pseudonym
from dispatcher.storage import contacts, keys, opt_outs, pseudonymous, screening
from dispatcher.storage.planner import is_one_of
from dispatcher.storage.tables import RECIPIENT, Contact, OptOut, Reply
from dispatcher.window.slots import PARIS

#: people of one query
STRIDE = 500


@dataclass(frozen=True, slots=True)
class StalePerson:
    """A number (E.164), the day of the last contact (Paris), and the caller's own keys.

    ``keys`` are ten at most, the newest first.
    """

    phone: str = field(repr=False)
    last_contact: date
    keys: tuple[str, ...] = field(default=(), repr=False)


def note(session: Session, *groups: Mapping[str, date], again: bool = False) -> None:
    """Store the last contacts of recipients (E.164), erased ones as pseudonyms.

    Groups of at most 500, in the order of numbers. ``again`` says that retention may have replaced
    the recipients: whose number no recipient has is stored as a pseudonym, too. Erasures wait for
    the transaction, which should be short. Raises StorageError for a lost or wrong pseudonym key.
    """
    written = [name for days in groups for name in contacts.write(session, days)]
    if written:
        screening.hold_erasures(session)
    known = pseudonymous.current(session) if written else None
    if known is None:
        return
    phones = [name for name in written if not is_pseudonym(name)]
    gone: dict[str, str] = {}
    for some in contacts.strides(phones):
        names = known.names(some)
        listed = pseudonymous.erased_among(session, names)  # numbers that opted out, too
        gone |= {names[name]: name for name in listed if name != names[name]}
    if again:
        for phone in contacts.unheld(session, phones, lock=True):
            gone.setdefault(phone, known.newest_of(phone))
    contacts.replace(session, gone)


def contacted(session: Session, phone: str, day: date) -> bool:
    """Store the last contact of a number (E.164); False if nobody of any campaign has it.

    Raises StorageError for a lost or wrong pseudonym key.
    """
    screening.hold_erasures(session)  # first: an erasure waits for rows of pseudonyms
    known = pseudonymous.current(session)
    names = [phone] if known is None else [phone, *known.all_of(phone)]
    for name in names:
        if session.execute(select(RECIPIENT.c.phone).where(RECIPIENT.c.phone == name)).first():
            note(session, {name: day}, again=True)
            return True
    return False


def newest(session: Session) -> date | None:
    """The newest of all last contacts."""
    return session.scalar(select(func.max(Contact.at)))


def without_sign(session: Session, before: date) -> Iterator[StalePerson]:
    """Who has given no sign of life since ``before``, that day included, in the order of numbers.

    People under a pseudonym are left out: their numbers are stored no more. Stored replies and
    STOPs count, too.
    """
    query = (
        select(Contact.phone, Contact.at)
        .where(Contact.at <= before, not_(Contact.phone.startswith(PSEUDONYM)))
        .order_by(Contact.phone)
    )
    known = pseudonymous.current(session)
    for some in session.execute(query.execution_options(yield_per=STRIDE)).partitions(STRIDE):
        days = {row.phone: row.at for row in some}
        names = {phone: phone for phone in days}
        if known is not None:
            names = known.names(days)
        alive = {names[name] for name in _heard_of(session, [*names], before)}
        silent = [phone for phone in days if phone not in alive]
        their_keys = keys.of_people(session, silent)
        for phone in silent:
            yield StalePerson(phone, days[phone], their_keys.get(phone, ()))


def _heard_of(session: Session, names: Sequence[str], before: date) -> set[str]:
    """Those of these numbers and pseudonyms that were heard of after ``before``."""
    since = datetime.combine(before + timedelta(days=1), time(), PARIS)
    queries = (
        select(Contact.phone).where(is_one_of(Contact.phone, names), Contact.at > before),
        select(Reply.phone).where(
            is_one_of(Reply.phone, names), func.coalesce(Reply.at, Reply.received_at) >= since
        ),
        select(OptOut.phone).where(
            is_one_of(OptOut.phone, names),
            OptOut.source == opt_outs.ANSWERED,
            OptOut.created_at >= since,
        ),
    )
    return {name for query in queries for name in session.scalars(query) if name}
