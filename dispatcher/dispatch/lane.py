"""Sending: a lane arms one due batch after another, sends each once and records what came of it.

No transaction is open while the gateway is waited for.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dispatcher import texts
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.names import new_tag, worker_name
from dispatcher.dispatch.records import Records
from dispatcher.errors import GatewayError, StorageError
from dispatcher.outcomes import (
    NotSent,
    Outcome,
    Sent,
    backoff,
    verdict,
)
from dispatcher.provider import Line
from dispatcher.storage import batches
from dispatcher.storage.batches import DueBatch
from dispatcher.window import Hold

log = logging.getLogger(__name__)

#: a lane ends its turn after this long (seconds), so that other hints get their share
TURN = 20.0
#: an armed batch whose bytes have not left within this (seconds) is not sent: the worker slept
STALE = 5.0
#: a lane itself waits this long (seconds) for the rate limit; longer waits go to the row
LONGEST_PATIENCE = 1.0
#: with the database's clock further away than this, no window can be told
MOST_SKEW = timedelta(seconds=30)
_LARGEST_ID = 2**63


@dataclass(frozen=True, slots=True)
class _Armed:
    """A batch that this process, and no other, may send now."""

    batch: DueBatch
    tag: str
    phones: Sequence[str] = field(repr=False)
    positions: Sequence[int]
    request: bytes = field(repr=False)
    #: when it was armed, on the steady clock and on the wall's: a suspended machine stops one
    at: float
    at_wall: datetime


class Lane:
    """Sends batches, one at a time in each thread that runs it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._records = Records(context)
        self._lanes = threading.BoundedSemaphore(context.settings.connections)

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
        sent = 0
        until = time.monotonic() + TURN
        next_id: int | None = batch_id
        while next_id is not None:
            sent += self._send_one(next_id)
            over = time.monotonic() > until or self._context.stopping.is_set()
            next_id = None if over else self._next_due()
        return sent

    def _next_due(self) -> int | None:
        with self._context.database.read() as session:
            if batches.doubts(session) >= self._context.settings.doubt_limit:
                return None
            ids = batches.due(
                session, self._context.clock(), 2 * self._context.settings.connections
            )
        # lanes that look at the same moment should not all reach for the same batch
        return random.choice(ids) if ids else None  # noqa: S311

    def _send_one(self, batch_id: int) -> bool:
        batch = self._gather(batch_id)
        if batch is None or self._postponed(batch) or not self._within_rate(batch):
            return False
        tag = new_tag()
        lines = _lines(batch)
        request = self._context.gateway.request(
            lines,
            sender=batch.sender,
            tag=tag,
            stop=batch.commercial and not texts.has_stop(batch.text),
            unicode=any(texts.needs_unicode(line.text) for line in lines),
        )
        try:
            if self._taken_before(batch):
                return False
            self._context.gateway.connect()
        except GatewayError as error:
            until = self._context.clock() + timedelta(seconds=backoff(batch.checks))
            self._wait(batch, Hold(until, str(error)), failed=True)
            return False
        armed_at = self._arm(batch, tag)
        if armed_at is None:
            return False
        return self._deliver(
            _Armed(
                batch=batch,
                tag=tag,
                phones=[line.phone for line in lines],
                positions=[position for position, _, _ in batch.messages],
                request=request,
                at=armed_at[0],
                at_wall=armed_at[1],
            )
        )

    def _within_rate(self, batch: DueBatch) -> bool:
        """Whether the rate lets a request go now; a short wait is waited for here."""
        while (wait := self._context.throttle.wait()) > 0:
            if wait > LONGEST_PATIENCE:
                until = self._context.clock() + timedelta(seconds=wait)
                self._wait(batch, Hold(until, "rate limit"))
                return False
            time.sleep(wait)
        return True

    def _taken_before(self, batch: DueBatch) -> bool:
        """Whether an attempt that is thought unsent shows at the gateway after all.

        Raises GatewayError when that cannot be learnt: then nothing may be sent.
        """
        phones = {phone for _, phone, _ in batch.messages}
        for tag in batch.unproven:
            if self._context.shows(tag, phones):
                with self._context.database.write() as session:
                    batches.recall(session, batch.id, tag, now=self._context.clock())
                return True
        return False

    def _gather(self, batch_id: int) -> DueBatch | None:
        """The batch if it is due, without those who have opted out since it was planned."""
        with self._context.database.read() as session:
            batch = batches.find_due(session, batch_id, self._context.clock())
        while batch is not None and batch.opted_out:
            with self._context.database.write() as session:
                batches.drop_opted_out(session, batch)
                batch = batches.find_due(session, batch_id, self._context.clock())
        return batch

    def _postponed(self, batch: DueBatch) -> bool:
        hold = self._hold(batch)
        if hold is not None:
            self._wait(batch, hold)
        return hold is not None

    def _hold(self, batch: DueBatch) -> Hold | None:
        return self._context.hold(batch.territory) if batch.commercial else None

    def _wait(self, batch: DueBatch, hold: Hold, *, failed: bool = False) -> None:
        now = self._context.clock()
        with self._context.database.write() as session:
            batches.postpone(session, batch, hold, now=now, failed=failed)

    def _arm(self, batch: DueBatch, tag: str) -> tuple[float, datetime] | None:
        """Own the batch, by one short transaction. If its commit raises, nothing is sent.

        Returns the instant of it on the steady clock and on the wall's, both before the commit:
        a worker may fall asleep in there, too. None when the batch is not ours.
        """
        settings = self._context.settings
        with self._context.database.write() as session:
            steady, now = time.monotonic(), self._context.clock()
            runs, database_clock = batches.standing(session, batch.campaign_id, now)
            if not runs or batches.doubts(session) >= settings.doubt_limit:
                return None
            if database_clock is not None:
                self._compare(database_clock)
            if batches.opted_out(session, batch.id, batch.states) or self._hold(batch) is not None:
                return None  # the next hint gathers anew
            armed = batches.arm(
                session,
                batch,
                tag=tag,
                worker=worker_name(),
                now=now,
                lease=timedelta(seconds=settings.lease),
            )
        return (steady, now) if armed else None

    def _compare(self, database_clock: datetime) -> None:
        """Raise StorageError, which ends the lane's turn, unless this clock can tell the window."""
        shift = timedelta(seconds=self._context.settings.clock_offset)
        skew = abs(self._context.clock() - database_clock.astimezone(UTC) - shift)
        if skew > MOST_SKEW:
            raise StorageError(f"nothing is sent: this clock and the database's differ by {skew}")

    def _deliver(self, armed: _Armed) -> bool:
        gateway = self._context.gateway
        if objection := self._objection(armed):
            outcome: Outcome = NotSent(objection, 0)
        else:  # and once more when the connection stands, right before the first byte
            reply = gateway.bulk_send(armed.request, unless=lambda: self._objection(armed))
            outcome = verdict(reply, armed.phones)
        self._records.keep(armed.batch, armed.tag, armed.positions, outcome)
        return isinstance(outcome, Sent)

    def _objection(self, armed: _Armed) -> str:
        """Why the armed batch must not leave any more; empty when it may."""
        slept = time.monotonic() - armed.at
        jumped = abs((self._context.clock() - armed.at_wall).total_seconds())
        if max(slept, jumped) > STALE:
            return "its worker was asleep"
        return "the window has closed" if self._hold(armed.batch) is not None else ""


def _lines(batch: DueBatch) -> list[Line]:
    template = texts.compile_template(batch.text)
    return [
        Line(phone, texts.wire_text(template.render(json.loads(fields) if fields else {})))
        for _, phone, fields in batch.messages
    ]
