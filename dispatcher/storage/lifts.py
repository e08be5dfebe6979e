"""Lifts: a person's word that a number arrives. One row for each number; the last word counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.unreachable import Lift
from dispatcher.masking import masked
from dispatcher.storage import contacts, pseudonymous, screening, upsert
from dispatcher.storage.planner import is_one_of
from dispatcher.storage.tables import Lift as _Row


def add(session: Session, phone: str, lift: Lift) -> None:
    """Store a person's word about a number (E.164).

    Under the pseudonym where retention has replaced the number everywhere. A number in a reason is
    masked. Raises as ``pseudonymous.current``.
    """
    screening.hold_erasures(session)
    known = pseudonymous.current(session)
    if known is not None and contacts.unheld(session, [phone], lock=True):
        phone = known.newest_of(phone)
    _write(session, phone, Lift(at=lift.at, actor=masked(lift.actor), reason=masked(lift.reason)))


def of(session: Session, names: Mapping[str, str]) -> dict[str, Lift]:
    """Number -> the last word about it, by the names that rows may have."""
    found: dict[str, Lift] = {}
    rows = session.scalars(select(_Row).where(is_one_of(_Row.phone, names)).order_by(_Row.at))
    for row in rows:
        found[names[row.phone]] = Lift(at=row.at, actor=row.actor, reason=row.reason)
    return found


def erase(session: Session, phone: str) -> None:
    """Delete what was said of a number (E.164)."""
    session.execute(delete(_Row).where(_Row.phone == phone))


def replace(session: Session, names: Mapping[str, str]) -> None:
    """Put pseudonyms in place of these numbers (number -> pseudonym)."""
    for some in contacts.strides(names):
        gone = delete(_Row).where(is_one_of(_Row.phone, some)).returning(_Row)
        for row in session.scalars(gone).all():
            lift = Lift(at=row.at, actor=row.actor, reason=row.reason)
            _write(session, names[row.phone], lift)


def among(session: Session, phones: Collection[str]) -> list[str]:
    """Those of these numbers of which something was said."""
    found: list[str] = []
    for some in contacts.strides(phones):
        found += session.scalars(select(_Row.phone).where(is_one_of(_Row.phone, some)))
    return found


def _write(session: Session, name: str, lift: Lift) -> None:
    row = upsert.insert(session, _Row)
    values = {"at": lift.at, "actor": lift.actor, "reason": lift.reason}
    session.execute(
        row.values(phone=name, **values).on_conflict_do_update(
            index_elements=[_Row.phone],
            set_={column: row.excluded[column] for column in values},
            where=_Row.at <= row.excluded.at,
        )
    )
