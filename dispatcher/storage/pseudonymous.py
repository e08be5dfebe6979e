"""Pseudonyms in the database: whether there are any, and whether their keys are at hand.

The check of each key goes into the database when the first pseudonym is made under it. From then
on that key is needed: a process that lacks it sends nothing, because erased people could be texted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session

from dispatcher.errors import UnusableKey
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage import meta, upsert
from dispatcher.storage.planner import is_one_of
from dispatcher.storage.pseudonym_key import PseudonymKey
from dispatcher.storage.tables import ERASURE, OPT_OUT, Meta

#: the row of ``meta`` with the checks of the keys, in the order of their first use
CHECK: Final = "pseudonym_key_check"
#: under which name a session has its ``PseudonymKey``
KEY: Final = "pseudonym_key"
_LOST: Final = (
    "the pseudonym key is missing: nothing is sent without it, because erased people could not be"
    " recognised: set DISPATCHER_PSEUDONYM_KEY as it was"
)
_WRONG: Final = (
    "the pseudonym key is not the one that erased people are stored under: nothing is sent before"
    " DISPATCHER_PSEUDONYM_KEY is as it was"
)
_ONE_LOST: Final = (
    "a pseudonym key is missing that erased people are stored under: nothing is sent before"
    " DISPATCHER_PSEUDONYM_KEY has it again, on a line below the newest"
)


def current(session: Session) -> Pseudonyms | None:
    """The pseudonyms in use; None if no key was ever used.

    Raises StorageError if a key is lost, unreadable or another one.
    """
    checks = needed(session)
    return checked(session, checks) if checks else None


def checked(session: Session, checks: Collection[str]) -> Pseudonyms:
    """The pseudonyms under the keys, which must have these checks. Raises as ``current``."""
    key = key_of(session)
    found = key.found()
    if found is None:
        raise UnusableKey(_LOST + ("" if key.file is None else f", or restore {key.file.name}"))
    if lost := set(checks).difference(found.checks):
        raise UnusableKey(_WRONG if len(lost) == len(checks) else _ONE_LOST)
    return found


def begin(session: Session) -> Pseudonyms:
    """The pseudonyms, to store some: the first use makes the key and records its check.

    Raises ConfigurationError if a key is needed, and as ``current``.
    """
    checks = needed(session)
    found = checked(session, checks) if checks else key_of(session).made()
    if found.check not in checks:
        # another process may have come first, with another key
        found = checked(session, _record(session, found.check))
    return found


def adopt(session: Session, checks: Collection[str]) -> bool:
    """Need the keys with these checks from now on, too; False if one of them is not at hand.

    Raises as ``begin``.
    """
    if not set(checks).issubset(begin(session).checks):
        return False
    for check in checks:
        _record(session, check)
    return True


def lost(session: Session) -> int:
    """How many keys are missing that pseudonyms were made under. Raises ``StorageError``."""
    found = key_of(session).found()
    return len(set(needed(session)).difference(found.checks if found else ()))


def forget_lost(session: Session) -> Pseudonyms:
    """Need the keys that are missing no longer; with SQLite a key is made if there is none.

    Raises ConfigurationError if a new key is needed, and StorageError.
    """
    found = key_of(session).made()
    checks = [check for check in _locked(session) if check in found.checks]
    meta.put(session, CHECK, " ".join(checks))
    return begin(session)


def others(session: Session, pseudonyms: Pseudonyms) -> list[str]:
    """The checks of the keys in use beside the newest one of these."""
    return [check for check in needed(session) if check != pseudonyms.check]


def needed(session: Session) -> list[str]:
    """The checks of the keys that pseudonyms were made under."""
    return (meta.get(session, CHECK) or "").split()


def _locked(session: Session) -> list[str]:
    """The same; another transaction that changes them waits for our end."""
    row = upsert.insert(session, Meta).values(name=CHECK, value="")
    session.execute(row.on_conflict_do_nothing())
    mine = select(Meta.value).where(Meta.name == CHECK).with_for_update()
    return (session.scalar(mine) or "").split()


def _record(session: Session, check: str) -> list[str]:
    """Record that a key is in use; returns the checks of all that are."""
    checks = list(dict.fromkeys([*_locked(session), check]))
    meta.put(session, CHECK, " ".join(checks))
    return checks


def names(session: Session, phones: Iterable[str]) -> dict[str, str]:
    """Under which names rows may have these numbers (E.164): name -> number.

    Beside the number itself its pseudonyms, if anybody was ever erased. Raises as ``current``.
    """
    if session.scalar(select(first_erased())) is not None and (known := current(session)):
        return known.names(phones)
    return {phone: phone for phone in phones}


def all_names(session: Session, checks: Collection[str], phones: Collection[str]) -> dict[str, str]:
    """The same, with the pseudonyms that retention made under the keys with these checks.

    Raises as ``current``.
    """
    return checked(session, checks).names(phones) if checks else {phone: phone for phone in phones}


def name(session: Session, pseudonyms: Pseudonyms, phone: str) -> str:
    """The pseudonym that a number (E.164) was erased under, else the one that it gets."""
    those = pseudonyms.all_of(phone)
    before = set(session.scalars(select(ERASURE.c.pseudonym).where(ERASURE.c.pseudonym.in_(those))))
    return pseudonyms.one_of(phone, before) or those[0]


def first_erased() -> ScalarSelect[Any]:
    """A subquery that is null while nobody was ever erased."""
    return select(func.min(ERASURE.c.pseudonym)).scalar_subquery()


def erased_among(session: Session, pseudonyms: Collection[str]) -> set[str]:
    """Which of these pseudonyms (of at most 500 people) are of erased people on the list."""
    erased = select(OPT_OUT.c.phone).where(is_one_of(OPT_OUT.c.phone, pseudonyms))
    return set(session.scalars(erased))


def key_of(session: Session) -> PseudonymKey:
    """The key of the session's database."""
    key: PseudonymKey = session.info[KEY]
    return key
