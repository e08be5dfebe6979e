"""Screening marked campaigns for erased people: one step in each tick."""

from __future__ import annotations

import logging
from datetime import datetime

from dispatcher.dispatch.retention import EVERY
from dispatcher.errors import StorageError
from dispatcher.storage import erasures, retention, screening
from dispatcher.storage.database import Database

log = logging.getLogger(__name__)


def screen(database: Database, now: datetime) -> None:
    """Look for erased people in a few batches; retention replaces whom it finds, soon."""
    try:
        with database.read() as session:
            done = screening.step(session)
    except StorageError as error:  # without the key of the pseudonyms, which doctor names
        log.warning("erased people are looked for later: %s", error)
        return
    if done is None:
        return
    with database.write() as session:
        if screening.record(session, done) and done.found:
            erasures.reopen(session, done.found)
            retention.note_pruned(session, now - EVERY)
