"""The dealer: hands the due batches of an account's campaigns to its lanes in one process.

Each campaign has its turn, so that one of 500 does not wait for one of a million. Processes do
not agree on who takes what: each draws from the first batches at random, and the claim decides.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dispatcher.dispatch.context import Context
from dispatcher.storage.batches import due
from dispatcher.storage.batches import queue as supply

#: of so many a process draws what it takes: few enough to keep the order, and so many that two
#: processes seldom prepare the same batch
_DRAWN_FROM = 128
#: what a turn brings, for a moment (seconds): then the next campaign has its turn
_TURN, _MOMENT = 16, 0.5


class Dealer:
    """Deals each due batch to one lane of this process at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._dealt: set[int] = set()
        self._stock: list[int] = []
        self._drawn_at = 0.0
        #: the campaign that had the last turn
        self._last = 0

    @contextmanager
    def holding(self, batch_id: int) -> Iterator[None]:
        """Deal a batch to no other lane meanwhile."""
        with self._lock:
            self._dealt.add(batch_id)
        try:
            yield
        finally:
            with self._lock:
                self._dealt.discard(batch_id)

    def next(self) -> int | None:
        """A due batch that no lane of this process has; None when there is none to send."""
        with self._lock:
            if time.monotonic() - self._drawn_at > _MOMENT:
                self._stock.clear()
            while self._stock or self._draw():
                if (batch_id := self._stock.pop()) not in self._dealt:
                    return batch_id
        return None

    def _draw(self) -> bool:
        """Take the next campaign's turn; False when none has a batch for us."""
        now, settings = self._context.clock(), self._context.settings
        with self._context.database.read() as session:
            if due.doubts(session, self._context.counted) >= settings.doubt_limit:
                return False
            ids = supply.campaigns(session, now, self._context.account)
            # from the one behind the last turn on
            for campaign_id in sorted(ids, key=lambda one: (one <= self._last, one)):
                found = supply.of(session, campaign_id, now, _DRAWN_FROM)
                if free := [batch_id for batch_id in found if batch_id not in self._dealt]:
                    self._last = campaign_id
                    self._stock = random.sample(free, min(len(free), _TURN))
                    self._drawn_at = time.monotonic()
                    return True
        return False
