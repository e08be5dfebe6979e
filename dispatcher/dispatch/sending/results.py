"""Results: the outcome of an attempt is recorded, with patience if the database is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.hand_over import OPTED_OUT, OTHER_HOUR, looked_up
from dispatcher.campaigns.outcome import (
    Blocked,
    Closed,
    InDoubt,
    NotSent,
    Outcome,
    Refused,
    Sent,
    name_of,
)
from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.waits import backoff
from dispatcher.dispatch.context import Context
from dispatcher.errors import StorageError
from dispatcher.gateway.codes import OF_SCHEDULE
from dispatcher.settings.logs import event
from dispatcher.storage.batches import attempts, moves, recalls, results
from dispatcher.storage.batches import (
    hand_over as handed,
)
from dispatcher.storage.campaigns.moves import pause
from dispatcher.storage.tables import Batch
from dispatcher.window import Hold

log = logging.getLogger(__name__)

#: waits (seconds) between tries to record an outcome; shorter in all than a lease
_PATIENCE = (0.2, 1.0, 4.0, 10.0, 20.0)


class Results:
    """Records the outcomes of attempts."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def record(
        self, batch: DueBatch, tag: str, outcome: Outcome, seconds: float | None = None
    ) -> None:
        """Record the outcome of the attempt on ``batch`` under ``tag``.

        ``seconds`` is how long the call took, if there was one. Raises StorageError if the
        database stays away; the batch is in doubt then, once its lease is over.
        """
        positions = batch.recipients.positions
        self._context.calls.count(name_of(outcome), seconds)
        for patience in (*_PATIENCE, None):
            try:
                self._write(batch, tag, positions, outcome)
                break
            except StorageError as error:
                log.warning("batch %d: %s", batch.id, error)
                if patience is None:
                    raise
                time.sleep(patience)
        event(
            log,
            logging.INFO if isinstance(outcome, Sent) else logging.WARNING,
            "attempt",
            account=self._context.account or None,
            campaign=batch.campaign_id,
            batch=batch.id,
            attempt=batch.attempt + 1,
            outcome=name_of(outcome),
            messages=len(positions),
            seconds=None if seconds is None else round(seconds, 3),
            why=None if isinstance(outcome, Sent) else outcome.why,
        )

    def _write(self, batch: DueBatch, tag: str, positions: Sequence[int], outcome: Outcome) -> None:
        now = self._context.clock()
        unproven = name_of(outcome) in attempts.UNPROVEN
        if isinstance(outcome, Sent) and not outcome.blocked and batch.leaves_at is None:
            with self._context.database.once() as session:
                if self._apply(session, batch, tag, positions, outcome):
                    return
        with self._context.database.write() as session:
            applied = self._apply(session, batch, tag, positions, outcome)
            if not applied and isinstance(outcome, Sent):
                # a person has had it sent again meanwhile: the receipt may still be quicker
                moves.recall(session, batch.id, tag, now=now)
            if not applied and (fresh := results.refreshed(session, batch)) is not None:
                applied = self._apply(session, fresh, tag, positions, outcome)
            if applied and isinstance(outcome, Sent):
                return  # and its attempt with it
            attempts.end(
                session,
                tag,
                outcome=name_of(outcome),
                detail=_detail(outcome),
                now=now,
                check_at=now if unproven else None,
                again=applied,
            )

    def _apply(
        self,
        session: Session,
        batch: DueBatch,
        tag: str,
        positions: Sequence[int],
        outcome: Outcome,
    ) -> bool:
        now = self._context.clock()
        match outcome:
            case Sent() if batch.leaves_at is not None:
                return self._held(session, batch, tag, positions, outcome, batch.leaves_at)
            case Sent(message_id, lines, blocked):
                if blocked:
                    pause(session, batch.campaign_id, blocked, now)
                return results.record_sent(
                    session,
                    batch,
                    lines.placed(positions),
                    tag=tag,
                    message_id=message_id,
                    now=now,
                    poll_at=self._context.after(self._context.settings.poll_intervals, 0),
                )
            case InDoubt(why, message_id, lines):
                return results.record_doubt(
                    session,
                    batch,
                    lines.placed(positions),
                    why=why,
                    message_id=message_id,
                    check_at=looked_up(
                        self._context.after(self._context.settings.settle_intervals, 0),
                        batch.leaves_at,
                        now,
                    ),
                    now=now,
                )
            case Refused(code, why) if batch.leaves_at is not None and code in OF_SCHEDULE:
                # without an hour it may be taken
                hold = Hold(batch.leaves_at, f"not handed over: {why}")
                return results.record_unsent(session, batch, hold, checks=0, here=True)
            case Refused(code, why):
                return results.record_refused(session, batch, code=code, why=why)
            case Blocked(why):
                pause(session, batch.campaign_id, why, now)
                return results.record_unsent(session, batch, Hold(now, ""), checks=0)
            case Closed(why):
                hold = Hold(self._next_opening(batch, now), why)
                return results.record_unsent(session, batch, hold, checks=0, here=True)
            case NotSent(why, after, answered):
                wait = backoff(batch.checks) if after is None else after
                if answered:  # its tag is looked up before the next attempt: give that time
                    wait = max(
                        wait, backoff(batch.checks), self._context.settings.settle_intervals[0]
                    )
                hold = Hold(now + timedelta(seconds=wait), why if wait else "")
                return results.record_unsent(session, batch, hold, checks=batch.checks + 1)

    def _held(
        self,
        session: Session,
        batch: DueBatch,
        tag: str,
        positions: Sequence[int],
        sent: Sent,
        asked: datetime,
    ) -> bool:
        """The receipt of a batch that the gateway was asked to hold until then."""
        now = self._context.clock()
        leaves_at = sent.leaves_at or asked
        lines = sent.lines.placed(positions)
        # the campaign's row before the batch's, as a person's pause has them
        if why := OTHER_HOUR if leaves_at != asked else sent.blocked:
            pause(session, batch.campaign_id, why, now)
        if MessageState.SENT not in lines.states.values():  # nobody is left to wait for an hour
            done = results.record_sent(
                session, batch, lines, tag=tag, message_id=sent.message_id, now=now, poll_at=now
            )
        else:
            done = handed.record(
                session,
                batch,
                lines,
                tag=tag,
                message_id=sent.message_id,
                leaves_at=leaves_at,
                now=now,
            )
            if done and leaves_at == asked and handed.opted_out_meanwhile(session, batch):
                recalls.request(session, Batch.id == batch.id, OPTED_OUT, now)
        if done and leaves_at != asked:
            recalls.request(session, Batch.id == batch.id, OTHER_HOUR, now)
        return done

    def _next_opening(self, batch: DueBatch, now: datetime) -> datetime:
        """The opening after the hour of the attempt: the gateway's calendar says closed, ours open.

        That is the present one, unless the gateway was to hold the batch for a later.
        """
        at = batch.leaves_at or now
        hold = self._context.hold(batch.territory, at)
        if hold is None:
            closing = self._context.windows.closes_at(at, batch.territory)
            hold = self._context.hold(batch.territory, closing)
        return now if hold is None else hold.until


def _detail(outcome: Outcome) -> str:
    """What the record of attempts keeps beside the outcome's word."""
    if isinstance(outcome, Sent):
        return ""
    if isinstance(outcome, InDoubt) and outcome.excerpt:
        return f"{outcome.why}: {outcome.excerpt}"
    return outcome.why
