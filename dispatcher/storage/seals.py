"""Seals of the record of actions: added after the commit of an entry, and verified.

An entry is sealed in a transaction of its own, right after the one that wrote it: a lock that
lasted as long as that would let one slow transaction hold back every other action. What a process
did not come to seal, another does with its next entry, or with the next tick.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import exists, func, insert, select
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
_ENTRY: Final = tuple(ACTION.c[name] for name in Entry.__dataclass_fields__)
_SEAL: Final = (SEAL.c.number, SEAL.c.action_id, SEAL.c.hash)
_UNSEALED: Final = ~exists().where(SEAL.c.action_id == ACTION.c.id)


def add(session: Session, *, every: bool = False) -> int:
    """Seal the entries that have no seal; returns how many.

    Without ``every``, only those whose id is near to the last one.
    """
    wanted = select(*_ENTRY).where(_UNSEALED).order_by(ACTION.c.id)
    if not every:
        last = select(func.max(ACTION.c.id)).scalar_subquery()
        wanted = wanted.where(ACTION.c.id > last - _LATE)
    if session.execute(wanted.limit(1)).first() is None:
        return 0
    head = _locked_head(session)
    entries = [Entry(*row) for row in session.execute(wanted)]
    seals = list(record_chain.chained(entries, head))
    if seals:
        rows = [{"number": s.number, "action_id": s.entry_id, "hash": s.value} for s in seals]
        session.execute(insert(SEAL), rows)
        meta.put(session, _HEAD, str(seals[-1]))
    return len(seals)


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
