"""Pseudonyms in the database: whether there are any, and whether the key is still theirs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session

from dispatcher.errors import StorageError
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage import meta, upsert
from dispatcher.storage.pseudonym_key import PseudonymKey
from dispatcher.storage.tables import ERASURE, OPT_OUT, Meta

#: the row of ``meta`` with the check of the key; there is none before its first use
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


def current(session: Session) -> Pseudonyms | None:
    """The pseudonyms in use; None if the key was never used.

    Raises StorageError if the key is lost, unreadable or another one.
    """
    check = meta.get(session, CHECK)
    return None if check is None else checked(session, check)


def checked(session: Session, check: str) -> Pseudonyms:
    """The pseudonyms under the key with this check. Raises as ``current``."""
    key = key_of(session)
    found = key.found()
    if found is None:
        raise StorageError(_LOST + ("" if key.file is None else f", or restore {key.file.name}"))
    if found.check != check:
        raise StorageError(_WRONG)
    return found


def begin(session: Session) -> Pseudonyms:
    """The pseudonyms, to store some: the first use makes the key and records its check.

    Raises ConfigurationError if a key is needed, and as ``current``.
    """
    check = meta.get(session, CHECK)
    if check is None:
        made = key_of(session).made()
        row = upsert.insert(session, Meta).values(name=CHECK, value=made.check)
        session.execute(row.on_conflict_do_nothing())
        check = meta.get(session, CHECK) or ""  # another process may have come first
    return checked(session, check)


def names(session: Session, phones: Iterable[str]) -> dict[str, str]:
    """Under which names rows may have these numbers (E.164): name -> number.

    Beside the number itself its pseudonym, if anybody was ever erased. Raises as ``current``.
    """
    found = {phone: phone for phone in phones}
    if session.scalar(select(first_erased())) is not None and (known := current(session)):
        found |= {known.of(phone): phone for phone in [*found]}
    return found


def first_erased() -> ScalarSelect[Any]:
    """A subquery that is null while nobody was ever erased."""
    return select(func.min(ERASURE.c.pseudonym)).scalar_subquery()


def erased_among(session: Session, pseudonyms: Collection[str]) -> set[str]:
    """Which of these pseudonyms (at most 500) are of erased people who have not consented anew."""
    erased = select(OPT_OUT.c.phone).where(OPT_OUT.c.phone.in_(pseudonyms))
    return set(session.scalars(erased))


def key_of(session: Session) -> PseudonymKey:
    """The key of the session's database."""
    key: PseudonymKey = session.info[KEY]
    return key
