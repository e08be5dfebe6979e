"""The fair queue: gives the due batches of an account's campaigns to the send loops of a process.

Campaigns take turns, so that one of 500 recipients does not wait for one of a million. Processes
do not agree on who takes what: each chooses at random among the first batches, and the claim
decides.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from dispatcher.dispatch.context import Context
from dispatcher.storage.batches import queue

#: how many batches a process chooses among: few enough to keep the order, and so many that two
#: processes seldom prepare the same batch
_CHOICE = 128
#: how many batches of a campaign are taken in one turn, and how long (seconds) they stay fresh
_TURN, _FRESH = 16, 0.5
#: how often a batch may be lost while that counts
_LOST = 2


class FairQueue:
    """Gives each due batch to one send loop of this process at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._reserved: set[int] = set()
        #: how often each batch was lost to others lately, and until when that counts
        self._lost: Counter[int] = Counter()
        self._lost_until = 0.0
        self._stock: list[int] = []
        self._filled_at = 0.0
        #: the campaign that had the last turn
        self._last = 0

    @contextmanager
    def reserve(self, batch_id: int) -> Iterator[None]:
        """Keep other send loops of this process from a batch within the block."""
        with self._lock:
            self._reserved.add(batch_id)
        try:
            yield
        finally:
            with self._lock:
                self._reserved.discard(batch_id)

    def lose(self, batch_id: int) -> None:
        """Note that a batch was lost; after the second time it is left to others for a moment.

        Otherwise send loops would ask in a circle for one whose row somebody has locked.
        """
        with self._lock:
            self._lost[batch_id] += 1

    def next_batch(self) -> int | None:
        """A due batch that no send loop of this process has; None when there is none to send."""
        with self._lock:
            now = self._context.steady()
            if now - self._filled_at > _FRESH:
                self._stock.clear()
            if now > self._lost_until:
                self._lost.clear()
                self._lost_until = now + _FRESH
            while self._stock or self._fill():
                if self._is_free(batch_id := self._stock.pop()):
                    return batch_id
        return None

    def _is_free(self, batch_id: int) -> bool:
        return batch_id not in self._reserved and self._lost[batch_id] < _LOST

    def _fill(self) -> bool:
        """Take batches of the next campaign; False when no campaign has one for us."""
        now = self._context.clock()
        with self._context.database.read() as session:
            obstacles = self._context.obstacles(session)
            if not self._context.may_leave(obstacles, commercial=False):
                return False
            commercial = self._context.may_leave(obstacles, commercial=True)
            ids = queue.campaigns(session, now, self._context.account, commercial=commercial)
            # beginning with the one after the last turn
            for campaign_id in sorted(ids, key=lambda one: (one <= self._last, one)):
                found = queue.of(session, campaign_id, now, _CHOICE)
                if free := [batch_id for batch_id in found if self._is_free(batch_id)]:
                    self._last = campaign_id
                    self._stock = self._context.choose(free, min(len(free), _TURN))
                    self._filled_at = self._context.steady()
                    return True
        return False
