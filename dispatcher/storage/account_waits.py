"""How long the gateway asks an account to wait: no batch of it is claimed before."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, bindparam, exists
from sqlalchemy.orm import Session

from dispatcher.storage import meta, opt_outs
from dispatcher.storage.tables import META

NAME = "account_waits_until"


def put(session: Session, account: str, until: datetime) -> None:
    """Let an account wait; a wait that ends later stays as it is."""
    meta.put_later(session, NAME, _text(until), account)
    opt_outs.change_version(session)  # a claim that waits for a lock does not see the wait


def until(value: str | None, now: datetime) -> datetime | None:
    """Until when an account waits (UTC), from the stored value; None if it does not."""
    until = None if value is None else datetime.fromisoformat(value)
    return until if until is not None and until > now else None


def is_over() -> ColumnElement[bool]:
    """The account of ``asked`` does not wait."""
    its = META.c.name == bindparam("its_wait")
    return ~exists().where(its, META.c.value > bindparam("its_now"))


def asked(account: str, now: datetime) -> dict[str, str]:
    """The parameters of ``is_over``."""
    return {"its_wait": meta.name_of(NAME, account), "its_now": _text(now)}


def _text(at: datetime) -> str:
    # of one length, so that texts compare as instants do
    return at.astimezone(UTC).isoformat(timespec="microseconds")
