"""The ledger: writes for all threads that send what they did, and arms what they send next."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.caps import Usage
from dispatcher.campaigns.turn import Arming, Ending, Terms
from dispatcher.dispatch import safeguards
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.sending.caps import CapReached, SendCaps
from dispatcher.dispatch.tags import worker_name
from dispatcher.errors import StorageError
from dispatcher.storage import identity
from dispatcher.storage.batches.turns import turn as turns

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Turn:
    """What one thread asks of the ledger, and what came of it."""

    arm: Arming | None = None
    #: what the batch adds to the counts of the caps
    usage: Usage | None = None
    end: Ending | None = None
    done: bool = False
    #: the batch may be sent, by this thread alone
    armed: bool = False
    #: when it was armed, by the monotonic clock and by the wall clock: a suspended machine stops
    #: one of them
    at: float = 0.0
    at_wall: datetime | None = None
    #: the outcome is stored; if not, it is to be recorded by itself
    ended: bool = False
    #: the cap that stops the batch
    reached: CapReached | None = None
    #: why nothing was stored, as far as is known; None if the transaction was committed
    error: Exception | None = None


class Ledger:
    """The turns of one account in one process; for any number of threads.

    It has no thread and waits for nobody: whoever gets the lock writes the turns of all who came
    meanwhile, in one transaction. ``may_arm`` is asked for each batch at the instant of arming.
    """

    def __init__(
        self, context: Context, caps: SendCaps, may_arm: Callable[[DueBatch, datetime], bool]
    ) -> None:
        self._context = context
        self._caps = caps
        self._may_arm = may_arm
        self._queue: deque[Turn] = deque()
        self._lock = threading.Lock()
        #: how many turns are written by themselves, after one failed that had several
        self._singly = 0

    def turn(self, turn: Turn) -> Turn:
        """Write a turn. Nothing is sent of what is not ``armed`` once this has returned."""
        self._queue.append(turn)
        with self._lock:
            while not turn.done:
                if not self._queue:  # who was to write it died at once
                    turn.error = StorageError("the turn was lost with its thread")
                    break
                self._write(self._next())
        return turn

    def _next(self) -> list[Turn]:
        """The turns of one transaction.

        A cap counts what was armed before, and so arms one at a time.
        """
        turns = [self._queue.popleft()]
        if self._caps.lock:
            return turns
        if self._singly:
            self._singly -= 1
            return turns
        while self._queue:
            turns.append(self._queue.popleft())
        return turns

    def _write(self, group: list[Turn]) -> None:
        try:
            self._store(group)
        except BaseException as error:
            alone = len(group) == 1
            if not alone:
                self._singly = len(group)
                log.warning("a turn of %d failed: %s", len(group), error)
            for one in group:
                one.armed = one.ended = False
                # an unforeseen error blames a batch only if its turn was written by itself
                if isinstance(error, Exception) and (alone or isinstance(error, StorageError)):
                    one.error = error
                else:
                    one.error = StorageError("the turn failed with others")
            if not isinstance(error, Exception):
                raise
        finally:
            for one in group:
                one.done = True

    def _store(self, group: list[Turn]) -> None:
        # before the commit: a process may be suspended during it
        steady, now = time.monotonic(), self._context.clock()
        asking = [one for one in group if one.arm and self._may_arm(one.arm.batch, now)]
        ends = [one.end for one in group if one.end]
        if not asking and not ends:
            return
        database = self._context.database
        several = self._caps.lock or turns.is_several([one.arm for one in asking if one.arm])
        with database.write() if several else database.once() as session:
            arms = []
            for one in asking:
                try:
                    if one.arm and self._caps.check_locked(
                        session, one.arm.batch, one.usage or Usage(0), now
                    ):
                        arms.append(one.arm)
                except CapReached as reached:
                    one.reached = reached
            turned = turns.turn(session, arms, ends, self._terms(now))
            progress = identity.progress(session) if turned.armed else None
        if progress is not None:
            progress.write()
        for one in group:
            one.at, one.at_wall = steady, now
            one.ended = one.end is not None and one.end.tag in turned.ended
            one.armed = one.arm is not None and one.arm.tag in turned.armed

    def _terms(self, now: datetime) -> Terms:
        settings = self._context.settings
        return Terms(
            account=self._context.account,
            apart=self._context.counted is not None,
            worker=worker_name(),
            now=now,
            lease=timedelta(seconds=settings.lease),
            doubt_limit=settings.doubt_limit,
            clock=now - timedelta(seconds=settings.clock_offset),
            most_skew=safeguards.MOST_SKEW,
        )
