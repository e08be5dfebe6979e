"""Sending: a lane arms one due batch after another, sends each once and records what came of it.

No transaction is open while the gateway is waited for.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.caps import Usage
from dispatcher.campaigns.outcome import NotSent, Outcome, Sent
from dispatcher.campaigns.waits import backoff
from dispatcher.dispatch.call_counts import UNREACHABLE
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.gate import Gate
from dispatcher.dispatch.sending.caps import CapReached, SendCaps
from dispatcher.dispatch.sending.fair_queue import Dealer
from dispatcher.dispatch.sending.gather import Gathering
from dispatcher.dispatch.sending.request import Request, request_of, texts_of
from dispatcher.dispatch.sending.results import Records
from dispatcher.dispatch.tags import new_tag, worker_name
from dispatcher.errors import GatewayError, StorageError
from dispatcher.storage.batches import claims, moves
from dispatcher.storage.batches import hand_over as handed
from dispatcher.window import Hold

log = logging.getLogger(__name__)

#: a lane ends its turn after this long (seconds), so that other hints get their share
TURN = 20.0
#: an armed batch whose bytes have not left within this (seconds) is not sent: the worker slept
STALE = 5.0
#: with the database's clock further away than this, no window can be told
MOST_SKEW = timedelta(seconds=30)
_LARGEST_ID = 2**63


@dataclass(frozen=True, slots=True)
class _Armed:
    """A batch that this process, and no other, may send now."""

    batch: DueBatch
    request: Request
    #: when it was armed, on the steady clock and on the wall's: a suspended machine stops one
    at: float
    at_wall: datetime


@dataclass(slots=True)
class _Turn:
    """A lane's turn: what it has sent, and whether the rate lets it send one more.

    The leave of the rate is kept for the next batch when another process was quicker to take
    this one: it is counted already.
    """

    sent: int = 0
    may_send: bool = False


def lanes(connections: int) -> int:
    """How many lanes keep ``connections`` busy: some prepare and record while others wait."""
    return connections + max(2, connections // 2)


class Lane:
    """Sends batches, one at a time in each thread that runs it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._records = Records(context)
        self._caps = SendCaps(context)
        self._gather = Gathering(context, self._caps).gather
        self._dealer = Dealer(context)
        self._lanes = threading.BoundedSemaphore(lanes(context.settings.connections))
        #: one for each request that may be under way: from the claim to the answer
        self._slots = threading.BoundedSemaphore(context.settings.connections)
        self._gate = Gate(context.throttle)

    def send_batch(self, batch_id: object) -> int:
        """Send one due batch, then the next ones that are due until the turn is over.

        Returns how many were sent. A hint that is late, doubled or forged sends nothing; one
        that finds every lane of the process busy is dropped, for the lanes look for themselves.
        """
        if not isinstance(batch_id, int) or not 0 < batch_id < _LARGEST_ID:
            log.warning("a hint without a batch id")
            return 0
        if not self._lanes.acquire(blocking=False):
            return 0
        try:
            return self._run(batch_id)
        except StorageError as error:
            log.warning("%s", error)
            return 0
        finally:
            self._lanes.release()

    def _run(self, batch_id: int) -> int:
        turn = _Turn()
        until = time.monotonic() + TURN
        next_id: int | None = batch_id
        with self._context.database.keeping():
            while next_id is not None:
                with self._dealer.holding(next_id):
                    self._send_one(next_id, turn)
                over = time.monotonic() > until or self._context.stopping.is_set()
                next_id = None if over else self._dealer.next()
        return turn.sent

    def _send_one(self, batch_id: int, turn: _Turn) -> None:
        batch = self._gather(batch_id)
        if batch is None or self._postponed(batch):
            return
        tag = new_tag()
        said = texts_of(batch)
        usage = self._caps.usage(batch, said)
        request = request_of(batch, said, tag, self._context.gateway, self._context.settings)
        try:
            if self._taken_before(batch):
                return
            self._caps.check(batch, usage)
            if not turn.may_send and (seconds := self._gate.wait()):
                self._wait(batch, "rate limit", seconds)
                return
            turn.may_send = True
            with self._slots:
                if self._context.stopping.is_set():
                    return
                self._context.gateway.connect()
                armed = self._arm(batch, tag, request, usage)
                if armed is None:
                    return
                turn.may_send = False
                outcome, took = self._deliver(armed)
        except GatewayError as error:
            self._context.calls.count(UNREACHABLE)
            self._wait(batch, str(error), backoff(batch.checks), failed=True)
            return
        except CapReached as reached:
            self._caps.apply(batch, reached)
            return
        self._records.keep(batch, tag, batch.recipients.positions, outcome, took)
        turn.sent += isinstance(outcome, Sent)

    def _taken_before(self, batch: DueBatch) -> bool:
        """Whether an attempt that is thought unsent shows at the gateway after all.

        Raises GatewayError when that cannot be learnt: then nothing may be sent.
        """
        for tag in batch.unproven:
            if self._context.shows(tag, set(batch.recipients.phones)):
                with self._context.database.write() as session:
                    moves.recall(session, batch.id, tag, now=self._context.clock())
                return True
        return False

    def _postponed(self, batch: DueBatch) -> bool:
        hold = self._hold(batch)
        if hold is not None and batch.leaves_at is not None:
            with self._context.database.write() as session:
                handed.wait_here(session, batch, hold, self._context.clock())
        elif hold is not None:
            self._postpone(batch, hold)
        return hold is not None

    def _hold(self, batch: DueBatch) -> Hold | None:
        if batch.leaves_at is not None:
            return self._context.waits_here(batch, batch.leaves_at)
        return self._context.hold(batch.territory) if batch.commercial else None

    def _wait(self, batch: DueBatch, why: str, seconds: float, *, failed: bool = False) -> None:
        until = self._context.clock() + timedelta(seconds=seconds)
        self._postpone(batch, Hold(until, why), failed=failed)

    def _postpone(self, batch: DueBatch, hold: Hold, *, failed: bool = False) -> None:
        now = self._context.clock()
        with self._context.database.write() as session:
            moves.postpone(session, batch, hold, now=now, failed=failed)

    def _arm(self, batch: DueBatch, tag: str, request: Request, usage: Usage) -> _Armed | None:
        """Own the batch, by one short transaction. If its commit raises, nothing is sent.

        The instants are from before the commit: a worker may fall asleep in there, too. None
        when the batch is not ours. Raises CapReached.
        """
        settings = self._context.settings
        shift = timedelta(seconds=settings.clock_offset)
        database = self._context.database
        with database.write() if self._caps.lock else database.once() as session:
            steady, now = time.monotonic(), self._context.clock()
            if self._hold(batch) is not None or not self._caps.check_locked(
                session, batch, usage, now
            ):
                return None  # the next hint gathers anew
            armed = claims.arm(
                session,
                batch,
                account=self._context.account,
                apart=self._context.counted is not None,
                tag=tag,
                worker=worker_name(),
                now=now,
                lease=timedelta(seconds=settings.lease),
                doubt_limit=settings.doubt_limit,
                told=now - shift,
                most_skew=MOST_SKEW,
                cost=self._caps.cost(usage),
            )
        if not armed:
            self._compare_clocks(shift)
            return None
        return _Armed(batch, request, steady, now)

    def _compare_clocks(self, shift: timedelta) -> None:
        """Raise StorageError, which ends the lane's turn, unless this clock can tell the window."""
        clock = self._context.database.clock()
        skew = timedelta(0) if clock is None else abs(self._context.clock() - clock - shift)
        if skew > MOST_SKEW:
            raise StorageError(f"nothing is sent: this clock and the database's differ by {skew}")

    def _deliver(self, armed: _Armed) -> tuple[Outcome, float | None]:
        """What came of the attempt, and how long (seconds) the call took if there was one."""
        if objection := self._objection(armed):
            return NotSent(objection, 0), None
        started = time.monotonic()
        # and once more when the connection stands, right before the first byte
        phones = armed.batch.recipients.phones
        outcome = armed.request.deliver(
            self._context.gateway, phones, unless=lambda: self._objection(armed)
        )
        return outcome, time.monotonic() - started

    def _objection(self, armed: _Armed) -> str:
        """Why the armed batch must not leave any more; empty when it may."""
        slept = time.monotonic() - armed.at
        jumped = abs((self._context.clock() - armed.at_wall).total_seconds())
        if max(slept, jumped) > STALE:
            return "its worker was asleep"
        if self._hold(armed.batch) is None:
            return ""
        return "the window has closed" if armed.batch.leaves_at is None else "its hour is too near"
