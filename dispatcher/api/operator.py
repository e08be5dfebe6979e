"""What workers and operators ask: the tick, money, whether a worker can start; and the wiring."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Self

from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.api.surroundings import TrafficReader
from dispatcher.campaigns.stop_list_age import StopListAge
from dispatcher.dispatch.queues import QUEUES
from dispatcher.gateway import Account, Gateway
from dispatcher.settings import Settings
from dispatcher.settings.accounts import DEFAULT
from dispatcher.settings.broker_address import BrokerAddress
from dispatcher.settings.clock import Clock, shifted
from dispatcher.storage import (
    balances,
    credit,
    durability,
    heartbeats,
    identity,
    pauses,
    pseudonymous,
    schema,
    stop_list,
)
from dispatcher.storage.balances import Balance
from dispatcher.storage.campaigns import campaigns
from dispatcher.storage.database import Database
from dispatcher.storage.pauses import PausedAll

if TYPE_CHECKING:
    from dispatcher.dispatch.hints import Hints
    from dispatcher.dispatch.steps import AccountDue, Due, Steps


class Operator:
    """Builds the services of one installation, once, and answers workers and operators.

    ``Dispatcher`` adds what callers do.
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
        for name in ("pseudonym_key", "signing_key"):
            key = getattr(settings, name)
            getattr(self.database, name).configure(key and key.get_secret_value())
        installation = Installation(
            settings, self.clock, self.database, self._make_tables, self._lacks_tables
        )
        self._installation, self.windows = installation, installation.windows
        known = dict(gateways or {}) | ({DEFAULT: gateway} if gateway else {})
        self._gateways = Gateways(installation, known)
        #: counts of this process's calls to the gateway: of all accounts, and of each
        self.call_counts = self._gateways.call_counts
        self.call_counts_of = self._gateways.call_counts_of
        self._traffic = TrafficReader(installation, lambda: self._hints)
        #: show only what belongs to this account; None shows all accounts
        self._account: str | None = None

    @cached_property
    def _hints(self) -> Hints:
        return self._make_hints(self._installation.broker)

    def _make_hints(self, address: BrokerAddress | None) -> Hints:
        from dispatcher.dispatch.hints import Hints  # it loads Celery, which looking never needs

        return Hints(address)

    def _make_tables(self) -> None:
        schema.prepare(self.database)

    def _lacks_tables(self) -> bool:
        return schema.version(self.database) is None

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
        view._account = account
        return view

    def tick(self, beat: str | None = None) -> Due:
        """Do what time requires, such as expiring batches, and publish hints for what is due.

        ``beat`` is the name of the beat that asked for it, and "" if a hint did. Raises
        ConfigurationError if an account has no API key.
        """
        due, hints = self.steps.tick(beat), self._hints
        # all() ends at the first failure: every further hint would wait for the same dead Redis;
        # the many hints of batches come last, so that a campaign that waits for a look at the
        # balance does not wait for them
        _ = (
            all(self._ask(account, calls) for account, calls in due.by_account.items())
            and all(map(hints.settle_batch, due.settle))
            and all(map(hints.send_batch, due.send))
            and (not due.events or hints.deliver_events())
            and (not due.prune or hints.prune())
            and (not due.series or hints.make_occurrences())
        )
        return due

    def _ask(self, account: str, calls: AccountDue) -> bool:
        """Publish hints for what is due of one account; whether Redis took them."""
        hints = self._hints
        return (
            all(hints.poll(account) for _ in range(calls.polls))
            and (not calls.stop_list or hints.sync_opt_outs(account))
            and (not calls.credit or hints.check_credit(account))
            and (not calls.recall or hints.recall(account))
        )

    def check_credit(self, account: str = DEFAULT) -> bool:
        """Read an account's balance if that is due; True if more may leave because of it."""
        more = self.steps.check_credit(account)
        if more:
            self._hints.tick()
        return more

    def credit(self) -> Balance:
        """The account's balance as a worker last read it; ``for_account`` chooses the account."""
        with self._installation.read() as session:
            return balances.last(session, self._account or DEFAULT)

    def to_go(self) -> tuple[Decimal, list[str]]:
        """Euros for all that is planned and not sent, and the destinations without a price."""
        prices = self.settings.prices
        with self._installation.read() as session:
            return credit.to_go(session, self._account or DEFAULT, prices)

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
        known = (DEFAULT, *self.settings.accounts)
        with self._installation.read() as session:
            return campaigns.orphans(session, known)

    def last_tick(self) -> datetime | None:
        """When a tick last ran that no hint asked for (UTC); None if never."""
        with self._installation.read() as session:
            return heartbeats.last_tick(session)

    def stop_list_age(self) -> StopListAge:
        """When the account's STOP list was last read."""
        with self._installation.read() as session:
            return stop_list.age(session, self._account or DEFAULT)

    def look_at_database(self) -> str:
        """The version of its schema. Raises StorageError unless a worker could use it.

        Nothing is created; a row is written, which replaces that of the last look.
        """
        version = self.look_at_tables()
        durability.check(self.database)
        return version

    @property
    def is_empty(self) -> bool:
        """True if there are no tables, so that nothing was ever stored. Raises StorageError."""
        return self._installation.is_empty

    def look_at_tables(self) -> str:
        """The version of its schema. Raises StorageError unless it is ours; creates nothing."""
        return schema.look(self.database)

    def objection(self) -> str:
        """Why workers refuse this database, such as after a restore; empty if they do not."""
        if self.is_empty:
            return ""
        self.prepare()
        return identity.objection(self.database)

    def paused_all(self) -> PausedAll | None:
        """Who paused everything, when and why; of ``for_account``, also its own pause."""
        with self._installation.read() as session:
            return pauses.of(session, self._account)

    def check(self) -> None:
        """Raise ConfigurationError, StorageError or BrokerError unless a worker can start."""
        self.prepare()
        durability.check(self.database)
        with self._installation.read() as session:
            pseudonymous.current(session)
        _ = self.steps
        if self._installation.broker is not None:
            from dispatcher.dispatch import broker

            broker.check(self._installation.broker, set(QUEUES.values()))

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
