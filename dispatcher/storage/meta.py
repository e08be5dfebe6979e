"""Values of the installation itself, by name; some of them once per account."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatcher.storage import upsert
from dispatcher.storage.tables import Meta


def get(session: Session, name: str, account: str = "") -> str | None:
    """The value, or None if nothing was ever written under this name."""
    return session.scalar(select(Meta.value).where(Meta.name == name_of(name, account)))


def put(session: Session, name: str, value: str, account: str = "") -> None:
    """Write or replace a value. A second writer waits until the first one has committed."""
    row = upsert.insert(session, Meta).values(name=name_of(name, account), value=value)
    session.execute(
        row.on_conflict_do_update(index_elements=[Meta.name], set_={"value": row.excluded.value})
    )


def put_later(session: Session, name: str, value: str, account: str = "") -> None:
    """Write a value, unless the present one is greater."""
    row = upsert.insert(session, Meta).values(name=name_of(name, account), value=value)
    greater = row.on_conflict_do_update(
        index_elements=[Meta.name],
        set_={"value": row.excluded.value},
        where=Meta.value < row.excluded.value,
    )
    session.execute(greater)


def instant(session: Session, name: str, account: str = "") -> datetime | None:
    """The instant under this name (written in ISO 8601), or None."""
    value = get(session, name, account)
    return None if value is None else datetime.fromisoformat(value)


def is_time(
    session: Session, name: str, now: datetime, every: timedelta, account: str = ""
) -> bool:
    """True if the instant under this name (ISO 8601) is at least ``every`` ago, or missing.

    Also true if it lies in the future: a clock was set back, and nothing may wait for that.
    """
    last = instant(session, name, account)
    return last is None or last > now or last + every <= now


def name_of(name: str, account: str) -> str:
    """The name under which an account's value is stored."""
    return f"{name}:{account}" if account else name
