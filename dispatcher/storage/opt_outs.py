"""The opt-out list: who said STOP, when, where and why."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, not_, or_, select, update
from sqlalchemy.orm import Session

from dispatcher.masking import PSEUDONYM
from dispatcher.storage import (
    contacts,
    events,
    locks,
    meta,
    opt_out_history,
    pseudonymous,
    upsert,
)
from dispatcher.storage.keys import MOST_PEOPLE
from dispatcher.storage.planner import is_one_of
from dispatcher.storage.tables import OPT_OUT, Meta, OptOut
from dispatcher.window.slots import PARIS

#: the source of opt-outs that a reply, a posted report or a status of the gateway tells
ANSWERED = "answered STOP"
#: the source of opt-outs of people who were not on the list when they were erased
ERASED = "erased"
#: the key of the hashes of an earlier version
_SALT = "opt_out_salt"
VERSION = "opt_outs_version"
#: numbers looked up by one query
_STRIDE = 500
#: a number and no pseudonym is on the list
LISTED = and_(OptOut.phone.is_not(None), not_(OptOut.phone.startswith(PSEUDONYM)))


def add(
    session: Session,
    phones: Iterable[str],
    *,
    source: str,
    now: datetime,
    reason: str = "",
    actor: str = "dispatcher",
    probable: bool = False,
    campaign_id: int | None = None,
    batch_id: int | None = None,
) -> int:
    """Add numbers (E.164); those already known, erased ones too, stay on the list.

    ``probable`` adds those about whom a person has to decide; adding them without it decides.
    A further source of a known number goes into its history. ``campaign_id``, or ``batch_id``, is
    what they answered. Returns how many are new.
    """
    add_rows = upsert.insert(session, OptOut).on_conflict_do_nothing().returning(OptOut.phone)

    def record(verb: str, phones: Collection[str | None]) -> None:
        opt_out_history.record(
            session, phones, verb, source=source, reason=reason, actor=actor, now=now
        )

    phones = set(phones)
    # sorted, because two lists added at the same moment would deadlock otherwise
    rest = iter(sorted(phones))
    added, first = 0, list[str]()
    while some := list(islice(rest, _STRIDE)):
        listed = opted_out(session, some, keep=True)
        rows = [
            {"phone": phone, "source": source, "created_at": now, "probable": probable}
            for phone in some
            if phone not in listed
        ]
        new: list[str | None] = []
        if rows:  # without those that another transaction adds
            new += session.scalars(add_rows, rows)
        if listed and not probable:
            new += _decide(session, listed, source)
            record("confirm", opt_out_history.unconfirmed(session, listed, source))
        record("add", new)
        added += len(new)
        first += filter(None, new[: MOST_PEOPLE - len(first)])
    if source == ANSWERED:
        contacts.heard(session, phones, now.astimezone(PARIS).date())
    if added:
        change_version(session)
    if added and not probable:
        ids = session.scalars(
            select(OptOut.id).where(is_one_of(OptOut.phone, first)).order_by(OptOut.id)
        )
        about: dict[str, Any] = {"campaign_id": campaign_id, "batch_id": batch_id}
        counts = {"opt_outs": added}
        events.add(session, "opt_out_added", now=now, counts=counts, opt_outs=ids.all(), **about)
    return added


def _decide(session: Session, phones: Collection[str], source: str) -> list[str | None]:
    """Make opt-outs of probable refusals; returns their numbers."""
    probable = update(OptOut).where(is_one_of(OptOut.phone, phones), OptOut.probable)
    decided = probable.values(probable=False, source=source).returning(OptOut.phone)
    return [*session.scalars(decided)]


def remove(
    session: Session,
    phone: str,
    *,
    reason: str,
    actor: str,
    now: datetime,
    source: str = "by hand",
    undecided: bool = False,
) -> bool:
    """Remove a number (E.164), erased or not, from the list: its owner has consented again.

    ``source`` says where it was removed. ``undecided`` removes a probable refusal and nothing else,
    as a STOP may decide meanwhile. False if it is not on the list.
    """
    mine: ColumnElement[bool] = OptOut.phone.in_(pseudonymous.names(session, [phone]))
    if any_hashed(session):
        mine = or_(mine, OptOut.digest == _digest(phone, _salt(session)))
    if undecided:
        mine = and_(mine, OptOut.probable)
    if not session.scalars(delete(OptOut).where(mine).returning(OptOut.id)).all():
        return False
    opt_out_history.record(
        session, [phone], "remove", reason=reason, actor=actor, now=now, source=source
    )
    change_version(session)
    return True


def erase(session: Session, phone: str, pseudonym: str, *, now: datetime) -> bool:
    """Replace a number (E.164) by its pseudonym, which is on the list from now on.

    The reasons in its history are deleted, because they may tell of the person. The caller changes
    the version of the list. False if the pseudonym was on it before.
    """
    locks.replies(session, alone=True)
    listed = session.scalar(select(OptOut.id).where(OptOut.phone == pseudonym)) is not None
    rows: ColumnElement[bool] = OptOut.phone == phone
    if any_hashed(session):
        rows = or_(rows, OptOut.digest == _digest(phone, _salt(session)))
    if listed:
        session.execute(delete(OptOut).where(rows))
    else:
        named = update(OptOut).where(rows).values(phone=pseudonym, digest=None, probable=False)
        if not session.scalars(named.returning(OptOut.id)).all():
            facts = {"source": ERASED, "created_at": now}
            session.execute(upsert.insert(session, OptOut).values(phone=pseudonym, **facts))
    opt_out_history.erase(session, phone, pseudonym)
    return not listed


def hashed(session: Session, phones: Collection[str]) -> list[str]:
    """Which of these numbers (E.164) an earlier version replaced by a hash of its own."""
    if not any_hashed(session):
        return []
    salt = _salt(session)
    digests = {_digest(phone, salt): phone for phone in phones}
    found = session.scalars(select(OptOut.digest).where(is_one_of(OptOut.digest, digests)))
    return [digests[digest] for digest in found if digest]


def make_version(session: Session) -> None:
    """Give the list a version if it has none, as after its tables were emptied."""
    _put_first(session, VERSION, secrets.token_hex(8))


def _put_first(session: Session, name: str, value: str) -> None:
    row = upsert.insert(session, Meta).values(name=name, value=value)
    session.execute(row.on_conflict_do_nothing())


def change_version(session: Session) -> None:
    """Give the list a new version. The row's lock makes other changes wait for our commit.

    Every claim locks and compares it. So whoever has written what a claim must respect, as the
    pause of everything, changes it: the claim is made again by what is committed then.
    """
    meta.put(session, VERSION, secrets.token_hex(8))


def opted_out(session: Session, phones: Collection[str], *, keep: bool = False) -> set[str]:
    """Which of these numbers (E.164) have opted out, erased people among them.

    ``keep`` keeps them on the list until the transaction ends. One whose removal is not committed
    yet still looks listed: its removal is waited for.
    """
    digest = select(func.min(OPT_OUT.c.digest)).scalar_subquery()
    erased, some_hashed = session.execute(select(pseudonymous.first_erased(), digest)).one()
    known = None if erased is None else pseudonymous.current(session)
    found: set[str] = set()
    rest = iter(phones)
    while some := list(islice(rest, _STRIDE)):
        names = known.names(some) if known else {phone: phone for phone in some}
        which = select(OptOut.phone).where(is_one_of(OptOut.phone, names))
        if keep:
            which = which.order_by(OptOut.id).with_for_update(read=True, key_share=True)
        found.update(names[phone] for phone in session.scalars(which) if phone)
        if some_hashed is not None:
            found.update(hashed(session, some))
    return found


def is_listed(session: Session, phone: str) -> bool:
    """True if a number (E.164) is on the list, for certain and not erased."""
    certain = select(OptOut.id).where(OptOut.phone == phone, not_(OptOut.probable))
    return session.scalar(certain) is not None


def first_erased() -> ColumnElement[Any]:
    """An expression that is null while nobody on the list is erased."""
    # min() reads one entry of the index; IS NOT NULL would read the whole list
    digest = select(func.min(OPT_OUT.c.digest)).scalar_subquery()
    return func.coalesce(pseudonymous.first_erased(), digest)


def any_erased(session: Session) -> bool:
    """True if anybody on the list is erased."""
    return session.scalar(select(first_erased())) is not None


def any_hashed(session: Session) -> bool:
    """True if an earlier version replaced any number by a hash, and nobody has met it since."""
    return session.scalar(select(func.min(OPT_OUT.c.digest))) is not None


def _salt(session: Session) -> bytes:
    value = meta.get(session, _SALT)
    if value is None:
        _put_first(session, _SALT, secrets.token_hex(32))  # or another erasure has
        value = meta.get(session, _SALT) or ""
    return bytes.fromhex(value)


def _digest(phone: str, salt: bytes) -> str:
    return hashlib.blake2b(phone.encode(), key=salt, digest_size=16).hexdigest()
