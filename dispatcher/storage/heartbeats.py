"""The sign of life of each host's tick."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from dispatcher.storage.tables import Heartbeat


def beat(session: Session, name: str, now: datetime) -> None:
    """Write down that ``name`` ticked."""
    # two first ticks at once must not fail one another
    shared = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert if shared else sqlite.insert
    beaten = insert(Heartbeat).values(name=name, at=now)
    session.execute(
        beaten.on_conflict_do_update(index_elements=["name"], set_={"at": beaten.excluded.at})
    )


def last(session: Session) -> datetime | None:
    """The latest tick of any host."""
    return session.scalar(select(func.max(Heartbeat.at)))
