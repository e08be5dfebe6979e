"""Results: the outcome of an attempt is recorded, with patience if the database is away."""

from __future__ import annotations

import logging
from dataclasses import replace

from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.breaker import pause_reason
from dispatcher.campaigns.change import change_of
from dispatcher.campaigns.evidence import corrections
from dispatcher.campaigns.outcome import InDoubt, Outcome, Sent, name_of
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.campaigns.turn import Ending, goes_along
from dispatcher.campaigns.waits import Waits
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.evidence import Evidence, TagAnswers
from dispatcher.dispatch.sending.ledger import Ledger, Turn
from dispatcher.errors import StorageError
from dispatcher.settings.logs import event
from dispatcher.storage import account_waits
from dispatcher.storage.batches import evidence, refusals, results
from dispatcher.storage.campaigns.moves import pause, run_again

log = logging.getLogger(__name__)

#: waits (seconds) between tries to record an outcome; shorter in all than a lease
_PATIENCE = (0.2, 1.0, 4.0, 10.0, 20.0)


class Results:
    """Records the outcomes of attempts."""

    def __init__(self, context: Context, ledger: Ledger) -> None:
        self._context = context
        self._ledger = ledger
        self._evidence = Evidence(context)
        settings = context.settings
        self._waits = Waits(
            settings.poll_intervals, settings.settle_intervals, context.next_opening
        )

    def record(
        self, batch: DueBatch, tag: str, outcome: Outcome, seconds: float | None = None
    ) -> None:
        """Record the outcome of the attempt on ``batch`` under ``tag``.

        ``seconds`` is how long the call took, if there was one. Raises StorageError if the
        database stays away; the batch is in doubt then, once its lease is over.
        """
        self._context.call_counts.count(name_of(outcome), seconds)
        change = change_of(batch, outcome, self._context.clock(), self._waits)
        along = goes_along(change) and self._ledger.turn(Turn(end=Ending(batch, tag, change)))
        if not along or not along.ended:
            self._write_patiently(batch, tag, outcome)
        event(
            log,
            logging.INFO if isinstance(outcome, Sent) else logging.WARNING,
            "attempt",
            account=self._context.account or None,
            campaign=batch.campaign_id,
            batch=batch.id,
            attempt=batch.attempt + 1,
            outcome=name_of(outcome),
            messages=len(batch.recipients),
            seconds=None if seconds is None else round(seconds, 3),
            why=None if isinstance(outcome, Sent) else outcome.why,
        )

    def _write_patiently(self, batch: DueBatch, tag: str, outcome: Outcome) -> None:
        for patience in (*_PATIENCE, None):
            try:
                self._write(batch, tag, outcome)
                break
            except StorageError as error:
                log.warning("batch %d: %s", batch.id, error)
                if patience is None:
                    raise
                self._context.sleep(patience)

    def _write(self, batch: DueBatch, tag: str, outcome: Outcome) -> None:
        now = self._context.clock()
        change = change_of(batch, outcome, now, self._waits)
        if change.account_until is not None:
            with self._context.database.write() as session:
                account_waits.put(session, self._context.account, change.account_until)
        if change.is_alone and not change.refusal:
            with self._context.database.once() as session:
                if results.apply(session, batch, change, tag=tag, now=now):
                    return
        with self._context.database.write() as session:
            if change.refusal:
                change = replace(change, pause=self._breaks(session, batch, change.refusal))
            if change.pause:
                pause(session, batch.campaign_id, change.pause, now)
            if results.apply(session, batch, change, tag=tag, now=now):
                return
            fresh = results.refreshed(session, batch)
            if fresh is not None:
                change = change_of(fresh, outcome, now, self._waits)
                held = change.state is BatchState.HANDED_OVER
                if held:  # a person gave it up, and nothing else was to come
                    run_again(session, batch.campaign_id)
                if results.apply(session, fresh, change, tag=tag, now=now):
                    found = corrections(fresh.states, change.states)
                    its = batch.id, batch.campaign_id
                    evidence.note_corrections(session, *its, found, now, held=held)
                    return
            results.end_attempt(session, tag, change.attempt, now=now, again=False)
            # the batch has moved on, and what the answer confirms was texted all the same
            confirmed = {} if change.state is BatchState.HANDED_OVER else _confirmed(batch, outcome)
            self._evidence.record(session, TagAnswers(batch.id, {tag: confirmed}, []))

    def _breaks(self, session: Session, batch: DueBatch, why: str) -> str:
        """Why the batch's campaign pauses after a refusal; empty if it runs on."""
        limit = self._context.settings.refusal_limit
        before = refusals.latest(session, batch.campaign_id, limit - 1) if limit else []
        return pause_reason(why, before, limit)


def _confirmed(batch: DueBatch, outcome: Outcome) -> dict[int, MessageState]:
    """The messages that the answer to an attempt confirms."""
    if not isinstance(outcome, Sent | InDoubt):
        return {}
    states = outcome.messages.placed(batch.recipients.positions).states
    return {spot: state for spot, state in states.items() if state is MessageState.SENT}
