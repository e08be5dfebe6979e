"""Pruning: history that is older than is asked for goes, in transactions that hold nobody up."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from dispatcher.dispatch.context import Context
from dispatcher.storage import retention as pruning

log = logging.getLogger(__name__)

#: it is looked at this often
EVERY = timedelta(hours=1)
#: rows of one transaction, and transactions of one run; what is left is due again at once
ROWS, RUNS = 500, 20


class Pruning:
    """Deletes rows that nobody needs. Any number may run at once."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def prune(self) -> int:
        """Delete what is older than the settings keep, if that is due; returns how many rows."""
        settings, now = self._context.settings, self._context.clock()
        if not settings.history_days:
            return 0
        with self._context.database.write() as session:
            if not pruning.due(session, now, EVERY):
                return 0
            pruning.note_pruned(session, now)  # nobody else need do it meanwhile
        before = now - timedelta(days=settings.history_days)
        # a check counts for so long, and is not ordered again
        checked = now - timedelta(days=max(settings.history_days, settings.checks_days + 1))
        of_checks = ("number checks", "orders of checks")
        left, total = RUNS, 0
        for name in pruning.STEPS:
            gone, left = self._step(name, checked if name in of_checks else before, left)
            total += gone
            if gone:
                log.info("pruned: %d %s", gone, name)
        if not left:
            with self._context.database.write() as session:
                pruning.note_pruned(session, now - EVERY)
        return total

    def _step(self, name: str, before: datetime, left: int) -> tuple[int, int]:
        """How many rows are gone, and how many transactions are left of this run."""
        total = 0
        while left and not self._context.stopping.is_set():
            left -= 1
            with self._context.database.write() as session:
                gone = pruning.STEPS[name](session, before, ROWS)
            total += gone
            if gone < ROWS:
                break
        return total, left
