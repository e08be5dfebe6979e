"""Balances: what is known of each account's, and how soon it may be read again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from dispatcher.storage import meta

_NAME = "credit"
#: a campaign that waits for the balance has it read this soon after the last try
_SOON = timedelta(seconds=5)
_AT_ONCE = timedelta(seconds=0.5)
#: a worker waits itself for so long, rather than have the campaign wait for the next tick
PATIENCE = _AT_ONCE


@dataclass(frozen=True, slots=True)
class Balance:
    """What is known of the account's balance, in euros; all instants are UTC.

    ``tried`` is when it was last asked for, ``at`` when it was last read, ``failures`` how often
    in a row that failed since.
    """

    tried: datetime | None = None
    at: datetime | None = None
    euros: Decimal | None = None
    failures: int = 0


def last(session: Session, account: str) -> Balance:
    """An account's balance as it was last read."""
    value = meta.get(session, _NAME, account)
    if value is None:
        return Balance()
    kept = json.loads(value)
    return Balance(
        tried=_instant(kept["tried"]),
        at=_instant(kept["at"]),
        euros=None if kept["euros"] is None else Decimal(kept["euros"]),
        failures=kept["failures"],
    )


def note(session: Session, account: str, found: Balance) -> None:
    """Keep what is known of an account's balance."""
    kept = {
        "tried": None if found.tried is None else found.tried.isoformat(),
        "at": None if found.at is None else found.at.isoformat(),
        "euros": None if found.euros is None else str(found.euros),
        "failures": found.failures,
    }
    meta.put(session, _NAME, json.dumps(kept), account)


def rest(known: Balance, now: datetime) -> timedelta:
    """How long a campaign that waits for the balance must wait until that may be read again.

    A gateway that answers is asked at once for the next campaign, one that fails is not.
    """
    if known.tried is None or known.tried > now:  # a clock was set back: nothing waits for that
        return timedelta(0)
    return max(known.tried + (_SOON if known.failures else _AT_ONCE) - now, timedelta(0))


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
