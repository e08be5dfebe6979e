"""Dispatcher: what callers and workers hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

from dispatcher.api.action_record import ActionRecords
from dispatcher.api.budgets import Budgets
from dispatcher.api.calendar import calendar_of, weekly_outlook
from dispatcher.api.drafts import Drafts
from dispatcher.api.evidence import EvidenceWriter
from dispatcher.api.inbox import Inbox
from dispatcher.api.intake import submission_of
from dispatcher.api.lifecycle import Lifecycle
from dispatcher.api.number_checks import NumberChecks
from dispatcher.api.occurrences import Occurrences
from dispatcher.api.opt_outs import OptOuts
from dispatcher.api.persons import Persons
from dispatcher.api.preview import preview
from dispatcher.api.series import SeriesActions
from dispatcher.api.spend import spend_of
from dispatcher.api.submit import store
from dispatcher.api.testers import Testers
from dispatcher.api.unreachable import Unreachable
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.calendar import Calendar
from dispatcher.campaigns.campaign_tags import tags_of
from dispatcher.campaigns.period import Period
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.records import Reply
from dispatcher.campaigns.spend import Spend, by_of
from dispatcher.campaigns.submission import Options, RecipientInput, Submission, Submitted
from dispatcher.dispatch.thread_limit import limit_threads
from dispatcher.recipients import Rejection
from dispatcher.recipients.files.new_file import new_file
from dispatcher.settings.accounts import DEFAULT
from dispatcher.window import Hold
from dispatcher.window.slots import PARIS

#: stands for the reference of a plan, which has none
_PLANNED = "a plan without a reference"


class Dispatcher(Lifecycle):
    """Plans, stores and follows campaigns; safe to share between threads.

    Nothing connects before it is needed: a web process can hold one from its start. Every method
    that reads or writes the database raises StorageError when that cannot be used.
    """

    def submit(
        self,
        reference: str,
        text: str,
        recipients: Iterable[RecipientInput],
        *,
        reject: Callable[[Rejection], None] | None = None,
        **options: Unpack[Options],
    ) -> Submitted:
        """Store a campaign and return its id; workers send it when it may leave.

        The id is an int whose ``warnings`` are the sentences that a plan has.

        ``reference`` is the caller's own name for the campaign: to submit the same reference and
        body again returns the same id. ``text`` may hold ``{{ field }}``, and is empty for a
        survey. ``recipients`` are numbers, ``Recipient`` values or mappings; ``reject`` is called
        with each row that is left out. ``submission.Options`` describes the options.

        If Redis is down, the campaign starts when it is back. Raises UnusableInput (its subclasses
        say what is wrong), ReferenceTaken for another body under the same reference,
        ConfigurationError for ``check_numbers`` without an API key, NotAllowed where an approval is
        asked for (``drafts``), and StorageError; nothing is stored then.
        """
        submission = self._submission(reference, text, options)
        campaign_id = store(self._installation, self._gateways, submission, recipients, reject)
        self._hints.tick()
        return campaign_id

    def plan(
        self,
        text: str,
        recipients: Iterable[RecipientInput],
        *,
        reject: Callable[[Rejection], None] | None = None,
        each: Callable[[PlannedBatch, set[str]], None] | None = None,
        **options: Unpack[Options],
    ) -> Plan:
        """What ``submit`` with the same arguments would do; nothing is written.

        Only ``check_numbers`` calls the gateway. ``each`` is called with every batch and the
        numbers (E.164) in it that have opted out. Raises UnusableInput, ConfigurationError and
        StorageError as ``submit`` does.
        """
        submission = self._submission(_PLANNED, text, options)
        shared = self._installation, self._gateways
        return preview(*shared, submission, recipients, reject=reject, each=each)

    def opt_out(self, phone: str, *, reason: str = "", by: str | None = None) -> bool:
        """Never text this number again, in any spelling; False if it was on the list already.

        ``opt_outs`` has the other actions on the list. Raises InvalidPhone.
        """
        return self.opt_outs.add([phone], reason=reason, by=by) > 0

    @cached_property
    def opt_outs(self) -> OptOuts:
        """The opt-out list: the numbers that are never texted."""
        # a function, because the steps need an API key
        return OptOuts(self._installation, self.clock, lambda phone: self.steps.delete_stop(phone))

    def spend(
        self,
        by: str = "month",
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        tag: str | Iterable[str] | None = None,
    ) -> Spend:
        """What campaigns cost: planned, reserved, charged and the difference, from one snapshot.

        ``by`` is ``month``, ``account``, ``tag`` or ``territory``. ``since`` and ``until`` (aware;
        until before it) bound when batches left or may leave; months are those of Paris. ``tag``
        is one campaign tag or several, of which a campaign must have one. ``for_account`` chooses
        the account. Raises InvalidCampaign.
        """
        tags = tags_of(() if tag is None else tag)
        period = Period(since, until)
        return spend_of(self._installation, by_of(by), period, account=self._account, tags=tags)

    @property
    def budgets(self) -> Budgets:
        """The most that campaigns with a tag may cost in a month, of all accounts together."""
        return Budgets(self._installation, self._account, lambda: self._hints.tick())

    def calendar(self, day: date | None = None) -> Calendar:
        """The month of Paris with ``day``, or this one: closed days, messages sent and to go."""
        month = day or self.clock().astimezone(PARIS).date()
        return calendar_of(self._installation, month, self._account)

    def weekly_outlook(self, until: datetime) -> dict[date, int] | None:
        """How many messages planned before ``until`` the weekly cap would leave out, by day.

        Of all accounts, as the cap counts. None if more than 50,000 are planned.
        """
        return weekly_outlook(self._installation, until)

    @cached_property
    def record(self) -> ActionRecords:
        """The record of actions: who did what, from where, when and why."""
        return ActionRecords(self._installation)

    def evidence(
        self, campaign: int | str, file: str | Path, *, hides: bool = False, by: str | None = None
    ) -> dict[str, Any]:
        """Write all that is known of a campaign to a new signed file; returns its sums.

        docs/evidence.md describes it. ``hides`` masks numbers. The export goes on record. Raises
        NotFound, ConfigurationError without a signing key, StorageError, and OSError.
        """
        with new_file(file) as stream:
            return self.evidence_writer.write(campaign, stream, hides=hides, by=by)

    @property
    def evidence_writer(self) -> EvidenceWriter:
        """Writes evidence to any stream, and names the key that signs it."""
        return EvidenceWriter(self._installation, self._account)

    @property
    def drafts(self) -> Drafts:
        """Campaigns that people write, plan and approve before they are submitted."""
        return Drafts(self._installation, self._gateways, self._account, lambda: self._hints.tick())

    @property
    def series(self) -> SeriesActions:
        """Campaigns that come again and again, by a rule."""
        shared = self._installation, self._gateways, self._account
        return SeriesActions(*shared, lambda: self._hints.tick())

    def make_occurrences(self) -> int:
        """Make the occurrences of series that are due, as workers do; returns how many it settled.

        Raises ConfigurationError if an account has no API key.
        """
        return 0 if self.steps.refuses() else self._make_occurrences()

    @cached_property
    def _make_occurrences(self) -> Callable[[], int]:
        # a list of the application that hangs holds one thread of a process, and no more
        return limit_threads(1, Occurrences(self.series).make_due, busy=0)

    @property
    def testers(self) -> Testers:
        """The people who get test messages of drafts, and what they got."""
        shared = self._installation, self._gateways, self.drafts, self._account
        return Testers(*shared, lambda: self._hints.tick())

    @cached_property
    def persons(self) -> Persons:
        """What is stored about one person, and how to erase it."""
        return Persons(self._installation)

    @cached_property
    def unreachable(self) -> Unreachable:
        """The numbers that campaigns do not text because nothing arrives there."""
        return Unreachable(self._installation)

    @cached_property
    def inbox(self) -> Inbox:
        """Receives the gateway's webhooks; ``dispatcher.Webhooks`` serves it over HTTP."""
        return Inbox(self._installation, self.clock, stop_storm=self.settings.stop_storm)

    @cached_property
    def number_checks(self) -> NumberChecks:
        """What is known about numbers beyond their spelling, and orders of paid checks.

        They go through the default account; see ``for_account``.
        """
        account = self._account or DEFAULT
        return NumberChecks(
            self._installation,
            lambda: self._gateways.of(account),
            lambda: self.steps.check_orders(account),
        )

    def replies(self, *, since: datetime | None = None, limit: int = 1000) -> list[Reply]:
        """The replies that came in by the webhooks since ``since`` (aware), newest first.

        The parts of a long reply are one reply once all have come. Raises InvalidCampaign for a
        ``since`` without a time zone.
        """
        return self.inbox.latest(since=since, limit=limit, account=self._account)

    def hold(self, at: datetime | None = None, territory: str = "metropole") -> Hold | None:
        """What a commercial message waits for at ``at`` (aware, default now); None if it may leave.

        Raises InvalidCampaign for an unknown territory, and NeverOpen if its clock shares no open
        hour with Paris.
        """
        return self.windows.hold(at or self.clock(), territory)

    def _submission(self, reference: str, text: str, options: Options) -> Submission:
        return submission_of(self.settings, self._account, reference, text, options)
