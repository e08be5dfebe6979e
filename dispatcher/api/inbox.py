"""What the gateway posts to us, kept: each call in one transaction, and nothing asked of anybody.

Whoever knows the address can make such a call, so it proves nothing. A report has its batch
polled soon, and the poll says what is true. A STOP counts by itself.
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
from dispatcher.storage import events, opt_outs, replies
from dispatcher.storage import number_checks as checks
from dispatcher.storage.batches import early_polls
from dispatcher.storage.database import Database
from dispatcher.storage.replies import Call

log = logging.getLogger(__name__)

#: reports of one batch come by hundreds; they have it polled this often
POLLED_EVERY = timedelta(seconds=30)
#: parts of one reply come within this: their reference is a byte, and comes again some day
PARTS_WITHIN = timedelta(hours=24)
_STOP = "answered STOP"


def addresses(settings: Settings) -> SendOptions | None:
    """What a send asks the gateway to post, and where to; None when no address is set."""
    secret = settings.webhook_secret
    if settings.webhook_url is None or secret is None:
        return None
    base = f"{settings.webhook_url}/{secret.get_secret_value()}"
    return SendOptions(reports_to=f"{base}/report", replies_to=f"{base}/reply")


class Inbox:
    """Takes what was posted. Any number of processes may take the same call any number of times.

    Each method raises InvalidPayload for what is not a call of its kind and StorageError when
    it cannot be kept: it is to be made again then.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def report(self, body: bytes, query: str = "") -> None:
        """A delivery report: no state is written, its batch is polled soon."""
        told = inbound.read_delivery_report(body, query)
        now = self._clock()
        with self._database.read() as session:
            early = early_polls.wanted(session, told.message_id, now=now, every=POLLED_EVERY)
        if early is None and not told.report.stop:
            return  # as most are: one of a hundred writes, and waits for other writers
        with self._database.write() as session:
            hastened = early is not None and early_polls.hasten(session, early)
            if told.report.stop:
                opt_outs.add(session, [told.report.phone], source=_STOP, now=now)
        if early is not None and hastened:
            log.info("batch %d: a report came, it is polled soon", early.batch_id)

    def reply(self, body: bytes, query: str = "") -> None:
        """A person's answer, kept once; a STOP in it is an opt-out in the same transaction."""
        call = _call_of(inbound.read_reply(body, query))
        now = self._clock()
        with self._database.write() as session:
            kept = _keep(session, call, now)
        if kept:
            log.info("a reply came%s", ": STOP" if call.stop else "")

    def check(self, body: bytes, query: str = "") -> None:
        """The result of a number check: kept if it was ordered, and else let go.

        Results come in any order and any number of times: the network's date tells which of two
        is the later one.
        """
        told = inbound.read_hlr_result(body, query)
        result = checks.Result(
            phone=told.phone,
            at=told.at,
            service=service(told.group, told.name),
            name=told.name,
            network=told.network,
            ported=told.ported,
        )
        with self._database.write() as session:
            kept = checks.keep(session, result, now=self._clock())
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


def _keep(session: Session, call: Call, now: datetime) -> bool:
    """Whether the call is a new one."""
    if call.number is not None:
        replies.one_at_a_time(session, call)
    new = replies.add(session, call, now=now)
    if new is None:
        return False  # nor is its STOP heard again: it may have been taken back since
    if call.stop:
        opt_outs.add(session, [call.phone], source=_STOP, now=now)
    if call.number is None:
        _tell(session, new, call, now)
    else:
        _join(session, call, now)
    return True


def _tell(session: Session, reply_id: int, call: Call, now: datetime) -> None:
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


def _join(session: Session, part: Call, now: datetime) -> None:
    """Make a reply whole when its last part has come, whichever that is."""
    waiting = replies.parts(session, part, since=now - PARTS_WITHIN)
    for whole in inbound.join([_person_reply(part.call) for part in waiting]).whole:
        call = _call_of(whole)
        whole_id = replies.add(session, call, now=now)
        if whole_id is None:
            continue
        replies.absorb(session, [part.id for part in waiting], whole_id)
        _tell(session, whole_id, call, now)
        if call.stop:  # the word itself may have been cut in two
            opt_outs.add(session, [call.phone], source=_STOP, now=now)


def _call_of(told: inbound.PersonReply) -> Call:
    part = told.part
    return Call(
        phone=told.phone,
        text=told.text,
        stop=told.stop,
        sent_to=told.to,
        message_id=told.message_id,
        at=told.at,
        reference=part.reference if part else None,
        number=part.number if part else None,
        total=part.total if part else None,
    )


def _person_reply(call: Call) -> inbound.PersonReply:
    return inbound.PersonReply(
        phone=call.phone,
        text=call.text,
        stop=call.stop,
        message_id=call.message_id,
        to=call.sent_to,
        at=call.at,
        part=inbound.Part(call.reference or "", call.number or 0, call.total or 0),
    )
