"""What the gateway posts to the webhooks: each call is stored in one transaction.

Anybody who knows the address can make such a call, so it proves nothing. A delivery report only
makes a worker poll its batch soon. A STOP takes effect at once.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from dispatcher.campaigns.records import Reply
from dispatcher.errors import InvalidCampaign
from dispatcher.gateway import SendOptions
from dispatcher.gateway.smspartner import inbound
from dispatcher.recipients.number_checks import service
from dispatcher.settings import Settings
from dispatcher.settings.clock import Clock
from dispatcher.storage import events, number_checks, opt_outs, replies
from dispatcher.storage.batches import early_polls
from dispatcher.storage.database import Database
from dispatcher.storage.replies import PostedReply

log = logging.getLogger(__name__)

#: how often reports may cause a poll of one batch; they come by hundreds
POLLED_EVERY = timedelta(seconds=30)
#: parts of one reply come within this time: their reference is one byte, which is reused
PARTS_WITHIN = timedelta(hours=24)
_STOP = "answered STOP"


def addresses(settings: Settings) -> SendOptions | None:
    """The addresses that the gateway posts reports and replies to; None if none is set."""
    secret = settings.webhook_secret
    if settings.webhook_url is None or secret is None:
        return None
    base = f"{settings.webhook_url}/{secret.get_secret_value()}"
    return SendOptions(reports_to=f"{base}/report", replies_to=f"{base}/reply")


class Inbox:
    """Stores posted calls. The same call may come any number of times, to several processes.

    Each method raises InvalidPayload for a call of another kind, and StorageError if the call
    cannot be stored: the gateway has to make it again then.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def report(self, body: bytes, query: str = "") -> None:
        """Take a delivery report: its batch is polled soon; no state is written.

        A STOP in it is an opt-out. Raises InvalidPayload or StorageError.
        """
        posted = inbound.read_delivery_report(body, query)
        now = self._clock()
        with self._database.read() as session:
            early = early_polls.find(session, posted.message_id, now=now, every=POLLED_EVERY)
        if early is None and not posted.report.stop:
            return  # most reports end here, without a wait for other writers
        with self._database.write() as session:
            hastened = early is not None and early_polls.expedite(session, early)
            if posted.report.stop:
                opt_outs.add(session, [posted.report.phone], source=_STOP, now=now)
        if early is not None and hastened:
            log.info("batch %d: a report came, it is polled soon", early.batch_id)

    def reply(self, body: bytes, query: str = "") -> None:
        """Store a person's reply, once; a STOP in it is an opt-out in the same transaction.

        Raises InvalidPayload or StorageError.
        """
        call = _call_of(inbound.read_reply(body, query))
        now = self._clock()
        with self._database.write() as session:
            kept = _keep(session, call, now)
        if kept:
            log.info("a reply came%s", ": STOP" if call.stop else "")

    def check(self, body: bytes, query: str = "") -> None:
        """Store the result of a number check, if the check was ordered here.

        Results come in any order and any number of times; by the network's date the later of two
        counts. Raises InvalidPayload or StorageError.
        """
        posted = inbound.read_hlr_result(body, query)
        result = number_checks.Result(
            phone=posted.phone,
            at=posted.at,
            service=service(posted.group, posted.name),
            name=posted.name,
            network=posted.network,
            ported=posted.ported,
        )
        with self._database.write() as session:
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
        with self._database.read() as session:
            return replies.latest(session, since=since, limit=max(limit, 0), account=account)


def _keep(session: Session, call: PostedReply, now: datetime) -> bool:
    """Store a call; False if it was stored before."""
    if call.number is not None:
        replies.one_at_a_time(session, call)
    new = replies.add(session, call, now=now)
    if new is None:
        return False  # its STOP must not count again: the person may have consented since
    if call.stop:
        opt_outs.add(session, [call.phone], source=_STOP, now=now)
    if call.number is None:
        _tell(session, new, call, now)
    else:
        _join(session, call, now)
    return True


def _tell(session: Session, reply_id: int, call: PostedReply, now: datetime) -> None:
    campaign_id = replies.campaign_of(session, reply_id)
    stop = {"stop": int(call.stop)}
    events.add(
        session,
        "reply_received",
        now=now,
        campaign_id=campaign_id,
        reply_id=reply_id,
        counts=stop,
    )


def _join(session: Session, part: PostedReply, now: datetime) -> None:
    """Store the whole reply once all its parts have come, in any order."""
    waiting = replies.parts(session, part, since=now - PARTS_WITHIN)
    for whole in inbound.join([_person_reply(part.call) for part in waiting]).whole:
        call = _call_of(whole)
        whole_id = replies.add(session, call, now=now)
        if whole_id is None:
            continue
        replies.absorb(session, [part.id for part in waiting], whole_id)
        _tell(session, whole_id, call, now)
        if call.stop:  # the word STOP may have been split between two parts
            opt_outs.add(session, [call.phone], source=_STOP, now=now)


def _call_of(reply: inbound.PersonReply) -> PostedReply:
    part = reply.part
    return PostedReply(
        phone=reply.phone,
        text=reply.text,
        stop=reply.stop,
        sent_to=reply.to,
        message_id=reply.message_id,
        at=reply.at,
        reference=part.reference if part else None,
        number=part.number if part else None,
        total=part.total if part else None,
    )


def _person_reply(call: PostedReply) -> inbound.PersonReply:
    return inbound.PersonReply(
        phone=call.phone,
        text=call.text,
        stop=call.stop,
        message_id=call.message_id,
        to=call.sent_to,
        at=call.at,
        part=inbound.Part(call.reference or "", call.number or 0, call.total or 0),
    )
