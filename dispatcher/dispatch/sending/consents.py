"""Asking for consent: the last thing that is gathered for a batch before it is claimed."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from dispatcher.campaigns import consent
from dispatcher.campaigns.batch import DueBatch, RestsOn
from dispatcher.campaigns.consent import Answer, Person
from dispatcher.campaigns.message_states import marked
from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.waits import Wait, backoff
from dispatcher.dispatch.consent_source import ConsentSource, NoAnswer
from dispatcher.dispatch.context import Context
from dispatcher.storage import consents
from dispatcher.storage.batches import moves, results
from dispatcher.window import Hold

log = logging.getLogger(__name__)


class Consents:
    """Asks the application for the consents of batches whose campaign wants that."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self._context = context
        #: half of the threads that send: a function that hangs leaves the others to send
        most = max(1, settings.connections // 2)
        self._source = settings.consent and ConsentSource(
            settings.consent, seconds=settings.consent_timeout, most=most
        )

    def ask(self, batch: DueBatch) -> DueBatch | None:
        """The batch without those who have withdrawn, and with the consents of the others.

        None if it waits, or nobody is left. No transaction is open while the application is asked.
        """
        if batch.consent != consent.ASK:
            return batch
        steady, at = self._context.steady(), self._context.clock()
        answer = self._answer(batch, at)
        if answer.problem:
            log.warning("batch %d: %s", batch.id, answer.problem)
        if answer.withdrawn or answer.problem:
            with self._context.database.write() as session:
                left = self._left(session, batch, answer)
            if left is None:
                return None
            batch = left
        return replace(batch, rests_on=RestsOn(answer.consents, steady, at))

    def is_stale(self, batch: DueBatch, now: datetime) -> bool:
        """Whether the consents of a batch were asked for too long ago, by either clock."""
        if batch.rests_on is None:
            return False
        age = timedelta(seconds=self._context.steady() - batch.rests_on.steady)
        return max(age, abs(now - batch.rests_on.at)) > consent.FRESH

    def _answer(self, batch: DueBatch, now: datetime) -> Answer:
        rows = zip(batch.recipients.positions, batch.recipients.phones, strict=True)
        if not self._source:
            return consent.failed("it is not set")
        with self._context.database.read() as session:
            keys = consents.keys(session, batch.id)
        people = {position: Person(phone, keys.get(position)) for position, phone in rows}
        try:
            return self._source.ask(
                list(people.values()), lambda answer: consent.read(answer, people, now)
            )
        except NoAnswer as error:
            return consent.failed(str(error))

    def _left(self, session: Session, batch: DueBatch, answer: Answer) -> DueBatch | None:
        """The batch that may be claimed, once those who have withdrawn are left out of its row."""
        out = dict.fromkeys(answer.withdrawn, MessageState.WITHDRAWN)
        if out and not results.leave_out(session, batch, out):
            return None
        if answer.problem:
            now = self._context.clock()
            again = timedelta(seconds=backoff(batch.checks))
            hold = Hold(now + again, answer.problem)
            moves.postpone(session, batch, Wait.RETRY, hold, now=now, failed=True)
            return None
        if not answer.consents:
            return None
        recipients = batch.recipients.only(answer.consents.keys())
        return replace(batch, states=marked(batch.states, out), recipients=recipients)
