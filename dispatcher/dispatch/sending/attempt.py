"""One attempt to send a batch: gathered, claimed, sent at most once, recorded.

No transaction is open while the gateway is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.caps import Usage
from dispatcher.campaigns.outcome import NotSent, Outcome, Sent
from dispatcher.campaigns.states import BatchState
from dispatcher.campaigns.turn import Arming
from dispatcher.campaigns.waits import Wait, backoff
from dispatcher.dispatch import safeguards
from dispatcher.dispatch.call_counts import UNREACHABLE
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.evidence import Evidence
from dispatcher.dispatch.rate_limit import Permit
from dispatcher.dispatch.sending import consents
from dispatcher.dispatch.sending.caps import CapReached, SendCaps
from dispatcher.dispatch.sending.gather import Gather
from dispatcher.dispatch.sending.ledger import Ledger, Turn
from dispatcher.dispatch.sending.pacing import Pacing
from dispatcher.dispatch.sending.request import Request, call_of, request_of
from dispatcher.dispatch.sending.results import Results
from dispatcher.dispatch.tags import new_tag
from dispatcher.errors import GatewayError
from dispatcher.storage.batches import hand_over, moves
from dispatcher.window import Hold

#: a claimed batch whose first byte has not left within this (seconds) is not sent: the process
#: or its machine was suspended, and the window may have closed meanwhile
STALE = 5.0


class _NotNow(Exception):
    """Raised where nothing is sent: the rate limit says ``hold``, or it is not ours to send."""

    def __init__(self, hold: Hold | None = None) -> None:
        super().__init__()
        self.hold = hold


class Lost(Exception):
    """Raised where a batch that was gathered is not armed: somebody else has it, or it changed."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """What an attempt is going to send, before it is claimed."""

    tag: str
    request: Request
    usage: Usage


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A batch that this process, and no other, may send now."""

    batch: DueBatch
    request: Request
    #: when it was claimed, by the monotonic clock and by the wall clock: a suspended machine
    #: stops one of them
    at: float
    at_wall: datetime


class Attempts:
    """Makes attempts to send batches, one in each thread that calls it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._evidence = Evidence(context)
        self._caps = SendCaps(context)
        self._ledger = Ledger(context, self._caps, self._may_arm)
        self._results = Results(context, self._ledger)
        self._gather = Gather(context, self._caps).gather
        self._consents = consents.Consents(context)
        self._pacing = Pacing(context)

    def make(self, batch_id: int, permit: Permit) -> bool:
        """Send a batch, once, if it is due and may leave now; True if the gateway took it.

        Otherwise its row says why it waits and until when. Raises Lost, and StorageError; a batch
        that was claimed is in doubt then, once its lease is over.
        """
        batch = self._gather(batch_id)
        if batch is None or self._pacing.holds(batch) or self._wait_for_window(batch):
            return False
        batch = self._consents.ask(batch)
        if batch is None:
            return False
        draft = self._draft(batch)
        try:
            self._check_earlier_attempts(batch)
            self._caps.check(batch, draft.usage)
            self._wait_for_permit(permit)
            self._context.gateway.connect()
            claimed = self._claim(batch, draft)
        except GatewayError as error:
            self._context.call_counts.count(UNREACHABLE)
            hold = self._in(backoff(batch.checks), str(error))
            self._postpone(batch, Wait.RETRY, hold, failed=True)
        except CapReached as reached:
            self._caps.apply(batch, reached)
        except _NotNow as reason:
            if reason.hold is not None:
                self._postpone(batch, Wait.RATE, reason.hold)
        else:
            permit.use()
            outcome, seconds = self._deliver(claimed)
            self._results.record(batch, draft.tag, outcome, seconds)
            return isinstance(outcome, Sent)
        finally:
            self._ledger.release(draft.tag)
        return False

    def _wait_for_window(self, batch: DueBatch) -> bool:
        """Let the batch wait here if it may not leave now; True if it does."""
        hold = self._hold(batch)
        if hold is not None and batch.leaves_at is not None:
            with self._context.database.write() as session:
                hand_over.wait_here(session, batch, hold, self._context.clock())
        elif hold is not None:
            self._postpone(batch, Wait.WINDOW, hold)
        return hold is not None

    def _draft(self, batch: DueBatch) -> _Draft:
        tag, call = new_tag(), call_of(batch)
        request = request_of(batch, call, tag, self._context.gateway, self._context.settings)
        return _Draft(tag, request, self._caps.usage(batch, call))

    def _check_earlier_attempts(self, batch: DueBatch) -> None:
        """Raise _NotNow if an attempt thought unsent shows at the gateway: it is settled now.

        Raises GatewayError when that cannot be learnt: then nothing may be sent.
        """
        if not batch.unproven:
            return
        answers = self._evidence.ask(batch.id)
        with self._context.database.write() as session:
            verdict = self._evidence.record(session, answers)
        if verdict.state is not BatchState.PENDING:
            raise _NotNow
        if answers.failure:
            raise GatewayError(answers.failure)

    def _wait_for_permit(self, permit: Permit) -> None:
        if seconds := permit.wait():
            raise _NotNow(self._in(seconds, "rate limit"))

    def _claim(self, batch: DueBatch, draft: _Draft) -> _Claimed:
        """Claim the batch by a turn of the ledger. If its commit raises, nothing is sent.

        Raises Lost if the batch cannot be claimed, _NotNow if the process stops, CapReached,
        StorageError.
        """
        arm = Arming(batch, draft.tag, self._caps.cost(draft.usage))
        turn = self._ledger.turn(Turn(arm, draft.usage))
        if not turn.done:
            raise _NotNow
        if turn.reached is not None:
            raise turn.reached
        if turn.error is not None:
            raise turn.error
        if not turn.armed or turn.at_wall is None:
            self.check()
            raise Lost
        return _Claimed(batch, draft.request, turn.at, turn.at_wall)

    def _may_arm(self, batch: DueBatch, now: datetime) -> bool:
        return self._hold(batch) is None and not self._consents.is_stale(batch, now)

    def check(self) -> None:
        """Raise StorageError, which ends the send loop, if this process must not send."""
        safeguards.check(self._context)

    def _deliver(self, claimed: _Claimed) -> tuple[Outcome, float | None]:
        """Send a claimed batch: the outcome, and the seconds of the call if there was one."""
        if objection := self._objection(claimed):
            return NotSent(objection, 0), None
        started = self._context.steady()
        outcome = claimed.request.deliver(
            self._context.gateway,
            claimed.batch.recipients.phones,
            # asked once more when the connection is open, right before the first byte
            unless=lambda: self._objection(claimed),
        )
        return outcome, self._context.steady() - started

    def _objection(self, claimed: _Claimed) -> str:
        """Why a claimed batch must not leave any more; empty if it may."""
        slept = self._context.steady() - claimed.at
        jumped = abs((self._context.clock() - claimed.at_wall).total_seconds())
        if max(slept, jumped) > STALE:
            return "its worker was asleep"
        not_after = claimed.batch.not_after
        if not_after is not None and self._context.clock() >= not_after:
            return "its campaign is over"
        if self._hold(claimed.batch) is None:
            return ""
        if claimed.batch.leaves_at is None:
            return "the window has closed"
        return "its hour is too near"

    def _hold(self, batch: DueBatch) -> Hold | None:
        if batch.leaves_at is not None:
            return self._context.waits_here(batch, batch.leaves_at)
        return self._context.hold(batch.territory) if batch.commercial else None

    def _in(self, seconds: float, why: str) -> Hold:
        return Hold(self._context.clock() + timedelta(seconds=seconds), why)

    def _postpone(self, batch: DueBatch, wait: Wait, hold: Hold, *, failed: bool = False) -> None:
        now = self._context.clock()
        with self._context.database.write() as session:
            moves.postpone(session, batch, wait, hold, now=now, failed=failed)
