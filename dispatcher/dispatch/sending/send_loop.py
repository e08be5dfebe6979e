"""The send loop: a thread that sends one due batch after another until its time slice is over."""

from __future__ import annotations

import logging
import threading

from dispatcher.campaigns.set_aside import place_of
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.rate_limit import Permit
from dispatcher.dispatch.sending.attempt import Attempts, Lost
from dispatcher.dispatch.sending.fair_queue import FairQueue
from dispatcher.errors import StorageError
from dispatcher.storage.batches import set_aside

log = logging.getLogger(__name__)

#: a send loop begins no further batch after this long (seconds): other hints get the thread
TIME_SLICE = 20.0
_LARGEST_ID = 2**63


def loops(connections: int) -> int:
    """How many send loops keep ``connections`` busy: some prepare and record, others wait."""
    return connections + max(2, connections // 2)


class SendLoop:
    """The send loops of one account in one process, and how many of them may run at once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._attempts = Attempts(context)
        self._queue = FairQueue(context)
        self._most = loops(context.settings.connections)
        #: how many run; guarded by the lock
        self._running = 0
        self._lock = threading.Lock()

    def is_full(self) -> bool:
        """True if every loop runs: a hint changes nothing then."""
        return self._running >= self._most

    def send_batch(self, batch_id: object) -> int:
        """Send one due batch, then others that are due, until the time slice is over.

        Returns how many were sent. A hint that is late, repeated or forged sends nothing. One
        that finds every loop of the process busy is dropped: the loops look for due batches
        themselves.
        """
        if not isinstance(batch_id, int) or not 0 < batch_id < _LARGEST_ID:
            log.warning("a hint without a batch id")
            return 0
        with self._lock:
            if self.is_full():
                return 0
            self._running += 1
        try:
            return self._run(batch_id)
        except StorageError as error:
            log.warning("%s", error)
            return 0
        finally:
            with self._lock:
                self._running -= 1

    def _run(self, batch_id: int) -> int:
        sent = 0
        permit = Permit(self._context.rate_limit)
        until = self._context.steady() + TIME_SLICE
        next_id: int | None = batch_id
        with self._context.database.keeping():
            while next_id is not None:
                with self._queue.reserve(next_id):
                    sent += self._make(next_id, permit)
                over = self._context.steady() > until or self._context.stopping.is_set()
                next_id = None if over else self._queue.next_batch()
        return sent

    def _make(self, batch_id: int, permit: Permit) -> bool:
        """Make an attempt; an unforeseen error lets this batch wait, and no other."""
        try:
            return self._attempts.make(batch_id, permit)
        except Lost:
            self._queue.lose(batch_id)
            return False
        except StorageError:
            raise
        except Exception as error:
            place = place_of(error)
            log.exception("batch %d: an unforeseen error: %s", batch_id, place)
            with self._context.database.write() as session:
                set_aside.note_error(session, batch_id, place, self._context.clock())
            return False
