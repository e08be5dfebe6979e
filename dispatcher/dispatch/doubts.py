"""Doubts: a batch that may have been taken is looked up by the tags of its attempts.

The gateway has texted the numbers that it shows under a tag. A number that it does not show
proves nothing: the answer is paged and its lag is unknown. So a lookup can only prove that a
batch was sent; that it was not is a person's decision.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.orm import Session

from dispatcher.campaigns.evidence import may_go_again
from dispatcher.campaigns.hand_over import LAG
from dispatcher.campaigns.states import BatchState
from dispatcher.campaigns.wording import stamp
from dispatcher.dispatch.context import CHECK_LEASE, Context
from dispatcher.dispatch.evidence import Evidence, TagAnswers
from dispatcher.dispatch.tag_answers import tag_answer
from dispatcher.dispatch.unforeseen import contained, note_check
from dispatcher.errors import GatewayError, IllegalMove
from dispatcher.storage import doubts
from dispatcher.storage.batches import attempts, lookups, polls
from dispatcher.storage.batches.lookups import BatchSnapshot

log = logging.getLogger(__name__)


class Doubts:
    """Settles the doubts that can be proven, and carries out what a person decides."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._evidence = Evidence(context)

    def settle_batch(self, batch_id: int) -> bool:
        """Look up a batch in doubt, or one of which attempts thought unsent are looked up.

        True if a doubt is settled: the batch is proven to have been sent.
        """
        now = self._context.clock()
        account = self._context.account
        with self._context.database.write() as session:
            in_doubt = polls.lease(
                session,
                BatchState.IN_DOUBT,
                now,
                CHECK_LEASE,
                account=account,
                most=1,
                batch_id=batch_id,
            )
        with self._context.database.read() as session:
            due = attempts.due(session, now, account=account, batch_id=batch_id)
        if not in_doubt and not due:
            return False
        settled: list[bool] = []
        with contained(f"lookup of batch {batch_id}", note_check(self._context, batch_id)):
            settled.append(self._settle(batch_id, in_doubt))
        return any(settled)

    def _settle(self, batch_id: int, in_doubt: Sequence[polls.LeasedBatch]) -> bool:
        answers = self._evidence.ask(batch_id)
        why = self._why(answers, in_doubt[0]) if in_doubt else None
        with self._context.database.write() as session:
            verdict = self._evidence.record(session, answers, why=why, was_due=True)
        if not in_doubt:
            return False
        log.info("batch %d was in doubt: it is %s", batch_id, verdict.state)
        return verdict.state is not BatchState.IN_DOUBT

    def _why(self, answers: TagAnswers, batch: polls.LeasedBatch) -> str:
        """Why the batch stays in doubt; empty if all of it shows."""
        if not answers.answered:
            return f"the gateway cannot be asked: {answers.failure}"
        shown = set[int]().union(*answers.shown.values())
        missing = len(answers.in_question - shown)
        try:
            return self._absence(missing, len(batch.phones)) if missing else ""
        except GatewayError as error:
            return f"the gateway cannot be asked: {error}"

    def _absence(self, missing: int, size: int) -> str:
        """Why a batch stays in doubt whose tags do not show ``missing`` numbers.

        Asks for a control, a tag that was certainly taken. Raises GatewayError.
        """
        with self._context.database.read() as session:
            control = self._control(session)
        if control is not None and not tag_answer(self._context, control).reports:
            return "cannot be verified: the gateway does not even show what it took"
        what = "nothing" if missing == size else f"{size - missing} of {size} numbers"
        checked = "" if control else ", and there is no control"
        return f"the gateway shows {what} under its tag{checked}"

    def _control(self, session: Session) -> str | None:
        return attempts.control_tag(session, self._context.clock(), self._context.account)

    def resend(self, batch_id: int, *, actor: str, reason: str) -> None:
        """Send again what no attempt of a batch in doubt has shown; the rest of it is settled.

        Raises GatewayError if what the attempts show cannot be learnt, IllegalMove if all of it
        shows (the batch is settled then), if an attempt may still be sending or the batch is not
        in doubt, NotFound.
        """
        now = self._context.clock()
        with self._context.database.read() as session:
            batch = doubts.find(session, batch_id)
            control = self._control(session)
        if batch.leaves_at is not None and now < batch.leaves_at + LAG:
            hour = f"{stamp(batch.leaves_at)} in Paris"
            raise IllegalMove(
                f"batch {batch_id} was to be held by the gateway until {hour}:"
                " only some minutes later does it show what it took"
            )
        if not may_go_again(batch.attempts, batch.sent_at, now):
            raise IllegalMove(
                f"the worker of batch {batch_id} was lost and may still be sending:"
                " it can be sent again some minutes after the doubt began"
            )
        if control is not None and not tag_answer(self._context, control).reports:
            raise GatewayError("the gateway does not even show what it took: try again later")
        answers = self._evidence.ask(batch_id)
        with self._context.database.write() as session:
            settled = self._settle_shown(session, batch, answers)
            if settled and not answers.failure:
                doubts.resend(session, settled, actor=actor, reason=reason, now=now)
        if settled is None:
            raise IllegalMove(f"batch {batch_id} shows at the gateway: it was taken")
        if answers.failure:
            raise GatewayError(answers.failure)

    def give_up(
        self, batch_id: int, *, actor: str, reason: str, account_known: bool = True
    ) -> None:
        """End a doubt without sending; what no attempt has shown becomes unreported.

        Raises IllegalMove if the gateway shows all of it (it is settled then) or it is not in
        doubt, NotFound. A person may give up although the gateway does not answer.
        """
        with self._context.database.read() as session:
            batch = doubts.find(session, batch_id)
        if account_known:
            answers = self._evidence.ask(batch_id)
        else:  # no other account can tell
            answers = TagAnswers(batch_id, {}, [], failure="its account is unknown here")
        if answers.failure:
            log.warning("batch %d is given up unseen: %s", batch_id, answers.failure)
        now = self._context.clock()
        with self._context.database.write() as session:
            settled = self._settle_shown(session, batch, answers)
            if settled:
                doubts.give_up(session, settled, actor=actor, reason=reason, now=now)
        if settled is None:
            raise IllegalMove(f"batch {batch_id} shows at the gateway: it was taken")

    def _settle_shown(
        self, session: Session, batch: BatchSnapshot, answers: TagAnswers
    ) -> BatchSnapshot | None:
        """Settle what shows of a doubt; the batch as it is then, None if nothing is in doubt.

        Raises IllegalMove if it is not the doubt any more that a person decided on.
        """
        before = lookups.snapshot(session, batch.id, lock=True)
        if (before.state, before.attempt) != (BatchState.IN_DOUBT, batch.attempt):
            raise IllegalMove(f"batch {batch.id} has been settled meanwhile")
        if self._evidence.record(session, answers).state is not BatchState.IN_DOUBT:
            return None
        return lookups.snapshot(session, batch.id)
