"""Dispatcher: what callers and workers hold. It builds everything and decides nothing."""

from __future__ import annotations

import getpass
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dispatcher.clock import Clock, shifted
from dispatcher.dispatch import Context, Dispatch, Due
from dispatcher.doubt import Doubt, Incident
from dispatcher.errors import ConfigurationError, InvalidCampaign, NotFound, ReferenceTaken
from dispatcher.hints import Hints
from dispatcher.planner import PlannedBatch, Planner
from dispatcher.progress import Progress, progress_of
from dispatcher.provider import Gateway
from dispatcher.recipients import Recipient, Rejection, recipient_of
from dispatcher.settings import Settings, check_sender
from dispatcher.smspartner.client import SmsPartner
from dispatcher.states import CampaignState
from dispatcher.storage import batches, campaigns, doubts, plans, schema
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Campaign
from dispatcher.window import Hold, Windows

#: what `recipients` may hold: numbers, Recipients, or mappings with a phone column
Given = str | Recipient | Mapping[str, object]
_LONGEST_REFERENCE = 200


class Dispatcher:
    """Plans, stores and follows campaigns; safe to share between threads.

    Nothing connects before it is needed: a web process can hold one from its start.
    """

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, gateway: Gateway | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock or shifted(settings.clock_offset)
        self.database = Database(settings.database_url.get_secret_value())
        self.windows = Windows(
            clock=settings.window_clock,
            profile=settings.window_profile,
            guard=timedelta(seconds=settings.closing_guard),
        )
        self._gateway = gateway
        broker = settings.broker_url
        self._hints = Hints(None if broker is None else broker.get_secret_value())

    # -- for callers

    def submit(
        self,
        reference: str,
        text: str,
        recipients: Iterable[Given],
        *,
        sender: str | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        commercial: bool = True,
        territory: str | None = None,
        strict: bool = False,
        reject: Callable[[Rejection], None] | None = None,
    ) -> int:
        """Store a campaign and return its id; workers send it when it may leave.

        ``reference`` is the caller's own: the same again, with the same body, is the same
        campaign. ``text`` may hold ``{{ field }}`` and ``{{ field | default("") }}``.
        ``recipients`` are numbers, ``Recipient`` values or mappings; those that cannot be
        texted are told to ``reject`` and left out, or refuse the whole with ``strict``.
        ``not_before`` and ``not_after`` are aware instants; what has not left by ``not_after``
        expires. ``commercial=False`` (an alert, a delivery notice) skips the window and the
        STOP mention. ``territory`` overrides what the numbers say.

        Redis may be down: the campaign starts when it is back. Raises UnusableInput (its
        subclasses say what is wrong), ReferenceTaken or StorageError; nothing is stored then.
        """
        _check_reference(reference)
        _check_dates(not_before, not_after)
        sender = check_sender(sender) or self.settings.sender
        planner = Planner(
            text,
            territory=territory,
            stop_budget=self.settings.stop_budget if commercial else 0,
            reject=reject,
        )
        now = self.clock()
        start = max(now, not_before or now)
        if not_after is not None:
            self._check_deadline(start, not_after, territory, commercial=commercial)
        given = (recipient_of(one, position=n) for n, one in enumerate(recipients, start=1))

        def fingerprint() -> str:
            body = [text, sender, str(not_before), str(not_after), commercial, territory]
            return hashlib.sha256(json.dumps([*body, planner.digest]).encode()).hexdigest()

        self.prepare()
        with self.database.read() as session:
            known = _lookup(session, reference)
        if known is not None:
            for _ in planner.cut(given):
                pass
            if known.fingerprint != fingerprint():
                raise ReferenceTaken(f"reference {reference!r} was submitted with another body")
            return known.id
        campaign = Campaign(
            reference=reference,
            fingerprint="",
            text=text,
            sender=sender,
            commercial=commercial,
            not_before=not_before,
            not_after=not_after,
            state=CampaignState.RUNNING,
            created_at=now,
        )
        try:
            with self.database.write() as session:
                session.add(campaign)
                session.flush()
                batches = self._held(planner.cut(given), start, now, commercial=commercial)
                plans.add_batches(session, campaign.id, batches)
                _check_plan(planner, strict=strict)
                campaign.fingerprint = fingerprint()
                campaign.rows = planner.rows
                campaign.duplicates = planner.duplicates
                campaign.unusable = planner.reasons.total()
                campaigns.note(session, campaign.id, verb="submit", actor=_actor(), now=now)
        except IntegrityError:
            # somebody submitted the same reference a moment ago; nothing was read of the list
            return self.submit(
                reference,
                text,
                recipients,
                sender=sender,
                not_before=not_before,
                not_after=not_after,
                commercial=commercial,
                territory=territory,
                strict=strict,
                reject=reject,
            )
        self._hints.tick()
        return campaign.id

    def progress(self, campaign: int | str) -> Progress:
        """How far a campaign is, by its id or its reference (str). Raises NotFound."""
        with self._reading() as session:
            return self._progress(session, campaigns.find(session, campaign))

    def campaigns(self, limit: int = 50) -> list[Progress]:
        """The campaigns submitted last, newest first."""
        with self._reading() as session:
            return [self._progress(session, row) for row in campaigns.latest(session, limit)]

    def pause(self, campaign: int | str, *, reason: str = "by hand") -> Progress:
        """Stop arming: when this returns, no request starts that was not armed before.

        What is in flight shows in the result as batches ``sending``. Raises NotFound or
        IllegalMove.
        """
        return self._move(campaign, CampaignState.PAUSED, verb="pause", reason=reason)

    def resume(self, campaign: int | str) -> Progress:
        """Let a paused campaign run again. Raises NotFound or IllegalMove."""
        progress = self._move(campaign, CampaignState.RUNNING, verb="resume")
        self._hints.tick()
        return progress

    def cancel(self, campaign: int | str) -> Progress:
        """End a campaign: what has not left never does; what has is followed to its end."""
        return self._move(campaign, CampaignState.CANCELLED, verb="cancel")

    def doubts(self) -> list[Doubt]:
        """The batches in doubt, the oldest first: each needs a proof or a person."""
        with self._reading() as session:
            return doubts.outstanding(session)

    def incidents(self) -> list[Incident]:
        """The double texts on record, the latest first."""
        with self._reading() as session:
            return doubts.incidents(session)

    def resend(self, batch_id: int, *, reason: str, actor: str | None = None) -> None:
        """Have a batch in doubt sent again: a person's decision, on record with who and why.

        The gateway is asked for every earlier attempt first. Raises IllegalMove when one shows
        there or the batch is not in doubt, GatewayError when it cannot be asked, NotFound.
        """
        self.prepare()
        self.dispatch.resend(batch_id, actor=actor or _actor(), reason=_reason(reason))
        self._hints.tick()

    def give_up(self, batch_id: int, *, reason: str, actor: str | None = None) -> None:
        """End a doubt without sending; its messages stay unreported. Raises as ``resend``."""
        self.prepare()
        self.dispatch.give_up(batch_id, actor=actor or _actor(), reason=_reason(reason))

    def hold(self, at: datetime | None = None, territory: str = "metropole") -> Hold | None:
        """What a commercial message would wait for at ``at`` (now); None when it may leave."""
        return self.windows.hold(at or self.clock(), territory)

    # -- for workers and operators

    def tick(self) -> Due:
        """See to what time does, and publish a hint for all that is due."""
        due = self.dispatch.tick()
        for batch_id in due.send:
            self._hints.send_batch(batch_id)
        for batch_id in due.settle:
            self._hints.settle_batch(batch_id)
        for _ in range(due.polls):
            self._hints.poll()
        return due

    @cached_property
    def dispatch(self) -> Dispatch:
        """The steps. Raises ConfigurationError without an API key."""
        return Dispatch(
            Context(
                settings=self.settings,
                database=self.database,
                gateway=self._gateway or self._smspartner(),
                windows=self.windows,
                clock=self.clock,
            )
        )

    def prepare(self) -> None:
        """Make the tables of an empty database; raise StorageError for an unknown schema."""
        if not self._prepared:
            schema.prepare(self.database)
            self._prepared = True

    def migrate(self) -> None:
        """Bring the database to the schema of this version."""
        schema.migrate(self.database)
        self._prepared = True

    _prepared = False

    def _smspartner(self) -> SmsPartner:
        if self.settings.api_key is None:
            raise ConfigurationError("DISPATCHER_API_KEY is not set: the key of SMS Partner")
        return SmsPartner(
            self.settings.api_url,
            self.settings.api_key.get_secret_value(),
            call_timeout=self.settings.call_timeout,
            connect_timeout=self.settings.connect_timeout,
        )

    def _held(
        self,
        planned: Iterator[PlannedBatch],
        start: datetime,
        now: datetime,
        *,
        commercial: bool,
    ) -> Iterator[tuple[PlannedBatch, Hold]]:
        """Each batch with its first instant and what it waits for."""
        scheduled = Hold(start, "scheduled" if start > now else "")
        holds: dict[str, Hold] = {}
        for batch in planned:
            if batch.territory not in holds:
                hold = self.windows.hold(start, batch.territory) if commercial else None
                holds[batch.territory] = hold or scheduled
            yield batch, holds[batch.territory]

    def _check_deadline(
        self, start: datetime, not_after: datetime, territory: str | None, *, commercial: bool
    ) -> None:
        hold = self.windows.hold(start, territory or "metropole") if commercial else None
        opens = start if hold is None else hold.until
        if opens >= not_after:
            raise InvalidCampaign(
                f"not_after {not_after.isoformat()} is before the next opening {opens.isoformat()}"
                + (f" ({hold.why})" if hold else "")
            )

    def _progress(self, session: Session, campaign: Campaign) -> Progress:
        return progress_of(
            campaigns.facts(campaign),
            campaigns.shares(session, campaign.id),
            campaigns.first_hold(session, campaign.id),
            stopped=batches.doubts(session) >= self.settings.doubt_limit,
            now=self.clock(),
        )

    def _move(
        self, campaign: int | str, target: CampaignState, *, verb: str, reason: str = ""
    ) -> Progress:
        self.prepare()
        now = self.clock()
        with self.database.write() as session:
            found = campaigns.find(session, campaign)
            if campaigns.move(session, found.id, target, now=now, reason=reason or None):
                if target is CampaignState.CANCELLED:
                    campaigns.cancel_batches(session, found.id)
                campaigns.note(session, found.id, verb=verb, actor=_actor(), now=now, reason=reason)
        return self.progress(found.id)

    def _reading(self) -> AbstractContextManager[Session]:
        self.prepare()
        return self.database.read()


def _lookup(session: Session, reference: str) -> Campaign | None:
    try:
        return campaigns.find(session, reference)
    except NotFound:
        return None


def _check_reference(reference: str) -> None:
    if not reference.strip() or len(reference) > _LONGEST_REFERENCE or not reference.isprintable():
        raise InvalidCampaign(f"a reference has 1 to {_LONGEST_REFERENCE} printable characters")


def _check_dates(not_before: datetime | None, not_after: datetime | None) -> None:
    for name, value in (("not_before", not_before), ("not_after", not_after)):
        if value is not None and value.tzinfo is None:
            raise InvalidCampaign(f"{name} {value.isoformat()} has no time zone")
    if not_before and not_after and not_before >= not_after:
        raise InvalidCampaign("not_after must be later than not_before")


def _check_plan(planner: Planner, *, strict: bool) -> None:
    if strict and (unusable := planner.reasons.total()):
        raise InvalidCampaign(f"{unusable} of {planner.rows} rows cannot be texted (strict)")
    if not planner.kept:
        raise InvalidCampaign(
            "no recipients" if not planner.rows else f"none of {planner.rows} rows can be texted"
        )


def _reason(reason: str) -> str:
    if not reason.strip():
        raise InvalidCampaign("a reason is needed: it goes on record")
    return reason.strip()


def _actor() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user name
        return "unknown"
