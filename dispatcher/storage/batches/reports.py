"""When delivery reports came: a row for each look at a batch that brought some."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from dispatcher.campaigns.message_states import reported
from dispatcher.campaigns.states import MessageState
from dispatcher.storage.tables import REPORT

_FAILED = MessageState.UNDELIVERED.letter


def add(session: Session, changes: Iterable[tuple[int, str, str]], now: datetime) -> None:
    """Store the reports by which the states of batches changed: each id, before and after."""
    rows = [
        {
            "batch_id": batch_id,
            "at": now,
            "delivered": letters.count(MessageState.DELIVERED.letter),
            # a late delivery takes the place of a failure that was reported
            "undelivered": after.count(_FAILED) - before.count(_FAILED),
            "states": letters,
        }
        for batch_id, before, after in changes
        if (letters := reported(before, after))
    ]
    if rows:
        session.execute(insert(REPORT), rows)
