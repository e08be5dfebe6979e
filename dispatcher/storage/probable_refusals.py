"""People whose replies may be a refusal: on the opt-out list until a person decides."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.records import ProbableRefusal
from dispatcher.storage.tables import OptOut, Reply

#: the source of the opt-outs about which nobody has decided
SOURCE = "probable refusal"
_TEXT = (
    select(Reply.text)
    .where(Reply.phone == OptOut.phone, Reply.probable, Reply.whole_id.is_(None))
    .order_by(Reply.id.desc())
    .limit(1)
    .scalar_subquery()
)


def undecided(session: Session) -> list[ProbableRefusal]:
    """Those about whom a person has to decide, the oldest first."""
    rows = session.execute(
        select(OptOut.phone, OptOut.created_at, func.coalesce(_TEXT, ""))
        .where(OptOut.probable)
        .order_by(OptOut.created_at, OptOut.id)
    )
    return [ProbableRefusal(phone=phone or "", since=at, text=text) for phone, at, text in rows]


def count(session: Session) -> int:
    """How many there are."""
    return session.scalar(select(func.count()).where(OptOut.probable)) or 0


def is_undecided(session: Session, phone: str) -> bool:
    """True if a person has to decide about this number (E.164)."""
    mine = select(OptOut.id).where(OptOut.phone == phone, OptOut.probable)
    return session.scalar(mine) is not None
