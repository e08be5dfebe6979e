"""Dispatcher: what callers and workers hold. It builds everything and decides nothing."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Self, Unpack

from sqlalchemy.orm import Session

from dispatcher.api.inbox import Inbox, addresses
from dispatcher.api.number_checks import NumberChecks
from dispatcher.api.opt_outs import OptOuts
from dispatcher.api.preview import Previews
from dispatcher.api.submit import Submissions, actor
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.hand_over import CANCELLED, PAUSED
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.progress import Facts, Progress, progress_of
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
from dispatcher.campaigns.states import CampaignState
from dispatcher.campaigns.submission import Given, Options, Submission
from dispatcher.dispatch import broker
from dispatcher.dispatch.call_counts import Calls
from dispatcher.dispatch.hints import Hints
from dispatcher.dispatch.rate_limit import Throttle
from dispatcher.errors import ConfigurationError, InvalidCampaign
from dispatcher.gateway import Account, Gateway
from dispatcher.recipients import Rejection
from dispatcher.settings import Settings
from dispatcher.settings.accounts import UNNAMED
from dispatcher.settings.clock import Clock, shifted
from dispatcher.storage import actions, balances, credit, doubts, monitoring, schema
from dispatcher.storage.balances import Balance
from dispatcher.storage.batches import due, recalls
from dispatcher.storage.campaigns import campaigns, moves, records, totals
from dispatcher.storage.database import Database
from dispatcher.window import Hold, Windows

if TYPE_CHECKING:
    from dispatcher.dispatch.steps import Asked, Context, Dispatch, Due


class Dispatcher:
    """Plans, stores and follows campaigns; safe to share between threads.

    Nothing connects before it is needed: a web process can hold one from its start.
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
        self.windows = Windows(
            clock=settings.window_clock,
            profile=settings.window_profile,
            opens=settings.window_opens,
            closes=settings.window_closes,
            guard=timedelta(seconds=settings.closing_guard),
        )
        #: what this process's calls to the gateway came to: in all, and through each account
        self.calls = Calls()
        self.calls_of = {UNNAMED: self.calls}
        if settings.accounts:
            names = (UNNAMED, *settings.accounts)
            self.calls_of = {name: Calls(also=self.calls) for name in names}
        self._gateways = dict(gateways or {}) | ({UNNAMED: gateway} if gateway else {})
        #: the only account of which something shows; None for all of them
        self._only: str | None = None
        self._whole: Self | None = None
        self._prepared = False
        outside = (self.database, self.windows, self.clock, self._gateway)
        self._submissions = Submissions(settings, *outside)
        self._previews = Previews(settings, *outside)
        url = settings.broker_url
        self._broker_url = None if url is None else url.get_secret_value()
        self._hints = Hints(self._broker_url)

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
        self.prepare()
        campaign_id = self._submissions.store(submission, recipients, reject=reject)
        self._hints.tick()
        return campaign_id

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
        with self._reading() as session:
            return self._progress(session, campaigns.facts(session, campaign, self._only))

    def campaigns(self, limit: int = 50) -> list[Progress]:
        """The campaigns submitted last, newest first."""
        with self._reading() as session:
            latest = campaigns.latest(session, limit, self._only)
            return [self._progress(session, facts) for facts in latest]

    def page(self, offset: int = 0, limit: int = 50) -> Page[Progress]:
        """The same for a page of many: ``limit`` campaigns, newest first, from ``offset`` on."""
        with self._reading() as session:
            latest = campaigns.latest(session, limit, self._only, offset=offset)
            items = tuple(self._progress(session, facts) for facts in latest)
            return Page(items, campaigns.count(session, self._only), offset, limit)

    def campaign(self, campaign: int | str) -> CampaignRecord:
        """A campaign as it was submitted: text, sender, dates. Raises NotFound."""
        with self._reading() as session:
            return records.campaign(session, campaign, self._only)

    def batches(
        self, campaign: int | str, *, offset: int = 0, limit: int = 1000
    ) -> Page[BatchRecord]:
        """The batches of a campaign as they stand, in order. Raises NotFound."""
        with self._reading() as session:
            found = campaigns.facts(session, campaign, self._only)
            return records.batch_page(session, found.id, offset, limit)

    def batch(self, batch_id: int) -> BatchRecord:
        """One batch as it stands. Raises NotFound."""
        with self._reading() as session:
            return records.batch(session, batch_id, self._only)

    def messages(self, batch_id: int) -> tuple[MessageRecord, ...]:
        """Every recipient of a batch and what became of the message. Raises NotFound."""
        with self._reading() as session:
            return records.messages(session, batch_id, self._only)

    def actions(
        self, campaign: int | str, *, offset: int = 0, limit: int = 100
    ) -> Page[ActionRecord]:
        """Who did what to a campaign and its batches, when and why, latest first; or NotFound."""
        with self._reading() as session:
            found = campaigns.facts(session, campaign, self._only)
            return records.action_page(session, found.id, offset, limit)

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
        return self._move(campaign, CampaignState.PAUSED, "pause", by, _reason(reason))

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
        why = [reason.strip(), "" if check_credit else "whatever the credit"]
        progress = self._move(
            campaign, CampaignState.RUNNING, "resume", by, "; ".join(filter(None, why)),
            check_credit=check_credit,
        )  # fmt: skip
        self._hints.tick()
        return progress

    def cancel(self, campaign: int | str, *, reason: str = "", by: str | None = None) -> Progress:
        """End a campaign: what has not left never does; what has is followed to its end.

        What was handed over is asked back from the gateway, as ``pause`` does.
        """
        return self._move(campaign, CampaignState.CANCELLED, "cancel", by, reason.strip())

    def doubts(self) -> list[Doubt]:
        """The batches in doubt, the oldest first: each needs a proof or a person."""
        with self._reading() as session:
            return doubts.outstanding(session, self._only)

    def incidents(self) -> list[Incident]:
        """The double texts on record, the latest first."""
        with self._reading() as session:
            return doubts.incidents(session, self._only)

    def resend(self, batch_id: int, *, reason: str, by: str | None = None) -> None:
        """Have a batch in doubt sent again: a person's decision, on record with who and why.

        The gateway is asked for every earlier attempt first. Raises IllegalMove when one shows
        there or the batch is not in doubt, GatewayError when it cannot be asked, NotFound.
        """
        self._check_mine(batch_id)
        self.dispatch.resend(batch_id, actor=by or actor(), reason=_reason(reason))
        self._hints.tick()

    def give_up(self, batch_id: int, *, reason: str, by: str | None = None) -> None:
        """End a doubt without sending; its messages stay unreported. Raises as ``resend``."""
        self._check_mine(batch_id)
        self.dispatch.give_up(batch_id, actor=by or actor(), reason=_reason(reason))

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

        They go through the account without a name; see ``for_account``.
        """
        self.prepare()
        account = self._only or UNNAMED
        return NumberChecks(
            self.settings,
            self.database,
            self.clock,
            lambda: self._gateway(account),
            lambda: self.dispatch.check_orders(account),
        )

    def replies(self, *, since: datetime | None = None, limit: int = 1000) -> list[Reply]:
        """What people answered, as the webhooks brought it, the newest first.

        ``since`` (aware) is when it came in. A long reply is one once all its parts have come.
        """
        if since is not None and since.utcoffset() is None:
            raise InvalidCampaign("since has no time zone")
        return self.inbox.latest(since=since, limit=limit, account=self._only)

    def for_account(self, account: str) -> Self:
        """The same dispatcher as one account sees it; the empty name is the account that has none.

        Campaigns, batches, doubts, replies and money of others do not show and cannot be
        touched: they are NotFound. What is submitted or ordered by it goes through the account.
        The list of opt-outs is everybody's: who says STOP says it to the advertiser. Raises
        InvalidCampaign for a name that no setting gives.
        """
        self.settings.of_account(account)
        view = copy.copy(self)
        view._only, view._whole = account, self._whole or self
        for own in ("gateway", "number_checks"):  # those of whoever was asked for the view
            view.__dict__.pop(own, None)
        return view

    def hold(self, at: datetime | None = None, territory: str = "metropole") -> Hold | None:
        """What a commercial message would wait for at ``at`` (now); None when it may leave."""
        return self.windows.hold(at or self.clock(), territory)

    # -- for workers and operators

    def tick(self) -> Due:
        """See to what time does, and publish a hint for all that is due."""
        found = self.dispatch.tick()
        # all() ends with the first that fails: each would wait for a Redis that hangs
        _ = (
            all(map(self._hints.send_batch, found.send))
            and all(map(self._hints.settle_batch, found.settle))
            and all(self._ask(account, asked) for account, asked in found.asked.items())
            and (not found.events or self._hints.deliver_events())
            and (not found.prune or self._hints.prune())
        )
        return found

    def _ask(self, account: str, asked: Asked) -> bool:
        """Whether Redis took the hints for what an account is to be asked for."""
        return (
            all(self._hints.poll(account) for _ in range(asked.polls))
            and (not asked.stop_list or self._hints.sync_opt_outs(account))
            and (not asked.credit or self._hints.check_credit(account))
            and (not asked.recall or self._hints.recall(account))
        )

    def check_credit(self, account: str = UNNAMED) -> bool:
        """Read an account's balance, if that is due; True when more may leave by it."""
        more = self.dispatch.check_credit(account)
        if more:
            self._hints.tick()
        return more

    def credit(self) -> Balance:
        """The account's balance as a worker last read it; see ``for_account``."""
        with self._reading() as session:
            return balances.last(session, self._only or UNNAMED)

    def to_go(self) -> tuple[Decimal, list[str]]:
        """Euros of all that is planned and not sent, and the territories without a price."""
        with self._reading() as session:
            return credit.to_go(session, self._only or UNNAMED, self.settings.prices)

    def spent(self, lately: timedelta) -> tuple[Decimal, Decimal]:
        """Euros that the gateway charged lately, and what was planned for the same messages."""
        with self._reading() as session:
            return totals.spent(session, self.clock() - lately, self._only)

    @cached_property
    def dispatch(self) -> Dispatch:
        """The steps. Raises ConfigurationError when an account has no API key."""
        if self._whole is not None:
            return self._whole.dispatch
        # here, as the client below: it loads the HTTP library, which submitting does not need
        from dispatcher.dispatch.steps import Dispatch

        stopping = threading.Event()
        return Dispatch(
            *(
                self._context(name, gateway, stopping)
                for name, gateway in {UNNAMED: self.gateway, **self.gateways}.items()
            )
        )

    def _context(self, account: str, gateway: Gateway, stopping: threading.Event) -> Context:
        from dispatcher.dispatch.steps import Context

        settings = self.settings.of_account(account)
        return Context(
            settings=settings,
            database=self.database,
            gateway=gateway,
            windows=self.windows,
            clock=self.clock,
            throttle=Throttle(settings.rate, self._broker_url, account),
            calls=self.calls_of[account],
            stopping=stopping,
            account=account,
        )

    def account(self) -> Account:
        """The account behind the key; see ``for_account``.

        Raises GatewayError or ConfigurationError.
        """
        return self.gateway.account()

    def orphans(self) -> dict[str, int]:
        """How many campaigns have not ended and go through an account that is not set up here."""
        with self._reading() as session:
            return campaigns.orphans(session, (UNNAMED, *self.settings.accounts))

    def last_tick(self) -> datetime | None:
        """When a tick last ran (UTC); None if never."""
        with self._reading() as session:
            return monitoring.last_tick(session)

    def schema(self) -> str:
        """The version of the database's schema. Raises StorageError unless it is ours."""
        self.prepare()
        return schema.version(self.database) or ""

    def database_clock(self) -> datetime | None:
        """The database's own clock (UTC); None on SQLite, which has none."""
        return self.database.clock()

    def check(self) -> None:
        """Raise ConfigurationError, StorageError or BrokerError unless a worker can start."""
        self.prepare()
        _ = self.dispatch
        if self._broker_url is not None:
            broker.check(self._broker_url)

    @cached_property
    def gateway(self) -> Gateway:
        """The gateway; see ``for_account``. Raises ConfigurationError without an API key."""
        return self._gateway(self._only or UNNAMED)

    @cached_property
    def gateways(self) -> Mapping[str, Gateway]:
        """The gateway as each account with a name has it. Raises ConfigurationError."""
        return {name: self._gateway(name) for name in self.settings.accounts}

    def _gateway(self, account: str) -> Gateway:
        if (known := self._gateways.get(account)) is not None:
            return known
        settings = self.settings.of_account(account)
        if settings.api_key is None:
            variable = "_".join(filter(None, ["DISPATCHER_API_KEY", account.upper()]))
            raise ConfigurationError(f"{variable} is not set: the key of SMS Partner")
        from dispatcher.gateway.smspartner.client import SmsPartner

        self._gateways[account] = SmsPartner(
            settings.api_url,
            settings.api_key.get_secret_value(),
            call_timeout=settings.call_timeout,
            connect_timeout=settings.connect_timeout,
            options=addresses(settings),
        )
        return self._gateways[account]

    def prepare(self) -> None:
        """Make the tables of an empty database; raise StorageError for an unknown schema."""
        if not self._prepared:
            schema.prepare(self.database)
            self._prepared = True

    def migrate(self) -> None:
        """Bring the database to the schema of this version."""
        schema.migrate(self.database)
        self._prepared = True

    def _submission(self, reference: str, text: str, options: Options) -> Submission:
        submission = Submission(reference=reference, text=text, **options)
        account = submission.account or self._only or UNNAMED
        if self._only not in (None, account):
            raise InvalidCampaign(f"account {account!r} is not that of this dispatcher")
        settings = self.settings.of_account(account)
        submission = replace(submission, account=account)
        if submission.sender or submission.from_number or submission.survey:
            return submission
        return replace(submission, sender=settings.sender, from_number=settings.from_number)

    def _progress(self, session: Session, facts: Facts) -> Progress:
        account = facts.account
        orphaned = account != UNNAMED and account not in self.settings.accounts
        limit = (self.settings if orphaned else self.settings.of_account(account)).doubt_limit
        return progress_of(
            facts,
            campaigns.shares(session, facts.id),
            campaigns.first_hold(session, facts.id),
            stopped=due.doubts(session, account if self.settings.accounts else None) >= limit,
            orphaned=orphaned,
            now=self.clock(),
        )

    def _check_mine(self, batch_id: int) -> None:
        """Raise NotFound for a batch of which nothing shows here."""
        self.prepare()
        if self._only is not None:
            self.batch(batch_id)

    def _move(
        self,
        campaign: int | str,
        target: CampaignState,
        verb: str,
        by: str | None,
        reason: str,
        *,
        check_credit: bool = True,
    ) -> Progress:
        self.prepare()
        now = self.clock()
        wanted = 0
        with self.database.write() as session:
            found = campaigns.facts(session, campaign, self._only)
            moved = moves.move(session, found.id, target, now=now, reason=reason or None)
            if moved:
                if target is CampaignState.CANCELLED:
                    moves.cancel_batches(session, found.id)
                if target is CampaignState.RUNNING:
                    wait = check_credit and self.settings.credit_check != "off"
                    credit.restart(session, found.id, wait=wait, checked=check_credit)
            # also when a machine has paused it: a person may want back what has left us
            if target is not CampaignState.RUNNING:
                why = CANCELLED if target is CampaignState.CANCELLED else PAUSED
                wanted = recalls.want_of_campaign(session, found.id, why, now)
            if moved or wanted:
                who = by or actor()
                actions.note(session, found.id, verb=verb, actor=who, now=now, reason=reason)
        if wanted:
            self._hints.recall(found.account)
        return self.progress(found.id)

    def _reading(self) -> AbstractContextManager[Session]:
        self.prepare()
        return self.database.read()


def _reason(reason: str) -> str:
    # one line without what no terminal should show and no database can hold
    line = " ".join("".join(filter(str.isprintable, word)) for word in reason.split()).strip()
    if not line:
        raise InvalidCampaign("a reason is needed: it goes on record")
    return line
