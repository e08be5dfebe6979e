"""The ledger: writes for all threads that send what they did, and arms what they send next."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
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

#: a thread that waits looks this often (seconds) whether the process stops, or its writer died
_LOOK = 0.5


class _Bell:
    """Wakes one thread. To ring it for a thread that does not wait yet is not lost."""

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def wait(self, seconds: float) -> None:
        """Return once it has rung, or after ``seconds``."""
        self._silent.acquire(timeout=seconds)

    def ring(self) -> None:
        """Wake the thread that waits, or that comes to wait."""
        with suppress(RuntimeError):  # it rings already
            self._silent.release()


@dataclass(slots=True, eq=False)
class Turn:
    """What a thread asks of the ledger, to arm a batch or to store an outcome; what came of it."""

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
    #: rings when it is done, or when its thread is to write
    bell: _Bell = field(default_factory=_Bell)


class Ledger:
    """The turns of one account in one process; for any number of threads.

    It has no thread: one of those that ask writes the turns of all who have come. No more batches
    are armed than there are connections: the next one is armed by the transaction that stores the
    outcome of another. An outcome waits for no connection. ``may_arm`` is asked for each batch at
    the instant of arming.
    """

    def __init__(
        self, context: Context, caps: SendCaps, may_arm: Callable[[DueBatch, datetime], bool]
    ) -> None:
        self._context = context
        self._caps = caps
        self._may_arm = may_arm
        #: guards what follows
        self._lock = threading.Lock()
        self._queue: list[Turn] = []
        #: tags of the attempts that are under way: armed, and not recorded
        self._under_way: set[str] = set()
        self._writer: threading.Thread | None = None
        #: how many turns are written by themselves, after one failed that had several
        self._singly = 0

    def turn(self, turn: Turn) -> Turn:
        """Write a turn. Nothing is sent of what is not ``armed`` once this has returned.

        It is not ``done`` if the process stops while it waits for a connection.
        """
        with self._lock:
            self._queue.append(turn)
        try:
            while group := self._group_for(turn):
                self._write(group)
        except BaseException:
            self._forget(turn)
            raise
        return turn

    def _forget(self, turn: Turn) -> None:
        """Its thread ends: nobody sends it, even if it is being armed, and others go on."""
        with self._lock:
            self._queue = [one for one in self._queue if one is not turn]
            turn.done = True
            if turn.arm:
                self._under_way.discard(turn.arm.tag)
            if self._writer is threading.current_thread():
                self._writer = None
            self._call_writer()

    def release(self, tag: str) -> None:
        """The attempt under this tag is over, whatever is known of it: another may be armed."""
        with self._lock:
            if tag in self._under_way:
                self._under_way.discard(tag)
                self._call_writer()

    def _group_for(self, turn: Turn) -> list[Turn]:
        """What this thread has to write; nothing once its own turn is done, or let go."""
        while True:
            with self._lock:
                if turn.done:
                    return []
                if self._writer is None or not self._writer.is_alive():
                    if turn not in self._queue:  # who was to write it died at once
                        turn.error, turn.done = StorageError("the turn was lost"), True
                        return []
                    if group := self._next():
                        self._writer = threading.current_thread()
                        return group
                if turn.arm and turn in self._queue and self._context.stopping.is_set():
                    self._queue.remove(turn)
                    return []
            turn.bell.wait(_LOOK)

    def _call_writer(self) -> None:
        """Wake one thread to write what may be written now; to wake all would take longer."""
        ready = [turn for turn in self._queue if turn.end] or self._queue[: self._room()]
        if self._writer is None and ready:
            ready[0].bell.ring()

    def _next(self) -> list[Turn]:
        """The turns of one transaction: outcomes, and as many batches as have a connection.

        A cap counts what was armed and what came of it before: a transaction arms one batch then,
        and stores no outcome.
        """
        ends = [turn for turn in self._queue if turn.end]
        arms = [turn for turn in self._queue if turn.arm]
        room = self._room()
        if self._caps.lock:
            room = min(room, 0 if ends else 1)
        group = ends + arms[:room]
        if self._singly and group:
            self._singly -= 1
            group = group[:1]
        self._queue = [turn for turn in self._queue if turn not in group]
        return group

    def _room(self) -> int:
        """How many batches may be armed by a transaction that stores the outcomes in the queue."""
        if self._context.stopping.is_set():
            return 0
        ended = (turn.end.tag for turn in self._queue if turn.end)
        left = self._under_way.difference(ended)
        return max(self._context.settings.connections - len(left), 0)

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
            with self._lock:
                self._under_way -= {one.end.tag for one in group if one.end and one.ended}
                self._under_way |= {
                    one.arm.tag for one in group if one.arm and one.armed and not one.done
                }
                for one in group:
                    one.done = True
                    one.bell.ring()
                self._writer = None
                self._call_writer()

    def _store(self, group: list[Turn]) -> None:
        # before the commit: a process may be suspended during it
        steady, now = self._context.steady(), self._context.clock()
        asking = [one for one in group if one.arm and self._may_arm(one.arm.batch, now)]
        ends = [one.end for one in group if one.end]
        if not asking and not ends:
            return
        database = self._context.database
        several = asking and self._caps.lock
        several = several or turns.is_several([one.arm for one in asking if one.arm])
        with database.write() if several else database.once() as session:
            progress = identity.progress(session) if asking else None
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
        if progress is not None and turned.armed:
            database.admitted.write(progress.further(len(turned.armed)))
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
