"""Keys of the pseudonyms that are lost for ever: what that costs, and how workers go on.

The pseudonyms that were made under such a key stay, but nobody's number leads to them any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from dispatcher.campaigns.wording import counted
from dispatcher.errors import ConfigurationError, NotFound
from dispatcher.storage import actions, erasures, opt_out_entries, pauses, pseudonymous
from dispatcher.storage.erasures import WaitingBatch

FORGOTTEN = "forget key"


@dataclass(frozen=True, slots=True)
class LostKeys:
    """How many keys are missing, and whom that concerns.

    ``erased`` people are on the opt-out list under pseudonyms, also under keys that are at hand,
    because a pseudonym does not tell its key. ``waiting`` batches still have somebody's number who
    was to be erased.
    """

    count: int
    erased: int
    waiting: list[WaitingBatch]


def found(session: Session) -> LostKeys:
    """The keys that are missing. Raises ConfigurationError if none can take their place."""
    key = pseudonymous.key_of(session)
    count = pseudonymous.lost(session)
    if count and key.file is None and key.found() is None:
        raise ConfigurationError(key.needed)
    left = [erasures.left_of(session, each) or [] for each in erasures.unfinished(session)]
    waiting = erasures.waiting(session, {batch for batches in left for batch in batches})
    return LostKeys(count, opt_out_entries.count_erased(session), waiting)


def forget(session: Session, *, reason: str, actor: str, now: datetime) -> LostKeys:
    """Go on without the keys that are missing, and pause everything; it goes on record.

    Raises NotFound if none is missing, and ConfigurationError if none can take their place.
    """
    lost = found(session)
    if not lost.count:
        raise NotFound("no pseudonym key is missing: nothing was changed")
    pseudonymous.forget_lost(session)
    pauses.pause(session, None, by=actor, reason="a pseudonym key was lost", now=now)
    price = (
        f"{counted(lost.count, 'key')}; {counted(lost.erased, 'erased person', 'erased people')}"
    )
    facts: dict[str, Any] = {"reason": f"{reason} ({price})", "actor": actor, "now": now}
    actions.note(session, None, verb=FORGOTTEN, **facts)
    return lost
