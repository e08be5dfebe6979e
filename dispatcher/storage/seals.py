"""Seals of the record of actions: added after the commit of an entry, and verified.

An entry is sealed in a transaction of its own, right after the one that wrote it: a lock that
lasted as long as that would let one slow transaction hold back every other action. What a process
did not come to seal, another does with its next entry, or a tick: each looks through some ids, and
all ticks together through all of them, again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, func, insert, literal, or_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns import record_chain
from dispatcher.campaigns.record_chain import Entry, Seal
from dispatcher.storage import meta, upsert
from dispatcher.storage.tables import ACTION, META, SEAL, Meta

#: of ``session.info``: set by a transaction that wrote an entry
NOTED: Final = "noted"
#: the row of ``meta`` with the last seal; whoever adds one locks it
_HEAD: Final = "record_head"
#: an entry this many ids behind the last one may still be committed by a slow transaction
_LATE: Final = 200
#: ids that a tick looks through, and the most entries of one transaction
STRIDE: Final = 1000
_ENTRY: Final = tuple(ACTION.c[name] for name in Entry.__dataclass_fields__)
_SEAL: Final = (SEAL.c.number, SEAL.c.action_id, SEAL.c.hash)
_UNSEALED: Final = ~exists().where(SEAL.c.action_id == ACTION.c.id)


def add(session: Session, *, turn: int | None = None) -> None:
    """Seal the entries that have no seal and whose id is near to the last one.

    With a ``turn`` some other ids are looked through, too: with the next turn the next ``STRIDE``
    of them, and after the last ones the first again.
    """
    last = func.coalesce(select(func.max(ACTION.c.id)).scalar_subquery(), 0)
    looked_at = ACTION.c.id > last - _LATE
    if turn is not None:
        first = literal(turn) % (last // STRIDE + 1) * STRIDE
        looked_at = or_(looked_at, and_(ACTION.c.id >= first, ACTION.c.id < first + STRIDE))
    _seal(session, looked_at)


def add_rest(session: Session, after: int = 0) -> list[int]:
    """Seal the first entries behind the id ``after`` that have no seal; returns their ids.

    At most ``STRIDE``: with fewer, nothing is left.
    """
    return _seal(session, ACTION.c.id > after)


def _seal(session: Session, looked_at: ColumnElement[bool]) -> list[int]:
    wanted = select(*_ENTRY).where(_UNSEALED, looked_at).order_by(ACTION.c.id).limit(STRIDE)
    if session.execute(wanted.limit(1)).first() is None:
        return []
    head = _locked_head(session)
    entries = [Entry(*row) for row in session.execute(wanted)]
    seals = list(record_chain.chained(entries, head))
    if seals:
        rows = [{"number": s.number, "action_id": s.entry_id, "hash": s.value} for s in seals]
        session.execute(insert(SEAL), rows)
        meta.put(session, _HEAD, str(seals[-1]))
    return [one.entry_id for one in seals]


def broken(session: Session, known: Seal | None = None) -> Iterator[str]:
    """What is wrong with the record, a sentence for each entry altered or missing.

    ``known`` is a seal that was written down elsewhere.
    """
    last = head(session)  # before the rows: others may seal while they are read
    query = select(*_SEAL, *_ENTRY).outerjoin_from(SEAL, ACTION, ACTION.c.id == SEAL.c.action_id)
    rows = session.execute(query.order_by(SEAL.c.number), execution_options={"yield_per": 1000})
    sealed = ((Seal(*row[:3]), Entry(*row[3:]) if row[3] is not None else None) for row in rows)
    yield from record_chain.broken(sealed, last, known)


def head(session: Session) -> Seal | None:
    """The last seal, as it was written down when it was added; None without an entry."""
    value = meta.get(session, _HEAD)
    return Seal.of(value) if value else None


def _locked_head(session: Session) -> Seal | None:
    first = upsert.insert(session, Meta).values(name=_HEAD, value="")
    session.execute(first.on_conflict_do_nothing())
    value = session.scalar(select(META.c.value).where(META.c.name == _HEAD).with_for_update())
    return Seal.of(value) if value else None
