"""Dispatcher: what callers and workers hold. Each method calls the service that does the work."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Self, Unpack

from dispatcher.api.gateways import Gateways
from dispatcher.api.inbox import Inbox
from dispatcher.api.installation import Installation
from dispatcher.api.intake import submission_of
from dispatcher.api.lifecycle import Lifecycle
from dispatcher.api.number_checks import NumberChecks
from dispatcher.api.operations import Operations
from dispatcher.api.opt_outs import OptOuts
from dispatcher.api.preview import Previews
from dispatcher.api.records import Records
from dispatcher.api.submit import Submissions
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
from dispatcher.dispatch.hints import Hints
from dispatcher.gateway import Account, Gateway
from dispatcher.recipients import Rejection
from dispatcher.settings import Settings
from dispatcher.settings.accounts import DEFAULT
from dispatcher.settings.clock import Clock, shifted
from dispatcher.storage import schema
from dispatcher.storage.balances import Balance
from dispatcher.storage.database import Database
from dispatcher.window import Hold

if TYPE_CHECKING:
    from dispatcher.dispatch.steps import Due, Steps


class Dispatcher:
    """Plans, stores and follows campaigns; safe to share between threads.

    Nothing connects before it is needed: a web process can hold one from its start. Every method
    that reads or writes the database raises StorageError when that cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        gateway: Gateway | None = None,
        gateways: Mapping[str, Gateway] | None = None,
        database: Database | None = None,
    ) -> None:
        """Without ``gateway`` and ``gateways`` (by account name), SMS Partner is called.

        Raises ConfigurationError for a database URL that cannot be used.
        """
        self.settings = settings
        self.clock = clock or shifted(settings.clock_offset)
        self.database = database or Database(settings.database_url.get_secret_value())
        installation = Installation(settings, self.clock, self.database, self._make_tables)
        self._installation, self.windows = installation, installation.windows
        known = dict(gateways or {}) | ({DEFAULT: gateway} if gateway else {})
        self._gateways = Gateways(installation, known)
        #: counts of this process's calls to the gateway: of all accounts, and of each
        self.call_counts, self.call_counts_of = (
            self._gateways.call_counts,
            self._gateways.call_counts_of,
        )
        self._hints = self._make_hints(installation.broker_url)
        self._submissions = Submissions(installation, self._gateways, self._hints)
        self._previews = Previews(installation, self._gateways)
        self._show(None)

    def _show(self, account: str | None) -> None:
        """Show only what belongs to ``account``; None shows all accounts."""
        shared = (self._installation, self._gateways, self._hints)
        self._account = account
        self._records = Records(self._installation, account)
        self._lifecycle = Lifecycle(*shared, self._records, account)
        self._operations = Operations(*shared, account)

    def _make_hints(self, broker_url: str | None) -> Hints:
        return Hints(broker_url)

    def _make_tables(self) -> None:
        schema.prepare(self.database)

    def _submission(self, reference: str, text: str, options: Options) -> Submission:
        return submission_of(self.settings, self._account, reference, text, options)

    # -- for callers

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

    def for_account(self, account: str) -> Self:
        """The same dispatcher as one account sees it; the empty name is the default account.

        Campaigns, batches, doubts, replies and money of other accounts do not show: their methods
        raise NotFound. Submissions and orders go through the account. All accounts share one
        opt-out list, because a person opts out of the advertiser. Raises InvalidCampaign for an
        unknown name.
        """
        self.settings.of_account(account)
        view = copy.copy(self)
        view.__dict__.pop("number_checks", None)  # they go through the account of the view
        view._show(account)
        return view

    def hold(self, at: datetime | None = None, territory: str = "metropole") -> Hold | None:
        """What a commercial message waits for at ``at`` (aware, default now); None if it may leave.

        Raises InvalidCampaign for an unknown territory, and NeverOpen if its clock shares no open
        hour with Paris.
        """
        return self.windows.hold(at or self.clock(), territory)

    # -- for workers and operators

    def tick(self) -> Due:
        """Do what time requires, such as expiring batches, and publish hints for what is due.

        Raises ConfigurationError if an account has no API key.
        """
        return self._operations.tick()

    def check_credit(self, account: str = DEFAULT) -> bool:
        """Read an account's balance if that is due; True if more may leave because of it."""
        return self._operations.check_credit(account)

    def credit(self) -> Balance:
        """The account's balance as a worker last read it; ``for_account`` chooses the account."""
        return self._operations.credit()

    def to_go(self) -> tuple[Decimal, list[str]]:
        """Euros for all that is planned and not sent, and the destinations without a price."""
        return self._operations.to_go()

    def spent(self, lately: timedelta) -> tuple[Decimal, Decimal]:
        """Euros charged in the last ``lately``, and euros planned for the same messages."""
        return self._operations.spent(lately)

    @property
    def steps(self) -> Steps:
        """The steps that workers take. Raises ConfigurationError if an account has no API key."""
        return self._gateways.steps

    def account(self) -> Account:
        """The account behind the API key, as the gateway shows it now.

        Raises GatewayError, or ConfigurationError without a key.
        """
        return self.gateway.account()

    def orphans(self) -> dict[str, int]:
        """How many unfinished campaigns go through accounts that the settings do not name.

        The keys are the names of these accounts.
        """
        return self._operations.orphans()

    def last_tick(self) -> datetime | None:
        """When a tick last ran (UTC); None if never."""
        return self._operations.last_tick()

    def schema(self) -> str:
        """The version of the database's schema. Raises StorageError unless it is ours."""
        return self._operations.schema()

    def database_clock(self) -> datetime | None:
        """The database's own clock (UTC); None on SQLite, which has none."""
        return self.database.clock()

    def check(self) -> None:
        """Raise ConfigurationError, StorageError or BrokerError unless a worker can start."""
        self._operations.check()

    @property
    def gateway(self) -> Gateway:
        """The client of this account. Raises ConfigurationError without an API key."""
        return self._gateways.of(self._account or DEFAULT)

    @property
    def gateways(self) -> Mapping[str, Gateway]:
        """The clients of the named accounts. Raises ConfigurationError without an API key."""
        return {name: self._gateways.of(name) for name in self.settings.accounts}

    def prepare(self) -> None:
        """Make the tables of an empty database. Raises StorageError for an unknown schema."""
        self._installation.prepare()

    def migrate(self) -> None:
        """Bring the database to the schema of this version. Raises StorageError."""
        self._installation.migrate()
