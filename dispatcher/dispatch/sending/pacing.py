"""Pacing: whether a batch of a smoothed campaign may leave yet; if not, the rest moves on."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Final

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.paced_batches import WHY, holds
from dispatcher.campaigns.smoothing import TOLERANCE, free_at
from dispatcher.dispatch.context import Context
from dispatcher.storage.batches import paces
from dispatcher.storage.batches.paces import Paced
from dispatcher.window import Hold, NeverOpen, Windows

#: how many batches one transaction moves on: a long one keeps others from writing (SQLite)
SLICE: Final = 1000


class Pacing:
    """Looks at the pace of smoothed campaigns; for any other nothing is read."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._moving = threading.Lock()

    def holds(self, batch: DueBatch) -> bool:
        """Whether the batch must not leave yet. Then the rest of its campaign has moved on."""
        paced = Paced.of(batch)
        if paced is None:
            return False
        context, now = self._context, self._context.clock()
        if not (batch.commercial and context.hold(batch.territory) is not None):
            with context.database.read() as session:
                next_at = paces.next_at(session, batch.campaign_id)
            if next_at is None or next_at <= now + TOLERANCE:
                return False
        with self._moving:  # another thread may be at it
            self.move_on(paced, unless_moved=batch.id)
        return True

    def move_on(self, paced: Paced, *, unless_moved: int | None = None) -> None:
        """Give all that is to go of a smoothed campaign instants anew, from now on.

        If a batch that was due is no longer, ``unless_moved``, another worker has done so. A
        territory that does not open for long, by a policy that has changed since, keeps no other
        waiting.
        """
        context, its = self._context, paced.campaign_id
        now = context.clock()
        with context.database.read() as session:
            if unless_moved is not None and not paces.is_overdue(session, unless_moved, now):
                return
            next_at = paces.next_at(session, its)
            rows = paces.to_go(session, its)
        if next_at is None:
            return
        free = free_at(next_at, now, paced.pace)
        start = max(free, now, paced.not_before or now)
        windows = context.windows if paced.commercial else None
        found = holds(
            [(row.territory, row.pending) for row in rows],
            start=start,
            pace=paced.pace,
            windows=windows,
            first=lambda territory: _first(windows, territory, start),
        )
        moved = list(zip(rows, found, strict=True))
        for begin in range(0, len(moved), SLICE):
            with context.database.write() as session:
                paces.move(session, moved[begin : begin + SLICE])
        if free < next_at:  # last: where a process dies before, the tick finds it again
            with context.database.write() as session:
                paces.put_right(session, its, next_at, free)


def _first(windows: Windows | None, territory: str, start: datetime) -> Hold:
    try:
        hold = None if windows is None else windows.hold(start, territory)
    except NeverOpen as error:
        return Hold(error.next_open or start + timedelta(days=1), str(error))
    return hold or Hold(start, WHY)
