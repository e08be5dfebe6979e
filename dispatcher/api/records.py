"""What callers and pages read of campaigns, batches and messages."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from dispatcher.api.installation import Installation
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
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import doubts, monitoring, stop_list
from dispatcher.storage.batches import due
from dispatcher.storage.campaigns import campaigns, records


class Records:
    """Reads what belongs to one ``account``, or to all of them (None)."""

    def __init__(self, installation: Installation, account: str | None) -> None:
        self._installation = installation
        self._settings = installation.settings
        self._account = account

    def progress(self, campaign: int | str) -> Progress:
        """See ``Dispatcher.progress``."""
        with self._installation.read() as session:
            return self._progress(session, campaigns.facts(session, campaign, self._account))

    def campaigns(self, limit: int) -> list[Progress]:
        """See ``Dispatcher.campaigns``."""
        with self._installation.read() as session:
            return self._latest(session, 0, limit)

    def page(self, offset: int, limit: int) -> Page[Progress]:
        """See ``Dispatcher.page``."""
        with self._installation.read() as session:
            latest = self._latest(session, offset, limit)
            return Page(tuple(latest), campaigns.count(session, self._account), offset, limit)

    def campaign(self, campaign: int | str) -> CampaignRecord:
        """See ``Dispatcher.campaign``."""
        with self._installation.read() as session:
            return records.campaign(session, campaign, self._account)

    def batches(self, campaign: int | str, offset: int, limit: int) -> Page[BatchRecord]:
        """See ``Dispatcher.batches``."""
        with self._installation.read() as session:
            found = campaigns.facts(session, campaign, self._account)
            return records.batch_page(session, found.id, offset, limit)

    def batch(self, batch_id: int) -> BatchRecord:
        """See ``Dispatcher.batch``."""
        with self._installation.read() as session:
            return records.batch(session, batch_id, self._account)

    def messages(self, batch_id: int) -> tuple[MessageRecord, ...]:
        """See ``Dispatcher.messages``."""
        with self._installation.read() as session:
            return records.messages(session, batch_id, self._account)

    def actions(self, campaign: int | str, offset: int, limit: int) -> Page[ActionRecord]:
        """See ``Dispatcher.actions``."""
        with self._installation.read() as session:
            found = campaigns.facts(session, campaign, self._account)
            return records.action_page(session, found.id, offset, limit)

    def doubts(self) -> list[Doubt]:
        """See ``Dispatcher.doubts``."""
        with self._installation.read() as session:
            return doubts.outstanding(session, self._account)

    def incidents(self) -> list[Incident]:
        """See ``Dispatcher.incidents``."""
        with self._installation.read() as session:
            return doubts.incidents(session, self._account)

    def _latest(self, session: Session, offset: int, limit: int) -> list[Progress]:
        latest = campaigns.latest(session, limit, self._account, offset=offset)
        return [self._progress(session, facts) for facts in latest]

    def _progress(self, session: Session, facts: Facts) -> Progress:
        account, settings = facts.account, self._settings
        orphaned = account != DEFAULT and account not in settings.accounts
        most = timedelta(seconds=settings.stop_list_max_age)
        now = self._installation.clock()
        limit = (settings if orphaned else settings.of_account(account)).doubt_limit
        return progress_of(
            facts,
            campaigns.shares(session, facts.id),
            campaigns.first_hold(session, facts.id),
            stopped=due.doubts(session, account if settings.accounts else None) >= limit,
            stop_list=stop_list.age(session, account).wait(now, most),
            silent=facts.silence(monitoring.last_tick(session), now, settings.tick),
            orphaned=orphaned,
            now=now,
        )
