"""Occurrences of series: each becomes one campaign, or one draft, or is skipped with a reason."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from dispatcher.api import occurrence_notes
from dispatcher.api.admission import check_reason
from dispatcher.api.draft_lists import storable
from dispatcher.api.occurrence_drafts import OccurrenceDrafts
from dispatcher.api.preview import preview
from dispatcher.api.submit import store as submit
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.series import AGAIN, Decision, Series, due, tried_again
from dispatcher.campaigns.states import OccurrenceState
from dispatcher.campaigns.submission import RecipientInput
from dispatcher.dispatch.unforeseen import contained
from dispatcher.errors import (
    ConfigurationError,
    GatewayError,
    ReferenceTaken,
    StorageError,
    UnusableInput,
)
from dispatcher.masking import masked
from dispatcher.storage import series as store
from dispatcher.window import NeverOpen

if TYPE_CHECKING:
    from dispatcher.api.series_reader import SeriesReader

log = logging.getLogger(__name__)

#: whoever has not made an occurrence by then is lost: another worker begins anew
_LEASE = timedelta(minutes=5)
#: series that are looked at in one go
_MOST = 100


class _Superseded(Exception):
    """Raised where another worker or a person was faster: what was begun is rolled back."""


class Occurrences:
    """Makes the occurrences that are due. Any number of workers may do so at once."""

    def __init__(self, reader: SeriesReader) -> None:
        self._reader = reader
        self._installation = reader._installation
        self._gateways = reader._gateways
        self._account = reader._account

    def make_due(self) -> int:
        """Make or skip what is due; returns how many were settled."""
        with self._installation.read() as session:
            ids = store.due_ids(session, self._installation.clock(), _MOST, self._account)
        return sum(map(self._all_of, ids))

    def _all_of(self, series_id: int) -> int:
        """Settle all that is due of one series, such as after an outage."""
        settled = 0
        while (series := self._leased(series_id)) is not None and self._next(series):
            settled += 1
        return settled

    def _leased(self, series_id: int) -> Series | None:
        now = self._installation.clock()
        with self._installation.write() as session:
            series = store.find(session, series_id)
            if series.due_at is None or series.due_at > now:
                return None
            return series if store.lease(session, series, now + _LEASE) else None

    def _next(self, series: Series) -> bool:
        """Settle the next occurrence; False if there is nothing more to do now."""
        now = self._installation.clock()
        settled = [False]
        note = partial(self._block_unforeseen, series, now)
        with contained(f"series {series.id}", note):
            settled = [self._decided(series, now)]
        return settled[0]

    def _block_unforeseen(self, series: Series, now: datetime, place: str) -> None:
        self._block(series, f"an unforeseen error: {place}", now)

    def _decided(self, series: Series, now: datetime) -> bool:
        try:
            decision = due(series, now, lambda at: self._reader._hold(series, at))
        except NeverOpen as error:
            self._block(series, str(error), now)
            return False
        if decision is None:
            with self._installation.write() as session:
                store.look_again(session, series, series.looks_at(series.next_at) or now)
            return False
        try:
            if decision.skipped:
                self._skip(series, decision, now)
            elif self._reader.needs_approval:
                self._approved_or_handed_in(series, decision)
            else:
                with self._reader._people(series) as people:
                    self._make(series, decision, people)
        except _Superseded:
            log.info("series %d: another worker or a person was faster", series.id)
        except ReferenceTaken as error:
            with suppress(_Superseded):
                self._skip(series, replace(decision, skipped=str(error)), now)
        except (UnusableInput, ConfigurationError, GatewayError) as error:
            self._block(series, str(error), now)
            return False
        except StorageError as error:
            log.warning("series %d: its occurrence is made later: %s", series.id, error)
            with suppress(StorageError), self._installation.write() as session:
                store.look_again(session, series, now + AGAIN)
            return False
        return True

    def _make(
        self,
        series: Series,
        decision: Decision,
        people: Iterable[RecipientInput],
        plan: Plan | None = None,
    ) -> None:
        """Store the campaign and settle the occurrence, in one transaction.

        ``plan`` is the one that the approval of the series is about; any other is refused.
        """
        entered = False

        def enter(session: Session, campaign_id: int) -> None:
            nonlocal entered
            entered = True
            self._settle(session, series, decision, OccurrenceState.MADE, campaign_id)
            if plan is not None:
                now = self._installation.clock()
                occurrence_notes.approved(session, series, plan, campaign_id, now)

        approved = {} if plan is None else {"approved": plan.fingerprint}
        submission = self._reader._submission(series, decision.at, **approved)
        made = submit(self._installation, self._gateways, submission, people, None, enter=enter)
        if not entered:  # it was submitted before, under the same reference
            with self._installation.write() as session:
                self._settle(session, series, decision, OccurrenceState.MADE, int(made))
        log.info("series %d: its occurrence is campaign %d", series.id, made)
        self._reader._submitted()

    def _approved_or_handed_in(self, series: Series, decision: Decision) -> None:
        """Make the campaign if the approval of the series covers its plan; else hand in a draft."""
        reader = self._reader
        with reader._people(series) as people:
            rows = storable(people)
        submission = reader._submission(series, decision.at)
        check_reason(submission)
        shared = self._installation, self._gateways, submission, rows
        plan = preview(*shared, reject=None, each=None)
        beyond = ""
        if series.approval is not None:
            beyond = series.approval.exceeded_by(plan.kept, plan.cost)
            if not beyond:
                self._make(series, decision, rows, plan)
                return

        def enter(session: Session) -> None:
            asked = replace(decision, skipped=beyond)
            self._settle(session, series, asked, OccurrenceState.HANDED_IN)

        options = reader._options(series, decision.at)
        drafts = OccurrenceDrafts(
            self._installation, self._gateways, reader._account, reader._submitted
        )
        drafts.hand_in_for(series, submission, options, rows, plan, enter, why=beyond)

    def _skip(self, series: Series, decision: Decision, now: datetime) -> None:
        with self._installation.write() as session:
            self._settle(session, series, decision, OccurrenceState.SKIPPED)
            occurrence_notes.skipped(session, series, decision.at, decision.skipped, now)
        log.warning("series %d: an occurrence is skipped: %s", series.id, masked(decision.skipped))

    def _settle(
        self,
        session: Session,
        series: Series,
        decision: Decision,
        state: OccurrenceState,
        campaign_id: int | None = None,
    ) -> None:
        now = self._installation.clock()
        settled = store.settle(
            session,
            series,
            state,
            now=now,
            late=decision.late,
            reason=decision.skipped,
            campaign_id=campaign_id,
        )
        if not settled:
            raise _Superseded
        if state is not OccurrenceState.SKIPPED and decision.late:
            occurrence_notes.late(session, series, decision.at, campaign_id, now)

    def _block(self, series: Series, problem: str, now: datetime) -> None:
        """Note why it cannot be made yet, and tell it once; it is tried again."""
        problem = masked(problem)
        with self._installation.write() as session:
            if store.block(session, series, problem, now, tried_again(series, now)):
                occurrence_notes.blocked(session, series, problem, now)
                log.warning("series %d: its occurrence cannot be made yet: %s", series.id, problem)
