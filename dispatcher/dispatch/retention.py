"""Retention: old history is deleted, in short transactions that block nobody."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from dispatcher.dispatch.context import Context
from dispatcher.dispatch.erasures import Erasures
from dispatcher.settings import Settings
from dispatcher.storage import erasures, retention

log = logging.getLogger(__name__)

#: how often it is done
EVERY = timedelta(hours=1)
#: the most rows of one transaction, and transactions of one run; a rest is due again at once
ROWS, RUNS = 500, 20


def is_due(session: Session, settings: Settings, now: datetime) -> bool:
    """Whether old history is to be deleted, or an erasure goes on."""
    asked = settings.history_days > 0 or erasures.unfinished(session)
    return bool(asked) and retention.due(session, now, EVERY)


class Retention:
    """Deletes rows that nobody needs. Any number of workers may do so at once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._erasures = Erasures(context.database, context.clock, context.stopping.is_set)

    def prune(self) -> int:
        """Delete what is older than the settings say, if that is due; returns how many rows.

        First what is left of erasures is done.
        """
        settings, now = self._context.settings, self._context.clock()
        self._erasures.resume()
        if not settings.history_days:
            return 0
        with self._context.database.write() as session:
            if not retention.due(session, now, EVERY):
                return 0
            retention.note_pruned(session, now)  # no other worker needs to do it meanwhile
        before = now - timedelta(days=settings.history_days)
        # as long as a check of a number counts, its result must stay: it would be ordered again
        checked = now - timedelta(days=max(settings.history_days, settings.checks_days + 1))
        of_checks = ("number checks", "orders of checks")
        left, total = RUNS, 0
        for name in retention.STEPS:
            deleted, left = self._step(name, checked if name in of_checks else before, left)
            total += deleted
            if deleted:
                log.info("retention: %d %s deleted", deleted, name)
        if not left:
            with self._context.database.write() as session:
                retention.note_pruned(session, now - EVERY)
        return total

    def _step(self, name: str, before: datetime, left: int) -> tuple[int, int]:
        """How many rows were deleted, and how many transactions are left of this run."""
        total = 0
        while left and not self._context.stopping.is_set():
            left -= 1
            with self._context.database.write() as session:
                deleted = retention.STEPS[name](session, before, ROWS)
            total += deleted
            if deleted < ROWS:
                break
        return total, left
