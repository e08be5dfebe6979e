"""The sign of life of each host's tick."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from dispatcher.storage.tables import Heartbeat


def beat(session: Session, name: str, now: datetime) -> None:
    """Write down that ``name`` ticked."""
    beaten = session.execute(
        update(Heartbeat).where(Heartbeat.name == name).values(at=now).returning(Heartbeat.name)
    ).one_or_none()
    if beaten is None:
        session.merge(Heartbeat(name=name, at=now))


def last(session: Session) -> datetime | None:
    """The latest tick of any host."""
    return session.scalar(select(func.max(Heartbeat.at)))
