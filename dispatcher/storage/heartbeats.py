"""The ticks of beats, of commands, and of beats that do not say their name."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case, func, null, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.beats import FORGOTTEN, Beat
from dispatcher.storage import upsert
from dispatcher.storage.tables import Heartbeat


def record_tick(session: Session, beat: str | None, now: datetime) -> None:
    """Record a tick of a beat, or, without a name, of this host.

    An empty name is that of a hint, which no beat published: it is no sign of one.
    """
    if beat == "":
        return
    since = null() if beat is None else now
    # an upsert: of two first ticks at the same moment none may fail
    row = upsert.insert(session, Heartbeat).values(
        name=socket.gethostname() if beat is None else beat, at=now, since=since
    )
    began = case((Heartbeat.at < now - FORGOTTEN, row.excluded.since), else_=Heartbeat.since)
    session.execute(
        row.on_conflict_do_update(
            index_elements=["name"], set_={"at": row.excluded.at, "since": began}
        )
    )


def last_tick(session: Session) -> datetime | None:
    """The latest tick, apart from those that hints asked for."""
    return session.scalar(select(func.max(Heartbeat.at)))


def beats(session: Session, now: datetime) -> Sequence[Beat]:
    """The beats that have ticked lately."""
    rows = session.execute(
        select(Heartbeat.name, Heartbeat.since, Heartbeat.at).where(Heartbeat.at >= now - FORGOTTEN)
    )
    return [Beat(name, since, at) for name, since, at in rows if since is not None]
