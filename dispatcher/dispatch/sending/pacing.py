"""Pacing: whether a batch of a smoothed campaign may leave yet; if not, the rest moves on."""

from __future__ import annotations

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.smoothing import TOLERANCE
from dispatcher.dispatch.context import Context
from dispatcher.storage.batches import paces


class Pacing:
    """Looks at the pace of smoothed campaigns; for any other nothing is read."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def holds(self, batch: DueBatch) -> bool:
        """Whether the batch must not leave yet. Then the rest of its campaign has moved on."""
        if batch.pace is None:
            return False
        context, now = self._context, self._context.clock()
        if batch.commercial and context.hold(batch.territory) is not None:
            return self._move_on(batch)
        with context.database.read() as session:
            next_at = paces.next_at(session, batch.campaign_id)
        if next_at is None or next_at <= now + TOLERANCE:
            return False
        return self._move_on(batch)

    def _move_on(self, batch: DueBatch) -> bool:
        context, now = self._context, self._context.clock()
        windows = context.windows if batch.commercial else None
        with context.database.write() as session:
            paces.move_on(session, batch, windows, now)
        return True
