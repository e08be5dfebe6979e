"""Dispatcher: what callers and workers hold. Each method hands on to the service that does it."""

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
    from dispatcher.dispatch.steps import Dispatch, Due


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
        """``gateway`` and ``gateways``, by the name of their account, stand in for SMS Partner."""
        self.settings = settings
        self.clock = clock or shifted(settings.clock_offset)
        self.database = database or Database(settings.database_url.get_secret_value())
        installation = Installation(settings, self.clock, self.database, self._make_tables)
        self._installation, self.windows = installation, installation.windows
        known = dict(gateways or {}) | ({DEFAULT: gateway} if gateway else {})
        self._gateways = Gateways(installation, known)
        #: counts of this process's calls to the gateway: of all accounts, and of each
        self.calls, self.calls_of = self._gateways.calls, self._gateways.calls_of
        self._hints = self._make_hints(installation.broker_url)
        self._submissions = Submissions(installation, self._gateways, self._hints)
        self._previews = Previews(installation, self._gateways)
        self._show(None)

    def _show(self, account: str | None) -> None:
        """Show what goes through ``account``, or through all accounts (None)."""
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

        ``reference`` is the caller's own: the same again, with the same body, is the same
        campaign. ``text`` may hold ``{{ field }}``, and is empty for a survey. ``recipients`` are
        numbers, ``Recipient`` values or mappings; ``reject`` is told of those left out. See
        ``submission.Options``.

        Redis may be down: the campaign starts when it is back. Raises UnusableInput (its
        subclasses say what is wrong), ReferenceTaken or StorageError; nothing is stored then.
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
        """What ``submit`` with the same arguments would do: nothing written, and no network.

        But for ``check_numbers``, which has the gateway asked. ``each`` is shown every batch and
        who opted out of it. Raises UnusableInput as ``submit``.
        """
        submission = self._submission("plan", text, options)
        return self._previews.plan(submission, recipients, reject=reject, each=each)

    def progress(self, campaign: int | str) -> Progress:
        """How far a campaign is, by its id or its reference (str). Raises NotFound."""
        return self._records.progress(campaign)

    def campaigns(self, limit: int = 50) -> list[Progress]:
        """The campaigns submitted last, newest first."""
        return self._records.campaigns(limit)

    def page(self, offset: int = 0, limit: int = 50) -> Page[Progress]:
        """The same for a page of many: ``limit`` campaigns, newest first, from ``offset`` on."""
        return self._records.page(offset, limit)

    def campaign(self, campaign: int | str) -> CampaignRecord:
        """A campaign as it was submitted: text, sender, dates. Raises NotFound."""
        return self._records.campaign(campaign)

    def batches(
        self, campaign: int | str, *, offset: int = 0, limit: int = 1000
    ) -> Page[BatchRecord]:
        """The batches of a campaign as they stand, in order. Raises NotFound."""
        return self._records.batches(campaign, offset, limit)

    def batch(self, batch_id: int) -> BatchRecord:
        """One batch as it stands. Raises NotFound."""
        return self._records.batch(batch_id)

    def messages(self, batch_id: int) -> tuple[MessageRecord, ...]:
        """Every recipient of a batch and what became of the message. Raises NotFound."""
        return self._records.messages(batch_id)

    def actions(
        self, campaign: int | str, *, offset: int = 0, limit: int = 100
    ) -> Page[ActionRecord]:
        """Who did what to a campaign and its batches, when and why, latest first; or NotFound."""
        return self._records.actions(campaign, offset, limit)

    def pause(
        self, campaign: int | str, *, reason: str = "by hand", by: str | None = None
    ) -> Progress:
        """Stop arming: when this returns, no request starts that was not armed before.

        What is in flight shows in the result as batches ``sending``. What was handed over is
        asked back from the gateway, which refuses that in the last five minutes: it shows as
        batches ``handed_over`` until the answer is there, and ``resume`` hands it over anew.
        ``by`` is who decides, for the record; by default the user of this system. Raises
        NotFound or IllegalMove.
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

        The balance is looked at anew, if that is set; with ``check_credit=False`` this campaign
        runs whatever the balance, which goes on record.
        """
        return self._lifecycle.resume(campaign, reason, by, check_credit=check_credit)

    def cancel(self, campaign: int | str, *, reason: str = "", by: str | None = None) -> Progress:
        """End a campaign: what has not left never does; what has is followed to its end.

        What was handed over is asked back from the gateway, as ``pause`` does.
        """
        return self._lifecycle.cancel(campaign, reason, by)

    def doubts(self) -> list[Doubt]:
        """The batches in doubt, the oldest first: each needs a proof or a person."""
        return self._records.doubts()

    def incidents(self) -> list[Incident]:
        """The double texts on record, the latest first."""
        return self._records.incidents()

    def resend(self, batch_id: int, *, reason: str, by: str | None = None) -> None:
        """Have a batch in doubt sent again: a person's decision, on record with who and why.

        The gateway is asked for every earlier attempt first. Raises IllegalMove when one shows
        there or the batch is not in doubt, GatewayError when it cannot be asked, NotFound.
        """
        self._lifecycle.resend(batch_id, reason, by)

    def give_up(self, batch_id: int, *, reason: str, by: str | None = None) -> None:
        """End a doubt without sending; its messages stay unreported. Raises as ``resend``."""
        self._lifecycle.give_up(batch_id, reason, by)

    def opt_out(self, phone: str, *, reason: str = "") -> bool:
        """Never text this number again, in any spelling; False when it was listed already.

        ``opt_outs`` does more. Raises InvalidPhone.
        """
        return self.opt_outs.add([phone], reason=reason) > 0

    @cached_property
    def opt_outs(self) -> OptOuts:
        """The list of those who said STOP."""
        self.prepare()
        # the gateway, which needs a key, is not asked before it has to be
        return OptOuts(self.database, self.clock, lambda phone: self.dispatch.delete_stop(phone))

    @cached_property
    def inbox(self) -> Inbox:
        """What takes the gateway's webhooks; ``dispatcher.Webhooks`` serves it."""
        self.prepare()
        return Inbox(self.database, self.clock)

    @cached_property
    def number_checks(self) -> NumberChecks:
        """What is known of numbers beyond their spelling, and orders of checks, which cost.

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
        """What people answered, as the webhooks brought it, the newest first.

        ``since`` (aware) is when it came in. A long reply is one once all its parts have come.
        """
        return self.inbox.latest(since=since, limit=limit, account=self._account)

    def for_account(self, account: str) -> Self:
        """The same dispatcher as one account sees it; the empty name is the default account.

        Campaigns, batches, doubts, replies and money of others do not show and cannot be
        touched: they are NotFound. What is submitted or ordered by it goes through the account.
        The list of opt-outs is everybody's: who says STOP says it to the advertiser. Raises
        InvalidCampaign for a name that no setting gives.
        """
        self.settings.of_account(account)
        view = copy.copy(self)
        view.__dict__.pop("number_checks", None)  # they go through the account of the view
        view._show(account)
        return view

    def hold(self, at: datetime | None = None, territory: str = "metropole") -> Hold | None:
        """What a commercial message would wait for at ``at`` (now); None when it may leave."""
        return self.windows.hold(at or self.clock(), territory)

    # -- for workers and operators

    def tick(self) -> Due:
        """See to what time does, and publish a hint for all that is due."""
        return self._operations.tick()

    def check_credit(self, account: str = DEFAULT) -> bool:
        """Read an account's balance, if that is due; True when more may leave by it."""
        return self._operations.check_credit(account)

    def credit(self) -> Balance:
        """The account's balance as a worker last read it; see ``for_account``."""
        return self._operations.credit()

    def to_go(self) -> tuple[Decimal, list[str]]:
        """Euros of all that is planned and not sent, and the territories without a price."""
        return self._operations.to_go()

    def spent(self, lately: timedelta) -> tuple[Decimal, Decimal]:
        """Euros that the gateway charged lately, and what was planned for the same messages."""
        return self._operations.spent(lately)

    @property
    def dispatch(self) -> Dispatch:
        """The steps. Raises ConfigurationError when an account has no API key."""
        return self._gateways.steps

    def account(self) -> Account:
        """The account behind the key; see ``for_account``.

        Raises GatewayError or ConfigurationError.
        """
        return self.gateway.account()

    def orphans(self) -> dict[str, int]:
        """How many campaigns have not ended and go through an account that is not set up here."""
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
        """The gateway; see ``for_account``. Raises ConfigurationError without an API key."""
        return self._gateways.of(self._account or DEFAULT)

    @property
    def gateways(self) -> Mapping[str, Gateway]:
        """The gateway as each account with a name has it. Raises ConfigurationError."""
        return {name: self._gateways.of(name) for name in self.settings.accounts}

    def prepare(self) -> None:
        """Make the tables of an empty database; raise StorageError for an unknown schema."""
        self._installation.prepare()

    def migrate(self) -> None:
        """Bring the database to the schema of this version."""
        self._installation.migrate()
