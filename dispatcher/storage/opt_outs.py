"""The opt-out list: who said STOP, when, where and why."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import (
    ScalarSelect,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from dispatcher.storage import events
from dispatcher.storage.tables import (
    OPT_OUT,
    Meta,
    OptOut,
    OptOutEvent,
    named,
)


@dataclass(frozen=True, slots=True)
class OptOutEntry:
    """A number (E.164) that said STOP, where that came from, and since when (UTC)."""

    phone: str = field(repr=False)
    source: str
    since: datetime
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class OptOutChange:
    """What happened to an opt-out ("add", "remove"): when (UTC), from where, why and by whom."""

    at: datetime
    verb: str
    source: str
    reason: str = field(repr=False)
    actor: str


_SALT = "opt_out_salt"
_SYNCED = "stop_list_synced_at"
VERSION = "opt_outs_version"
#: the source of those who came from the gateway's own list
_FROM_GATEWAY = "gateway's STOP list"
#: numbers looked up by one query
_STRIDE = 500


def from_gateway(account: str) -> str:
    """The source of those who came from an account's STOP list at the gateway."""
    return f"{_FROM_GATEWAY} of {account}" if account else _FROM_GATEWAY


def add(
    session: Session,
    phones: Iterable[str],
    *,
    source: str,
    now: datetime,
    reason: str = "",
    actor: str = "dispatcher",
) -> int:
    """Add numbers (E.164); those already known, erased ones too, stay as they are.

    Returns how many are new.
    """
    new_row = _new_row(session)
    # in one order everywhere: two lists that are added at the same moment would lock each other
    rest = iter(sorted(set(phones)))
    added = 0
    while some := list(islice(rest, _STRIDE)):
        listed = known(session, some)
        rows = [
            {"phone": phone, "source": source, "created_at": now}
            for phone in some
            if phone not in listed
        ]
        if not rows:
            continue
        new = session.scalars(
            new_row(OptOut).on_conflict_do_nothing().returning(OptOut.phone), rows
        ).all()  # without those that somebody else was quicker to add
        if new:
            event = {"at": now, "source": source, "reason": reason, "actor": actor}
            session.execute(
                insert(OptOutEvent), [{"phone": phone, "verb": "add", **event} for phone in new]
            )
        added += len(new)
    if added:
        _touch(session)
        events.add(session, "opt_out_added", now=now, counts={"opt_outs": added})
    return added


def remove(
    session: Session,
    phone: str,
    *,
    reason: str,
    actor: str,
    now: datetime,
    source: str = "by hand",
) -> bool:
    """Take a number off the list, erased or not: its owner consented anew.

    ``source`` says where it was taken off. False when it is not on the list.
    """
    mine = OptOut.phone == phone
    if any_erased(session):
        mine = or_(mine, OptOut.digest == _digest(phone, _salt(session)))
    if not session.scalars(delete(OptOut).where(mine).returning(OptOut.id)).all():
        return False
    _note(session, phone, "remove", reason=reason, actor=actor, now=now, source=source)
    return True


def note_removal(
    session: Session, phone: str, *, reason: str, actor: str, now: datetime, source: str
) -> None:
    """Write down that a number was taken off a list that is not ours."""
    _note(session, phone, "remove", reason=reason, actor=actor, now=now, source=source)


def erase(session: Session, phone: str, *, actor: str, now: datetime) -> bool:
    """Forget a number and keep its hash, so that it is never texted. False when it is not listed.

    Reasons may tell of the person and go, too. The erasure itself is on record, of nobody.
    """
    erased = session.execute(
        update(OptOut)
        .where(OptOut.phone == phone)
        .values(phone=None, digest=_digest(phone, _salt(session)))
        .returning(OptOut.id)
    ).one_or_none()
    session.execute(
        update(OptOutEvent).where(OptOutEvent.phone == phone).values(phone=None, reason="")
    )
    if erased is None:
        return False
    _note(session, None, "erase", actor=actor, now=now)
    return True


def known(session: Session, phones: Collection[str]) -> set[str]:
    """Which of these numbers (E.164) have opted out."""
    erased = any_erased(session)
    found: set[str] = set()
    rest = iter(phones)
    while some := list(islice(rest, _STRIDE)):
        listed = session.scalars(select(OptOut.phone).where(OptOut.phone.in_(some)))
        found.update(phone for phone in listed if phone)
        if erased:
            salt = _salt(session)
            digests = {_digest(phone, salt): phone for phone in some}
            hashed = session.scalars(select(OptOut.digest).where(OptOut.digest.in_(digests)))
            found.update(digests[digest] for digest in hashed if digest)
    return found


def entries(session: Session) -> Iterator[OptOutEntry]:
    """The whole list, the oldest first; of erased numbers there is no trace."""
    why = (
        select(OptOutEvent.reason)
        .where(OptOutEvent.phone == OptOut.phone, OptOutEvent.verb == "add")
        .order_by(OptOutEvent.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(OptOut.phone, OptOut.source, OptOut.created_at, why)
        .where(OptOut.phone.is_not(None))
        .order_by(OptOut.created_at, OptOut.id)
    )
    for phone, source, since, reason in session.execute(query.execution_options(yield_per=1000)):
        yield OptOutEntry(phone=phone, source=source, since=since, reason=reason or "")


def erased(session: Session) -> int:
    """How many are on the list of whom only a hash is kept."""
    query = select(func.count()).select_from(OptOut).where(OptOut.digest.is_not(None))
    return session.scalar(query) or 0


def history(session: Session, phone: str) -> list[OptOutChange]:
    """What happened to a number (E.164), the oldest first; of an erased one, since then."""
    event = OptOutEvent
    told = select(event.at, event.verb, event.source, event.reason, event.actor)
    rows = session.execute(told.where(event.phone == phone).order_by(event.id))
    return [OptOutChange(*row) for row in rows]


def is_listed(session: Session, phone: str) -> bool:
    """Whether a number (E.164) is on the list by name: not erased."""
    return session.scalar(select(OptOut.id).where(OptOut.phone == phone)) is not None


def missing_in(session: Session, theirs: Collection[str], account: str) -> tuple[list[str], int]:
    """Our numbers that are not among ``theirs``, the oldest first; how many had come from there.

    ``theirs`` are those on the account's STOP list at the gateway.

    Of the erased nobody is told.
    """
    known_there = set(theirs)
    ours: list[str] = []
    lost = 0
    rows = session.execute(
        select(OptOut.phone, OptOut.source).where(OptOut.phone.is_not(None)).order_by(OptOut.id)
    )
    for phone, source in rows:
        if phone is not None and phone not in known_there:
            ours.append(phone)
            lost += source == from_gateway(account)
    return ours, lost


def due(session: Session, now: datetime, every: timedelta, account: str) -> bool:
    """Whether an account's STOP list at the gateway is to be read again."""
    value = session.scalar(select(Meta.value).where(Meta.name == named(_SYNCED, account)))
    return value is None or datetime.fromisoformat(value) + every <= now


def note_synced(session: Session, now: datetime, account: str) -> None:
    """Write down when an account's STOP list was last read: the next reading counts from it."""
    session.merge(Meta(name=named(_SYNCED, account), value=now.isoformat()))


def first_digest() -> ScalarSelect[Any]:
    """A subquery that is null while nobody on the list is erased."""
    # by the index, however long the list: IS NOT NULL would read all of it
    return select(func.min(OPT_OUT.c.digest)).scalar_subquery()


def any_erased(session: Session) -> bool:
    """Whether there is somebody on the list of whom only a hash is kept."""
    return session.scalar(select(first_digest())) is not None


def _touch(session: Session) -> None:
    """Give the list a new version; whoever does it at the same moment waits for the commit."""
    row = _new_row(session)(Meta).values(name=VERSION, value=secrets.token_hex(8))
    session.execute(
        row.on_conflict_do_update(index_elements=[Meta.name], set_={"value": row.excluded.value})
    )


def _new_row(session: Session) -> Any:
    """The INSERT of the database at hand that knows what to do with a conflict."""
    postgres = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert if postgres else sqlite.insert


def _salt(session: Session) -> bytes:
    value = session.scalar(select(Meta.value).where(Meta.name == _SALT))
    if value is None:
        value = secrets.token_hex(32)
        session.add(Meta(name=_SALT, value=value))
        session.flush()
    return bytes.fromhex(value)


def _digest(phone: str, salt: bytes) -> str:
    return hashlib.blake2b(phone.encode(), key=salt, digest_size=16).hexdigest()


def _note(
    session: Session,
    phone: str | None,
    verb: str,
    *,
    now: datetime,
    actor: str,
    reason: str = "",
    source: str = "by hand",
) -> None:
    facts = {"source": source, "reason": reason, "actor": actor}
    session.add(OptOutEvent(phone=phone, at=now, verb=verb, **facts))
