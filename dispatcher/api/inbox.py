"""What the gateway posts to the webhooks: each call is stored in one transaction.

Anybody who knows the address can make such a call, so it proves nothing. A delivery report only
makes a worker poll its batch soon. A STOP takes effect at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from dispatcher.api import reply_intake
from dispatcher.api.actor import named
from dispatcher.api.installation import Installation
from dispatcher.campaigns.records import Page, Reply, UnreadCall
from dispatcher.campaigns.wording import counted
from dispatcher.errors import InvalidCampaign, InvalidPayload
from dispatcher.gateway import SendOptions
from dispatcher.gateway.smspartner import inbound
from dispatcher.gateway.smspartner.inbound.payload import LARGEST
from dispatcher.recipients.number_checks import service
from dispatcher.settings import Settings
from dispatcher.settings.clock import Clock
from dispatcher.storage import actions, number_checks, replies, unread_calls
from dispatcher.storage.batches import early_polls

log = logging.getLogger(__name__)

#: how often reports may cause a poll of one batch; they come by hundreds
POLLED_EVERY = timedelta(seconds=30)
#: what is posted, and the path that it is posted to
KINDS: Final = ("report", "reply", "check")


def addresses(settings: Settings) -> SendOptions | None:
    """The addresses that the gateway posts reports and replies to; None if none is set."""
    secret = settings.webhook_secret
    if settings.webhook_url is None or secret is None:
        return None
    base = f"{settings.webhook_url}/{secret.get_secret_value()}"
    return SendOptions(reports_to=f"{base}/report", replies_to=f"{base}/reply")


class Inbox:
    """Stores posted calls. The same call may come any number of times, to several processes."""

    def __init__(self, installation: Installation, clock: Clock, *, stop_storm: int = 0) -> None:
        self._installation = installation
        self._clock = clock
        self._stop_storm = stop_storm
        self._readers: dict[str, Callable[[inbound.Fields], None]] = {
            "report": lambda call: self._report(inbound.read_delivery_report(call)),
            "reply": lambda call: self._reply(inbound.read_reply(call)),
            "check": lambda call: self._check(inbound.read_hlr_result(call)),
        }

    def take(self, kind: str, body: bytes, query: str = "") -> None:
        """Take what was posted to a path of ``KINDS``, whatever it is.

        What cannot be read is stored for a person. Raises StorageError if it cannot be stored: the
        gateway has to post it again then.
        """
        try:
            calls = inbound.calls(body, query)
        except InvalidPayload as error:
            self._store_unread(kind, body, query, str(error))
            return
        for call in calls:
            try:
                self._take(kind, call)
            except InvalidPayload as error:
                self._store_unread(kind, body, query, str(error))

    def _store_unread(self, kind: str, body: bytes, query: str, problem: str) -> None:
        posted = body[:LARGEST], query[:LARGEST]
        with self._installation.write() as session:
            unread_calls.add(session, kind, *posted, problem=problem, now=self._clock())
        log.warning("a call to %s cannot be read, see dispatcher unread: %s", kind, problem)

    def _take(self, kind: str, call: inbound.Fields) -> None:
        """Take one call; one that was posted to another path, too. Raises InvalidPayload."""
        try:
            self._readers[kind](call)
        except InvalidPayload:
            for other in KINDS:
                with suppress(InvalidPayload):
                    return self._readers[other](call)
            raise

    def _report(self, posted: inbound.DeliveryReport) -> None:
        """Take a delivery report: its batch is polled soon; no state is written.

        A STOP in it is an opt-out.
        """
        now = self._clock()
        with self._installation.read() as session:
            early = early_polls.find(session, posted.message_id, now=now, every=POLLED_EVERY)
        if early is None and not posted.report.stop:
            return  # most reports end here, without a wait for other writers
        with self._installation.write() as session:
            hastened = early is not None and early_polls.expedite(session, early)
            if posted.report.stop:
                phone = posted.report.phone
                campaign_id = replies.of_message(session, posted.message_id, phone)
                reply_intake.opt_out(
                    session, phone, now, storm=self._stop_storm, campaign_id=campaign_id
                )
        if early is not None and hastened:
            log.info("batch %d: a report came, it is polled soon", early.batch_id)

    def _reply(self, posted: inbound.PersonReply) -> None:
        """Store a person's reply, once; a refusal in it takes effect in the same transaction."""
        with self._installation.write() as session:
            new = reply_intake.store(session, posted, self._clock(), storm=self._stop_storm)
        if new:
            log.info("a reply came%s", ": STOP" if posted.stop else "")

    def _check(self, posted: inbound.HlrResult) -> None:
        """Store the result of a number check, if the check was ordered here.

        Results come in any order and any number of times; by the network's date the later of two
        counts.
        """
        result = number_checks.Result(
            phone=posted.phone,
            at=posted.at,
            service=service(posted.group, posted.name),
            name=posted.name,
            network=posted.network,
            ported=posted.ported,
        )
        with self._installation.write() as session:
            kept = number_checks.record(session, result, now=self._clock())
        if kept:
            log.info("the result of a number check came: %s", result.service)

    def latest(
        self, *, since: datetime | None = None, limit: int = 1000, account: str | None = None
    ) -> list[Reply]:
        """The replies that came last, to one account's campaigns or to all, newest first.

        Raises InvalidCampaign for a ``since`` without a time zone.
        """
        if since is not None and since.utcoffset() is None:
            raise InvalidCampaign("since has no time zone")
        with self._installation.read() as session:
            return replies.latest(session, since=since, limit=max(limit, 0), account=account)

    def page(
        self, offset: int, limit: int, *, campaign: str | None = None, account: str | None = None
    ) -> Page[Reply]:
        """Part of the replies, newest first: to one campaign (its reference), or to all."""
        with self._installation.read() as session:
            return replies.page(session, offset, limit, account, campaign)

    def unread(self) -> list[UnreadCall]:
        """The calls that could not be read, newest first, and at most ``unread_calls.MOST``."""
        with self._installation.read() as session:
            return unread_calls.latest(session)

    def remove_unread(self, *ids: int, by: str | None = None) -> int:
        """Delete calls that could not be read, once somebody has looked; returns how many.

        ``by`` is who decides, for the record.
        """
        who, now = named(by), self._clock()
        with self._installation.write() as session:
            removed = unread_calls.remove(session, ids)
            if removed:
                why = f"{counted(removed, 'call')} that could not be read"
                actions.note(session, None, verb="delete calls", actor=who, now=now, reason=why)
            return removed
