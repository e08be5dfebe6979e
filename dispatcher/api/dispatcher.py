"""Dispatcher: what callers and workers hold. Each method calls the service that does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property
from typing import Unpack

from dispatcher.api.inbox import Inbox
from dispatcher.api.intake import submission_of
from dispatcher.api.number_checks import NumberChecks
from dispatcher.api.operator import Operator
from dispatcher.api.opt_outs import OptOuts
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.progress import Progress
from dispatcher.campaigns.records import (
    ActionRecord,
    BatchRecord,
    CampaignRecord,
    Doubt,
    Incident,
    MessageRecord,
    Page,
    Reply,
)
from dispatcher.campaigns.submission import Given, Options, Submission
from dispatcher.recipients import Rejection
from dispatcher.settings.accounts import DEFAULT
from dispatcher.window import Hold


class Dispatcher(Operator):
    """Plans, stores and follows campaigns; safe to share between threads.

    Nothing connects before it is needed: a web process can hold one from its start. Every method
    that reads or writes the database raises StorageError when that cannot be used.
    """

    def submit(
        self,
        reference: str,
        text: str,
        recipients: Iterable[Given],
        *,
        reject: Callable[[Rejection], None] | None = None,
        **options: Unpack[Options],
    ) -> int:
        """Store a campaign and return its id; workers send it when it may leave.

        ``reference`` is the caller's own name for the campaign: to submit the same reference and
        body again returns the same id. ``text`` may hold ``{{ field }}``, and is empty for a
        survey. ``recipients`` are numbers, ``Recipient`` values or mappings; ``reject`` is called
        with each row that is left out. ``submission.Options`` describes the options.

        If Redis is down, the campaign starts when it is back. Raises UnusableInput (its subclasses
        say what is wrong), ReferenceTaken for another body under the same reference,
        ConfigurationError for ``check_numbers`` without an API key, and StorageError; nothing is
        stored then.
        """
        submission = self._submission(reference, text, options)
        return self._submissions.store(submission, recipients, reject=reject)

    def plan(
        self,
        text: str,
        recipients: Iterable[Given],
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
        submission = self._submission("plan", text, options)
        return self._previews.plan(submission, recipients, reject=reject, each=each)

    def progress(self, campaign: int | str) -> Progress:
        """How far a campaign is, by its id (int) or its reference (str). Raises NotFound."""
        return self._records.progress(campaign)

    def campaigns(self, limit: int = 50) -> list[Progress]:
        """The campaigns submitted last, newest first."""
        return self._records.campaigns(limit)

    def page(self, offset: int = 0, limit: int = 50) -> Page[Progress]:
        """One page of the campaigns, newest first: ``limit`` of them from ``offset`` on."""
        return self._records.page(offset, limit)

    def campaign(self, campaign: int | str) -> CampaignRecord:
        """A campaign as it was submitted: text, sender, dates. Raises NotFound."""
        return self._records.campaign(campaign)

    def batches(
        self, campaign: int | str, *, offset: int = 0, limit: int = 1000
    ) -> Page[BatchRecord]:
        """The batches of a campaign with their states, in order. Raises NotFound."""
        return self._records.batches(campaign, offset, limit)

    def batch(self, batch_id: int) -> BatchRecord:
        """One batch with its state. Raises NotFound."""
        return self._records.batch(batch_id)

    def messages(self, batch_id: int) -> tuple[MessageRecord, ...]:
        """Every recipient of a batch with the state of the message. Raises NotFound."""
        return self._records.messages(batch_id)

    def actions(
        self, campaign: int | str, *, offset: int = 0, limit: int = 100
    ) -> Page[ActionRecord]:
        """Who did what to a campaign and its batches, when and why, latest first.

        Raises NotFound.
        """
        return self._records.actions(campaign, offset, limit)

    def pause(
        self, campaign: int | str, *, reason: str = "by hand", by: str | None = None
    ) -> Progress:
        """Pause a campaign: once this returns, no further request starts.

        Requests under way show in the result as batches ``sending``. Workers ask the gateway to
        cancel what was handed over, which it refuses in the last five minutes: such batches stay
        ``handed_over`` until it has answered, and ``resume`` hands them over again. ``by`` is who
        decides, for the record; by default the user of this system. Raises NotFound, IllegalMove,
        and InvalidCampaign for an empty ``reason``.
        """
        return self._lifecycle.pause(campaign, reason, by)

    def resume(
        self,
        campaign: int | str,
        *,
        reason: str = "",
        by: str | None = None,
        check_credit: bool = True,
    ) -> Progress:
        """Let a paused campaign run again. Raises NotFound or IllegalMove.

        If the settings ask for a check of the credit, the balance is read first; with
        ``check_credit=False`` this campaign runs whatever the balance, and the record says so.
        """
        return self._lifecycle.resume(campaign, reason, by, check_credit=check_credit)

    def cancel(self, campaign: int | str, *, reason: str = "", by: str | None = None) -> Progress:
        """End a campaign: pending messages are never sent, delivery reports of the others follow.

        Workers ask the gateway to cancel what was handed over, as with ``pause``. Raises NotFound
        or IllegalMove.
        """
        return self._lifecycle.cancel(campaign, reason, by)

    def doubts(self) -> list[Doubt]:
        """The batches in doubt, oldest first: evidence or a person has to settle each."""
        return self._records.doubts()

    def incidents(self) -> list[Incident]:
        """The recorded cases of recipients texted twice, latest first."""
        return self._records.incidents()

    def resend(self, batch_id: int, *, reason: str, by: str | None = None) -> None:
        """Send a batch in doubt again: a person's decision, recorded with who and why.

        First the gateway is asked about every earlier attempt. Raises IllegalMove if it shows one
        or if the batch is not in doubt, GatewayError if it does not answer, NotFound,
        InvalidCampaign for an empty ``reason``, and ConfigurationError without an API key.
        """
        self._lifecycle.resend(batch_id, reason, by)

    def give_up(self, batch_id: int, *, reason: str, by: str | None = None) -> None:
        """End a doubt without sending; its messages stay unreported. Raises as ``resend``."""
        self._lifecycle.give_up(batch_id, reason, by)

    def opt_out(self, phone: str, *, reason: str = "") -> bool:
        """Never text this number again, in any spelling; False if it was on the list already.

        ``opt_outs`` has the other actions on the list. Raises InvalidPhone.
        """
        return self.opt_outs.add([phone], reason=reason) > 0

    @cached_property
    def opt_outs(self) -> OptOuts:
        """The opt-out list: the numbers that are never texted."""
        self.prepare()
        # a function, because the steps need an API key
        return OptOuts(self.database, self.clock, lambda phone: self.steps.delete_stop(phone))

    @cached_property
    def inbox(self) -> Inbox:
        """Receives the gateway's webhooks; ``dispatcher.Webhooks`` serves it over HTTP."""
        self.prepare()
        return Inbox(self.database, self.clock)

    @cached_property
    def number_checks(self) -> NumberChecks:
        """What is known about numbers beyond their spelling, and orders of paid checks.

        They go through the default account; see ``for_account``.
        """
        self.prepare()
        account = self._account or DEFAULT
        return NumberChecks(
            self._installation,
            lambda: self._gateways.of(account),
            lambda: self._gateways.steps.check_orders(account),
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
