"""What callers and pages read of campaigns, batches and messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Unpack

from sqlalchemy.orm import Session

from dispatcher.api.operator import Operator
from dispatcher.campaigns.progress import Facts, Progress, progress_of
from dispatcher.campaigns.records import (
    ActionRecord,
    BatchRecord,
    CampaignRecord,
    Doubt,
    Incident,
    MessageRecord,
    Page,
)
from dispatcher.campaigns.selection import Selection, Which
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import account_waits, actions, doubts, monitoring, pauses, stop_list
from dispatcher.storage.actions import Wanted
from dispatcher.storage.batches import due
from dispatcher.storage.campaigns import campaigns, records
from dispatcher.window import Hold


class Records(Operator):
    """Reads what belongs to one account, or to all."""

    def progress(self, campaign: int | str) -> Progress:
        """How far a campaign is, by its id (int) or its reference (str). Raises NotFound."""
        refused = self.objection()
        with self._installation.read() as session:
            facts = campaigns.facts(session, campaign, self._account)
            return self._progress(session, facts, refused)

    def campaigns(self, limit: int = 50, **which: Unpack[Which]) -> list[Progress]:
        """The campaigns submitted last, newest first; see ``page``."""
        among, refused = Selection.of(which), self.objection()
        with self._installation.read() as session:
            return self._latest(session, 0, limit, refused, among)

    def page(self, offset: int = 0, limit: int = 50, **which: Unpack[Which]) -> Page[Progress]:
        """One page of the campaigns, newest first: ``limit`` of them from ``offset`` on.

        ``selection.Which`` describes the filters. Raises InvalidCampaign for an unknown state
        and for a ``since`` without a time zone.
        """
        among, refused = Selection.of(which), self.objection()
        with self._installation.read() as session:
            latest = self._latest(session, offset, limit, refused, among)
            total = campaigns.count(session, self._account, among=among)
            return Page(tuple(latest), total, offset, limit)

    def campaign(self, campaign: int | str) -> CampaignRecord:
        """A campaign as it was submitted: text, sender, dates. Raises NotFound."""
        with self._installation.read() as session:
            return records.campaign(session, campaign, self._account)

    def batches(
        self, campaign: int | str, *, offset: int = 0, limit: int = 1000
    ) -> Page[BatchRecord]:
        """The batches of a campaign with their states, in order. Raises NotFound."""
        with self._installation.read() as session:
            found = campaigns.facts(session, campaign, self._account)
            return records.batch_page(session, found.id, offset, limit)

    def batch(self, batch_id: int) -> BatchRecord:
        """One batch with its state. Raises NotFound."""
        with self._installation.read() as session:
            return records.batch(session, batch_id, self._account)

    def messages(self, batch_id: int) -> tuple[MessageRecord, ...]:
        """Every recipient of a batch with the state of the message. Raises NotFound."""
        with self._installation.read() as session:
            return records.messages(session, batch_id, self._account)

    def actions(
        self, campaign: int | str, *, offset: int = 0, limit: int = 100
    ) -> Page[ActionRecord]:
        """Who did what to a campaign and its batches, when and why, latest first.

        Raises NotFound.
        """
        with self._installation.read() as session:
            found = campaigns.facts(session, campaign, self._account)
            return actions.page(session, Wanted(campaign_id=found.id), offset, limit)

    def doubts(self) -> list[Doubt]:
        """The batches in doubt, oldest first: evidence or a person has to settle each."""
        with self._installation.read() as session:
            return doubts.outstanding(session, self._account)

    def incidents(self) -> list[Incident]:
        """The recorded cases of recipients texted twice, latest first."""
        with self._installation.read() as session:
            return doubts.incidents(session, self._account)

    def _latest(
        self, session: Session, offset: int, limit: int, refused: str, among: Selection
    ) -> list[Progress]:
        latest = campaigns.latest(session, limit, self._account, offset=offset, among=among)
        return [self._progress(session, facts, refused) for facts in latest]

    def _progress(self, session: Session, facts: Facts, refused: str) -> Progress:
        """``refused``: why workers refuse the database; asked once, by a connection of its own."""
        account, settings = facts.account, self.settings
        orphaned = account != DEFAULT and account not in settings.accounts
        most = timedelta(seconds=settings.stop_list_max_age)
        now = self.clock()
        limit = (settings if orphaned else settings.of_account(account)).doubt_limit
        hold = campaigns.first_hold(session, facts.id)
        return progress_of(
            facts,
            campaigns.shares(session, facts.id),
            _with_account(hold, account_waits.of(session, account, now)),
            stopped=due.doubts(session, account if settings.accounts else None) >= limit,
            stop_list=stop_list.age(session, account).wait(now, most),
            blocked=refused or str(pauses.of(session, account) or ""),
            silent=refused or facts.silence(monitoring.last_tick(session), now, settings.tick),
            orphaned=orphaned,
            now=now,
        )


def _with_account(hold: Hold | None, until: datetime | None) -> Hold | None:
    """What a batch waits for that waits for ``hold``, and its account ``until`` then."""
    if hold is None or until is None or hold.until >= until:
        return hold
    return Hold(until, "the gateway asks to wait")
