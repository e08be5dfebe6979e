"""Doubts: a batch that may have been taken is looked up by its tag.

The gateway has texted the numbers that it shows under a tag. A number that it does not show
proves nothing: the answer is paged and its lag is unknown. So a lookup can only prove that a
batch was sent; that it was not is a person's decision.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy.orm import Session

from dispatcher.campaigns.hand_over import LAG, looked_up
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.dispatch.context import CHECK_LEASE, Context
from dispatcher.dispatch.tag_answers import shows, tag_answer
from dispatcher.errors import GatewayError, IllegalMove
from dispatcher.storage import doubts, opt_outs
from dispatcher.storage.batches import attempts, lookups, moves, polls
from dispatcher.storage.batches.attempts import DueLookup
from dispatcher.storage.batches.lookups import BatchSnapshot

log = logging.getLogger(__name__)

#: older attempts are not looked up any more: the gateway forgets them
_MEMORY = timedelta(hours=48)


class Doubts:
    """Settles the doubts that can be proven, and carries out what a person decides."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def settle_batch(self, batch_id: int) -> bool:
        """Look up a batch in doubt, and its attempts that are thought unsent.

        True if the batch is proven to have been sent.
        """
        now = self._context.clock()
        with self._context.database.write() as session:
            taken = polls.lease(
                session,
                BatchState.IN_DOUBT,
                now,
                CHECK_LEASE,
                account=self._context.account,
                most=1,
                batch_id=batch_id,
            )
        proven = [self._settle(batch) for batch in taken]
        with self._context.database.read() as session:
            found = attempts.due(session, now, account=self._context.account, batch_id=batch_id)
        for attempt in found:
            self._look_back(attempt)
        return any(proven)

    def _settle(self, batch: polls.LeasedBatch) -> bool:
        settings = self._context.settings
        found: dict[int, MessageState] = {}
        stops: list[str] = []
        places = {phone: position for position, phone in batch.phones.items()}
        try:
            for report in tag_answer(self._context, batch.tag or "").reports:
                found[places[report.phone]] = report.state
                if report.stop:
                    stops.append(report.phone)
            missing = set(batch.waiting(MessageState.PENDING)) - set(found)
            why = self._absence(len(missing), len(batch.phones)) if missing else ""
        except GatewayError as error:
            missing = set(batch.waiting(MessageState.PENDING))
            why = f"the gateway cannot be asked: {error}"
        with self._context.database.write() as session:
            lookups.record(
                session,
                batch,
                found,
                check_at=looked_up(
                    self._context.after(settings.settle_intervals, batch.checks + 1),
                    batch.leaves_at,
                    self._context.clock(),
                ),
                poll_at=self._context.after(settings.poll_intervals, 0),
                now=self._context.clock(),
                why=why,
            )
            opt_outs.add(session, stops, source="answered STOP", now=self._context.clock())
        log.info("batch %d in doubt: %d of its messages still are", batch.id, len(missing))
        return not missing

    def _absence(self, missing: int, size: int) -> str:
        """Why a batch stays in doubt whose tag does not show ``missing`` numbers.

        Asks for a control, a tag that was certainly taken. Raises GatewayError.
        """
        with self._context.database.read() as session:
            control = self._control(session)
        if control is not None and not self._context.gateway.status_by_tag(control).reports:
            return "cannot be verified: the gateway does not even show what it took"
        what = "nothing" if missing == size else f"{size - missing} of {size} numbers"
        checked = "" if control else ", and there is no control"
        return f"the gateway shows {what} under its tag{checked}"

    def _control(self, session: Session) -> str | None:
        return attempts.control_tag(session, self._context.clock(), self._context.account)

    def _look_back(self, attempt: DueLookup) -> None:
        """Look up whether an attempt thought unsent was taken after all."""
        settings = self._context.settings
        try:
            shown = self._shown(attempt.tag)
            others = self._others(attempt) if shown else set()
        except GatewayError as error:
            log.warning("batch %d attempt %d: %s", attempt.batch_id, attempt.number, error)
            shown = others = set()
        now = self._context.clock()
        later = self._context.after(settings.settle_intervals, attempt.checks + 1)
        again = None if later > attempt.armed_at + _MEMORY else later
        with self._context.database.write() as session:
            batch = lookups.snapshot(session, attempt.batch_id)
            if batch.state is BatchState.PENDING:
                # a part of the batch may be known to have been taken: that proves nothing new
                shown &= batch.to_go
            if shown and moves.mark_taken(session, attempt.batch_id, attempt.tag, now=now):
                return
            ended = batch.state is not BatchState.SENDING
            if shown and ended and batch.attempt == attempt.number:
                # no attempt followed: the batch was cancelled, for example, before the proof came
                late = "proven by its tag, after the end"
                attempts.prove(session, attempt.tag, detail=late, now=now)
                people = lookups.revive(session, batch, shown, tag=attempt.tag, now=now)
                log.error("batch %d was taken after all: %d recipients", batch.id, people)
                return
            twice = shown & others
            if not twice or not ended:
                attempts.looked_up(
                    session, attempt.tag, again
                )  # a later attempt may yet show itself
                return
            late = "proven by its tag, too late"
            if not attempts.prove(session, attempt.tag, detail=late, now=now):
                return
            doubts.texted_twice(session, batch, len(twice), number=attempt.number, now=now)
        log.critical("batch %d was sent twice: %d recipients", attempt.batch_id, len(twice))

    def _shown(self, tag: str) -> set[str]:
        return {report.phone for report in tag_answer(self._context, tag).reports}

    def _others(self, attempt: DueLookup) -> set[str]:
        """The numbers that the gateway shows under the batch's other attempts."""
        with self._context.database.read() as session:
            tags = attempts.tags_of_batch(session, attempt.batch_id)
        shown = (self._shown(tag) for tag in tags if tag != attempt.tag)
        return set().union(*shown)

    def resend(self, batch_id: int, *, actor: str, reason: str) -> None:
        """Send a batch in doubt again, if none of its attempts shows at the gateway right now.

        Raises GatewayError if that cannot be learnt, IllegalMove if an attempt does show (the
        batch is settled then) or the batch is not in doubt, NotFound.
        """
        with self._context.database.read() as session:
            batch = doubts.find(session, batch_id)
            tags = attempts.tags_of_batch(session, batch_id)
            control = self._control(session)
        if batch.leaves_at is not None and self._context.clock() < batch.leaves_at + LAG:
            raise IllegalMove(
                f"batch {batch_id} was to be held by the gateway until"
                f" {batch.leaves_at.isoformat()}: only some minutes later does it show what it took"
            )
        gateway = self._context.gateway
        if control is not None and not gateway.status_by_tag(control).reports:
            raise GatewayError("the gateway does not even show what it took: try again later")
        self._refuse_if_shown(batch, tags)
        with self._context.database.write() as session:
            doubts.resend(session, batch, actor=actor, reason=reason, now=self._context.clock())

    def give_up(
        self, batch_id: int, *, actor: str, reason: str, account_known: bool = True
    ) -> None:
        """End a doubt without sending; its messages become unreported.

        Raises IllegalMove if the gateway shows the batch (it is settled then) or it is not in
        doubt, NotFound. A person may give up although the gateway does not answer.
        """
        with self._context.database.read() as session:
            batch = doubts.find(session, batch_id)
            tags = attempts.tags_of_batch(session, batch_id)
        try:
            if account_known:
                self._refuse_if_shown(batch, tags)
            else:  # no other account can tell
                log.warning("batch %d given up unseen: its account is unknown here", batch_id)
        except GatewayError as error:
            log.warning("batch %d given up unseen: %s", batch_id, error)
        with self._context.database.write() as session:
            doubts.give_up(session, batch, actor=actor, reason=reason, now=self._context.clock())

    def _refuse_if_shown(self, batch: BatchSnapshot, tags: list[str]) -> None:
        if any(shows(self._context, tag, batch.to_go) for tag in tags):
            with self._context.database.write() as session:
                lookups.expedite(session, batch.id, self._context.clock())
            self.settle_batch(batch.id)
            raise IllegalMove(f"batch {batch.id} shows at the gateway: it was taken")
