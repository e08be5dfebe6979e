"""What the latest worker said that does nothing: its clock, schema or database is wrong.

It dates its row by the database's clock, because its own may be what is wrong.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatcher.storage import meta

_NAME = "worker_refusal"
#: what was said longer ago than this is over
_LATELY = timedelta(minutes=1)


def note(session: Session, host: str, why: str) -> None:
    """Record that the worker of a host does nothing, and why."""
    meta.put(session, _NAME, json.dumps({"host": host, "at": _now(session), "why": why}))


def latest(session: Session) -> str:
    """The latest reason with its host; empty if there was none within a minute."""
    value = meta.get(session, _NAME)
    if value is None:
        return ""
    said = json.loads(value)
    age = datetime.fromisoformat(_now(session)) - datetime.fromisoformat(said["at"])
    return f"{said['why']} (on host {said['host']})" if abs(age) <= _LATELY else ""


def _now(session: Session) -> str:
    """The database's clock; SQLite has none of its own."""
    if session.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC).isoformat()
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now.astimezone(UTC).isoformat()
