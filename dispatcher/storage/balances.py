"""The balance of each account: its latest value, and when it may be read again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from dispatcher.storage import meta

NAME = "credit"
#: while a campaign waits for the balance, the shortest time from one reading to the next
_AFTER_FAILURE = timedelta(seconds=5)
_AFTER_SUCCESS = timedelta(seconds=0.5)
#: a worker waits this long for the next reading, so that a campaign need not wait for the tick
PATIENCE = _AFTER_SUCCESS


@dataclass(frozen=True, slots=True)
class Balance:
    """The latest value of an account's balance, in euros; all instants are UTC.

    ``tried`` is when the gateway was last asked, ``at`` when it last answered, ``failures`` how
    often in a row it has failed since.
    """

    tried: datetime | None = None
    at: datetime | None = None
    euros: Decimal | None = None
    failures: int = 0


def last(session: Session, account: str) -> Balance:
    """The latest balance of an account; all None if it was never read."""
    return parsed(meta.get(session, NAME, account))


def parsed(value: str | None) -> Balance:
    """The same from the stored value."""
    if value is None:
        return Balance()
    stored = json.loads(value)
    return Balance(
        tried=_instant(stored["tried"]),
        at=_instant(stored["at"]),
        euros=None if stored["euros"] is None else Decimal(stored["euros"]),
        failures=stored["failures"],
    )


def note(session: Session, account: str, found: Balance) -> None:
    """Store the balance of an account."""
    stored = {
        "tried": None if found.tried is None else found.tried.isoformat(),
        "at": None if found.at is None else found.at.isoformat(),
        "euros": None if found.euros is None else str(found.euros),
        "failures": found.failures,
    }
    meta.put(session, NAME, json.dumps(stored), account)


def rest(known: Balance, now: datetime) -> timedelta:
    """How long a campaign that needs the balance must wait until it may be read again.

    That is longer after a failure.
    """
    if known.tried is None or known.tried > now:  # the clock was set back
        return timedelta(0)
    return max(
        known.tried + (_AFTER_FAILURE if known.failures else _AFTER_SUCCESS) - now, timedelta(0)
    )


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
